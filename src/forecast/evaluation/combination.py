"""Combining models on log-odds, and correcting the result, from predictions made before the outcomes were known."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

#: Prior standard deviation of a weight around its equal share: a few hundred informative rows overrule it.
WEIGHT_SD = 0.3

#: Prior standard deviations of the calibration map around the identity.
SHIFT_SD = 0.5
LOG_SLOPE_SD = 0.3


def log_losses_at(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Log loss of each row from log-odds ``z``, stable for large ``|z|``."""
    return np.asarray(np.logaddexp(0.0, z) - y * z)


def combination_weights(z: np.ndarray, y: np.ndarray, *, row_weight: np.ndarray) -> np.ndarray:
    """Weights of models combined linearly on log-odds: non-negative, sum 1, shrunk to equal.

    Minimises the weighted log loss of ``z @ w`` plus a Gaussian prior around equal weights [1]_.

    Parameters
    ----------
    z : array of shape (n, m)
        Out-of-time log-odds of m models.
    y : array of shape (n,), 0 or 1
    row_weight : array of shape (n,)
        Information of each row; rows of one entity share the information of one case.

    Returns
    -------
    array of shape (m,)

    References
    ----------
    .. [1] Breiman (1996), Stacked regressions. Machine Learning 24.
    """
    m = z.shape[1]
    equal = np.full(m, 1.0 / m)
    if m == 1:
        return equal

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        combined = z @ w
        value = row_weight @ log_losses_at(y, combined) + ((w - equal) ** 2).sum() / (2 * WEIGHT_SD**2)
        gradient = z.T @ (row_weight * (expit(combined) - y)) + (w - equal) / WEIGHT_SD**2
        scale = 1.0 / max(row_weight.sum(), 1.0)
        return value * scale, gradient * scale

    constraint = {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(m)}
    found = minimize(
        loss,
        equal,
        jac=True,
        bounds=[(0.0, 1.0)] * m,
        constraints=[constraint],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )
    weights = np.clip(np.round(found.x, 9), 0.0, None)
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True)
class CalibrationMap:
    """``z -> centre + shift + slope * (z - centre)`` on log-odds, increasing: it never reverses a ranking."""

    centre: float = 0.0
    shift: float = 0.0
    slope: float = 1.0

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Calibrated log-odds."""
        return self.centre + self.shift + self.slope * (z - self.centre)


def fit_calibration(z: np.ndarray, y: np.ndarray, *, row_weight: np.ndarray) -> CalibrationMap:
    """Two-parameter (Platt) map on log-odds, shrunk to the identity [1]_.

    Parameters
    ----------
    z : array of shape (n,)
        Out-of-time log-odds.
    y : array of shape (n,), 0 or 1
    row_weight : array of shape (n,)
        Information of each row, e.g. less for older rows.

    References
    ----------
    .. [1] Platt (1999), Probabilistic outputs for support vector machines. Here with Gaussian priors on the shift and
       on the logarithm of the slope in place of Platt's smoothed targets.
    """
    centre = float(row_weight @ z / row_weight.sum())
    deviation = z - centre

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        shift, log_slope = parameters
        slope = np.exp(log_slope)
        mapped = centre + shift + slope * deviation
        residual = row_weight * (expit(mapped) - y)
        prior = 0.5 * (shift / SHIFT_SD) ** 2 + 0.5 * (log_slope / LOG_SLOPE_SD) ** 2
        gradient = np.array(
            [
                residual.sum() + shift / SHIFT_SD**2,
                slope * (residual @ deviation) + log_slope / LOG_SLOPE_SD**2,
            ]
        )
        return float(row_weight @ log_losses_at(y, mapped) + prior), gradient

    found = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-8 * max(row_weight.sum(), 1.0)})
    shift, log_slope = np.round(found.x, 9)
    return CalibrationMap(centre, float(shift), float(np.exp(log_slope)))
