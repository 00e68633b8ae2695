"""Which action came first in the window after a snapshot: a hand-written history."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.features.actions import window_actions
from forecast.history import connect_tables


def talk(name: str, at: str, **columns: object) -> dict[str, object]:
    known = {"interaction_id": name, "at": at, "recorded_at": at, "direction": "out", "channel": "phone"}
    return known | {"opportunity_id": "deal", "duration_s": 600.0} | columns


TALKS = [
    talk("before", "2024-02-28 10:00"),
    talk("second", "2024-03-05 12:00", duration_s=1200.0),
    talk("first", "2024-03-02 12:00"),
    talk("demo", "2024-03-03 00:00", channel="meeting", kind="Demo", duration_s=None),
    talk("mail", "2024-03-04 00:00", direction="in", channel="email", kind="inquiry"),
    talk("by lead", "2024-03-01 06:00", channel="email", opportunity_id=None, lead_id="lead"),
    talk("after", "2024-03-08 00:00", channel="chat"),
    talk("deleted", "2024-03-02 00:00", channel="social", deleted_at="2024-03-04"),
    talk("task", "2024-03-03 00:00", channel="other", due_at="2024-03-03 00:00"),
    talk("told late", "2024-03-02 00:00", channel="web", recorded_at="2024-04-01"),
    talk("other case", "2024-03-02 00:00", channel="web", opportunity_id="other"),
]
DEALS = [
    {"opportunity_id": name, "created_at": "2024-01-01", "recorded_at": "2024-01-01"} for name in ("deal", "other")
]
LEADS = [{"lead_id": "lead", "opportunity_id": "deal", "created_at": "2024-01-01", "recorded_at": "2024-01-02"}]


def actions(**given: object) -> pd.DataFrame:
    con = connect_tables(
        {"interactions": pd.DataFrame(TALKS), "opportunities": pd.DataFrame(DEALS), "leads": pd.DataFrame(LEADS)}
    )
    spine = pd.DataFrame({"entity_id": ["deal"], "as_of": ["2024-03-01"]})
    cutoff = datetime(2024, 3, 20, tzinfo=UTC)
    return window_actions(con, spine, "opportunity", **({"cutoff": cutoff, "window_days": 7} | given))


def test_actions_are_the_first_of_each_sort_in_the_window() -> None:
    found = actions().set_index("action")

    assert found["delay_days"].to_dict() == {"customer": 3.0, "email": 0.25, "kind_demo": 2.0, "phone": 1.5}
    assert found["minutes"].drop("kind_demo").to_dict() == {"customer": 10.0, "email": 10.0, "phone": 10.0}
    assert found["minutes"].isna()["kind_demo"]


def test_actions_ignore_what_was_recorded_after_the_cutoff() -> None:
    early = actions(cutoff=datetime(2024, 3, 3, tzinfo=UTC))

    assert early["action"].tolist() == ["email", "phone"]  # the demo of the third is not known yet


def test_window_bounds_are_from_the_snapshot_to_before_its_end() -> None:
    assert "kind_demo" not in set(actions(window_days=2)["action"])
    assert "kind_demo" in set(actions(window_days=3)["action"])


def test_window_shorter_than_a_day_is_refused() -> None:
    with pytest.raises(InvalidInput, match="`window_days` must be at least 1, got 0"):
        actions(window_days=0)
