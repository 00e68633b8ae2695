"""Combination weights of members, learned on past windows and shrunk to equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from forecast.demand.matrix import Floats

#: How much the weights by past losses hold against what past windows say in detail, as share of the mean loss: windows
#: are few and alike, however many series there are.
HOLD = 5.0
#: Weights fall with this power of the loss on past windows.
LOSS_POWER = 6.0
#: Below so many cases the prior weights count more than the losses.
FEW_CASES = 20.0
#: A member of less weight is left out of a large panel's forecast, where it costs more than it can move.
SMALL_WEIGHT = 0.02
_SCALED_LIMIT = 10.0
_ITERATIONS = 4


@dataclass(frozen=True)
class Combination:
    """Weights of the members, for regular and for sparse series.

    Attributes
    ----------
    names : tuple of str
        Members.
    regular, sparse : array of shape (n_members,)
        Non-negative, sum 1.
    """

    names: tuple[str, ...]
    regular: Floats
    sparse: Floats

    def combine(self, forecasts: Mapping[str, Floats], is_sparse: NDArray[np.bool_]) -> Floats:
        """Weighted mean of the forecasts of the members in use, shape (n_series, horizon)."""
        weights = np.where(is_sparse[:, None], self.sparse, self.regular)
        parts = [weights[:, self.names.index(name), None] * forecasts[name] for name in self.used]
        return np.asarray(np.sum(parts, axis=0))

    @property
    def counting(self) -> tuple[str, ...]:
        """Members with more than a small weight for regular or for sparse series; at least one."""
        largest = np.maximum(self.regular, self.sparse)
        least = min(SMALL_WEIGHT, float(largest.max()))
        return tuple(name for name, weight in zip(self.names, largest, strict=True) if weight >= least)

    @property
    def used(self) -> tuple[str, ...]:
        """Members with a weight."""
        total = self.regular + self.sparse
        return tuple(name for name, weight in zip(self.names, total, strict=True) if weight > 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        return {"names": list(self.names), "regular": self.regular.tolist(), "sparse": self.sparse.tolist()}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Combination":
        """The inverse of `to_dict`."""
        return cls(tuple(state["names"]), np.array(state["regular"]), np.array(state["sparse"]))


def learn_weights(levels: Sequence[Floats], prior: Floats, trust: Floats | None = None) -> Floats:
    """Weights that give a small mean of root mean squared scaled errors, shrunk to equal ones.

    The centre are the prior's weights divided by the sixth power of each member's loss on the past windows. From there
    they move towards the weights that would have been best, by iteratively reweighted least squares on the simplex.
    A plain mean is hard to beat: what was best on a few windows, all hit by the same shocks, is partly luck.

    Parameters
    ----------
    levels : sequence of arrays of shape (n_members, n_cases, horizon)
        Errors of each member on each case (a series in a past window), in usual errors of the series; NaN where the
        actual is unknown. Further arrays hold sums of series; all arrays count the same, as in WRMSSE.
    prior : array of shape (n_members,)
        Positive; divided by its sum.
    trust : array of shape (n_members,), optional
        In (0, 1], default 1: how much past windows can tell of a member. What holds its weight is divided by it.

    Returns
    -------
    array of shape (n_members,)
        Non-negative, sum 1: the prior when there is no case.

    References
    ----------
    Bates & Granger (1969), The combination of forecasts; Diebold & Pauly (1990), shrinkage to equal weights.
    """
    cases = [_Cases.of(errors) for errors in levels if np.isfinite(errors).any()]
    n_cases = sum(level.errors.shape[1] for level in cases)
    if not n_cases:
        return np.asarray(prior / prior.sum())
    losses = np.mean([level.losses() for level in cases], axis=0) + 1e-9
    centre = prior * (losses / losses.min()) ** (-LOSS_POWER * n_cases / (n_cases + FEW_CASES))
    centre /= centre.sum()
    weights = centre
    for _ in range(_ITERATIONS):
        moments = np.mean([level.moments(weights) for level in cases], axis=0)
        hold = HOLD * (1 + FEW_CASES / n_cases) * np.trace(moments) / len(moments)
        weights = _on_simplex(moments, centre, hold if trust is None else hold / trust)
    return np.asarray(weights)


@dataclass(frozen=True)
class _Cases:
    """Scaled errors without NaN, 0 where unknown, and how many of each case are known."""

    errors: Floats
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, errors: Floats) -> "_Cases":
        known = ~np.isnan(errors[0])
        used = known.any(axis=1)
        clipped = np.clip(np.where(known, errors, 0.0), -_SCALED_LIMIT, _SCALED_LIMIT)
        return cls(clipped[:, used], known[used].sum(axis=1))

    def losses(self) -> Floats:
        """Mean over cases of the root mean square over steps, for each member."""
        return np.asarray(np.sqrt((self.errors**2).sum(axis=2) / self.counts).mean(axis=1))

    def moments(self, weights: Floats) -> Floats:
        """Second moments of the members' errors, each case weighted so that the mean square is its root mean square."""
        combined = np.einsum("m,mch->ch", weights, self.errors)
        size = np.sqrt((combined**2).sum(axis=1) / self.counts)
        case_weights = 1 / np.maximum(size, 0.1 * np.median(size) + 1e-12) / self.counts
        moments = np.einsum("mch,c,nch->mn", self.errors, case_weights, self.errors, optimize=True)
        return np.asarray(moments / self.errors.shape[1])


def learn_combination(
    names: Sequence[str],
    errors: Floats,
    is_sparse: NDArray[np.bool_],
    regular: Floats,
    sparse: Floats,
    sums: Sequence[Floats] = (),
    trust: Floats | None = None,
) -> Combination:
    """Weights for regular and for sparse series, each from its own cases; where sums count, the same for both.

    Parameters
    ----------
    names : sequence of str
        Members.
    errors : array of shape (n_members, n_cases, horizon)
        Of single series; see `learn_weights`.
    is_sparse : bool array of shape (n_cases,)
    regular, sparse : arrays of shape (n_members,)
        Prior weights.
    sums : sequence of arrays of shape (n_members, n_sums, horizon)
        Errors of sums of series, an array for each level: what is right for single series may be biased in sum.
    trust : array of shape (n_members,), optional
        See `learn_weights`.
    """
    if sums:
        share = float(is_sparse.mean()) if len(is_sparse) else 0.0
        both = learn_weights([errors, *sums], (1 - share) * regular + share * sparse, trust)
        return Combination(tuple(names), both, both)
    of_regular, of_sparse = [errors[:, ~is_sparse]], [errors[:, is_sparse]]
    return Combination(tuple(names), learn_weights(of_regular, regular, trust), learn_weights(of_sparse, sparse, trust))


def _on_simplex(moments: Floats, centre: Floats, ridge: Floats | float) -> Floats:
    """Minimise ``w' moments w + sum(ridge (w - centre)²)`` over the simplex, as non-negative least squares."""
    n = len(moments)
    scale = max(float(np.trace(moments)) / n, 1e-12)
    values, vectors = np.linalg.eigh(moments / scale)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    shrink = np.sqrt(ridge / scale + 1e-6)
    sum_row = 1e3 * np.ones((1, n))
    design = np.vstack([root, np.eye(n) * shrink, sum_row])
    target = np.concatenate([np.zeros(n), shrink * centre, [1e3]])
    weights, _ = nnls(design, target)
    return np.asarray(weights / weights.sum())
