"""The 80 % interval of a case's win rate: how often cases of its score were won, and how far it may lie from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta, norm

#: Cases' worth of trust in the model's own probability before outcomes of alike cases move the interval.
PRIOR_CASES = 10.0

#: Scores at which the neighbourhood is measured; between them it is interpolated.
N_KNOTS = 40


def beta_interval(rate: np.ndarray, n_cases: np.ndarray, *, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Central interval for a rate seen in ``n_cases`` observations, with Jeffreys' half a win and half a loss.

    Parameters
    ----------
    rate : array of shape (n,)
    n_cases : array of shape (n,)
        What the rate is worth; need not be whole. 0 knows nothing.
    level : float in (0, 100)
        Percent.

    Returns
    -------
    (low, high), each of shape (n,)
        They enclose the rate, which with very few cases they would not always do.
    """
    tail = (1 - level / 100) / 2
    wins, losses = rate * n_cases + 0.5, (1 - rate) * n_cases + 0.5
    return np.minimum(beta.ppf(tail, wins, losses), rate), np.maximum(beta.ppf(1 - tail, wins, losses), rate)


@dataclass(frozen=True)
class ScoreNeighbourhoods:
    """How often cases of about the same out-of-time score were won, how many there were, how much that moves.

    Attributes
    ----------
    scores : array of shape (n_knots,)
        Log-odds, ascending.
    rates : array of shape (n_knots,)
        Win rate of the neighbourhood, shrunk to the model's own probability.
    cases : array of shape (n_knots,)
        Distinct entities that the rate was seen in.
    drift : float
        Standard deviation, in log-odds, of the shift between blocks of time beyond chance.
    misfit : float, optional
        The same between neighbourhoods: how far a probability may be off for all cases of its score. None for models
        stored before it was measured, whose intervals stay as they were.
    """

    scores: np.ndarray
    rates: np.ndarray
    cases: np.ndarray
    drift: float = 0.0
    misfit: float | None = None

    def interval(
        self, z: np.ndarray, *, level: float = 80.0, deviation: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Low and high for calibrated log-odds ``z``, each of shape (n,); they enclose the probability itself.

        ``deviation`` of shape (n,) is the standard deviation of a case's own log-odds: what few outcomes leave open. A
        neighbourhood's rate scatters for the same reason, so that only what it tells beyond chance is added then.
        """
        p, quantile = expit(z), norm.ppf(0.5 + level / 200)
        own = np.zeros(len(z)) if deviation is None else deviation
        if not len(self.scores):
            if deviation is None:
                return beta_interval(p, np.zeros(len(p)), level=level)
            return expit(z - quantile * own), expit(z + quantile * own)
        if deviation is not None and self.misfit is not None:
            shift, variance = self._shift(z, self.misfit)
            reach = quantile * np.sqrt(deviation**2 + self.drift**2 + variance)
            return np.minimum(expit(z + shift - reach), p), np.maximum(expit(z + shift + reach), p)
        rate, cases = np.interp(z, self.scores, self.rates), np.interp(z, self.scores, self.cases)
        low, high = beta_interval(rate, cases, level=level)
        moved = np.hypot(self.drift, own) * quantile
        centre, bounds = logit(rate), logit(np.clip([low, high], 1e-12, 1 - 1e-12))
        below, above = centre - np.hypot(centre - bounds[0], moved), centre + np.hypot(bounds[1] - centre, moved)
        return np.minimum(expit(below), p), np.maximum(expit(above), p)

    def _shift(self, z: np.ndarray, misfit: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of how far log-odds are off at these scores, each of shape (n,) [1]_.

        References
        ----------
        .. [1] Morris (1983), Parametric empirical Bayes inference. JASA 78(381).
        """
        said = expit(self.scores)
        surplus = (1 + PRIOR_CASES / self.cases) * (self.rates - said)  # rates are shrunk by so many cases
        by_chance = 1 / (self.cases * said * (1 - said))
        believed = misfit**2 / (misfit**2 + by_chance)
        shift = believed * surplus / (said * (1 - said))
        return np.interp(z, self.scores, shift), np.interp(z, self.scores, believed * by_chance)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        lists = {"scores": self.scores.tolist(), "rates": self.rates.tolist(), "cases": self.cases.tolist()}
        return lists | {"drift": self.drift, "misfit": self.misfit}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "ScoreNeighbourhoods":
        """The object that `to_state` described."""
        scores, rates, cases = (np.array(state[name], dtype=float) for name in ("scores", "rates", "cases"))
        return cls(scores, rates, cases, state["drift"], state.get("misfit"))


def fit_neighbourhoods(
    z: np.ndarray, y: np.ndarray, groups: np.ndarray, blocks: np.ndarray | None = None
) -> ScoreNeighbourhoods:
    """Measure win rates in sliding neighbourhoods of out-of-time scores.

    Parameters
    ----------
    z : array of shape (n,)
        Calibrated log-odds, predicted before the outcomes.
    y : array of shape (n,), 0 or 1
    groups : array of shape (n,)
        Entity of each row: many snapshots of one entity are worth one observation.
    blocks : array of shape (n,), optional
        Block of time of each row; their differences beyond chance widen the interval.
    """
    if not len(z):
        return ScoreNeighbourhoods(np.zeros(0), np.zeros(0), np.zeros(0), misfit=0.0)
    drift = 0.0 if blocks is None else drift_between(z, y, groups, blocks)
    order = np.argsort(z, kind="stable")
    z, y, groups = z[order], y[order], groups[order]
    size = min(len(z), max(50, len(z) // 20))
    apart = np.minimum(np.arange(len(z)) // size, len(z) // size - 1)
    misfit = drift_between(z, y, groups, apart)
    scores, rates, cases = [], [], []
    for start in np.unique(np.linspace(0, len(z) - size, N_KNOTS).astype(int)):
        part = slice(start, start + size)
        n_entities = float(len(np.unique(groups[part])))
        expected = expit(z[part]).mean()
        scores.append(float(logit(expected)))
        rates.append((y[part].mean() * n_entities + PRIOR_CASES * expected) / (n_entities + PRIOR_CASES))
        cases.append(n_entities)
    return ScoreNeighbourhoods(np.array(scores), np.array(rates), np.array(cases), drift, misfit)


def drift_between(z: np.ndarray, y: np.ndarray, groups: np.ndarray, blocks: np.ndarray) -> float:
    """Standard deviation, in log-odds, of how far blocks of time lie from their predictions, beyond chance [1]_.

    Parameters
    ----------
    z, y, groups, blocks : arrays of shape (n,)

    Returns
    -------
    float
        0 when the blocks differ no more than chance explains.

    References
    ----------
    .. [1] DerSimonian & Laird (1986), Meta-analysis in clinical trials. Controlled Clinical Trials 7.
    """
    codes = np.unique(blocks, return_inverse=True)[1]
    p = expit(z)
    rows = np.bincount(codes)
    entities = np.bincount(np.unique(codes * (groups.max() + 1) + groups) // (groups.max() + 1))
    spread = np.maximum(np.bincount(codes, weights=p * (1 - p)), 1e-9)
    shift = np.bincount(codes, weights=y - p) / spread
    information = spread * entities / rows
    mean = np.average(shift, weights=information)
    excess = (information * (shift - mean) ** 2).sum() - (len(rows) - 1)
    scale = information.sum() - (information**2).sum() / information.sum()
    return float(np.sqrt(max(0.0, excess / scale))) if scale > 0 else 0.0
