"""A company of spells whose laws are known, and short ways to write tables by hand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from forecast.performance import Spells

N_QUARTERS, DAYS = 8, 90.0


@dataclass(frozen=True)
class Made:
    """Spells with what is true of them; ``skill`` is each person's log factor on the hazard of success."""

    spells: Spells
    X: pd.DataFrame
    limits: np.ndarray
    skill: np.ndarray


def make_spells(seed: int, *, skill: float = 0.4, luck: float = 0.1, n_people: int = 12, per_quarter: int = 25) -> Made:
    """Territories differ in ``x``, quarters in their pace, people in skill and in luck of a quarter."""
    rng = np.random.default_rng(seed)
    n, end = n_people * N_QUARTERS * per_quarter, N_QUARTERS * DAYS
    true_skill = rng.normal(0, skill, n_people) if skill else np.zeros(n_people)
    person, start = rng.integers(0, n_people, n), rng.uniform(0, end, n)
    quarter = (start // DAYS).astype(int)
    x = rng.normal(rng.normal(0, 0.6, n_people)[person], 1)
    kind = rng.integers(0, 4, n)
    shared = 0.5 * x - 0.1 * x**2 + np.array([0, 0.3, -0.3, 0.5])[kind] + rng.normal(0, 0.2, N_QUARTERS)[quarter]
    level = shared + true_skill[person] + rng.normal(0, luck, (n_people, N_QUARTERS))[person, quarter]
    won = rng.exponential(1 / (0.006 * np.exp(level)))
    lost = rng.exponential(1 / 0.012, n)
    ended = start + np.minimum(won, lost)
    spells = Spells(
        person, np.arange(n), start, np.full(n, end), np.where(ended < end, ended, np.inf), (won < lost) & (ended < end)
    )
    X = pd.DataFrame({"x": x, "kind": pd.Series(kind).astype(str)})
    return Made(spells, X, DAYS * np.arange(N_QUARTERS + 1), true_skill)


@pytest.fixture(scope="session")
def made_spells() -> Callable[..., Made]:
    return make_spells


def day(number: float) -> pd.Timestamp:
    """The day of that number in 2025, from 0 on."""
    return pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(days=number)


@pytest.fixture(scope="session")
def on_day() -> Callable[[float], pd.Timestamp]:
    return day


@pytest.fixture(scope="session")
def deal() -> Callable[..., pd.DataFrame]:
    """Versions of one deal: (day known, owner, stage, outcome) each; closings happen half a day before."""

    def versions(name: str, *rows: tuple[float, str, str, str | None], amount: float = 100.0) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "opportunity_id": name,
                "account_id": f"A-{name}",
                "owner_id": [owner for _, owner, _, _ in rows],
                "stage": [stage for _, _, stage, _ in rows],
                "amount": amount,
                "currency": "EUR",
                "created_at": day(rows[0][0]),
                "closed_at": pd.to_datetime(
                    [day(known - 0.5) if outcome else pd.NaT for known, _, _, outcome in rows], utc=True
                ),
                "outcome": [outcome for _, _, _, outcome in rows],
                "recorded_at": [day(known) for known, _, _, _ in rows],
            }
        )

    return versions
