"""From doubly robust scores to effects: of all cases, of groups of cases, and an order of single cases."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.stats import t as student

from forecast.conversion.design import Inputs
from forecast.conversion.nuisance import Blend, cross_fit

#: Effects by group are told apart only when the spread of the effects is at least so many standard errors (99 %).
SHOWN_SPREAD = 2.33

#: Cases that a group needs.
MIN_GROUP_CASES = 200


@dataclass(frozen=True)
class Effect:
    """Change of the win probability by the action, in probability (0.04 is 4 points), with its 95 % interval.

    ``n`` rows of ``n_cases`` distinct cases were compared.
    """

    mean: float
    low: float
    high: float
    n: int
    n_cases: int


def mean_effect(scores: np.ndarray, codes: np.ndarray, effective: float = np.inf) -> Effect:
    """Mean of the scores with its 95 % interval; scores of one case are dependent.

    Parameters
    ----------
    scores : array of shape (n,)
    codes : int array of shape (n,)
        The case of each row.
    effective : float
        Effective size of the smaller arm: the degrees of freedom of the interval, at most the number of cases less 1.
    """
    mean, n_cases = float(scores.mean()), len(np.unique(codes))
    sums = np.bincount(np.unique(codes, return_inverse=True)[1], weights=scores - mean)
    error = np.sqrt((sums**2).sum() * n_cases / max(n_cases - 1, 1)) / len(scores)
    free = max(min(effective, n_cases) - 1, 1)
    half = float(student.ppf(0.975, free) * error)
    return Effect(mean, mean - half, mean + half, len(scores), n_cases)


@dataclass
class CaseEffects:
    """Effect on each case: one odds ratio for all, moved as far as the scores show that cases differ.

    With one odds ratio an action does most where the outcome is most open. What is added comes from two signals, a
    regression of the scores on the features [1]_ and the difference of the predicted outcomes; their weights are those
    that best predict the scores out of fold [2]_, shrunk by how far that could be chance.

    Attributes
    ----------
    mean : float
        Average effect.
    openness : float
        Mean of p (1 - p) over the training rows, p the predicted outcome.
    centre, weights : arrays of shape (2,)
    edges : array of shape (n_groups - 1,)
        Effects at which groups of cases begin.
    effects : list of Effect, least first
    spread_t : float
        The shown spread of the effects, in standard errors.

    References
    ----------
    .. [1] Kennedy (2023), Towards optimal doubly robust estimation of heterogeneous causal effects. EJS 17.
    .. [2] Chernozhukov, Demirer, Duflo & Fernández-Val (2018), Generic machine learning inference on heterogeneous
       treatment effects: the best linear predictor, and effects of groups.
    """

    outcome: Blend
    score_model: Blend
    mean: float
    openness: float
    centre: np.ndarray
    weights: np.ndarray
    edges: np.ndarray
    effects: list[Effect]
    spread_t: float

    @classmethod
    def fit(
        cls,
        inputs: Inputs,
        scores: np.ndarray,
        *,
        outcome: Blend,
        expected: tuple[np.ndarray, np.ndarray],
        codes: np.ndarray,
        fold: np.ndarray,
        n_groups: int,
        random_state: int = 0,
    ) -> "CaseEffects":
        """Learn from scores.

        Parameters
        ----------
        inputs, scores, codes, fold : of n rows
        outcome : Blend
            Of the outcome given features and action.
        expected : (with action, without)
            Its out-of-fold predictions, of shape (n,).
        n_groups : int
            At most so many; one when no difference is shown.
        """
        (by_score,), score_model = cross_fit(inputs, scores, fold, link="identity", random_state=random_state)
        openness = _openness(*expected)
        common = scores.mean() * openness / openness.mean()
        signals = np.column_stack([by_score, expected[0] - expected[1]])
        centre = signals.mean(axis=0)
        rest = scores - common
        weights = nnls(signals - centre, rest)[0]
        spread = (signals - centre) @ weights
        spread_t = _slope_t(spread, rest, codes)
        shrunk = max(0.0, 1 - 2 / spread_t**2) if spread_t > 0 else 0.0
        tau = common + spread * shrunk
        most = max(1, min(n_groups, len(np.unique(codes)) // MIN_GROUP_CASES)) if spread_t >= SHOWN_SPREAD else 1
        edges = np.unique(np.quantile(tau, np.arange(1, most) / most))
        group = np.searchsorted(edges, tau, side="right")
        effects = [mean_effect(scores[group == k], codes[group == k]) for k in range(len(edges) + 1)]
        return cls(
            outcome,
            score_model,
            float(scores.mean()),
            float(openness.mean()),
            centre,
            weights * shrunk,
            edges,
            effects,
            spread_t,
        )

    def tau(self, inputs: Inputs) -> np.ndarray:
        """Effect on each row, in probability, within [-1, 1]; shape (n,)."""
        n = len(inputs.matrix)
        expected = [self.outcome.predict(inputs.with_action(np.full(n, action))) for action in (1.0, 0.0)]
        signals = np.column_stack([self.score_model.predict(inputs), expected[0] - expected[1]])
        common = self.mean * _openness(expected[0], expected[1]) / self.openness
        return np.asarray(np.clip(common + (signals - self.centre) @ self.weights, -1.0, 1.0))

    def group(self, tau: np.ndarray) -> np.ndarray:
        """Position in `effects` of each effect."""
        return np.searchsorted(self.edges, tau, side="right")

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "outcome": self.outcome.to_state(),
            "score_model": self.score_model.to_state(),
            **{name: getattr(self, name) for name in ("mean", "openness", "spread_t")},
            **{name: getattr(self, name).tolist() for name in ("centre", "weights", "edges")},
            "effects": [asdict(effect) for effect in self.effects],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "CaseEffects":
        """The effects that `to_state` described."""
        return cls(
            outcome=Blend.from_state(state["outcome"]),
            score_model=Blend.from_state(state["score_model"]),
            mean=float(state["mean"]),
            openness=float(state["openness"]),
            spread_t=float(state["spread_t"]),
            centre=np.array(state["centre"], dtype=float),
            weights=np.array(state["weights"], dtype=float),
            edges=np.array(state["edges"], dtype=float),
            effects=[Effect(**effect) for effect in state["effects"]],
        )


def _openness(with_action: np.ndarray, without: np.ndarray) -> np.ndarray:
    middle = (with_action + without) / 2
    return np.asarray(middle * (1 - middle))


def _slope_t(x: np.ndarray, y: np.ndarray, codes: np.ndarray) -> float:
    """Slope of y on x (both of mean 0) over its clustered standard error; 0 when x is constant."""
    total = float(x @ x)
    if total <= 1e-12 * len(x):
        return 0.0
    slope = float(x @ y) / total
    sums = np.bincount(codes, weights=x * (y - slope * x))
    error = float(np.sqrt((sums**2).sum())) / total
    return slope / error if error > 0 else 0.0
