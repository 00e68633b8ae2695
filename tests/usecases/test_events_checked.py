"""What is refused when events come."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from forecast.errors import InvalidInput
from forecast.settings import Settings
from forecast.usecases.events import MAX_FORMS, Event, check_events

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTINGS = Settings(timezone="Europe/Amsterdam")


def event(event_id: str, table: str, recorded_at: datetime | None = None, **row: Any) -> Event:
    return Event(event_id, table, row, NOW, recorded_at)


CALL = {"interaction_id": "I1", "at": "2026-01-01T10:00:00Z", "channel": "phone", "duration_s": 61.5}


def test_good_events_of_several_tables_and_forms_are_not_refused() -> None:
    events = [
        event("e1", "interactions", **CALL),
        event("e2", "leads", lead_id="L1", created_at="2026-01-01", score=7, is_new=True),
        event("e3", "leads", lead_id="L1", status=None),
        event("e4", "order_lines", order_id="O1", line=1, quantity=-2, unit_price=9.5),
    ]

    check_events(events, SETTINGS, NOW)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (event("bad", "leds", lead_id="L"), r"Event 'bad': table 'leds' is unknown \(did you mean 'leads'\?\)"),
        (event("bad", "leads", status="new"), r"Event 'bad': leads\.lead_id is missing"),
        (event("bad", "leads", lead_id="L", created_at="soon"), r"Event 'bad': leads\.created_at: 'soon' is no ISO"),
        (event("bad", "interactions", **CALL | {"channel": "fax"}), r"'bad': interactions\.channel: 'fax' is none of"),
        (event("bad", "interactions", **CALL | {"duration_s": -1}), r"'bad': interactions\.duration_s: -1"),
        (event("bad", "leads", NOW + timedelta(minutes=1), lead_id="L"), r"'bad': leads\.recorded_at: .* future"),
        (event("bad", "leads", lead_id="L", Status="a", status="b"), r"'bad': leads\.Status is there twice"),
        (Event("bad", "leads", {"lead_id": "L", "recorded_at": "2026"}, NOW), r"recorded_at cannot .* beside the row"),
    ],
)
def test_a_bad_event_refuses_all_and_is_named_with_its_field(bad: Event, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_events([event("good", "interactions", **CALL), bad], SETTINGS, NOW)


def test_a_moment_without_an_offset_is_in_the_workspaces_zone() -> None:
    # 12:30 in Amsterdam is 11:30 UTC, 13:30 is after NOW
    check_events([event("e", "leads", lead_id="L", created_at="2026-01-01T12:30:00")], SETTINGS, NOW)
    with pytest.raises(InvalidInput, match=r"created_at: 2026-01-01 12:30:00 lies in the future"):
        check_events([event("e", "leads", lead_id="L", created_at="2026-01-01T13:30:00")], SETTINGS, NOW)


def test_too_many_forms_at_once_are_refused_before_any_is_checked() -> None:
    events = [event(f"e{n}", "leads", lead_id="L", **{f"field_{n}": n}) for n in range(MAX_FORMS + 1)]

    with pytest.raises(InvalidInput, match=r"at most 100 forms, got 101"):
        check_events(events, SETTINGS, NOW)


def test_a_fingerprint_tells_what_is_said_and_not_when_it_came() -> None:
    first = event("e", "leads", lead_id="L", status="new")
    again = Event("e", "leads", {"status": "new", "lead_id": "L"}, NOW + timedelta(hours=1))

    assert first.fingerprint == again.fingerprint
    assert first.fingerprint != event("e", "leads", lead_id="L", status="old").fingerprint
    assert Event.from_json(first.to_json()) == first
