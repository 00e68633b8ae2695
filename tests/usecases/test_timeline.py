"""The timeline of one case; expected values by hand."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from forecast.usecases.timeline import score_history, timeline

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)


def _day(day: int, hour: int = 0, month: int = 3) -> pd.Timestamp:
    return pd.Timestamp(2026, month, day, hour, tz="UTC")


def _tables() -> dict[str, pd.DataFrame]:
    deal = {"opportunity_id": "D1", "owner_id": "ann", "created_at": _day(1)}
    deals = pd.DataFrame(
        [
            {**deal, "stage": "new", "amount": 100.0, "recorded_at": _day(1), "batch": 1},
            {**deal, "stage": "offer", "amount": 100.0, "recorded_at": _day(4), "batch": 1},
            {**deal, "stage": "offer", "amount": 80.0, "recorded_at": _day(6), "batch": 2},
            {**deal, "stage": "signed", "amount": 80.0, "recorded_at": _day(11), "batch": 3},
            {**deal, "opportunity_id": "D2", "stage": "new", "amount": 5.0, "recorded_at": _day(2), "batch": 1},
        ]
    )
    lead = {"lead_id": "L1", "owner_id": "ann", "created_at": _day(20, month=2), "opportunity_id": "D1"}
    leads = pd.DataFrame([{**lead, "recorded_at": _day(1), "batch": 1}])
    contacts = pd.DataFrame(
        [
            ("call", "phone", "out", "answered", "D1", None, _day(3, 9), None, 120.0, _day(3, 10)),
            ("mail", "email", "in", None, "D1", None, _day(5), None, None, _day(12)),  # became known later
            ("visit", "meeting", "out", None, "D1", None, _day(9), _day(20), None, _day(9)),  # a plan
            ("form", "web", "in", None, None, "L1", _day(20, month=2), None, None, _day(20, month=2)),
            ("other", "phone", "out", "answered", "D2", None, _day(3), None, None, _day(3)),
        ],
        columns=["kind", "channel", "direction", "result", "opportunity_id", "lead_id", "at", "due_at", "duration_s",
                 "recorded_at"],
    )  # fmt: skip
    contacts = contacts.assign(interaction_id=contacts["kind"], batch=1, text="what somebody wrote")
    return {"opportunities": deals, "leads": leads, "interactions": contacts}


@pytest.fixture(scope="module")
def lake(frame_lake: Any) -> Any:
    return frame_lake(_tables())


def test_timeline_tells_changes_and_contacts_of_the_case_newest_first(lake: Any) -> None:
    told = timeline(lake, "opportunity", "D1", AS_OF)

    rows = told[["what", "kind", "before", "after"]].astype(object).where(told[["kind"]].notna().iloc[:, 0], None)
    assert told["at"].is_monotonic_decreasing
    assert [row[0] if row[0] != "contact" else row[1] for row in zip(told["what"], told["kind"], strict=True)] == [
        "visit", "amount", "stage", "call", "created", "form",
    ]  # fmt: skip
    assert len(rows) == 6
    assert told.loc[told["what"] == "stage", ["before", "after"]].to_numpy().tolist() == [["new", "offer"]]
    assert told.loc[told["what"] == "amount", ["before", "after"]].to_numpy().tolist() == [["100.0", "80.0"]]


def test_timeline_sees_neither_what_was_recorded_later_nor_later_batches(lake: Any) -> None:
    early = timeline(lake, "opportunity", "D1", datetime(2026, 3, 5, tzinfo=UTC))
    first_batch = timeline(lake, "opportunity", "D1", AS_OF, batch=1)
    late = timeline(lake, "opportunity", "D1", datetime(2026, 3, 13, tzinfo=UTC))

    assert early["at"].max() == _day(4)
    assert "amount" not in set(first_batch["what"])
    assert {"mail", "visit"} <= set(late["kind"])


def test_what_lies_ahead_is_told_as_planned_for_its_day(lake: Any) -> None:
    told = timeline(lake, "opportunity", "D1", AS_OF)

    planned = told[told["is_planned"]]
    assert planned[["kind", "at"]].to_numpy().tolist() == [["visit", _day(20)]]


def test_timeline_of_a_lead_has_its_own_contacts_alone(lake: Any) -> None:
    told = timeline(lake, "lead", "L1", AS_OF)

    assert told["kind"].dropna().tolist() == ["form"]


def test_timeline_holds_no_text_that_a_person_wrote(lake: Any) -> None:
    told = timeline(lake, "opportunity", "D1", AS_OF)

    assert "what somebody wrote" not in told.to_json()


def test_timeline_keeps_the_newest_rows(lake: Any) -> None:
    assert timeline(lake, "opportunity", "D1", AS_OF, limit=2)["what"].tolist() == ["contact", "amount"]


def test_score_history_has_one_score_per_moment_and_none_made_afterwards() -> None:
    rows = [(_day(1), 0.1, 1, False), (_day(2), 0.9, 1, True), (_day(3), 0.2, 1, False), (_day(3), 0.3, 2, False)]
    given = pd.DataFrame(rows, columns=["as_of", "probability", "batch", "backdated"])
    given = given.assign(low=0.0, high=1.0, model_version="m/1")

    assert score_history(given, batch=2)["probability"].tolist() == [0.1, 0.3]
    assert score_history(given, batch=1)["probability"].tolist() == [0.1, 0.2]
