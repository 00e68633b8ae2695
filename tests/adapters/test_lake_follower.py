"""A follower shows what a fresh connection shows, whatever came in between."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecast.adapters.lake import DeltaLake
from forecast.adapters.lake_follower import LakeFollower
from forecast.history import MERGEABLE
from forecast.schema import TABLES
from forecast.settings import Settings
from forecast.usecases.events import Event
from forecast.usecases.posted import add_posted
from forecast.usecases.take_events import take_events

pytestmark = pytest.mark.slow

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RELATIONS = [*TABLES, *(f"{name}_aliases" for name in MERGEABLE), "attribute_catalogue", "declared_fills"]


def bring(lake: DeltaLake, number: int, *rows: tuple[str, dict[str, Any]], minutes: float = 0) -> None:
    """A batch of rows that became known so many minutes after noon."""
    known = NOW + timedelta(minutes=minutes)
    events = [Event(f"{number}.{place}", table, row, known) for place, (table, row) in enumerate(rows)]
    assert take_events(events, lake, Settings(), NOW + timedelta(days=1)).n_stored == len(rows)


def lead(lead_id: str, **row: Any) -> tuple[str, dict[str, Any]]:
    return "leads", {"lead_id": lead_id, "created_at": "2025-12-01T00:00:00Z", **row}


def assert_same(lake: DeltaLake, follower: LakeFollower) -> None:
    """Of every batch a follower shows what is read from the files."""
    for batch in (None, *range(lake.head() + 1)):
        con = follower.connect(batch)
        assert con is not None
        with lake.connect(batch) as fresh:
            for name in RELATIONS:
                query = f"SELECT * FROM {name} ORDER BY ALL"
                assert con.execute(query).fetchall() == fresh.execute(query).fetchall(), (name, batch)
        con.close()


@pytest.mark.parametrize("in_memory_rows", [1, 1_000])
def test_a_follower_shows_new_changed_late_and_merged_rows_as_a_fresh_connection_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory_rows: int
) -> None:
    monkeypatch.setattr("forecast.adapters.lake.IN_MEMORY_ROWS", in_memory_rows)
    lake = DeltaLake(tmp_path / "lake")
    bring(lake, 1, lead("L1", status="new"), lead("L9"), ("accounts", {"account_id": "A1"}))
    follower = LakeFollower(lake)
    assert_same(lake, follower)

    bring(lake, 2, lead("L1", status="called", score=7), lead("L2"), minutes=2)
    bring(lake, 3, lead("L1", status="late word"), minutes=1)
    bring(
        lake, 4, ("accounts", {"account_id": "A2", "merged_into": "A1"}), ("contacts", {"contact_id": "C"}), minutes=3
    )
    assert_same(lake, follower)

    lake.compact()
    bring(lake, 5, ("order_lines", {"order_id": "O1", "line": 1, "quantity": 2}), lead("L2", status="won"), minutes=4)
    bring(lake, 6, ("accounts", {"account_id": "A1", "merged_into": "A3"}), ("accounts", {"account_id": "A3"}))
    assert_same(lake, follower)


def test_what_a_reader_sees_does_not_change_with_later_batches(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path / "lake")
    lake.hold()
    bring(lake, 1, lead("L1", status="new"))
    query = "SELECT status, known_to = TIMESTAMP '9999-12-31' FROM leads"
    with lake.connect() as earlier:
        bring(lake, 2, lead("L1", status="called"), ("accounts", {"account_id": "A1", "merged_into": "A2"}), minutes=1)
        with lake.connect() as later:
            assert sorted(later.execute(query).fetchall()) == [("called", True), ("new", False)]
        assert earlier.execute(query).fetchall() == [("new", True)]
        assert earlier.execute("SELECT count(*) FROM accounts_aliases").fetchall() == [(0,)]


def test_what_a_reader_lays_over_is_seen_by_nobody_else(tmp_path: Path) -> None:
    lake = DeltaLake(tmp_path / "lake")
    lake.hold()
    bring(lake, 1, lead("L1"), lead("L2"))
    with lake.connect() as one, lake.connect() as other:
        add_posted(one, "lead", {"lead_id": "L1", "status": "asked"}, NOW + timedelta(hours=1), Settings())
        add_posted(one, "lead", {"status": "new"}, NOW + timedelta(hours=1), Settings())

        assert len(one.execute("FROM leads").fetchall()) == 4
        assert len(one.execute("FROM leads_aliases").fetchall()) == 3
        assert len(other.execute("FROM leads").fetchall()) == 2
    with lake.connect() as later:
        assert len(later.execute("FROM leads").fetchall()) == 2


def test_more_later_rows_than_it_is_worth_to_hide_are_left_to_a_fresh_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecast.adapters.lake_follower.MAX_LATER", 1)
    lake = DeltaLake(tmp_path / "lake")
    bring(lake, 1, lead("L1"))
    bring(lake, 2, lead("L2"), lead("L3"), minutes=1)

    assert LakeFollower(lake).connect(1) is None

    lake.hold()
    with lake.connect(1) as con:
        assert con.execute("SELECT lead_id FROM leads").fetchall() == [("L1",)]


def test_tidying_merges_many_small_files_and_changes_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = DeltaLake(tmp_path / "lake")
    for number in range(1, 4):
        bring(lake, number, lead(f"L{number}"))
    before = lake.table("leads")
    assert not lake.tidy()

    monkeypatch.setattr("forecast.adapters.lake.MANY_FILES", 2)
    assert lake.tidy()

    assert lake.reading(lambda commit, files: len(files["leads"])) == 1
    assert lake.table("leads").equals(before)
    assert not lake.tidy()
