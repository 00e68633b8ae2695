from datetime import UTC, datetime

import pandas as pd
import pytest

from forecast.errors import InvalidInput
from forecast.history import connect_tables
from forecast.performance.kpis import Spans, create_facts, measure_kpis, owners_of_facts
from forecast.performance.members import create_members
from forecast.periods import parse_period
from forecast.settings import Settings

SETTINGS = Settings()
FEBRUARY = parse_period("2025-02")
END = datetime(2025, 3, 1, tzinfo=UTC)


def moments(*texts):
    return [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]


def test_a_running_period_is_compared_with_as_much_of_the_earlier_ones():
    spans = Spans.of(FEBRUARY, datetime(2025, 2, 11, tzinfo=UTC), SETTINGS)

    assert spans.now == tuple(moments("2025-02-01", "2025-02-11"))
    assert spans.before == tuple(moments("2025-01-01", "2025-01-11"))
    assert spans.year_before == tuple(moments("2024-02-01", "2024-02-11"))


@pytest.mark.parametrize(
    ("label", "before", "year_before"),
    [
        ("2025-02", ("2025-01-01", "2025-02-01"), ("2024-02-01", "2024-03-01")),
        ("2025Q1", ("2024-10-01", "2025-01-01"), ("2024-01-01", "2024-04-01")),
        ("FY2024", ("2023-01-01", "2024-01-01"), ("2023-01-01", "2024-01-01")),
        ("2025-W02", ("2024-12-30", "2025-01-06"), ("2024-01-08", "2024-01-15")),
        ("2020-W53", ("2020-12-21", "2020-12-28"), None),
    ],
)
def test_earlier_periods_are_whole_ones_of_the_same_kind(label, before, year_before):
    spans = Spans.of(parse_period(label), datetime(2026, 6, 1, tzinfo=UTC), SETTINGS)

    assert spans.before == tuple(moments(*before))
    assert spans.year_before == (None if year_before is None else tuple(moments(*year_before)))


def test_quarters_of_a_fiscal_year_follow_each_other():
    settings = Settings(fiscal_year_start=2)

    spans = Spans.of(parse_period("2025Q1", fiscal_year_start=2), datetime(2026, 6, 1, tzinfo=UTC), settings)

    assert spans.now == tuple(moments("2025-02-01", "2025-05-01"))
    assert spans.before == tuple(moments("2024-11-01", "2025-02-01"))


def test_a_period_that_has_not_begun_is_refused():
    with pytest.raises(InvalidInput, match="2025-02 had not begun at 2025-02-01"):
        Spans.of(FEBRUARY, datetime(2025, 2, 1, tzinfo=UTC), SETTINGS)


def deals():
    """ann wins 100 and 300 and loses one, bob wins 50; in January ann won 200; one is open, one of nobody."""
    rows = [
        ("D1", "ann", 100, "won", "2025-01-22", "2025-02-01"),
        ("D2", "ann", 300, "won", "2025-01-06", "2025-02-05"),
        ("D3", "ann", 70, "lost", "2025-02-01", "2025-02-10"),
        ("D4", "bob", 50, "won", "2025-02-01", "2025-02-28"),
        ("D5", "ann", 200, "won", "2025-01-01", "2025-01-20"),
        ("D6", "bob", 10, None, "2025-02-20", None),
        ("D7", None, 40, "won", "2025-02-01", "2025-02-02"),
        ("D8", "bob", 999, "won", "2025-02-01", "2025-03-01"),
    ]
    names = ["opportunity_id", "owner_id", "amount", "outcome", "created_at", "closed_at"]
    frame = pd.DataFrame(rows, columns=names)
    frame["closed_at"] = pd.to_datetime(frame["closed_at"], utc=True)
    frame["created_at"] = pd.to_datetime(frame["created_at"], utc=True)
    recorded = frame["closed_at"].fillna(frame["created_at"])
    return frame.assign(currency="EUR", recorded_at=recorded)


def organisation():
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return {
        "users": pd.DataFrame({"user_id": ["ann", "bob"], "team_id": "T", "recorded_at": start}),
        "teams": pd.DataFrame({"team_id": ["T"], "recorded_at": start}),
    }


def kpis(tables, *, as_of=END, period=FEBRUARY, settings=SETTINGS):
    con = connect_tables(organisation() | tables)
    spans = Spans.of(period, as_of, settings)
    create_facts(con, as_of, settings)
    create_members(con, as_of, owners_of_facts(con, spans))
    return measure_kpis(con, spans).set_index("id")


def test_sales_are_counted_by_hand():
    found = kpis({"opportunities": deals()})

    columns = ["revenue", "revenue_before", "won", "lost", "in_hand", "cycle_days"]
    assert found.loc["ann", columns].tolist() == [400, 200, 2, 1, 0, 20]
    assert found.loc["bob", columns].tolist() == [50, 0, 1, 0, 1, 27]  # D8 is won after the end: not known then
    assert found.loc["T", columns].tolist() == [450, 200, 3, 1, 1, 27]
    assert found.loc["company", columns].tolist() == [490, 200, 4, 1, 1, 18.5]
    assert found.loc["ann", "growth"] == 1.0
    assert found["growth"].isna()["bob"]
    assert found.loc["T", "decided_win_rate"] == 0.75


def test_what_became_known_later_is_not_seen():
    early = kpis({"opportunities": deals()}, as_of=datetime(2025, 2, 4, tzinfo=UTC))

    assert early.loc["ann", "won"] == 1
    assert early.loc["ann", "revenue"] == 100


def interaction(at, direction, *, due=None, result="answered", user="ann", channel="email", opportunity="D1"):
    at, due = (None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (at, due))
    return {
        "at": at, "due_at": due, "direction": direction, "result": result, "user_id": user, "channel": channel,
        "opportunity_id": opportunity, "recorded_at": min(at, datetime(2025, 2, 25, tzinfo=UTC)),
    }  # fmt: skip


def interactions(*rows):
    return {"interactions": pd.DataFrame(rows).assign(interaction_id=[f"I{i}" for i in range(len(rows))])}


def test_inquiries_are_answered_by_the_next_contact_about_the_same():
    found = kpis(
        interactions(
            interaction("2025-02-03T08:00", "in"),
            interaction("2025-02-03T09:00", "in"),  # asks again: one inquiry
            interaction("2025-02-03T10:00", "out", opportunity="D2"),  # about something else
            interaction("2025-02-03T14:00", "out", channel="phone"),
            interaction("2025-02-10T08:00", "in"),
            interaction("2025-02-10T10:00", "out"),
            interaction("2025-02-20T08:00", "in"),  # not answered
        )
    ).loc["ann"]

    assert (found["inquiries"], found["answered"], found["response_hours"]) == (3, 2, 4.0)
    assert found["answered_share"] == pytest.approx(2 / 3)
    assert (found["contacts"], found["contacts_phone"], found["contacts_email"]) == (3, 1, 2)


def test_tasks_are_overdue_until_they_are_done():
    due = "2025-02-10T12:00"
    found = kpis(
        interactions(
            interaction("2025-02-09T12:00", "out", due=due),  # done before it was due
            interaction("2025-02-12T12:00", "out", due=due),  # done late
            interaction(due, "out", due=due, result=None),  # a plan that nobody carried out
            interaction("2025-03-05T12:00", "out", due="2025-03-05T12:00", result=None),  # due later
        )
    ).loc["ann"]

    assert (found["tasks_due"], found["overdue"], found["done_late"]) == (3, 1, 1)
    assert found["contacts"] == 2


def test_satisfaction_is_a_mean_over_all_answers_and_never_one_of_means():
    def answer(user, kind, score, scale):
        at = datetime(2025, 2, 9, tzinfo=UTC)
        return {"user_id": user, "kind": kind, "score": score, "scale_max": scale, "at": at, "recorded_at": at}

    rows = [
        answer("ann", "csat", 5, 5), answer("ann", "csat", 4, 5), answer("ann", "csat", 6, 10),
        answer("bob", "csat", 1, None),
        *(answer("ann", "nps", score, 10) for score in (10, 9, 8, 6)), answer("bob", "nps", 0, None),
        answer("bob", "review", 8, 10),
    ]  # fmt: skip
    found = kpis({"feedback": pd.DataFrame(rows).assign(feedback_id=[f"F{i}" for i in range(len(rows))])})

    assert found.loc["ann", ["csat", "csat_n", "nps", "nps_n", "review_n"]].tolist() == [4, 3, 25, 4, 0]
    assert found.loc["bob", ["csat", "csat_n", "nps", "nps_n", "review"]].tolist() == [1, 1, -100, 1, 4]
    assert found.loc["T", "csat"] == pytest.approx((5 + 4 + 3 + 1) / 4)
    assert found.loc["T", "nps"] == pytest.approx(0)


def orders(opportunity=None):
    at = datetime(2025, 2, 3, tzinfo=UTC)
    return {
        "orders": pd.DataFrame(
            {"order_id": ["S1", "S2"], "user_id": ["bob", None], "account_id": ["A", "A"],
             "opportunity_id": [opportunity, None], "ordered_at": at, "currency": "EUR", "recorded_at": at}
        ),
        "order_lines": pd.DataFrame(
            {"order_id": ["S1", "S2"], "line": 1, "quantity": [2, 1], "unit_price": [10.0, 7.0], "recorded_at": at}
        ),
        "accounts": pd.DataFrame({"account_id": ["A"], "owner_id": ["ann"], "recorded_at": at}),
    }  # fmt: skip


@pytest.mark.parametrize(("source", "ann", "bob"), [("opportunities", 400, 50), ("orders", 7, 20), ("both", 407, 50)])
def test_revenue_comes_from_where_the_settings_say_and_never_twice(source, ann, bob):
    found = kpis({"opportunities": deals(), **orders("D4")}, settings=Settings(revenue_from=source))

    assert found.loc[["ann", "bob"], "revenue"].tolist() == [ann, bob]
