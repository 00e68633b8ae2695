import numpy as np
import pandas as pd
import pytest

from forecast.customers.book import OrderBook, day_number
from forecast.errors import InvalidInput

ORDERS = pd.DataFrame(
    {
        "account_id": ["b", "a", "a", "a", "b", "a"],
        "ordered_at": pd.to_datetime(
            ["2024-01-05", "2024-01-01 09:00", "2024-01-01 18:00", "2024-02-01", "2024-01-09", "2024-02-03"],
            format="ISO8601",
        ),
        "amount": [10.0, 5.0, 7.0, 20.0, 30.0, -4.0],
        "quantity": [1, 2, 3, 4, 5, -1],
        "category": ["x", "y", "x", None, "x", "y"],
    }
)
JAN1 = day_number("2024-01-01")


def test_book_merges_what_is_ordered_on_a_day_and_keeps_returns_apart() -> None:
    book = OrderBook.read(ORDERS)

    assert book.accounts.tolist() == ["a", "b"]
    assert book.code.tolist() == [0, 0, 1, 1]
    assert (book.day - JAN1).tolist() == [0, 31, 4, 8]
    assert book.amount.tolist() == [12.0, 20.0, 10.0, 30.0]
    assert book.quantity.tolist() == [5.0, 4.0, 1.0, 5.0]
    assert [book.categories[i] if i >= 0 else None for i in book.main] == ["x", None, "x", "x"]
    assert (book.returned_code.tolist(), book.returned_amount.tolist()) == ([0], [4.0])


def test_book_ignores_the_order_of_rows() -> None:
    one, other = OrderBook.read(ORDERS), OrderBook.read(ORDERS.iloc[::-1])

    for name in ("code", "day", "amount", "quantity", "main", "returned_amount"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_labels_are_orders_and_net_spend_from_the_cutoff_on() -> None:
    orders, spend = OrderBook.read(ORDERS).labels(day_number("2024-01-09"), 26)

    assert orders.tolist() == [1, 1]  # 2024-02-04 would be day 27
    assert spend.tolist() == [16.0, 30.0]


def test_history_counts_repeats_and_watches_to_the_last_known_day() -> None:
    active, history = OrderBook.read(ORDERS).history(day_number("2024-01-09"))

    assert active.tolist() == [0, 1]
    assert history.repeats.tolist() == [0, 0]
    np.testing.assert_allclose(history.age * 7, [7, 3])


def test_ids_of_mixed_type_keep_their_values() -> None:
    book = OrderBook.read(ORDERS.assign(account_id=pd.Series(["b", 7, 7, 7, "b", 7], dtype=object)))

    assert book.accounts.tolist() == [7, "b"]


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        (ORDERS.drop(columns="amount"), r"missing columns \['amount'\]; there are"),
        (ORDERS.assign(amount=[1, 2, np.nan, 4, 5, 6]), "1 of 6 orders have no account_id, ordered_at or amount"),
        (ORDERS.assign(amount=np.inf), "6 of 6 orders have no finite amount"),
        (ORDERS.assign(ordered_at="soon"), "`ordered_at` must hold timestamps, got object"),
    ],
)
def test_read_says_what_is_wrong(orders: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        OrderBook.read(orders)
