"""Ridge logistic regression on robustly scaled features: hard to beat when data are few or the world moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from forecast.conversion.encoding import TableEncoder

#: Robust z-scores beyond this are clipped: one absurd amount must not decide.
CLIP = 4.0

#: A Gram matrix beyond this many columns costs more than gradient steps.
MAX_NEWTON_COLUMNS = 500


@dataclass(frozen=True)
class NumberScale:
    """Scaling of one numeric column: ``(log1p(x) or x - centre) / spread``, clipped."""

    logarithmic: bool
    centre: float
    spread: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Scaled values; missing stays missing."""
        values = np.log1p(np.maximum(values, 0.0)) if self.logarithmic else values
        return np.asarray(np.clip((values - self.centre) / self.spread, -CLIP, CLIP))


def fit_scale(values: np.ndarray) -> NumberScale:
    """Median and interquartile range; logarithm for non-negative columns with a long right tail."""
    known = values[~np.isnan(values)]
    if not len(known):
        return NumberScale(False, 0.0, 1.0)
    low, middle, high = np.quantile(known, [0.01, 0.5, 0.99])
    logarithmic = bool(known.min() >= 0 and high - middle > 3 * (middle - low) and high > 1)
    if logarithmic:
        known = np.log1p(known)
    quarter, centre, three_quarters = np.quantile(known, [0.25, 0.5, 0.75])
    spread = max((three_quarters - quarter) / 1.349, known.std() / 2)  # 1.349: interquartile range of a unit normal
    return NumberScale(logarithmic, float(centre), float(spread) or 1.0)


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

    @property
    def owners(self) -> np.ndarray:
        """Matrix column that each design column belongs to."""
        sizes = [(levels + 2 if scale is None else 2) for scale, levels in zip(self.scales, self.n_levels, strict=True)]
        return np.repeat(np.arange(len(sizes)), sizes)

    def design(self, matrix: np.ndarray) -> np.ndarray:
        """Design of shape (n, n_design_columns), not centred."""
        blocks = []
        for position, (scale, levels) in enumerate(zip(self.scales, self.n_levels, strict=True)):
            values = matrix[:, position]
            missing = np.isnan(values)
            if scale is None:
                flags = np.where(missing, -1.0, values)[:, None] == np.arange(levels + 1)
                blocks.append(np.column_stack([flags, missing]).astype(float))
            else:
                blocks.append(np.column_stack([np.where(missing, 0.0, scale.apply(values)), missing]))
        return np.hstack(blocks) if blocks else np.zeros((len(matrix), 0))

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (n, k): what each matrix column adds to `intercept`, in log-odds."""
        parts = (self.design(matrix) - self.means) * self.coefficients
        starts = np.searchsorted(self.owners, np.arange(len(self.scales)))
        return np.add.reduceat(parts, starts, axis=1) if len(self.scales) else parts

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (n,)."""
        return np.asarray(self.intercept + (self.design(matrix) - self.means) @ self.coefficients)

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
    matrix: np.ndarray, y: np.ndarray, encoder: TableEncoder, *, strengths: tuple[float, ...]
) -> list[LinearMember]:
    """One fitted member per prior strength.

    Parameters
    ----------
    matrix : array of shape (n, k), from ``encoder.transform``
    y : array of shape (n,), 0 or 1, both present
    strengths : tuple of float
        Prior variances of a coefficient (of a robustly scaled column or of a level), ``C`` of scikit-learn: smaller
        shrinks more. Fitted in ascending order, each starting from the last.

    Returns
    -------
    list of LinearMember, in the order of ``strengths``
    """
    categories = set(encoder.categories)
    scales = [None if p in categories else fit_scale(matrix[:, p]) for p in range(matrix.shape[1])]
    n_levels = [len(column.levels) if column.kind == "category" else 0 for column in encoder.columns]
    member = LinearMember(scales, n_levels, np.zeros(0), np.zeros(0), 0.0)
    design = member.design(matrix)
    means = design.mean(axis=0)
    centred = design - means
    used = centred.any(axis=0)
    if not used.any():
        rate = float(np.log(y.mean() / (1 - y.mean())))
        return [LinearMember(scales, n_levels, means, np.zeros(design.shape[1]), rate) for _ in strengths]
    solver = "newton-cholesky" if used.sum() <= MAX_NEWTON_COLUMNS else "lbfgs"
    model = LogisticRegression(solver=solver, warm_start=True, max_iter=1000, tol=1e-6)
    members = {}
    for strength in sorted(strengths):
        model.set_params(C=strength).fit(centred[:, used], y)
        coefficients = np.zeros(design.shape[1])
        coefficients[used] = model.coef_[0]
        members[strength] = LinearMember(scales, n_levels, means, coefficients, float(model.intercept_[0]))
    return [members[strength] for strength in strengths]
