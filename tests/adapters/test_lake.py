from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.lake import DeltaLake
from forecast.adapters.lake_writer import STEPS
from forecast.errors import DataUnavailable, InvalidInput
from forecast.history import in_force
from forecast.schema import TABLES

CLOCK = FixedClock(datetime(2026, 3, 1, 9, tzinfo=UTC))


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


def rows(**columns: Any) -> pa.Table:
    return pa.table(columns)


def commit(lake: DeltaLake, summary: dict[str, Any] | None = None, **tables: pa.Table) -> int:
    with lake.writing() as writer:
        for name, table in tables.items():
            writer.append(name, table)
        return writer.commit(summary or {})


def opportunity(opportunity_id: str, recorded_at: datetime, **columns: Any) -> pa.Table:
    given = {"opportunity_id": opportunity_id, "recorded_at": recorded_at, "created_at": day(1)} | columns
    return pa.table({name: [value] for name, value in given.items()})


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(tmp_path / "lake", clock=CLOCK)


# Reading


def test_an_empty_lake_has_every_table_and_no_rows(lake: DeltaLake) -> None:
    assert lake.head() == 0
    assert lake.commits().empty
    assert lake.quarantine().empty
    assert [len(lake.table(name)) for name in TABLES] == [0] * len(TABLES)
    with lake.connect() as con:
        assert con.execute("SELECT count(*) FROM opportunities JOIN accounts_aliases ON true").fetchall() == [(0,)]
        assert con.execute("FROM attribute_catalogue").fetchall() == []
    assert not lake.folder.exists()


def test_as_of_shows_the_last_version_recorded_before_that_moment(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("o", day(2), stage="new"))
    commit(lake, opportunities=opportunity("o", day(4), stage="offer"))

    assert lake.table("opportunities", as_of=day(2)).empty
    assert lake.table("opportunities", as_of=day(4))["stage"].tolist() == ["new"]
    assert lake.table("opportunities", as_of=day(4) + timedelta(microseconds=1))["stage"].tolist() == ["offer"]
    assert lake.table("opportunities")["stage"].tolist() == ["offer"]


def test_a_late_record_changes_the_past_only_from_its_batch_on(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("o", day(2), stage="new"))
    commit(lake, opportunities=opportunity("o", day(3), stage="demo"))

    assert lake.table("opportunities", as_of=day(5), batch=1)["stage"].tolist() == ["new"]
    assert lake.table("opportunities", as_of=day(5), batch=2)["stage"].tolist() == ["demo"]
    with lake.connect(batch=1) as con:
        assert con.execute("SELECT stage, known_to FROM opportunities").fetchall() == [("new", datetime(9999, 12, 31))]


def test_versions_recorded_at_once_supersede_each_other_in_the_order_given(lake: DeltaLake) -> None:
    with lake.writing() as writer:
        writer.append("opportunities", pa.concat_tables([opportunity("o", day(2), stage=s) for s in ("b", "a")]))
        writer.append("opportunities", opportunity("o", day(2), stage="last"))
        writer.commit({})

    assert lake.table("opportunities")["stage"].tolist() == ["last"]
    with lake.connect() as con:
        assert con.execute(f"SELECT stage FROM {in_force('opportunities', day(3))}").fetchall() == [("last",)]


def test_deleted_and_merged_rows_are_left_out_from_when_that_was_known(lake: DeltaLake) -> None:
    first = pa.concat_tables([opportunity(name, day(2)) for name in ("gone", "kept", "merged")])
    commit(lake, opportunities=first)
    commit(lake, opportunities=opportunity("gone", day(4), deleted_at=day(3)))
    commit(lake, opportunities=opportunity("merged", day(5), merged_into="kept"))

    assert lake.table("opportunities", as_of=day(4))["opportunity_id"].tolist() == ["gone", "kept", "merged"]
    assert lake.table("opportunities")["opportunity_id"].tolist() == ["kept"]
    with lake.connect() as con:
        aliases = con.execute("FROM opportunities_aliases WHERE alias_id <> survivor_id").fetchall()
    assert aliases == [("merged", "kept", datetime(2024, 1, 5))]


def test_table_has_the_same_types_whatever_is_missing(lake: DeltaLake) -> None:
    commit(lake, demand=rows(unique_id=["a"], date=[date(2024, 1, 1)], quantity=[3], recorded_at=[day(1)]))
    commit(lake, targets=rows(owner_id=["u"], owner_kind=["user"], period=["2024Q1"], measure=["bookings"],
                              version=[2], effective_from=[day(1)], recorded_at=[day(2)]))  # fmt: skip

    demand, targets = lake.table("demand"), lake.table("targets")

    assert demand.dtypes.astype(str).tolist() == [
        "object", "datetime64[us]", "float64", "float64", "object", "datetime64[us, UTC]", "int64",
    ]  # fmt: skip
    assert demand["quantity"].tolist() == [3.0]
    assert targets["version"].dtype == "Int64"
    assert targets["effective_from"].tolist() == [pd.Timestamp("2024-01-01", tz="UTC")]
    assert lake.table("targets", as_of=day(1)).dtypes.equals(targets.dtypes)


def test_moments_keep_their_microseconds_and_lose_their_zone(lake: DeltaLake) -> None:
    recorded = pd.Timestamp("2024-03-31 03:30:00.000001", tz="Europe/Amsterdam")  # 01:30 UTC
    commit(lake, opportunities=opportunity("o", recorded.to_pydatetime(), created_at=datetime(1850, 1, 1)))

    found = lake.table("opportunities").iloc[0]

    assert found["recorded_at"] == pd.Timestamp("2024-03-31 01:30:00.000001", tz="UTC")
    assert found["created_at"] == pd.Timestamp("1850-01-01", tz="UTC")
    with lake.connect() as con:
        moments = con.execute("SELECT known_from, typeof(known_from) FROM opportunities").fetchall()
    assert moments == [(datetime(2024, 3, 31, 1, 30, 0, 1), "TIMESTAMP")]


def test_a_connection_never_changes_under_its_reader(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("a", day(2)))
    with lake.connect(tables=()) as con:
        commit(lake, opportunities=opportunity("b", day(2)), leads=rows(lead_id=["l"], recorded_at=[day(2)]))
        lake.compact()

        assert con.execute("SELECT opportunity_id FROM opportunities").fetchall() == [("a",)]
        assert con.execute("SELECT count(*) FROM leads").fetchall() == [(0,)]


def test_large_tables_stay_views_with_the_same_answers(lake: DeltaLake, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, opportunities=pa.concat_tables([opportunity("o", day(number)) for number in (2, 3)]))
    kinds = "SELECT count(*) FROM duckdb_views() WHERE view_name IN ('opportunities', 'opportunities_aliases')"
    query = (
        "SELECT o.known_from, known_to, survivor_id FROM opportunities o JOIN opportunities_aliases ON true ORDER BY 1"
    )
    with lake.connect() as con:
        assert con.execute(kinds).fetchall() == [(0,)]
        in_memory = con.execute(query).fetchall()

    monkeypatch.setattr("forecast.adapters.lake.IN_MEMORY_ROWS", 1)

    with lake.connect() as con:
        assert con.execute(kinds).fetchall() == [(2,)]
        assert con.execute(query).fetchall() == in_memory


@pytest.mark.parametrize("name", ["a b", "it's", "销售", "Übung", "x=1", "star*", "what?", "c:d", "a&b;c#d"])
def test_a_lake_works_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    lake = DeltaLake(tmp_path / name)

    commit(lake, opportunities=opportunity("o", day(2)))
    commit(lake, opportunities=opportunity("o", day(3), stage="won"))
    lake.compact()

    assert lake.table("opportunities")["stage"].tolist() == ["won"]


def test_a_folder_that_delta_cannot_handle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot hold the characters % \["):
        DeltaLake(tmp_path / "50%[x")


def test_table_refuses_unknown_names_and_batches(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("o", day(2)))

    with pytest.raises(InvalidInput, match=r"no table 'deals'; there are \['accounts'"):
        lake.table("deals")
    with pytest.raises(InvalidInput, match="Batch 2 was never committed; the last one is 1"):
        lake.table("opportunities", batch=2)
    with pytest.raises(InvalidInput, match="Batch -1 was never"), lake.connect(batch=-1):
        pass


# Personal columns


def test_personal_columns_come_back_in_table_and_stay_out_of_connect_and_fact_files(lake: DeltaLake) -> None:
    names = ['Zoë "Z" O\'Neil', None, "王芳"]
    commit(lake, contacts=rows(contact_id=["a", "b", "c"], name=names, recorded_at=[day(2)] * 3))

    contacts = lake.table("contacts")
    assert contacts["name"].tolist() == names
    assert contacts["email"].tolist() == [None, None, None]
    with lake.connect() as con:
        shown = {column for (column,) in con.execute("SELECT column_name FROM duckdb_columns()").fetchall()}
    assert not shown & {"email", "title", "text", "personal_id"}
    for file in (lake.folder / "tables" / "contacts").glob("*.parquet"):
        assert not {"name", "email", "title"} & set(duckdb.read_parquet(str(file)).columns)


def test_each_version_keeps_its_own_personal_values(lake: DeltaLake) -> None:
    commit(lake, contacts=rows(contact_id=["a"], email=["old@example.org"], recorded_at=[day(2)]))
    commit(lake, contacts=rows(contact_id=["a"], email=["new@example.org"], recorded_at=[day(3)]))

    assert lake.table("contacts", as_of=day(3))["email"].tolist() == ["old@example.org"]
    assert lake.table("contacts")["email"].tolist() == ["new@example.org"]
    with lake.writing() as writer:
        stored = writer.con.execute(f"SELECT email FROM {writer.stored('contacts')} ORDER BY batch").fetchall()
    assert stored == [("old@example.org",), ("new@example.org",)]


# Attributes


def test_attributes_come_as_typed_columns_of_any_name(lake: DeltaLake) -> None:
    content = (
        '{"size": 12.5, "vip": true, "seen": "2024-01-05 10:00:00", "a/b~\\"c.d": "odd", "stage": "x", "Stage": 1}'
    )
    types = {
        "size": "number",
        "vip": "boolean",
        "seen": "timestamp",
        'a/b~"c.d': "text",
        "stage": "text",
        "Stage": "text",
    }
    with lake.writing() as writer:
        empty = opportunity("p", day(2))
        given = opportunity("o", day(2), stage="new", attributes=content)
        writer.append("opportunities", pa.concat_tables([given, empty], promote_options="default"))
        writer.note_attributes("opportunities", types)
        writer.commit({})

    found = lake.table("opportunities").iloc[:, -6:]

    assert found.columns.tolist() == ["Stage", 'a/b~"c.d', "seen", "size", "stage_attribute", "vip"]
    assert found.iloc[0].tolist() == ["1", "odd", pd.Timestamp("2024-01-05 10:00", tz="UTC"), 12.5, "x", True]
    assert found.iloc[1].isna().all()
    assert lake.table("opportunities", as_of=day(1)).iloc[:, -6:].dtypes.equals(found.dtypes)
    assert found.dtypes.astype(str).tolist() == [
        "object", "object", "datetime64[us, UTC]", "float64", "object", "boolean",
    ]  # fmt: skip


def test_attribute_catalogue_widens_to_text_and_keeps_the_state_of_each_batch(lake: DeltaLake) -> None:
    with lake.writing() as writer:
        writer.append("leads", rows(lead_id=["l"], recorded_at=[day(1)], attributes=['{"code": 7}']))
        writer.note_attributes("leads", {"code": "number"})
        writer.commit({})
    with lake.writing() as writer:
        writer.note_attributes("leads", {"code": "text", "extra": "boolean"})
        assert writer.attribute_types("leads") == {"code": "text", "extra": "boolean"}
        writer.commit({})

    assert lake.table("leads", batch=1)["code"].tolist() == [7.0]
    assert lake.table("leads")["code"].tolist() == ["7"]
    with lake.connect() as con:
        rows_now = con.execute("FROM attribute_catalogue").fetchall()
    assert rows_now == [("leads", "code", "text"), ("leads", "extra", "boolean")]
    with lake.connect(batch=1) as con:
        assert con.execute("FROM attribute_catalogue").fetchall() == [("leads", "code", "number")]


def test_note_attributes_refuses_other_types(lake: DeltaLake) -> None:
    with lake.writing() as writer, pytest.raises(InvalidInput, match=r"one of .*got \{'a': 'json'\}"):
        writer.note_attributes("leads", {"a": "json"})


# Writing


def test_what_is_not_committed_does_not_exist(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("a", day(2)))

    with pytest.raises(InvalidInput, match="no columns"), lake.writing() as writer:  # noqa: PT012
        writer.append("opportunities", opportunity("b", day(2)))
        writer.append("leads", rows(lead_id=["l"], recorded_at=[day(1)]))
        writer.append("leads", rows(wrong=[1]))
    with lake.writing() as writer:
        writer.append("contacts", rows(contact_id=["l"], name=["n"], recorded_at=[day(1)]))

    assert lake.head() == 1
    assert lake.table("opportunities")["opportunity_id"].tolist() == ["a"]
    assert sorted(path.name for path in (lake.folder / "tables").iterdir()) == ["opportunities"]
    assert commit(lake, leads=rows(lead_id=["m"], recorded_at=[day(1)])) == 2
    assert lake.table("leads")["lead_id"].tolist() == ["m"]


def test_a_writer_sees_the_last_commit(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("a", day(2)))

    with lake.writing() as writer:
        writer.append("opportunities", opportunity("b", day(2)))

        assert writer.batch == 2
        assert writer.con.execute("SELECT opportunity_id FROM opportunities").fetchall() == [("a",)]
        assert writer.con.execute(f"SELECT batch FROM {writer.stored('opportunities')}").fetchall() == [(1,)]


def test_append_names_what_is_wrong_with_rows(lake: DeltaLake) -> None:
    with lake.writing() as writer:
        with pytest.raises(InvalidInput, match=r"leads has no columns \['colour'\]; it has \['lead_id'"):
            writer.append("leads", rows(lead_id=["l"], recorded_at=[day(1)], colour=["red"]))
        with pytest.raises(InvalidInput, match="1 of 2 rows for leads have no recorded_at"):
            writer.append("leads", rows(lead_id=["l", "m"], recorded_at=[day(1), None]))
        with pytest.raises(InvalidInput, match="1 of 1 rows for leads have no lead_id"):
            writer.append("leads", rows(recorded_at=[day(1)]))
        writer.append("leads", rows(lead_id=[], recorded_at=[]))
        writer.commit({})

    assert not (lake.folder / "tables").exists()


def test_commits_list_what_each_batch_brought(lake: DeltaLake) -> None:
    counts = {"opportunities": {"read": 9, "new": 1}}
    commit(lake, {"source": "crm", "counts": counts}, opportunities=opportunity("a", day(2)))
    commit(lake, leads=rows(lead_id=["l", "m"], recorded_at=[day(1)] * 2))
    lake.compact()

    commits = lake.commits()

    assert commits[["batch", "opportunities", "leads"]].to_numpy().tolist() == [[1, 1, 0], [2, 0, 2]]
    assert commits["source"].tolist() == ["crm", None]
    assert commits["committed_at"].tolist() == [pd.Timestamp(CLOCK.now())] * 2
    assert commits["summary"][0]["counts"] == counts


def test_rejected_rows_are_kept_until_resolved(lake: DeltaLake) -> None:
    rejected = rows(source=["crm"] * 2, table_name=["leads"] * 2, reason=["no created_at", "bad zone"],
                    row_number=[3, 5], content=['{"id": "a"}', '{"id": "b"}'], mapping=["crm.yaml"] * 2)  # fmt: skip
    with lake.writing() as writer:
        writer.reject(rejected)
        writer.commit({})
    assert lake.quarantine()["rejected_id"].tolist() == ["1-0", "1-1"]

    with lake.writing() as writer:
        writer.resolve(["1-1"])
        writer.commit({})

    assert lake.quarantine()[["reason", "row_number", "batch"]].to_numpy().tolist() == [["no created_at", 3, 1]]
    assert lake.quarantine(open_only=False)["resolved_batch"].tolist() == [pd.NA, 2]


def test_steps_are_named_in_order(tmp_path: Path) -> None:
    seen: list[str] = []
    lake = DeltaLake(tmp_path / "lake", on_step=seen.append)

    commit(lake, opportunities=opportunity("a", day(2)), leads=rows(lead_id=["l"], recorded_at=[day(1)]))

    assert tuple(seen) == STEPS


def test_a_second_writer_waits_and_then_gives_up_naming_the_first(lake: DeltaLake) -> None:
    with (
        lake.writing(),
        pytest.raises(DataUnavailable, match=r"being written by process \d+ .*\(writing since 2026-03-01 09:00:00Z\)"),
        lake.writing(wait_s=0.1),
    ):
        pass


def test_money_is_exact(lake: DeltaLake) -> None:
    commit(lake, opportunities=opportunity("a", day(2), amount="12345678901234.5678"))

    with lake.connect() as con:
        (amount,) = con.execute("SELECT CAST(amount AS VARCHAR) FROM opportunities").fetchall()[0]

    assert amount == "12345678901234.5678"
    assert np.isclose(lake.table("opportunities")["amount"][0], 12345678901234.5678)
