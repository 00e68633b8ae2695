"""Compaction and vacuum change no answer, and pull no file from under a reader."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from forecast.adapters import delta
from forecast.adapters import lake as lake_module
from forecast.adapters.clock import FixedClock
from forecast.adapters.commits import Commit, read_head
from forecast.adapters.lake import DeltaLake
from forecast.errors import DataUnavailable
from forecast.history import open_connection
from forecast.schema import Kind

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


def append(lake: DeltaLake, number: int) -> None:
    """One more batch: two new contacts, one new version of the first."""
    ids = ["first", f"b{number}", f"a{number}"]
    with lake.writing() as writer:
        contacts = {"contact_id": ids, "email": [f"{name}@{number}" for name in ids], "recorded_at": [day(number)] * 3}
        writer.append("contacts", pa.table(contacts | {"attributes": [f'{{"n": {number}}}'] * 3}))
        writer.append("fx_rates", pa.table({"currency": ["EUR"], "date": [day(number)], "recorded_at": [day(number)]}))
        writer.note_attributes("contacts", {"n": "number"})
        writer.commit({})


def exported(lake: DeltaLake, folder: Path) -> bytes:
    """What a user who exports the table gets."""
    lake.table("contacts", as_of=day(3), batch=3).to_parquet(folder / "export.parquet")
    return (folder / "export.parquet").read_bytes()


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    lake = DeltaLake(tmp_path / "lake", clock=FixedClock(NOW))
    for number in (1, 2, 3):
        append(lake, number)
    return lake


def files(lake: DeltaLake, table: str) -> int:
    return len(list((lake.folder / "tables" / table).glob("*.parquet")))


def test_replay_is_the_same_to_the_byte_after_later_data_compaction_and_vacuum(lake: DeltaLake, tmp_path: Path) -> None:
    before = exported(lake, tmp_path)

    append(lake, 2)  # recorded in the past of the replay
    assert exported(lake, tmp_path) == before

    lake.compact()
    assert exported(lake, tmp_path) == before

    lake.vacuum(0)
    assert exported(lake, tmp_path) == before
    assert exported(DeltaLake(lake.folder), tmp_path) == before
    assert [files(lake, name) for name in ("contacts", "personal", "fx_rates")] == [1, 1, 1]
    assert lake.head() == 4
    assert lake.table("contacts", as_of=day(3))["batch"].max() == 4  # without the batch the late data count


def test_compacting_twice_writes_one_record(lake: DeltaLake) -> None:
    lake.compact()
    first = read_head(lake.folder / "commits")
    lake.compact()

    assert (first.batch, first.revision) == (3, 1)
    assert read_head(lake.folder / "commits") == first


def test_vacuum_keeps_what_a_reader_within_the_retention_needs(lake: DeltaLake) -> None:
    with lake.connect(tables=()) as con:
        lake.compact()
        lake.vacuum(1)

        assert con.execute("SELECT count(*) FROM contacts").fetchall() == [(9,)]
    assert files(lake, "contacts") == 4


def test_vacuum_removes_what_a_killed_writer_left(lake: DeltaLake) -> None:
    stray = lake.folder / "tables" / "contacts" / "part-00000-killed.parquet"
    stray.write_bytes(b"half")
    half_removed = lake.folder / "tables" / ".removed-0"
    half_removed.mkdir()

    lake.vacuum(0)

    assert not stray.exists()
    assert not half_removed.exists()


def test_a_reader_whose_files_were_vacuumed_takes_the_newer_record(
    lake: DeltaLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = read_head(lake.folder / "commits")
    lake.compact()
    lake.vacuum(0)
    records = [stale]

    def read_stale_first(folder: Path, known: Commit) -> Commit:
        return records.pop() if records else read_head(folder, known)

    monkeypatch.setattr(lake_module, "read_head", read_stale_first)

    assert len(DeltaLake(lake.folder).table("contacts")) == 7


def test_a_lake_whose_files_are_gone_says_so(lake: DeltaLake) -> None:
    for file in (lake.folder / "tables" / "contacts").glob("*.parquet"):
        file.unlink()

    with pytest.raises(DataUnavailable, match="lake cannot be read"):
        lake.table("contacts")
    assert len(lake.table("fx_rates")) == 3


def test_a_record_of_a_newer_format_is_refused(lake: DeltaLake) -> None:
    (lake.folder / "commits" / "000000004.000000.json").write_text('{"format": 2}')

    with pytest.raises(DataUnavailable, match="written by a newer version of forecast"):
        lake.table("contacts")


def test_a_damaged_record_is_named(lake: DeltaLake) -> None:
    (lake.folder / "commits" / "000000004.000000.json").write_text('{"format": 1, "ba')

    with pytest.raises(DataUnavailable, match=r"record .*000000004\.000000\.json is damaged"):
        lake.table("contacts")


def test_compaction_that_ends_before_its_record_is_undone(lake: DeltaLake) -> None:
    def die(step: str) -> None:
        if step == "before commit record":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DeltaLake(lake.folder, on_step=die).compact()

    assert len(lake.table("contacts")) == 7
    append(lake, 4)
    assert len(lake.table("contacts")) == 9


def test_the_log_of_a_committed_version_outlives_a_checkpoint_of_an_uncommitted_one(tmp_path: Path) -> None:
    rows, folder = pa.table({"a": [1]}), tmp_path / "table"
    for _ in range(4):
        write_deltalake(str(folder), rows, mode="append", configuration={"delta.checkpointInterval": "5"})
    for file in (folder / "_delta_log").iterdir():
        os.utime(file, (0, 0))  # older than delta keeps logs

    with open_connection() as con:
        delta.append(con, folder, rows, {"a": Kind.INTEGER})

    assert (folder / "_delta_log" / "_last_checkpoint").exists()
    assert len(delta.files_of(folder, 3)) == 4


def test_long_appends_are_written_in_parts(lake: DeltaLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "_ROWS_AT_ONCE", 2)

    append(lake, 4)

    assert lake.table("contacts")["email"].tolist() == [
        "a1@1", "a2@2", "a3@3", "a4@4", "b1@1", "b2@2", "b3@3", "b4@4", "first@4",
    ]  # fmt: skip


def test_maintenance_discards_what_a_killed_writer_appended(lake: DeltaLake) -> None:
    other = DeltaLake(lake.folder)
    with other.writing() as writer:
        writer.append("fx_rates", pa.table({"currency": ["USD"], "date": [day(1)], "recorded_at": [day(1)]}))
        writer.committed = True  # as if killed: nothing is undone on leaving

    lake.compact()

    assert lake.table("fx_rates")["currency"].tolist() == ["EUR"] * 3
    assert read_head(lake.folder / "commits").revised_at == NOW.isoformat()
