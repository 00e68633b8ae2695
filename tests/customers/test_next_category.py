import numpy as np
import pandas as pd

from forecast.customers.book import OrderBook
from forecast.customers.next_category import NextCategory


def book_of(rows: list[tuple[int, int, str | None]]) -> OrderBook:
    frame = pd.DataFrame(rows, columns=["account_id", "day", "category"])
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return OrderBook.read(frame.assign(ordered_at=days, amount=1.0))


def test_probabilities_sum_to_one_and_follow_what_comes_after_the_last_category() -> None:
    rows = [(i, day, "ax"[day % 2]) for i in range(200) for day in range(6)]
    book = book_of(rows)
    end = int(book.day.max()) + 1

    found = NextCategory.fit(book, end)

    assert found is not None
    p = found.probabilities(book, end)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p[:, 0].min() > 0.8  # "a" always follows "x"
    np.testing.assert_array_equal(NextCategory.from_state(found.to_state()).probabilities(book, end), p)


def test_own_habit_wins_over_the_crowd_where_accounts_keep_theirs() -> None:
    rows = [(i, day, "abc"[i % 3]) for i in range(300) for day in range(5)]
    book = book_of(rows)
    end = int(book.day.max()) + 1

    found = NextCategory.fit(book, end)

    assert found is not None
    assert (found.probabilities(book, end).argmax(axis=1) == np.arange(300) % 3).all()


def test_nothing_is_learned_without_categories_or_from_later_ones() -> None:
    book = book_of([(1, 0, None), (1, 5, "a"), (2, 1, None)])

    assert NextCategory.fit(book, int(book.day.min()) + 3) is None
