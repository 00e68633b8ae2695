from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from forecast.history import connect_tables
from forecast.outlook.baselines import BASELINES, baselines, growth, last_year
from forecast.outlook.outlook import UNASSIGNED
from forecast.outlook.revenue import read_revenue
from forecast.periods import parse_period
from forecast.settings import Settings

AS_OF = datetime(2024, 6, 11, tzinfo=UTC)
JUNE = parse_period("2024-06")
SETTINGS = Settings()


def version(deal_id, owner, amount, created, closed=None, outcome=None, *, stage="offer", known=None, **more):
    return {
        "opportunity_id": deal_id,
        "owner_id": owner,
        "amount": amount,
        "currency": "EUR",
        "stage": stage,
        "created_at": pd.Timestamp(created),
        "closed_at": pd.Timestamp(closed) if closed else pd.NaT,
        "outcome": outcome,
        "recorded_at": pd.Timestamp(known or closed or created) + pd.Timedelta(minutes=1),
        "expected_close_date": None,
        "forecast_category": None,
    } | more


def decided(deal_id, outcome, *stages, created="2024-01-01", closed="2024-01-31", amount=0.0, owner="ada"):
    """A deal that was open in each of these stages."""
    opened = [
        version(deal_id, owner, amount, created, stage=stage, known=pd.Timestamp(created) + pd.Timedelta(days=day))
        for day, stage in enumerate(stages)
    ]
    return [*opened, version(deal_id, owner, amount, created, closed, outcome, stage=f"closed_{outcome}")]


#: Three of four deals that reached an offer were won, one of four that were only new; wins took 30 days.
PAST = [
    *decided("p1", "won", "new", "offer"),
    *decided("p2", "won", "offer"),
    *decided("p3", "won", "offer"),
    *decided("p4", "lost", "new", "offer"),
    *decided("p5", "lost", "new"),
    *decided("p6", "lost", "new"),
]


def asked(deals, as_of=AS_OF, period=JUNE, settings=SETTINGS, **tables):
    with connect_tables({"opportunities": pd.DataFrame(deals), **tables}) as con:
        return baselines(con, period, as_of, settings)


def test_weighted_pipeline_by_hand():
    deals = [
        *PAST,
        version("a", "ada", 1000.0, "2024-06-01", expected_close_date=date(2024, 6, 30)),
        version("b", "ada", 1000.0, "2024-06-01", stage="new", expected_close_date=date(2024, 6, 12)),
        version("c", "ada", 1000.0, "2024-06-01", expected_close_date=date(2024, 7, 1)),  # after June
        version("d", "bob", 100.0, "2024-06-01", stage="unheard of", expected_close_date=date(2024, 6, 12)),
        *decided("e", "won", "offer", created="2024-05-01", closed="2024-06-03", amount=70.0, owner=None),
    ]

    found = asked(deals)["weighted_pipeline"]

    # `e` is the fourth win of five offers and of seven deals.
    np.testing.assert_allclose(found["ada"], 1000 * 4 / 5 + 1000 * 1 / 4)
    np.testing.assert_allclose(found["bob"], 100 * 4 / 7)
    assert found[UNASSIGNED] == 70


@pytest.mark.parametrize(
    ("created", "period", "counts"),
    [
        ("2024-05-20", "2024-06", True),  # due on 19 June
        ("2024-05-20", "2024-07", False),
        ("2024-06-02", "2024-07", True),  # due on 2 July
        ("2024-02-01", "2024-06", True),  # overdue, so now
    ],
)
def test_deal_without_a_date_is_expected_after_the_median_cycle_of_wins(created, period, counts):
    found = asked([*PAST, version("a", "ada", 100.0, created)], period=parse_period(period))

    np.testing.assert_allclose(found["weighted_pipeline"]["ada"], 75.0 if counts else 0.0)


def test_categories_by_hand():
    june, july = date(2024, 6, 20), date(2024, 7, 20)
    deals = [
        version("a", "ada", 100.0, "2024-06-01", forecast_category="Commit", expected_close_date=june),
        version("b", "ada", 30.0, "2024-06-01", forecast_category="best case", expected_close_date=june),
        version("c", "ada", 7.0, "2024-06-01", forecast_category="pipeline", expected_close_date=june),
        version("d", "ada", 50.0, "2024-06-01", forecast_category="commit", expected_close_date=july),
        *decided("e", "won", "offer", created="2024-05-01", closed="2024-06-03", amount=9.0),
    ]

    found = asked(deals).loc["ada"]

    assert found[["category_commit", "category_best"]].tolist() == [109.0, 139.0]


def test_last_year_grows_what_the_rest_of_the_period_brought():
    months = pd.date_range("2022-06-15", "2024-05-15", freq="MS") + pd.Timedelta(days=14)
    deals = [
        row
        for number, day in enumerate(months)
        for row in decided(
            f"m{number}",
            "won",
            "offer",
            created=day - pd.Timedelta(days=5),
            closed=day,
            amount=100.0 if day < pd.Timestamp("2023-06-10") else 150.0,
        )
    ]
    deals += decided("late", "won", "offer", created="2023-06-01", closed="2023-06-05", amount=1000.0, owner="bob")

    found = asked(deals)["last_year"]

    with connect_tables({"opportunities": pd.DataFrame(deals)}) as con:
        rate = growth(read_revenue(con, AS_OF, SETTINGS), AS_OF)
    # The first came on 15 July 2022, 333 days before 13 June 2023, which is 52 weeks before 11 June 2024.
    assert rate == pytest.approx(11 * 150 / (11 * 100 + 1000))
    # On 11 June, ten days of June are over: of last June the 15th is left, and bob's 5th is not.
    np.testing.assert_allclose(found["ada"], 150 * rate)
    assert found.get("bob", 0.0) == 0.0


def test_last_year_is_the_mean_of_the_last_periods_while_no_year_is_known():
    deals = [
        *decided("a", "won", "offer", created="2024-01-01", closed="2024-03-20", amount=90.0),
        *decided("b", "won", "offer", created="2024-01-01", closed="2024-06-10", amount=90.0),
        *decided("c", "won", "offer", created="2023-06-20", closed="2024-02-01", amount=1e6, owner="bob"),
    ]

    found = asked(deals)["last_year"]["ada"]

    np.testing.assert_allclose(found, 90 + 180 / 90 * 20)  # 20 days of June are left


def test_unknown_rules_say_nothing():
    nothing_decided = asked([version("a", "ada", 100.0, "2024-06-01")])
    of_orders = asked(PAST, settings=Settings(revenue_from="orders"))

    assert nothing_decided.isna().all(axis=None)
    assert list(nothing_decided.columns) == list(BASELINES)
    assert of_orders.drop(columns="last_year").isna().all(axis=None)


def test_baselines_see_no_future():
    before = [*PAST, version("a", "ada", 100.0, "2024-06-01", forecast_category="commit")]
    later = [
        *decided("x", "won", "offer", created="2024-06-11 12:00", closed="2024-06-20", amount=1e6),
        version("a", "ada", 1e6, "2024-06-01", "2024-06-11 00:00", "won"),
        version("p6", "ada", 1e6, "2024-01-01", "2024-06-12", "won"),
    ]

    pd.testing.assert_frame_equal(asked(before), asked([*before, *later]))


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("2024-02", "2023-02-01", "2023-02-28"),
        ("2025-02", "2024-02-01", "2024-02-29"),
        ("2024Q4", "2023-10-01", "2023-12-31"),
        ("FY2024", "2023-01-01", "2023-12-31"),
        ("2024-W10", "2023-03-06", "2023-03-12"),
    ],
)
def test_last_year_of_a_period(label, first, last):
    assert last_year(parse_period(label)) == (date.fromisoformat(first), date.fromisoformat(last))
