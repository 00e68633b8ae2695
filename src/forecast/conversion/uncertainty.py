"""How far the true log-odds of a case may lie from what the model says: what few outcomes leave open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import expit

from forecast.conversion.linear import LinearMember

#: Up to so many coefficients their posterior is kept whole. Draws give a case's standard deviation to within a seventh
#: only: on simulated tables of 20 rows that error costs an 80 % interval one point of what it holds.
MAX_EXACT = 100

#: Draws of more coefficients.
N_DRAWS = 24

#: Rows that the curvature is measured on; more make it no better known.
MAX_ROWS = 10_000

#: How much the members' disagreement counts beside the line's posterior, which knows only lines: chosen on simulated
#: tables of 20 to 400 rows; tests/conversion/test_uncertainty.py holds the outcome.
DISAGREEMENT_SHARE = 3.0


@dataclass(frozen=True)
class PosteriorDraws:
    """Deviations of a line's coefficients from the fitted ones with the variance of their Gaussian posterior [1]_.

    Of up to `MAX_EXACT` coefficients they are a root of its covariance, of more they are draws.

    Attributes
    ----------
    intercepts : array of shape (n_draws,)
    coefficients : array of shape (n_draws, n_design_columns)

    References
    ----------
    .. [1] MacKay (1992), The evidence framework applied to classification networks. Neural Computation 4.
    """

    intercepts: np.ndarray
    coefficients: np.ndarray

    def variance(self, member: LinearMember, matrix: np.ndarray) -> np.ndarray:
        """Variance of the line's log-odds, shape (n,)."""
        deviations = (member.design(matrix) - member.means) @ self.coefficients.T + self.intercepts
        return np.asarray((deviations**2).mean(axis=1))

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"intercepts": self.intercepts.tolist(), "coefficients": self.coefficients.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "PosteriorDraws":
        """The draws that `to_state` described."""
        return cls(np.array(state["intercepts"], dtype=float), np.array(state["coefficients"], dtype=float))


def draw_posterior(
    member: LinearMember, matrix: np.ndarray, row_weight: np.ndarray, *, strength: float, random_state: int
) -> PosteriorDraws:
    """Deviations by the Laplace approximation around a fitted line.

    Parameters
    ----------
    member : LinearMember
    matrix : array of shape (n, k)
        The rows it was fitted on.
    row_weight : array of shape (n,)
        Their information.
    strength : float
        Prior variance of a coefficient.
    """
    rng = np.random.default_rng(random_state)
    if len(matrix) > MAX_ROWS:
        rows = np.sort(rng.choice(len(matrix), MAX_ROWS, replace=False))
        matrix, row_weight = matrix[rows], row_weight[rows] * (len(row_weight) / MAX_ROWS)
    design = np.column_stack([np.ones(len(matrix)), member.design(matrix) - member.means])
    p = expit(member.log_odds(matrix))
    precision = design.T @ (design * (row_weight * p * (1 - p))[:, None])
    prior = np.append(1e-3, np.full(design.shape[1] - 1, 1 / strength))  # the intercept is all but free
    factor = cholesky(precision + np.diag(prior), lower=True)
    size = len(prior)
    basis = np.sqrt(size) * np.eye(size) if size <= MAX_EXACT else rng.standard_normal((size, N_DRAWS))
    draws = solve_triangular(factor, basis, lower=True, trans="T").T
    used = np.append(True, design[:, 1:].any(axis=0))
    return PosteriorDraws(np.round(draws[:, 0], 6), np.round(draws[:, 1:] * used[1:], 6))


def case_deviation(z: np.ndarray, weights: np.ndarray, posterior: np.ndarray) -> np.ndarray:
    """Standard deviation of a case's true log-odds around the combined ones, shape (n,).

    Parameters
    ----------
    z : array of shape (n, m)
        Log-odds by the members.
    weights : array of shape (m,)
        Sum to 1.
    posterior : array of shape (n,)
        Variance that the line's posterior gives.
    """
    disagreement = (z - (z @ weights)[:, None]) ** 2 @ weights
    return np.asarray(np.sqrt(posterior + DISAGREEMENT_SHARE * disagreement))
