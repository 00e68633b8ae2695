"""Orders of all accounts as sorted arrays, which is what every feature and label is mined from."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from forecast.customers.purchase_process import History
from forecast.errors import InvalidInput

Moment = str | date | datetime | pd.Timestamp

REQUIRED = ("account_id", "ordered_at", "amount")
_EPOCH = pd.Timestamp("1970-01-01")


@dataclass(frozen=True)
class OrderBook:
    """Days on which accounts ordered, and what they sent back.

    All that an account ordered on one day is one order. Days are counted from 1970-01-01; arrays are sorted by account
    and day.

    Attributes
    ----------
    accounts : array of shape (n_accounts,)
        Ids; ``code`` and the other codes are positions here.
    code, day, amount, quantity, main : arrays of shape (n_orders,)
        Account, day, what was ordered (money and pieces), and the category that most money went to (position in
        ``categories``; -1 without).
    returned_code, returned_day, returned_amount : arrays of shape (n_returns,)
        Negative amounts, as positive money.
    categories : list of str
    """

    accounts: np.ndarray
    code: np.ndarray
    day: np.ndarray
    amount: np.ndarray
    quantity: np.ndarray
    main: np.ndarray
    returned_code: np.ndarray
    returned_day: np.ndarray
    returned_amount: np.ndarray
    categories: list[str]

    @classmethod
    def read(cls, orders: pd.DataFrame) -> "OrderBook":
        """Check a table of orders or of their lines.

        Parameters
        ----------
        orders : DataFrame
            ``account_id``, ``ordered_at`` (timestamps), ``amount`` (negative: sent back), and optionally ``quantity``
            and ``category``.

        Raises
        ------
        InvalidInput
            If a column is missing, or an id, time or amount is.
        """
        missing = [name for name in REQUIRED if name not in orders]
        if missing:
            raise InvalidInput(f"Orders are missing columns {missing}; there are {sorted(map(str, orders.columns))}.")
        bad = orders[list(REQUIRED)].isna().any(axis=1)
        if bad.any():
            raise InvalidInput(f"{int(bad.sum())} of {len(orders):,} orders have no account_id, ordered_at or amount.")
        code, accounts = _codes(orders["account_id"])
        day = _days(orders["ordered_at"])
        amount = orders["amount"].to_numpy(dtype=float)
        if not np.isfinite(amount).all():
            raise InvalidInput(f"{int((~np.isfinite(amount)).sum())} of {len(orders):,} orders have no finite amount.")
        pieces = orders["quantity"].to_numpy(dtype=float) if "quantity" in orders else np.full(len(code), np.nan)
        category, categories = np.full(len(code), -1), []
        if "category" in orders:
            category, levels = pd.factorize(orders["category"].astype("string"), sort=True)
            categories = [str(level) for level in levels]
        back = amount < 0
        bought = ~back
        own_code, own_day, own_amount, own_pieces, main = _by_day(
            code[bought], day[bought], amount[bought], pieces[bought], category[bought], len(categories)
        )
        order = np.lexsort((day[back], code[back]))
        return cls(
            accounts,
            own_code,
            own_day,
            own_amount,
            own_pieces,
            main,
            code[back][order],
            day[back][order],
            -amount[back][order],
            categories,
        )

    @property
    def n_accounts(self) -> int:
        """Number of accounts, whenever they ordered."""
        return len(self.accounts)

    def before(self, cutoff: int) -> "OrderBook":
        """What was ordered and sent back before the day ``cutoff``; all accounts stay."""
        keep, back = self.day < cutoff, self.returned_day < cutoff
        return OrderBook(
            self.accounts,
            self.code[keep],
            self.day[keep],
            self.amount[keep],
            self.quantity[keep],
            self.main[keep],
            self.returned_code[back],
            self.returned_day[back],
            self.returned_amount[back],
            self.categories,
        )

    def total(self, values: np.ndarray | None = None, where: np.ndarray | None = None) -> np.ndarray:
        """Sum over each account's orders (their number by default), shape (n_accounts,)."""
        code = self.code if where is None else self.code[where]
        weights = values if values is None or where is None else values[where]
        return np.bincount(code, weights, minlength=self.n_accounts)

    def first_and_last(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions of each account's first and last order, shape (n_accounts,); meaningless without orders."""
        ends = np.cumsum(self.total())
        return np.append(0, ends[:-1]), ends - 1

    def history(self, cutoff: int) -> tuple[np.ndarray, History]:
        """Accounts that ordered before the day ``cutoff`` (their codes), and what the process knows of them.

        Age runs to the last day that is known, so that the coming ``w`` weeks are those from ``cutoff`` on.
        """
        known = self.before(cutoff)
        count = known.total()
        active = np.flatnonzero(count > 0)
        first, last = known.first_and_last()
        start, end = known.day[first[active]], known.day[last[active]]
        return active, History((count[active] - 1.0), (end - start) / 7, (cutoff - 1 - start) / 7)

    def labels(self, cutoff: int, horizon_days: int) -> tuple[np.ndarray, np.ndarray]:
        """Orders, and money spent net of what was sent back, in the horizon from ``cutoff`` on; shape (n_accounts,)."""
        within = (self.day >= cutoff) & (self.day < cutoff + horizon_days)
        back = (self.returned_day >= cutoff) & (self.returned_day < cutoff + horizon_days)
        returned = np.bincount(self.returned_code[back], self.returned_amount[back], minlength=self.n_accounts)
        return self.total(where=within), self.total(self.amount, within) - returned


def day_number(moment: Moment) -> int:
    """Days from 1970-01-01 to a day."""
    return int((pd.Timestamp(moment).tz_localize(None).normalize() - _EPOCH).days)


def _codes(ids: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Position of each id among the distinct ones, which are sorted as texts where they cannot be compared."""
    code, levels = pd.factorize(ids)
    values: np.ndarray = np.asarray(levels)
    key: Any = values if values.dtype.kind in "iuf" else values.astype(str)
    order = np.argsort(key, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[code], values[order]


def _days(moments: pd.Series) -> np.ndarray:
    """Day numbers of timestamps, as their own clock shows the day."""
    try:
        stamps = pd.DatetimeIndex(moments)
    except (TypeError, ValueError):
        raise InvalidInput(f"`ordered_at` must hold timestamps, got {moments.dtype}.") from None
    return np.asarray((stamps.tz_localize(None).normalize() - _EPOCH).days, dtype=np.int64)


def _by_day(
    code: np.ndarray, day: np.ndarray, amount: np.ndarray, pieces: np.ndarray, category: np.ndarray, n_categories: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One row per account and day: code, day, amount, pieces, main category."""
    order = np.lexsort((category, day, code))
    code, day, amount, pieces, category = (array[order] for array in (code, day, amount, pieces, category))
    starts = np.flatnonzero(np.append(True, (np.diff(code) != 0) | (np.diff(day) != 0))[: len(code)])
    if not len(starts):
        return code, day, amount, pieces, category
    main = np.full(len(starts), -1)
    if n_categories:
        row = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(code))))
        main = _main_category(row, category, amount, n_categories, len(starts))
    return code[starts], day[starts], np.add.reduceat(amount, starts), np.add.reduceat(pieces, starts), main


def _main_category(
    row: np.ndarray, category: np.ndarray, amount: np.ndarray, n_categories: int, n_rows: int
) -> np.ndarray:
    """The known category of most money in each row; -1 where none is known; the first in the alphabet of equal ones."""
    known = category >= 0
    pair, place = np.unique(row[known] * n_categories + category[known], return_inverse=True)
    money = np.bincount(place, amount[known])
    best = np.lexsort((-(pair % n_categories), money, pair // n_categories))
    main = np.full(n_rows, -1)
    main[pair[best] // n_categories] = pair[best] % n_categories  # the last of a row is its greatest
    return main
