"""Ridge logistic regression on robustly scaled features: hard to beat when data are few or the world moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import expit, logit

from forecast.conversion.encoding import TableEncoder

#: Robust z-scores beyond this are clipped: one absurd amount must not decide.
CLIP = 4.0


@dataclass(frozen=True)
class NumberScale:
    """Scaling of one numeric column: ``(log1p(x) or x - centre) / spread``, clipped."""

    logarithmic: bool
    centre: float
    spread: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Scaled values of shape (n,); missing stays missing."""
        return apply_scales([self], values[:, None])[:, 0]


def apply_scales(scales: Sequence[NumberScale], values: np.ndarray) -> np.ndarray:
    """Scaled values of shape (n, len(scales)), one scale for each column; missing stays missing."""
    logarithmic = np.array([scale.logarithmic for scale in scales], dtype=bool)
    values = values.copy()
    values[:, logarithmic] = np.log1p(np.maximum(values[:, logarithmic], 0.0))
    centre = np.array([scale.centre for scale in scales], dtype=float)
    spread = np.array([scale.spread for scale in scales], dtype=float)
    return np.asarray(np.clip((values - centre) / spread, -CLIP, CLIP))


def fit_scale(values: np.ndarray) -> NumberScale:
    """Median and interquartile range; logarithm for non-negative columns with a long right tail."""
    return fit_scales(values[:, None])[0]


def fit_scales(values: np.ndarray) -> list[NumberScale]:
    """`fit_scale` of each column of an array of shape (n, k)."""
    missing = np.isnan(values)
    gaps, scales = missing.any(axis=0), np.empty(values.shape[1], dtype=object)
    scales[~gaps] = _scales(values[:, ~gaps])
    for column in np.flatnonzero(gaps):
        scales[column] = _scales(values[~missing[:, column], column, None])[0]
    return list(scales)


def _scales(known: np.ndarray) -> list[NumberScale]:
    """Of columns without gaps."""
    if not len(known):
        return [NumberScale(False, 0.0, 1.0)] * known.shape[1]
    low, middle, high = np.quantile(known, [0.01, 0.5, 0.99], axis=0)
    logarithmic = (known.min(axis=0) >= 0) & (high - middle > 3 * (middle - low)) & (high > 1)
    scaled = known.copy()
    scaled[:, logarithmic] = np.log1p(known[:, logarithmic])
    quarter, centre, three_quarters = np.quantile(scaled, [0.25, 0.5, 0.75], axis=0)
    # 1.349: interquartile range of a unit normal
    spread = np.maximum((three_quarters - quarter) / 1.349, scaled.std(axis=0) / 2)
    return [
        NumberScale(bool(log), float(c), float(s) or 1.0) for log, c, s in zip(logarithmic, centre, spread, strict=True)
    ]


@dataclass
class LinearMember:
    """Log-odds as a weighted sum of scaled numbers, missing flags and levels.

    Attributes
    ----------
    scales : per matrix column, its `NumberScale`, None for a category
    n_levels : per matrix column, number of level flags (0 for numbers)
    means, coefficients : arrays of shape (n_design_columns,)
    intercept : float
        Log-odds of a row at the training means.
    """

    scales: list[NumberScale | None]
    n_levels: list[int]
    means: np.ndarray
    coefficients: np.ndarray
    intercept: float

    def design(self, matrix: np.ndarray) -> np.ndarray:
        """Design of shape (n, n_design_columns), not centred."""
        design, missing = np.empty((len(matrix), self._starts[-1])), np.isnan(matrix)
        numbers = np.array([position for position, scale in enumerate(self.scales) if scale is not None], dtype=int)
        scaled = apply_scales([scale for scale in self.scales if scale is not None], matrix[:, numbers])
        design[:, self._starts[numbers]] = np.where(missing[:, numbers], 0.0, scaled)
        for position in np.setdiff1d(np.arange(len(self.scales)), numbers):
            start, levels = self._starts[position], np.arange(self.n_levels[position] + 1)
            values = np.where(missing[:, position], -1.0, matrix[:, position])
            design[:, start : start + len(levels)] = values[:, None] == levels
        design[:, self._starts[1:] - 1] = missing
        return design

    @cached_property
    def _starts(self) -> np.ndarray:
        """First design column of each matrix column, and how many there are in all; the last of each flags missing."""
        sizes = [(levels + 2 if scale is None else 2) for scale, levels in zip(self.scales, self.n_levels, strict=True)]
        return np.concatenate([[0], np.cumsum(sizes, dtype=int)]).astype(int)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (n, k): what each matrix column adds to `intercept`, in log-odds."""
        parts = (self.design(matrix) - self.means) * self.coefficients
        return np.add.reduceat(parts, self._starts[:-1], axis=1) if len(self.scales) else parts

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (n,)."""
        return self.log_odds_of(self.design(matrix))

    def log_odds_of(self, design: np.ndarray) -> np.ndarray:
        """Log-odds of rows of `design`, shape (n,): members fitted on the same rows share it."""
        return np.asarray(self.intercept + (design - self.means) @ self.coefficients)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "scales": [None if s is None else [s.logarithmic, s.centre, s.spread] for s in self.scales],
            "n_levels": self.n_levels,
            "means": self.means.tolist(),
            "coefficients": self.coefficients.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "LinearMember":
        """The member that `to_state` described."""
        scales = [None if s is None else NumberScale(*s) for s in state["scales"]]
        means, coefficients = np.array(state["means"]), np.array(state["coefficients"])
        return cls(scales, list(state["n_levels"]), means, coefficients, float(state["intercept"]))


def fit_linear(
    matrix: np.ndarray,
    y: np.ndarray,
    encoder: TableEncoder,
    *,
    strengths: tuple[float, ...],
    row_weight: np.ndarray | None = None,
) -> list[LinearMember]:
    """One fitted member per prior strength.

    Parameters
    ----------
    matrix : array of shape (n, k + q)
        From ``encoder.transform``; further columns are numbers.
    y : array of shape (n,), 0 or 1, both present
    strengths : tuple of float
        Prior variances of a coefficient (of a robustly scaled column or of a level), ``C`` of scikit-learn: smaller
        shrinks more. Fitted in ascending order, each starting from the last.
    row_weight : array of shape (n,), optional
        Information of each row, e.g. less for older rows.

    Returns
    -------
    list of LinearMember, in the order of ``strengths``
    """
    categories = set(encoder.categories)
    numbers = [position for position in range(matrix.shape[1]) if position not in categories]
    scales: list[NumberScale | None] = [None] * matrix.shape[1]
    for position, scale in zip(numbers, fit_scales(matrix[:, numbers]), strict=True):
        scales[position] = scale
    n_levels = [len(column.levels) if column.kind == "category" else 0 for column in encoder.columns]
    n_levels += [0] * (matrix.shape[1] - len(n_levels))
    member = LinearMember(scales, n_levels, np.zeros(0), np.zeros(0), 0.0)
    design = member.design(matrix)
    means = design.mean(axis=0)
    centred = design - means
    used = centred.any(axis=0)
    weight = np.ones(len(y)) if row_weight is None else row_weight
    if not used.any():
        rate = float(logit(np.average(y, weights=weight)))
        return [LinearMember(scales, n_levels, means, np.zeros(design.shape[1]), rate) for _ in strengths]
    found = ridge_path(centred[:, used], y, sorted(strengths), row_weight=weight)
    members = {}
    for strength, (intercept, slopes) in zip(sorted(strengths), found, strict=True):
        coefficients = np.zeros(design.shape[1])
        coefficients[used] = slopes
        members[strength] = LinearMember(scales, n_levels, means, coefficients, intercept)
    return [members[strength] for strength in strengths]


def ridge_path(
    design: np.ndarray, y: np.ndarray, strengths: Sequence[float], *, row_weight: np.ndarray | None = None
) -> list[tuple[float, np.ndarray]]:
    """Ridge logistic regressions by L-BFGS in coordinates where the null model's Hessian is the identity.

    One Gram matrix serves all strengths; in those coordinates about ten passes over the rows are enough, where Newton
    would form a weighted Gram matrix at each step.

    Parameters
    ----------
    design : array of shape (n, d), centred columns
    y : array of shape (n,), 0 or 1, both present
    strengths : sequence of float
        Prior variances of the coefficients, ascending; each fit starts from the last. The intercept has no prior.
    row_weight : array of shape (n,), optional

    Returns
    -------
    list of (intercept, coefficients of shape (d,))
    """
    rows = np.column_stack([np.ones(len(design)), design])
    weight = np.ones(len(y)) if row_weight is None else row_weight
    rate = np.average(y, weights=weight)
    gram = rate * (1 - rate) * (rows.T @ (rows * weight[:, None]))
    b = np.append(np.log(rate / (1 - rate)), np.zeros(design.shape[1]))
    found = []
    for strength in strengths:
        penalty = np.append(0.0, np.full(design.shape[1], 1.0 / strength))
        factor = cholesky(gram + np.diag(penalty + 1e-9), lower=True)

        def loss(u: np.ndarray, factor: np.ndarray = factor, penalty: np.ndarray = penalty) -> tuple[float, np.ndarray]:
            b = solve_triangular(factor, u, lower=True, trans="T")
            eta = rows @ b
            value = weight @ (np.logaddexp(0.0, eta) - y * eta) + 0.5 * (penalty * b) @ b
            gradient = rows.T @ (weight * (expit(eta) - y)) + penalty * b
            return float(value), solve_triangular(factor, gradient, lower=True)

        options = {"maxiter": 200, "ftol": 1e-12, "gtol": 1e-4}
        solved = minimize(loss, factor.T @ b, jac=True, method="L-BFGS-B", options=options)
        b = solve_triangular(factor, solved.x, lower=True, trans="T")
        found.append((float(b[0]), b[1:]))
    return found
