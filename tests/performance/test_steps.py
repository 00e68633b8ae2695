from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from forecast.datasets import Company
from forecast.history import connect_tables
from forecast.performance import WIN
from forecast.performance.kpis import Spans, create_facts
from forecast.performance.steps import ANSWER, CONVERT, TAKE_UP, Windows, judge_steps
from forecast.periods import parse_period
from forecast.settings import Settings

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def windows(label, as_of=AS_OF, settings=None):
    settings = settings or Settings()
    spans = Spans.of(parse_period(label, fiscal_year_start=settings.fiscal_year_start), as_of, settings)
    found = Windows.of(spans, as_of, settings)
    days = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(limit)) for limit in found.limits]
    return found, days


@pytest.mark.parametrize("label", ["2025Q4", "2025-11", "FY2025", "2025-W40", "2024Q1"])
def test_windows_of_a_period_are_exactly_the_period(label):
    found, days = windows(label)

    first, last = found.period
    assert days[first] == parse_period(label).start(Settings().zone)
    assert days[last + 1] == min(parse_period(label).end(Settings().zone), AS_OF)
    assert days[-1] == AS_OF
    assert (np.diff(found.limits) > 0).all()


def test_windows_are_fiscal_quarters_of_at_least_two_years():
    _, days = windows("2025Q2", settings=Settings(fiscal_year_start=2))

    assert [f"{day:%Y-%m-%d}" for day in days[-5:]] == [
        "2025-02-01",
        "2025-05-01",
        "2025-08-01",
        "2025-11-01",
        "2026-01-01",
    ]
    assert days[0] <= AS_OF - timedelta(days=728)


def test_a_running_period_ends_now():
    found, days = windows("FY2026", as_of=datetime(2026, 2, 10, tzinfo=UTC))

    assert (days[found.period[0]], days[-1]) == (AS_OF, datetime(2026, 2, 10, tzinfo=UTC))


@pytest.fixture(scope="module")
def judged(company: Company):
    con = connect_tables(company.tables)
    settings, as_of = Settings(), company.end
    create_facts(con, as_of, settings)
    return judge_steps(con, Spans.of(parse_period("FY2025"), as_of, settings), as_of, settings)


def test_every_step_of_the_funnel_is_judged(judged):
    assert list(judged.steps) == [
        WIN, CONVERT, "advance.qualification", "advance.needs_analysis", "advance.proposal", "close.negotiation",
        TAKE_UP, ANSWER,
    ]  # fmt: skip


def test_what_is_expected_adds_up_to_what_came(judged):
    for above in judged.steps.values():
        assert above.expected.sum() == pytest.approx(above.successes.sum(), rel=0.1)
        assert (above.successes <= above.n_cases).all()


def test_wins_of_the_whole_are_those_of_the_period(judged, company: Company):
    rows = company.exports["opportunities"]
    won = rows[(rows["outcome"] == "won") & (rows["closed_at"] >= pd.Timestamp("2025-01-01", tz="UTC"))]

    assert judged.steps[WIN].successes.sum() == won["opportunity_id"].nunique() > 50


def test_money_is_expected_at_the_rate_of_won_to_asked(judged):
    whole = judged.steps[WIN]

    assert whole.amount is not None
    assert whole.expected_amount is not None
    assert whole.expected_amount.sum() == pytest.approx(whole.amount.sum(), rel=0.4)  # few large deals decide
    assert all(above.amount is None for step, above in judged.steps.items() if step != WIN)


def test_a_company_of_one_is_compared_with_nobody(deal, on_day):
    deals = pd.concat([deal(f"D{i}", (i, "ann", "new", None), (i + 5, "ann", "won", "won")) for i in range(20)])
    con = connect_tables({"opportunities": deals})
    as_of = on_day(89).to_pydatetime()
    create_facts(con, as_of, Settings())

    assert judge_steps(con, Spans.of(parse_period("2025Q1"), as_of, Settings()), as_of, Settings()).steps == {}


def test_a_new_case_is_taken_up_by_a_contact_within_two_days(deal, on_day):
    people = ["ann", "bob"]
    deals = pd.concat([deal(f"D{i}", (i, people[i % 2], "new", None)) for i in range(40)])
    soon = [i for i in range(40) if i % 2 == 0 or i % 8 == 1]  # ann always, bob every fourth time
    contacts = pd.DataFrame(
        {
            "interaction_id": [f"I{i}" for i in soon], "opportunity_id": [f"D{i}" for i in soon], "direction": "out",
            "at": [on_day(i + 1) for i in soon], "result": "answered", "recorded_at": [on_day(i + 1) for i in soon],
        }
    )  # fmt: skip
    con = connect_tables({"opportunities": deals, "interactions": contacts})
    as_of = on_day(60).to_pydatetime()
    create_facts(con, as_of, Settings())

    found = judge_steps(con, Spans.of(parse_period("2025Q1"), as_of, Settings()), as_of, Settings()).steps[TAKE_UP]

    assert dict(zip(found.people, found.successes.tolist(), strict=True)) == {"ann": 20, "bob": 5}
    assert found.n_cases.tolist() == [20, 20]
    assert found.expected[0] < 8 < 16 < found.expected[1]  # each is expected to do as the other
