import numpy as np
import pandas as pd

from forecast.customers.book import OrderBook, day_number
from forecast.customers.mining import Population, fading_rate, mine
from forecast.customers.order_value import OrderValue
from forecast.customers.purchase_process import PurchaseProcess

POPULATION = Population(PurchaseProcess(0.5, 5.0, 0.8, 2.5), OrderValue(3.0, 4.0, 60.0))
ORDERS = pd.DataFrame(
    {
        "account_id": [1, 1, 1, 2, 1, 2],
        "ordered_at": pd.to_datetime(
            ["2023-01-01", "2023-01-11", "2023-02-10", "2023-02-20", "2023-02-15", "2023-03-05"]
        ),
        "amount": [10.0, 20.0, 60.0, 8.0, -9.0, 99.0],
        "quantity": [1.0, 1.0, 2.0, 4.0, -1.0, 1.0],
        "category": ["x", "x", "y", "y", "x", "x"],
    }
)


def test_features_are_those_computed_by_hand() -> None:
    mined = mine(OrderBook.read(ORDERS), day_number("2023-03-02"), 30, POPULATION)

    expected = pd.DataFrame(
        {
            "orders": [3.0, 1.0],
            "recency_days": [20.0, 10.0],
            "age_days": [60.0, 10.0],
            "mean_gap_days": [20.0, np.nan],
            "gap_variation": [0.5, np.nan],
            "last_gap_to_mean": [1.5, np.nan],
            "recency_to_gap": [1.0, np.nan],
            "recency_to_longest_gap": [2 / 3, np.nan],
            "first_gap_days": [10.0, np.nan],
            "amount": [90.0, 8.0],
            "mean_amount": [30.0, 8.0],
            "last_amount_to_mean": [2.0, 1.0],
            "first_amount": [10.0, 8.0],
            "pieces_per_order": [4 / 3, 4.0],
            "returned_share": [0.1, 0.0],
            "n_categories": [2.0, 1.0],
            "top_category": [2 / 3, 1.0],
            "orders_year_ago": [np.nan, np.nan],
        }
    )
    pd.testing.assert_frame_equal(mined.features[list(expected.columns)], expected)


def test_season_counts_the_same_days_a_year_ago() -> None:
    mined = mine(OrderBook.read(ORDERS), day_number("2024-02-08"), 10, POPULATION)

    assert mined.features["orders_year_ago"].tolist()[0] == 3.0  # one in ten days: 02-10
    assert np.isnan(mined.features["orders_year_ago"].tolist()[1])


def test_fading_rate_of_steady_orders_is_their_rate_whatever_the_half_life() -> None:
    steady = pd.DataFrame({"account_id": 1, "ordered_at": pd.date_range("2022-01-01", periods=400, freq="2D")})
    book = OrderBook.read(steady.assign(amount=1.0))
    cutoff = int(book.day.max()) + 1

    for half_life in (30, 91, 365):
        assert abs(fading_rate(book, cutoff, np.array([0]), half_life)[0] - 0.5) < 0.01


def test_mining_and_population_see_nothing_from_the_cutoff_on(simulated_orders: pd.DataFrame) -> None:
    cutoff = day_number("2023-10-01")
    late = simulated_orders["ordered_at"] >= "2023-10-01"
    other = simulated_orders.assign(
        amount=simulated_orders["amount"].where(~late, 1e6), category=simulated_orders["category"].where(~late, "gifts")
    )
    more = pd.concat([other, other[late].assign(ordered_at=pd.Timestamp("2023-10-02"), amount=-5.0)])

    one, two = OrderBook.read(simulated_orders), OrderBook.read(more)
    seen, changed = (mine(book, cutoff, 90, Population.fit(book, cutoff)) for book in (one, two))

    pd.testing.assert_frame_equal(seen.features, changed.features)
    np.testing.assert_array_equal(seen.expected()["spend"], changed.expected()["spend"])
