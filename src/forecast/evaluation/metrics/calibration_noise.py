"""How much of a calibration error is chance: what a perfect model would show, and what is left without it."""

from dataclasses import dataclass

import numpy as np

from forecast.errors import InvalidInput
from forecast.evaluation.bootstrap import cluster_codes
from forecast.evaluation.metrics.classification import Array, checked, equal_mass_bins

#: Simulated outcomes held in memory at once.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class NoiseFloor:
    """Calibration error of a perfect model of the same predictions: ``mean``, and ``high``, which 1 in 20 exceeds."""

    mean: float
    high: float


def calibration_error_floor(
    y_pred: Array,
    *,
    sample_weight: Array = None,
    clusters: Array = None,
    n_bins: int = 10,
    n_draws: int = 400,
    random_state: int = 0,
) -> NoiseFloor:
    """`calibration_error` of predictions that are exactly right, by drawing outcomes from them [1]_.

    An error below ``high`` is no evidence of miscalibration; one near ``mean`` is what a perfect model shows.

    Parameters
    ----------
    y_pred : array of shape (n,)
        Probabilities; taken as the truth that outcomes are drawn from.
    sample_weight : array of shape (n,), optional
    clusters : array of shape (n,), optional
        Entity of each row. All rows of an entity then share one random number, so that its snapshots are won or
        not won together wherever their probabilities allow it. No other dependence makes sums scatter more: ``mean``
        is the most that a perfect model of these rows can show. Without clusters all rows count as cases of their own.
    n_bins : int
    n_draws : int
        At least 1; the mean is known to about 3 % of itself with the default.
    random_state : int

    References
    ----------
    .. [1] Bröcker & Smith (2007), Increasing the reliability of reliability diagrams. Weather and Forecasting 22
       (consistency resampling).
    """
    _, p, weight = checked(np.zeros(len(np.asarray(y_pred))), y_pred, sample_weight)
    if n_draws < 1 or n_bins < 1:
        raise InvalidInput(f"`n_draws` and `n_bins` must be at least 1, got {n_draws} and {n_bins}.")
    codes, n_clusters = cluster_codes(clusters, len(p))
    bins = equal_mass_bins(p, weight, n_bins)
    order = np.argsort(bins, kind="stable")
    p, weight, codes = p[order], weight[order], codes[order]
    starts = np.searchsorted(bins[order], np.unique(bins))
    rng = np.random.default_rng(random_state)
    size = max(1, _BLOCK // len(p))
    errors = []
    for done in range(0, n_draws, size):
        shared = rng.random((min(size, n_draws - done), n_clusters))
        won = shared[:, codes] < p
        gaps = np.add.reduceat(weight * (won - p), starts, axis=1)
        errors.append(np.abs(gaps).sum(axis=1) / weight.sum())
    drawn = np.concatenate(errors)
    return NoiseFloor(float(drawn.mean()), float(np.percentile(drawn, 95)))


def debiased_calibration_error(
    y_true: Array, y_pred: Array, *, sample_weight: Array = None, clusters: Array = None, n_bins: int = 10
) -> float:
    """Root mean square gap of the bins of equal mass, less what chance adds to it [1]_; lower is better, 0 to 1.

    ``sqrt(max(0, sum of w_b (d_b² - s_b²)))`` with gap ``d_b`` of a bin's observed rate to its mean prediction, its
    estimated variance ``s_b²`` and its share of mass ``w_b``. The sum under the root is right on average; for a
    perfect model it is below 0 about half of the time. It weighs large gaps more than `calibration_error` does, so it
    is not that error made smaller. A bin of one case has no variance and is left out.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,)
    sample_weight : array of shape (n,), optional
    clusters : array of shape (n,), optional
        Entity of each row, for the variance.
    n_bins : int

    Returns
    -------
    float
        NaN when no bin holds two cases.

    References
    ----------
    .. [1] Kumar, Liang & Ma (2019), Verified uncertainty calibration; Ferro & Fricker (2012), A bias-corrected
       decomposition of the Brier score. QJRMS 138.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    if n_bins < 1:
        raise InvalidInput(f"`n_bins` must be at least 1, got {n_bins}.")
    codes, n_clusters = cluster_codes(clusters, len(y))
    bins = equal_mass_bins(p, weight, n_bins)
    mass = np.bincount(bins, weights=weight, minlength=n_bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.bincount(bins, weights=weight * (y - p), minlength=n_bins) / mass
        cells, cell = np.unique(bins * n_clusters + codes, return_inverse=True)
        deviation = np.bincount(cell, weights=weight * (y - p - gap[bins]))
        cases = np.bincount(cells // n_clusters, minlength=n_bins).astype(float)
        spread = np.bincount(cells // n_clusters, weights=deviation**2, minlength=n_bins)
        variance = spread / mass**2 * cases / (cases - 1)
    used = (cases > 1) & (mass > 0)
    if not used.any():
        return float("nan")
    excess = float(np.average((gap**2 - variance)[used], weights=mass[used]))
    return float(np.sqrt(max(0.0, excess)))
