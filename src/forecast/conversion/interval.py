"""The 80 % interval of the win rate among cases that the model sees alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta

#: Cases' worth of trust in the model's own probability before any outcome of alike cases is counted.
PRIOR_CASES = 10.0

#: Scores at which the neighbourhood is measured; between them it is interpolated.
N_KNOTS = 40


def beta_interval(rate: np.ndarray, n_cases: np.ndarray, *, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Central interval of a Beta distribution of that mean worth ``n_cases`` observations; ``level`` in percent."""
    tail = (1 - level / 100) / 2
    wins, losses = np.maximum(rate * n_cases, 1e-9), np.maximum((1 - rate) * n_cases, 1e-9)
    return beta.ppf(tail, wins, losses), beta.ppf(1 - tail, wins, losses)


@dataclass(frozen=True)
class ScoreNeighbourhoods:
    """How often cases of about the same out-of-time score were won, and how many there were.

    Attributes
    ----------
    scores : array of shape (n_knots,)
        Log-odds, ascending.
    rates : array of shape (n_knots,)
        Win rate of the neighbourhood, shrunk to the model's own probability.
    cases : array of shape (n_knots,)
        Observations the rate is worth: distinct entities, plus `PRIOR_CASES`.
    """

    scores: np.ndarray
    rates: np.ndarray
    cases: np.ndarray

    def interval(self, z: np.ndarray, *, level: float = 80.0) -> tuple[np.ndarray, np.ndarray]:
        """Low and high for calibrated log-odds ``z``, each of shape (n,); they enclose the probability itself."""
        p = expit(z)
        if not len(self.scores):
            return beta_interval(p, np.full(len(p), PRIOR_CASES / 5), level=level)
        rate, cases = np.interp(z, self.scores, self.rates), np.interp(z, self.scores, self.cases)
        low, high = beta_interval(rate, cases, level=level)
        return np.minimum(low, p), np.maximum(high, p)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"scores": self.scores.tolist(), "rates": self.rates.tolist(), "cases": self.cases.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "ScoreNeighbourhoods":
        """The object that `to_state` described."""
        return cls(*(np.array(state[name], dtype=float) for name in ("scores", "rates", "cases")))


def fit_neighbourhoods(z: np.ndarray, y: np.ndarray, groups: np.ndarray) -> ScoreNeighbourhoods:
    """Measure win rates in sliding neighbourhoods of out-of-time scores.

    Parameters
    ----------
    z : array of shape (n,)
        Calibrated log-odds, predicted before the outcomes.
    y : array of shape (n,), 0 or 1
    groups : array of shape (n,)
        Entity of each row: many snapshots of one entity are worth one observation.
    """
    if not len(z):
        return ScoreNeighbourhoods(np.zeros(0), np.zeros(0), np.zeros(0))
    order = np.argsort(z, kind="stable")
    z, y, groups = z[order], y[order], groups[order]
    size = min(len(z), max(50, len(z) // 20))
    starts = np.unique(np.linspace(0, len(z) - size, N_KNOTS).astype(int))
    scores, rates, cases = [], [], []
    for start in starts:
        part = slice(start, start + size)
        n_entities = float(len(np.unique(groups[part])))
        expected = expit(z[part]).mean()
        scores.append(float(logit(expected)))
        rates.append((y[part].mean() * n_entities + PRIOR_CASES * expected) / (n_entities + PRIOR_CASES))
        cases.append(n_entities + PRIOR_CASES)
    return ScoreNeighbourhoods(np.array(scores), np.array(rates), np.array(cases))
