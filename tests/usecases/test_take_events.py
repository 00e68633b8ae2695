"""Events in the lake: carried forward, each once for good, bad ones set apart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from forecast.adapters.lake import DeltaLake
from forecast.settings import Settings
from forecast.usecases.events import Event
from forecast.usecases.take_events import Taken, take_events

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTINGS = Settings(reporting_currency="EUR")
DEAL = {"opportunity_id": "O1", "created_at": "2025-12-01T00:00:00Z", "stage": "new", "amount": 10, "currency": "CNY"}


@pytest.fixture
def lake(tmp_path: Path) -> DeltaLake:
    return DeltaLake(tmp_path / "lake")


def event(event_id: str, table: str, at: float = 0, **row: Any) -> Event:
    """An event that came ``at`` minutes after noon."""
    return Event(event_id, table, row, NOW + timedelta(minutes=at))


def take(lake: DeltaLake, *events: Event) -> Taken:
    return take_events(events, lake, SETTINGS, NOW + timedelta(hours=1))


def deal(lake: DeltaLake) -> dict[str, Any]:
    (row,) = lake.table("opportunities").to_dict("records")
    return row


def test_parts_of_a_row_complete_each_other_in_the_order_of_their_moments(lake: DeltaLake) -> None:
    take(lake, event("e1", "opportunities", 0, **DEAL, seats=3))
    taken = take(
        lake,
        event("e4", "opportunities", 3, opportunity_id="O1", stage="offer"),
        event("e2", "opportunities", 1, opportunity_id="O1", amount=20),
        event("e3", "opportunities", 2, opportunity_id="O1", stage=None, competitor=True),
    )

    assert (taken.batch, taken.n_stored, taken.dead) == (2, 3, ())
    found = deal(lake)
    said = {name: found[name] for name in ("stage", "amount", "currency", "seats", "competitor")}
    assert said == {"stage": "offer", "amount": 20.0, "currency": "CNY", "seats": 3.0, "competitor": True}
    between = lake.table("opportunities", as_of=NOW + timedelta(minutes=2, seconds=30))
    assert (between["stage"].isna().all(), between["amount"].tolist()) == (True, [20.0])


def test_an_event_delivered_again_changes_nothing_although_the_row_changed_meanwhile(lake: DeltaLake) -> None:
    first = event("e1", "opportunities", 0, **DEAL)
    take(lake, first, first)
    take(lake, event("e2", "opportunities", 1, opportunity_id="O1", stage="lost sight of"))

    later = Event("e1", "opportunities", DEAL, NOW + timedelta(minutes=30))
    taken = take(lake, later)

    assert (taken.batch, taken.n_stored, taken.n_known) == (2, 0, 1)
    assert deal(lake)["stage"] == "lost sight of"


def test_an_id_that_says_something_else_is_set_apart(lake: DeltaLake) -> None:
    take(lake, event("e1", "opportunities", 0, **DEAL))

    taken = take(lake, event("e1", "opportunities", 1, **DEAL | {"amount": 11}))

    assert [(dead.event_id, dead.reason[:31]) for dead in taken.dead] == [("e1", "the id was used before for some")]
    assert deal(lake)["amount"] == 10.0


def test_a_bad_event_is_set_apart_with_its_reason_and_spoils_no_other(lake: DeltaLake) -> None:
    take(lake, event("u", "users", 0, user_id="U1"), event("e1", "opportunities", 0, **DEAL))
    taken = take(
        lake,
        event("e2", "opportunities", 1, opportunity_id="O1", owner_id="nobody"),
        event("e3", "opportunities", 2, opportunity_id="O1", stage="offer"),
        event("e4", "opportunities", 3, opportunity_id="O2", stage="new"),
    )

    reasons = {dead.event_id: dead.reason for dead in taken.dead}
    assert reasons["e2"].startswith("opportunities.owner_id: 'nobody' is not in users")
    assert reasons["e4"].startswith("opportunities.created_at is missing")
    assert (deal(lake)["stage"], deal(lake)["owner_id"], taken.n_stored) == ("offer", None, 1)


def test_personal_fields_stay_out_of_the_facts(lake: DeltaLake) -> None:
    take(lake, event("c", "contacts", 0, contact_id="C1", name="Li Wei", email="li@example.com"))

    assert lake.table("contacts")["name"].tolist() == ["Li Wei"]
    facts = lake.reading(lambda commit, files: files["contacts"])
    assert not any(b"Li Wei" in Path(file).read_bytes() for file in facts)


def test_a_batch_of_bad_events_alone_commits_nothing(lake: DeltaLake) -> None:
    taken = take(lake, event("e", "opportunities", 0, opportunity_id="O1"))

    assert (taken.batch, taken.n_stored, len(taken.dead), lake.head()) == (0, 0, 1, 0)
