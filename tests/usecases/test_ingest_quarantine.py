"""Rows that break a rule: rejected with one reason, kept once, and let in when they pass."""

import json

import pytest

from forecast.errors import InvalidInput


def deal(**columns):
    return {"opportunity_id": "A", "created_at": "2026-01-01", "recorded_at": "2026-01-01"} | columns


def lead(**columns):
    return {"lead_id": "L", "created_at": "2026-01-01"} | columns


REJECTIONS = {
    "missing key": ("opportunities", deal(opportunity_id=" "), "opportunity_id is missing"),
    "no date": ("opportunities", deal(created_at="31/12/2025"), "created_at: '31/12/2025' is no ISO time"),
    "impossible date": ("opportunities", deal(created_at="2025-02-30"), "created_at: '2025-02-30' is no ISO time"),
    "no day": ("opportunities", deal(expected_close_date="soon"), "expected_close_date: 'soon' is no ISO date"),
    "no amount": ("opportunities", deal(amount="1,5"), "amount: '1,5' is no amount"),
    "an amount beyond all bounds": ("opportunities", deal(amount="1e30"), "amount: '1e30' is no amount"),
    "missing required": ("opportunities", deal(created_at=None), "created_at is missing: it is required"),
    "unknown outcome": ("opportunities", deal(outcome="Won"), "outcome: 'Won' is none of won, lost"),
    "negative amount": ("opportunities", deal(amount=-5), "amount: -5.0000 is below the minimum of 0"),
    "discount over 100": (
        "order_lines",
        {"order_id": "O", "line": 1, "discount_pct": 120},
        "discount_pct: 120.0 is above the maximum of 100",
    ),
    "no whole number": ("order_lines", {"order_id": "O", "line": "1.5"}, "line: '1.5' is no whole number"),
    "infinite number": ("accounts", {"account_id": "A", "size": "inf"}, "size: 'inf' is no number"),
    "unknown currency": ("opportunities", deal(currency="EURO"), "currency: 'EURO' is no ISO 4217 currency"),
    "closed before created": (
        "opportunities",
        deal(closed_at="2025-12-31", outcome="won"),
        "closed_at: 2025-12-31 00:00:00 lies before created_at",
    ),
    "converted before created": (
        "leads", lead(converted_at="2025-12-31"), "converted_at: 2025-12-31 00:00:00 lies before created_at",
    ),
    "outcome without closing": (
        "opportunities", deal(outcome="won", closed_at=None), "outcome: 'won' comes without closed_at",
    ),
    "closing without outcome": (
        "opportunities",
        deal(outcome=None, closed_at="2026-01-01"),
        "outcome is missing although closed_at is 2026-01-01",
    ),
    "recorded in the future": (
        "opportunities", deal(recorded_at="2030-01-01"), "recorded_at: 2030-01-01 00:00:00 lies in the future",
    ),
    "closed in the future": (
        "opportunities",
        deal(closed_at="2030-01-01", outcome="won"),
        "closed_at: 2030-01-01 00:00:00 lies in the future",
    ),
    "no recorded_at": ("opportunities", deal(recorded_at=None), "recorded_at is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "row", "reason"), REJECTIONS.values(), ids=REJECTIONS)
def test_a_row_that_breaks_a_rule_is_rejected_with_the_place_and_the_remedy(intake, table, row, reason):
    good = {
        "opportunities": deal(opportunity_id="good"),
        "leads": lead(lead_id="good"),
        "accounts": {"account_id": "good"},
    }
    rows = [row, *([good[table]] if table in good else [])]

    result = intake.take({table: rows})

    assert result.counts[table]["quarantined"] == 1
    (came,) = intake.reasons()
    assert came.startswith(reason), came
    assert ";" in came
    assert "\n" not in came


def test_a_row_gets_the_reason_of_the_first_rule_it_breaks(intake):
    intake.take({"opportunities": [deal(opportunity_id=None, amount="x", outcome="y"), deal(amount="x", outcome="y")]})

    assert [reason.split(":")[0].split(" ")[0] for reason in intake.reasons()] == ["opportunity_id", "amount"]


def test_an_absent_amount_is_no_reason(intake):
    assert intake.take({"opportunities": [deal(amount=None)]}).counts["opportunities"]["new"] == 1


def test_an_interaction_may_be_planned_for_a_day_after_it_was_recorded(intake):
    rows = [{"interaction_id": "1", "at": "2026-12-24", "recorded_at": "2026-05-01"}]

    assert intake.take({"interactions": rows}).counts["interactions"]["new"] == 1


def test_an_owner_must_exist_once_there_are_users(intake):
    before = intake.take({"opportunities": [deal(owner_id="U9")]})
    after = intake.take({"users": [{"user_id": "U1"}], "opportunities": [deal(opportunity_id="B", owner_id="U9")]})

    assert before.counts["opportunities"]["new"] == 1
    assert after.counts["opportunities"]["quarantined"] == 1
    assert intake.reasons()[0].startswith("owner_id: 'U9' is not in users; bring in its row of users")


def test_a_line_of_a_rejected_order_is_rejected_too(intake):
    orders = [{"order_id": "good", "ordered_at": "2026-01-01"}, {"order_id": "bad", "ordered_at": "?"}]
    lines = [{"order_id": "good", "line": 1}, {"order_id": "bad", "line": 1}]

    intake.take({"orders": orders, "order_lines": lines})

    assert [reason.split(";")[0] for reason in intake.reasons()] == [
        "ordered_at: '?' is no ISO time such as 2026-03-31 or 2026-03-31T09:00:00+02:00",
        "order_id: 'bad' is not in orders",
    ]


def test_an_id_that_comes_twice_with_different_content_is_rejected_in_every_row(intake):
    result = intake.take({"leads": [lead(status="new"), lead(status="old"), lead(lead_id="M")]})

    assert result.counts["leads"] == {"read": 3, "new": 1, "changed": 0, "unchanged": 0, "quarantined": 2}
    assert intake.reasons() == [
        "lead_id: 'L' comes 2 times with different content; keep one row per id in the query, "
        "or give recorded_at if these are versions"
    ] * 2  # fmt: skip


def test_an_id_that_differs_only_in_an_ignored_column_is_taken_once(intake):
    result = intake.take({"leads": [lead(seen="1"), lead(seen="2")]}, ignore={"leads": ["seen"]})

    assert result.counts["leads"]["new"] == 1


def test_a_new_id_without_a_required_column_is_rejected_and_a_known_one_is_not(intake):
    intake.take({"opportunities": [deal()]})
    rows = [{"opportunity_id": name, "recorded_at": "2026-02-01", "stage": "x"} for name in "AB"]

    result = intake.take({"opportunities": rows})

    assert result.counts["opportunities"] == {"read": 2, "new": 0, "changed": 1, "unchanged": 0, "quarantined": 1}
    assert intake.reasons()[0].startswith("created_at is missing: the query has no such column and the id is new")


def test_the_quarantine_keeps_the_source_row_with_its_place(intake):
    intake.take({"leads": [lead(), lead(lead_id="M", created_at="?", score=7)]})

    row = intake.lake.quarantine().iloc[0]
    assert row[["source", "table_name", "mapping", "row_number"]].tolist() == ["test", "leads", "test.yaml", 2]
    assert json.loads(row["content"]) == {"lead_id": "M", "created_at": "?", "score": "7"}


def test_a_row_rejected_again_is_not_doubled(intake):
    for _ in range(2):
        result = intake.take({"leads": [lead(created_at="?"), lead(lead_id="M")]})
        assert result.counts["leads"]["quarantined"] == 1

    assert len(intake.lake.quarantine()) == 1
    assert result.batch == 1


def test_a_row_that_passes_later_leaves_the_quarantine(intake):
    intake.take({"users": [{"user_id": "U1"}], "leads": [lead(owner_id="U2")]})

    result = intake.take({"users": [{"user_id": "U2"}], "leads": [lead(owner_id="U2")]})

    assert result.counts["leads"]["new"] == 1
    assert intake.lake.quarantine().empty
    assert intake.lake.quarantine(open_only=False)["resolved_batch"].tolist() == [2]


def test_a_corrected_row_takes_the_wrong_one_out_of_the_quarantine(intake):
    intake.take({"opportunities": [deal(amount=-5)]})

    intake.take({"opportunities": [deal(amount=5)]})

    assert intake.lake.quarantine().empty


def test_rejected_rows_can_be_tried_again_when_their_file_is_gone(intake):
    intake.take({"users": [{"user_id": "U1"}], "leads": [lead(owner_id="U2", score="7", vip=True)]})
    intake.take({"users": [{"user_id": "U2"}]})

    result = intake.take({"users": [{"user_id": "U2"}], "leads": [lead(lead_id="M")]}, retry=True)

    assert result.counts["leads"] == {"read": 2, "new": 2, "changed": 0, "unchanged": 0, "quarantined": 0}
    assert intake.lake.quarantine().empty
    row = intake.lake.table("leads").set_index("lead_id").loc["L"]
    assert row[["owner_id", "score", "vip"]].tolist() == ["U2", 7.0, True]


def test_trying_again_counts_a_row_that_stays_rejected_once(intake):
    rows = [lead(created_at="?"), lead(lead_id="M")]
    intake.take({"leads": rows})

    result = intake.take({"leads": rows}, retry=True)

    assert result.counts["leads"] == {"read": 2, "new": 0, "changed": 0, "unchanged": 1, "quarantined": 1}
    assert len(intake.lake.quarantine()) == 1


def test_too_many_rejected_rows_refuse_the_ingest_and_keep_only_the_quarantine(intake):
    rows = [lead(lead_id=str(n), created_at="?" if n < 3 else "2026-01-01") for n in range(10)]

    with pytest.raises(
        InvalidInput, match=r"test.yaml: 3 of 10 rows were rejected, more than quarantine: 0.2 allows"
    ) as error:
        intake.take({"leads": rows}, quarantine=0.2)

    assert "created_at: '?' is no ISO time" in str(error.value)
    assert "--check" in str(error.value)
    assert intake.lake.table("leads").empty
    assert len(intake.lake.quarantine()) == 3
    assert intake.take({"leads": rows}, quarantine=0.3).counts["leads"]["new"] == 7
