"""What each account's past says at a cutoff: recency, frequency, money, rhythm, trend, season, returns, categories."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.customers.book import OrderBook
from forecast.customers.order_value import OrderValue
from forecast.customers.purchase_process import History, PurchaseProcess

#: Half-lives of fading counts: a month, a quarter, a year.
FADING_DAYS = (30, 91, 365)
_YEAR, _MONTH, _QUARTER_WEEKS = 365, 30, 13


@dataclass(frozen=True)
class Population:
    """What is true of all accounts: learned from orders before one moment, and applied at that and earlier ones."""

    process: PurchaseProcess
    value: OrderValue

    @classmethod
    def fit(cls, book: OrderBook, cutoff: int) -> "Population":
        """Learn from what was ordered before the day ``cutoff``."""
        known = book.before(cutoff)
        active, history = known.history(cutoff)
        count = history.repeats + 1
        return cls(PurchaseProcess.fit(history), OrderValue.fit(count, known.total(known.amount)[active] / count))


@dataclass(frozen=True)
class Mined:
    """Accounts at a cutoff.

    Attributes
    ----------
    active : array of shape (n,)
        Codes of the accounts that had ordered.
    features : DataFrame of n rows
        Of no feature the scale depends on the horizon, so that a shorter one teaches a longer one.
    history : History
    order_value : array of shape (n,)
        Expected amount of one more order.
    population : Population
    horizon_days : int
    """

    active: np.ndarray
    features: pd.DataFrame
    history: History
    order_value: np.ndarray
    population: Population
    horizon_days: int

    def expected(self, horizon_days: int | None = None) -> dict[str, np.ndarray]:
        """What the process and the value of an order alone expect of the horizon, or of another one, by target."""
        weeks = (horizon_days or self.horizon_days) / 7
        process = self.population.process
        orders = process.expected_orders(self.history, weeks)
        return {
            "p_buys": process.p_buys_slowing(self.history, weeks),
            "orders": orders,
            "spend": orders * self.order_value,
        }


def mine(book: OrderBook, cutoff: int, horizon_days: int, population: Population) -> Mined:
    """Features of every account that ordered before ``cutoff``, from what was ordered before it alone.

    Parameters
    ----------
    book : OrderBook
    cutoff : int
        Day number; nothing on or after it is read.
    horizon_days : int
        Of what is to be foretold, which starts at ``cutoff``.
    population : Population
    """
    known = book.before(cutoff)
    active, history = known.history(cutoff)
    process = population.process
    count = history.repeats + 1
    value = population.value.mean(count, known.total(known.amount)[active] / count)
    columns = {
        **_rhythm(known, cutoff, active),
        **_money(known, cutoff, active),
        **_categories(known, active),
        **_season(known, cutoff, horizon_days, active),
        "p_alive": process.p_alive(history),
        "process_rate": process.rate(history),
        "process_orders": process.expected_orders(history, _QUARTER_WEEKS),
        "order_value": value,
    }
    return Mined(active, pd.DataFrame(columns), history, value, population, horizon_days)


def _rhythm(known: OrderBook, cutoff: int, active: np.ndarray) -> dict[str, np.ndarray]:
    """When and how regularly each account orders."""
    first, last = (positions[active] for positions in known.first_and_last())
    count = known.total()[active]
    age, recency = cutoff - known.day[first], cutoff - known.day[last]
    same = np.append(False, np.diff(known.code) == 0)[: len(known.code)]
    gaps = np.where(same, np.append(0, np.diff(known.day))[: len(known.day)], 0).astype(float)
    many = count > 1
    n_gaps = np.where(many, count - 1, np.nan)
    mean_gap = known.total(gaps)[active] / n_gaps
    spread = np.sqrt(np.maximum(known.total(gaps**2)[active] / n_gaps - mean_gap**2, 0))
    longest = np.zeros(known.n_accounts)
    np.maximum.at(longest, known.code, gaps)
    second = np.where(many, gaps[np.minimum(first + 1, len(gaps) - 1)], np.nan)
    rates = {f"rate_{days}d": fading_rate(known, cutoff, active, days) for days in FADING_DAYS}
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "orders": count.astype(float),
            "recency_days": recency.astype(float),
            "age_days": age.astype(float),
            "recency_to_age": recency / age,
            "rate": count / age,
            **rates,
            "trend": rates["rate_91d"] / (count / age),
            "mean_gap_days": mean_gap,
            "gap_variation": spread / mean_gap,
            "last_gap_to_mean": np.where(many, gaps[last], np.nan) / mean_gap,
            "recency_to_gap": recency / mean_gap,
            "recency_to_longest_gap": recency / np.where(many, longest[active], np.nan),
            "first_gap_days": second,
        }


def fading_rate(known: OrderBook, cutoff: int, active: np.ndarray, half_life_days: int) -> np.ndarray:
    """Orders per day of each account, the older the less they count, shape (n,): the sum of the weights of its orders
    over that of its days."""
    decay = np.log(2) / half_life_days
    weight = known.total(np.exp(-decay * (cutoff - known.day)))[active]
    first = known.first_and_last()[0][active]
    days = (1 - np.exp(-decay * (cutoff - known.day[first]))) / decay
    return np.asarray(weight / days)


def _money(known: OrderBook, cutoff: int, active: np.ndarray) -> dict[str, np.ndarray]:
    """What each account's orders are worth, and what came back."""
    first, last = (positions[active] for positions in known.first_and_last())
    count = known.total()[active]
    total = known.total(known.amount)[active]
    mean = total / count
    spread = np.sqrt(np.maximum(known.total(known.amount**2)[active] / count - mean**2, 0))
    pieces = known.total(known.quantity)[active]
    recent = np.exp(-np.log(2) / FADING_DAYS[1] * (cutoff - known.day))
    returned = np.bincount(known.returned_code, known.returned_amount, minlength=known.n_accounts)[active]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "amount": total,
            "mean_amount": mean,
            "last_amount_to_mean": known.amount[last] / mean,
            "first_amount": known.amount[first],
            "amount_variation": spread / mean,
            "recent_amount_to_mean": known.total(known.amount * recent)[active] / known.total(recent)[active] / mean,
            "pieces_per_order": pieces / count,
            "amount_per_piece": total / pieces,
            "returned_share": returned / total,
        }


def _categories(known: OrderBook, active: np.ndarray) -> dict[str, np.ndarray]:
    """How many kinds of things each account buys."""
    if not known.categories:
        return {}
    counts = category_counts(known, active)
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return {"n_categories": (counts > 0).sum(axis=1).astype(float), "top_category": counts.max(axis=1) / total}


def category_counts(known: OrderBook, active: np.ndarray) -> np.ndarray:
    """Orders of each account by main category, shape (n, n_categories)."""
    n = len(known.categories)
    has = known.main >= 0
    flat = np.bincount(known.code[has] * n + known.main[has], minlength=known.n_accounts * n)
    return np.asarray(flat.reshape(known.n_accounts, n)[active])


def _season(known: OrderBook, cutoff: int, horizon_days: int, active: np.ndarray) -> dict[str, np.ndarray]:
    """Orders a month in the same days a year ago; missing where the account is younger."""
    start, end = cutoff - _YEAR, cutoff - _YEAR + min(horizon_days, _YEAR)
    first = known.first_and_last()[0][active]
    same = (known.day >= start) & (known.day < end)
    counts = known.total(where=same)[active] * _MONTH / (end - start)
    return {"orders_year_ago": np.where(known.day[first] <= start, counts, np.nan)}
