"""How good probabilities of a win are: one signature, names that say the direction (`_loss`, `_error` low is good)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn import metrics

from forecast.errors import InvalidInput

#: Probabilities are kept this far from 0 and 1 where a logarithm is taken.
EPSILON = 1e-15

Array = Any


def checked(y_true: Array, y_pred: Array, sample_weight: Array = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, probabilities and weights as arrays of one length.

    Raises
    ------
    InvalidInput
        If they are empty, of different lengths, no outcomes (0, 1) or no probabilities, or a weight is negative.
    """
    y, p = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if not len(y) or not len(y) == len(p) == len(weight):
        raise InvalidInput(
            f"Outcomes, predictions and weights need one length above 0, got {len(y)}, {len(p)}, {len(weight)}."
        )
    if not np.isin(y, (0.0, 1.0)).all():
        raise InvalidInput(f"Outcomes must be 0 or 1, got {y[~np.isin(y, (0.0, 1.0))][0]}.")
    if not ((p >= 0) & (p <= 1)).all():
        raise InvalidInput(f"Probabilities must be between 0 and 1, got {p[~((p >= 0) & (p <= 1))][0]}.")
    if not (weight >= 0).all() or not weight.sum() > 0:
        raise InvalidInput(f"Weights must not be negative and not all be 0, got a sum of {weight.sum()}.")
    return y, p, weight


def log_losses(y_true: Array, y_pred: Array) -> np.ndarray:
    """Negative log-likelihood of each row in nats, shape (n,)."""
    y, p, _ = checked(y_true, y_pred)
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return np.asarray(-np.where(y == 1, np.log(p), np.log1p(-p)))


def log_loss(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Mean negative log-likelihood in nats; lower is better, least in expectation at the true probability."""
    _, _, weight = checked(y_true, y_pred, sample_weight)
    return float(np.average(log_losses(y_true, y_pred), weights=weight))


def brier_loss(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Mean squared error of the probability, in 0 to 1; lower is better."""
    y, p, weight = checked(y_true, y_pred, sample_weight)
    return float(np.average((p - y) ** 2, weights=weight))


def roc_auc_score(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Probability that a won case is scored above one that is not; 0.5 without signal, NaN with one outcome only."""
    y, p, weight = checked(y_true, y_pred, sample_weight)
    if len(np.unique(y[weight > 0])) < 2:
        return float("nan")
    return float(metrics.roc_auc_score(y, p, sample_weight=weight))


def average_precision_score(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Area under the precision-recall steps; the base rate without signal, NaN when nothing was won."""
    y, p, weight = checked(y_true, y_pred, sample_weight)
    if not (y * weight).any():
        return float("nan")
    return float(metrics.average_precision_score(y, p, sample_weight=weight))


def log_loss_skill_score(y_true: Array, y_pred: Array, *, y_base: Array, sample_weight: Array = None) -> float:
    """``1 - log loss / log loss of the baseline``: 0 is no better than ``y_base``, 1 is perfect, below 0 is worse."""
    base = log_loss(y_true, y_base, sample_weight=sample_weight)
    return 1.0 - log_loss(y_true, y_pred, sample_weight=sample_weight) / base


def equal_mass_bins(y_pred: np.ndarray, weight: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of each row, 0 to ``n_bins - 1``, of about equal weight; equal predictions share a bin.

    Independent of the order of rows. Ties may leave bins empty.
    """
    _, inverse = np.unique(y_pred, return_inverse=True)
    mass = np.bincount(inverse, weights=weight)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    return np.asarray(np.minimum((middle * n_bins).astype(int), n_bins - 1)[inverse])


def calibration_error(y_true: Array, y_pred: Array, *, sample_weight: Array = None, n_bins: int = 10) -> float:
    """Expected calibration error (ECE) over bins of equal mass; lower is better, 0 to 1.

    Weighted mean of ``|observed rate - mean prediction|`` of the bins. It is above 0 for a perfect model too, since
    rates scatter: compare only at equal sizes [1]_.

    References
    ----------
    .. [1] Nixon et al. (2019), Measuring calibration in deep learning; Roelofs et al. (2022), Mitigating bias in
       calibration error estimation.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    if n_bins < 1:
        raise InvalidInput(f"`n_bins` must be at least 1, got {n_bins}.")
    bins = equal_mass_bins(p, weight, n_bins)
    gaps = np.bincount(bins, weights=weight * (y - p), minlength=n_bins)
    return float(np.abs(gaps).sum() / weight.sum())


@dataclass(frozen=True)
class CalibrationLine:
    """Outcomes regressed on the log-odds of their predictions: ``logit P(y = 1) = intercept + slope * logit p``.

    Calibrated predictions have slope 1 and intercept 0; a slope below 1 means overconfident. ``slope_error`` is the
    standard error of the slope, clustered when clusters were given.
    """

    slope: float
    intercept: float
    slope_error: float

    def slope_interval(self, z: float = 1.96) -> tuple[float, float]:
        """``slope`` plus and minus ``z`` standard errors; 95 % by default."""
        return self.slope - z * self.slope_error, self.slope + z * self.slope_error


def calibration_line(
    y_true: Array, y_pred: Array, *, sample_weight: Array = None, clusters: Array = None
) -> CalibrationLine:
    """Cox's calibration regression by maximum likelihood [1]_.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,)
    sample_weight : array of shape (n,), optional
    clusters : array of shape (n,), optional
        Rows of one cluster (entity) are dependent; the standard error is then the clustered sandwich.

    Returns
    -------
    CalibrationLine
        All NaN when there is one outcome only, or the predictions are all equal.

    References
    ----------
    .. [1] Cox (1958), Two further applications of a model for binary regression. Biometrika 45.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    z = logit(np.clip(p, EPSILON, 1 - EPSILON))
    if len(np.unique(y[weight > 0])) < 2 or np.ptp(z[weight > 0]) < 1e-12:
        return CalibrationLine(float("nan"), float("nan"), float("nan"))
    design = np.column_stack([np.ones(len(z)), z])
    coefficients = _newton(design, y, weight)
    fitted = expit(design @ coefficients)
    bread = np.linalg.pinv(design.T @ (design * (weight * fitted * (1 - fitted))[:, None]))
    scores = design * (weight * (y - fitted))[:, None]
    codes = np.arange(len(y)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    summed = np.column_stack([np.bincount(codes, weights=column) for column in scores.T])
    n_clusters = len(summed)
    meat = summed.T @ summed * (n_clusters / max(n_clusters - 1, 1))
    error = float(np.sqrt((bread @ meat @ bread)[1, 1]))
    return CalibrationLine(float(coefficients[1]), float(coefficients[0]), error)


def _newton(design: np.ndarray, y: np.ndarray, weight: np.ndarray, n_steps: int = 100) -> np.ndarray:
    """Logistic regression with halved steps; separable data end at a large slope instead of failing."""
    coefficients = np.array([0.0, 1.0])

    def loss(b: np.ndarray) -> float:
        eta = design @ b
        return float(weight @ (np.logaddexp(0.0, eta) - y * eta))

    current = loss(coefficients)
    for _ in range(n_steps):
        fitted = expit(design @ coefficients)
        gradient = design.T @ (weight * (fitted - y))
        hessian = design.T @ (design * (weight * fitted * (1 - fitted))[:, None])
        step = np.linalg.pinv(hessian) @ gradient
        scale = 1.0
        while scale > 1e-6 and loss(coefficients - scale * step) > current:
            scale /= 2
        coefficients = coefficients - scale * step
        previous, current = current, loss(coefficients)
        if previous - current <= 1e-12 * max(1.0, abs(previous)):
            break
    return coefficients


def calibration_slope(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Slope of `calibration_line`; 1 is right, below 1 overconfident."""
    return calibration_line(y_true, y_pred, sample_weight=sample_weight).slope


def calibration_intercept(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Intercept of `calibration_line`; 0 is right."""
    return calibration_line(y_true, y_pred, sample_weight=sample_weight).intercept


def miscalibration_loss(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> float:
    """Log loss that the best straight recalibration on log-odds would take away, in nats; 0 when calibrated.

    Never negative. A calibrated model shows about ``1 / n`` of it by chance. A forecast that is the same for all cases
    has no slope; its best recalibration is the rate that came.
    """
    line = calibration_line(y_true, y_pred, sample_weight=sample_weight)
    p = np.clip(np.asarray(y_pred, dtype=float), EPSILON, 1 - EPSILON)
    rate = float(np.average(np.asarray(y_true, dtype=float), weights=sample_weight))
    if not np.isnan(line.slope):
        recalibrated = expit(line.intercept + line.slope * logit(p))
    else:
        recalibrated = np.full_like(p, np.clip(rate, EPSILON, 1 - EPSILON))
    before = log_loss(y_true, p, sample_weight=sample_weight)
    return max(0.0, before - log_loss(y_true, recalibrated, sample_weight=sample_weight))
