"""What simulated accounts buy and say after a win, and the targets that reps were given."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.people import PRICES, REGIONS, REPORTING_CURRENCY, Accounts, People
from forecast.datasets.records import ids, moments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: True factor on the rate of repeat orders by calendar month.
ORDER_SEASONALITY = np.array([0.8, 0.85, 1.0, 1.0, 1.05, 1.0, 0.8, 0.75, 1.05, 1.15, 1.3, 1.25])
#: Repeat orders per account and day at the start, and their growth per year.
ORDER_RATE, ORDER_GROWTH = 1 / 45, 0.2
#: Popularity of the products among order lines.
PRODUCT_SHARES = np.array([0.30, 0.10, 0.15, 0.20, 0.15, 0.10])


def order_rate(start: date, days: Floats) -> Floats:
    """True repeat orders per day of one won account at fractional days since the start."""
    month = (np.datetime64(start, "D") + np.floor(days).astype("timedelta64[D]")).astype("datetime64[M]")
    factor = ORDER_SEASONALITY[month.astype(int) % 12]
    return np.asarray(ORDER_RATE * factor * (1 + ORDER_GROWTH * days / 365))


def order_rows(
    won_deal: Ints,
    won_at: Floats,
    account: Ints,
    accounts: Accounts,
    start: date,
    n_days: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders and their lines: the one that closes each deal, then repeat purchases of accounts that bought once.

    Parameters
    ----------
    won_deal, won_at, account : arrays of shape (n_won,)
        Number, day of the win and account of each deal won before the end.
    """
    customers, place = np.unique(account, return_inverse=True)
    first = np.full(len(customers), float(n_days))
    np.minimum.at(first, place, won_at)
    top = ORDER_RATE * ORDER_SEASONALITY.max() * (1 + ORDER_GROWTH * n_days / 365)
    n_tries = rng.poisson(top * (n_days - first))
    buyer = np.repeat(np.arange(len(customers)), n_tries)
    at = first[buyer] + (n_days - first[buyer]) * rng.random(len(buyer))
    kept = rng.random(len(at)) < order_rate(start, at) / top  # thinning of a homogeneous process
    orders = pd.DataFrame(
        {
            "account": np.concatenate([account, customers[buyer[kept]]]),
            "deal": np.concatenate([won_deal, np.full(kept.sum(), -1)]),
            "at": np.concatenate([won_at, at[kept]]),
        }
    ).sort_values(["at", "account"], kind="stable", ignore_index=True)
    n = len(orders)
    buyer = orders["account"].to_numpy()
    ordered_at = moments(start, orders["at"])
    rows = pd.DataFrame(
        {
            "order_id": ids("S", np.arange(n)),
            "account_id": ids("A", buyer),
            "user_id": ids("U", accounts.owner[buyer]),
            "opportunity_id": ids("O", orders["deal"]),
            "region": np.array(REGIONS, object)[accounts.owner[buyer] % len(REGIONS)],
            "ordered_at": ordered_at,
            "status": np.where(rng.random(n) < 0.03, "cancelled", "completed").astype(object),
            "currency": accounts.currency[buyer],
            "recorded_at": ordered_at,
        }
    )
    return rows, _order_lines(n, ordered_at, rng)


def _order_lines(n_orders: int, ordered_at: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """One to four lines per order."""
    n_lines = rng.integers(1, 5, n_orders)
    order = np.repeat(np.arange(n_orders), n_lines)
    product = rng.choice(len(PRICES), len(order), p=PRODUCT_SHARES)
    return pd.DataFrame(
        {
            "order_id": ids("S", order),
            "line": np.arange(len(order)) - np.repeat(np.cumsum(n_lines) - n_lines, n_lines) + 1,
            "product_id": ids("P", product),
            "quantity": 1.0 + rng.poisson(2, len(order)),
            "unit_price": PRICES[product],
            "discount_pct": rng.choice([0.0, 5.0, 10.0], len(order), p=[0.7, 0.2, 0.1]),
            "recorded_at": ordered_at.iloc[order].reset_index(drop=True),
        }
    )


def feedback_rows(orders: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Satisfaction with a quarter of the orders, within days after them; every fourth asks for a recommendation."""
    asked = orders[rng.random(len(orders)) < 0.25].reset_index(drop=True)
    n = len(asked)
    at = asked["ordered_at"] + pd.to_timedelta(np.rint(rng.exponential(4, n) * 86_400), unit="s")
    at = at.astype("datetime64[us, UTC]")
    is_nps = np.arange(n) % 4 == 0
    mood = rng.normal(0.7, 0.18, n)
    return pd.DataFrame(
        {
            "feedback_id": ids("F", np.arange(n)),
            "at": at,
            "account_id": asked["account_id"],
            "user_id": asked["user_id"],
            "order_id": asked["order_id"],
            "opportunity_id": asked["opportunity_id"],
            "kind": np.where(is_nps, "nps", "csat").astype(object),
            "score": np.where(is_nps, np.clip(np.rint(10 * mood), 0, 10), np.clip(np.rint(1 + 4 * mood), 1, 5)),
            "scale_max": np.where(is_nps, 10.0, 5.0),
            "recorded_at": at,
        }
    )


def target_rows(people: People, quarterly: float, start: date, n_days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Bookings targets per rep and quarter, approved ten days before the quarter begins."""
    quarters = pd.period_range(start, start + timedelta(days=n_days - 1), freq="Q")
    rep = np.tile(np.arange(people.n_reps), len(quarters))
    quarter = np.repeat(np.arange(len(quarters)), people.n_reps)
    begins = np.array([(period.start_time.date() - start).days for period in quarters], dtype=float)[quarter]
    effective = moments(start, begins)
    base = quarterly * np.exp(rng.normal(0, 0.15, people.n_reps))[rep] * (1 + 0.05 * quarter)
    return pd.DataFrame(
        {
            "owner_kind": "user",
            "owner_id": ids("U", rep),
            "period": np.array([f"{period.year}Q{period.quarter}" for period in quarters], object)[quarter],
            "measure": "bookings",
            "amount": np.round(base, -2),
            "currency": REPORTING_CURRENCY,
            "version": 1,
            "effective_from": effective,
            "approved_by": ids("U", people.n_reps + people.team[rep]),
            "recorded_at": moments(start, begins - 10),
        }
    )
