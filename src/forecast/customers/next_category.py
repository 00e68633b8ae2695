"""What an account buys next: its own mix, shrunk to what follows its last category among all accounts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from forecast.customers.book import OrderBook
from forecast.customers.mining import category_counts

#: Orders of all accounts that the general mix is worth among those that followed a category.
_PRIOR_ORDERS = 20.0


@dataclass(frozen=True)
class NextCategory:
    """P(category of the next order) = (own orders by category + strength × following) / (own orders + strength).

    The mean of a Dirichlet posterior; ``following`` is what came after the account's last category.

    Attributes
    ----------
    categories : list of k str
    following : array of shape (k + 1, k)
        Rows sum to 1; the last is for accounts without a known category.
    strength : float
        In orders.
    """

    categories: list[str]
    following: np.ndarray
    strength: float

    @classmethod
    def fit(cls, book: OrderBook, cutoff: int) -> "NextCategory | None":
        """Learn from orders before the day ``cutoff``; None without categories."""
        known = book.before(cutoff)
        has = known.main >= 0
        code, main = known.code[has], known.main[has]
        if not len(main):
            return None
        k = len(known.categories)
        follows = np.diff(code) == 0
        before, after = main[:-1][follows], main[1:][follows]
        general = (np.bincount(main, minlength=k) + 0.5) / (len(main) + 0.5 * k)
        counts = np.bincount(before * k + after, minlength=k * k).reshape(k, k)
        following = (counts + _PRIOR_ORDERS * general) / (counts.sum(axis=1, keepdims=True) + _PRIOR_ORDERS)
        own = _seen_before(code, main, k)[1:][follows]
        total = _position(code)[1:][follows]
        prior = following[before, after]
        if not len(own):
            return cls(known.categories, np.vstack([following, general]), 10.0)

        def loss(log_strength: float) -> float:
            strength = np.exp(log_strength)
            return float(-np.log((own + strength * prior) / (total + strength)).mean())

        found = minimize_scalar(loss, bounds=(np.log(0.5), np.log(1000.0)), method="bounded")
        return cls(known.categories, np.vstack([following, general]), float(np.exp(found.x)))

    def probabilities(self, book: OrderBook, cutoff: int) -> np.ndarray:
        """Of each category, for the accounts that ordered before ``cutoff``, shape (n, k); rows sum to 1."""
        known = book.before(cutoff)
        active, _ = known.history(cutoff)
        place = {name: i for i, name in enumerate(self.categories)}
        to_own = np.array([place.get(name, -1) for name in known.categories] + [-1])
        main = to_own[known.main]
        own = OrderBook(
            known.accounts, known.code, known.day, known.amount, known.quantity, main, known.returned_code,
            known.returned_day, known.returned_amount, self.categories,
        )  # fmt: skip
        counts = category_counts(own, active)
        last = np.full(known.n_accounts, len(self.categories))
        has = main >= 0
        last[known.code[has]] = main[has]  # sorted by day: the latest is written last
        prior = self.following[last[active]]
        return np.asarray((counts + self.strength * prior) / (counts.sum(axis=1, keepdims=True) + self.strength))

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"categories": self.categories, "following": self.following.tolist(), "strength": self.strength}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "NextCategory":
        """What `to_state` described."""
        return cls(list(state["categories"]), np.array(state["following"]), float(state["strength"]))


def _position(code: np.ndarray) -> np.ndarray:
    """Number of the account's orders before each one."""
    starts = np.flatnonzero(np.append(True, np.diff(code) != 0))
    return np.asarray(np.arange(len(code)) - np.repeat(starts, np.diff(np.append(starts, len(code)))))


def _seen_before(code: np.ndarray, main: np.ndarray, k: int) -> np.ndarray:
    """Number of the account's earlier orders of the same category as each one."""
    pair = code * k + main
    order = np.argsort(pair, kind="stable")
    seen = np.empty(len(pair), dtype=np.int64)
    seen[order] = _position(pair[order])
    return seen
