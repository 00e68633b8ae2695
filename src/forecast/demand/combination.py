"""Combination weights of members, learned on past windows and shrunk to equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from forecast.demand.matrix import Floats

#: The prior weights count as much as so many series.
PRIOR_SERIES = 20.0
#: The weights of all series count in a class as much as so many of its series.
CLASS_PRIOR_SERIES = 50.0
_SCALED_LIMIT = 10.0
_ITERATIONS = 4


@dataclass(frozen=True)
class Combination:
    """Weights of the members, for each class of series.

    Attributes
    ----------
    names : tuple of str
        Members.
    weights : array of shape (n_members,)
        For classes without weights of their own. Non-negative, sum 1.
    by_class : mapping of str to array of shape (n_members,)
    """

    names: tuple[str, ...]
    weights: Floats
    by_class: Mapping[str, Floats]

    def of(self, classes: NDArray[np.object_]) -> Floats:
        """Weights for each series, shape (n_series, n_members)."""
        result = np.tile(self.weights, (len(classes), 1))
        for name, weights in self.by_class.items():
            result[classes == name] = weights
        return result

    def combine(self, forecasts: Mapping[str, Floats], classes: NDArray[np.object_]) -> Floats:
        """Weighted mean of the forecasts of the members in use, shape (n_series, horizon)."""
        weights = self.of(classes)
        parts = [weights[:, self.names.index(name), None] * forecasts[name] for name in self.used]
        return np.asarray(np.sum(parts, axis=0))

    @property
    def used(self) -> tuple[str, ...]:
        """Members with a weight in any class."""
        total = np.sum([self.weights, *self.by_class.values()], axis=0)
        return tuple(name for name, weight in zip(self.names, total, strict=True) if weight > 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        return {
            "names": list(self.names),
            "weights": self.weights.tolist(),
            "by_class": {name: weights.tolist() for name, weights in self.by_class.items()},
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Combination":
        """The inverse of `to_dict`."""
        by_class = {name: np.array(weights) for name, weights in state["by_class"].items()}
        return cls(tuple(state["names"]), np.array(state["weights"]), by_class)


def learn_combination(
    names: Sequence[str],
    errors: Floats,
    classes: NDArray[np.object_],
    prior: Floats,
) -> Combination:
    """Weights that would have given the smallest mean of root mean squared scaled errors, shrunk to the prior's.

    The mean over series of the root mean square over steps, so that no series decides for all; the solution by
    iteratively reweighted least squares on the simplex. Few series leave the prior weights as they are, many overrule
    them; classes are shrunk to the weights of all series.

    Parameters
    ----------
    names : sequence of str
        Members.
    errors : array of shape (n_members, n_cases, horizon)
        Errors of each member on each case (a series in a past window), in usual errors of the series; NaN where the
        actual is unknown.
    classes : array of shape (n_cases,)
        Class of each case.
    prior : array of shape (n_members,)
        Positive; divided by its sum.

    References
    ----------
    Bates & Granger (1969), The combination of forecasts; Diebold & Pauly (1990), shrinkage to equal weights.
    """
    errors = np.clip(errors, -_SCALED_LIMIT, _SCALED_LIMIT)
    equal = prior / prior.sum()
    cases = ~np.isnan(errors).all(axis=(0, 2))
    errors, classes = errors[:, cases], classes[cases]
    if not errors.shape[1]:
        return Combination(tuple(names), equal, {})
    overall = _weights(errors, equal, PRIOR_SERIES)
    by_class = {
        str(name): _weights(errors[:, classes == name], overall, CLASS_PRIOR_SERIES) for name in np.unique(classes)
    }
    return Combination(tuple(names), overall, by_class)


def _weights(errors: Floats, prior: Floats, prior_cases: float) -> Floats:
    """Non-negative weights of sum 1."""
    n_members, n_cases, _ = errors.shape
    known = ~np.isnan(errors[0])
    filled = np.where(known, errors, 0.0)
    counts = np.maximum(known.sum(axis=1), 1)
    weights = prior
    for _ in range(_ITERATIONS):
        combined = np.einsum("m,mch->ch", weights, filled)
        size = np.sqrt((combined**2).sum(axis=1) / counts)
        case_weights = 1 / np.maximum(size, 0.1 * np.median(size) + 1e-12) / counts
        moments = np.einsum("mch,c,nch->mn", filled, case_weights, filled, optimize=True) / n_cases
        ridge = prior_cases / n_cases * np.trace(moments) / n_members
        weights = _on_simplex(moments, prior, ridge)
    return weights


def _on_simplex(moments: Floats, prior: Floats, ridge: float) -> Floats:
    """Minimise ``w' moments w + ridge |w - prior|²`` over the simplex, as non-negative least squares."""
    n = len(moments)
    scale = max(float(np.trace(moments)) / n, 1e-12)
    values, vectors = np.linalg.eigh(moments / scale)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    shrink = np.sqrt(ridge / scale + 1e-6)
    sum_row = 1e3 * np.ones((1, n))
    design = np.vstack([root, shrink * np.eye(n), sum_row])
    target = np.concatenate([np.zeros(n), shrink * prior, [1e3]])
    weights, _ = nnls(design, target)
    return np.asarray(weights / weights.sum())
