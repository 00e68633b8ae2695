"""Simulated customers whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from forecast.customers import CustomerModel

START = pd.Timestamp("2023-01-01")


def simulate_orders(n: int = 800, *, weeks: int = 60, seed: int = 0) -> pd.DataFrame:
    """Orders of BG/NBD customers who arrive over half a year and spend by Gamma-Gamma, in two categories.

    Who first buys "gifts" buys a third as often: something to find beside recency and frequency.
    """
    rng = np.random.default_rng(seed)
    arrival = rng.uniform(0, 26, n)
    gift = rng.random(n) < 0.5
    rate = rng.gamma(1.0, 1 / 6.0, n) * np.where(gift, 0.5, 1.5)
    leaves, worth = rng.beta(0.9, 4.0, n), rng.gamma(4.0, 1 / 60.0, n)
    now, alive, rows = arrival, np.ones(n, dtype=bool), []
    for _ in range(150):
        keep = np.flatnonzero(alive & (now < weeks))
        amount = rng.gamma(3.0, 1 / worth[keep])
        rows.append(pd.DataFrame({"account": keep, "week": now[keep], "amount": amount, "gift": gift[keep]}))
        alive &= (now < weeks) & (rng.random(n) >= leaves)
        now = now + rng.exponential(1 / rate)
    every = pd.concat(rows, ignore_index=True)
    return pd.DataFrame(
        {
            "account_id": "A" + every["account"].astype(str).str.zfill(5),
            "ordered_at": START + pd.to_timedelta((every["week"] * 7).astype(int), unit="D"),
            "amount": every["amount"].round(2) + 0.01,
            "quantity": 1.0,
            "category": np.where(every["gift"], "gifts", "tools"),
        }
    ).sort_values(["ordered_at", "account_id"], ignore_index=True)


@pytest.fixture(scope="session")
def simulated_orders() -> pd.DataFrame:
    """420 days of 800 customers; see `simulate_orders`."""
    return simulate_orders()


@pytest.fixture(scope="session")
def model(simulated_orders: pd.DataFrame) -> CustomerModel:
    """Learned from what they ordered before 2023-11-26, for the 90 days after."""
    return CustomerModel(90).fit(simulated_orders, as_of="2023-11-26")
