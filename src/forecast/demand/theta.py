"""The optimised theta method for thousands of series at once."""

import numpy as np

from forecast.demand.matrix import Floats
from forecast.demand.seasons import MIN_SEASONS, seasonal_indices
from forecast.demand.smoothing_kernel import (
    Aligned,
    Constants,
    align_starts,
    by_length,
    continue_paths,
    error_sums,
    pick_best,
)
from forecast.evaluation.metrics import is_seasonal

ALPHAS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.99)

#: What is positive cannot fall for ever: its decline gets at most this share of the slope, the classical theta of 2.
MAX_DECLINE = 0.5


def theta(values: Floats, horizon: int, season_length: int) -> Floats:
    """Optimised theta: simple smoothing whose drift is a share of the slope of the whole series.

    The theta model is exponential smoothing with drift ``(1 - 1 / theta) * slope`` [1]_, [2]_. Here ``alpha`` is taken
    from a grid, and for each the first level and the share, between 0 (theta 1) and 1 (theta infinite), are the least
    squares ones; `MAX_DECLINE` limits the share where a positive series falls. Seasons are taken out before where a
    90 % test finds them: multiplicative ones where all values are positive, else additive ones.

    References
    ----------
    .. [1] Hyndman & Billah (2003), Unmasking the Theta method. Int. J. Forecasting 19(2).
    .. [2] Fiorucci, Pellegrini, Louzada, Petropoulos & Koehler (2016), Models for optimising the theta method and their
       relationship to state space models. Int. J. Forecasting 32(4).
    """
    return by_length(
        values, horizon, season_length, len(ALPHAS), lambda part: _theta_chunk(part, horizon, season_length)
    )


def _theta_chunk(values: Floats, horizon: int, season_length: int) -> Floats:
    n_series, n_times = values.shape
    factor = np.ones((n_series, n_times + season_length))
    summand = np.zeros_like(factor)
    seasonal = is_seasonal(values, season_length, min_seasons=MIN_SEASONS)
    positive = np.nanmin(values, axis=1) > 0
    if (rows := seasonal & positive).any():
        factor[rows] = seasonal_indices(values[rows], season_length, "multiplicative")
    if (rows := seasonal & ~positive).any():
        summand[rows] = seasonal_indices(values[rows], season_length, "additive")
    ahead = n_times + np.arange(horizon) % season_length
    paths = _smoothing_with_drift((values - summand[:, :n_times]) / factor[:, :n_times], horizon)
    return np.asarray(paths * factor[:, ahead] + summand[:, ahead])


def _smoothing_with_drift(values: Floats, horizon: int) -> Floats:
    aligned = align_starts(values)
    offset = aligned.y[0].copy()
    aligned = Aligned(aligned.y - offset, aligned.n_known)
    alpha = np.array(ALPHAS)[:, None]
    constants = Constants(alpha, np.zeros_like(alpha), np.ones_like(alpha), np.zeros_like(alpha))
    sums = error_sums(aligned, constants, 1)
    slope = _slope(aligned)
    reduced = sums.bb - sums.lb**2 / sums.ll
    best = (sums.lb * sums.dl / sums.ll - sums.db) / np.maximum(reduced, np.finfo(float).tiny)
    least = np.where(np.nanmin(values, axis=1) > 0, MAX_DECLINE, 1.0) * slope
    drift = np.clip(best, np.minimum(least, 0), np.maximum(slope, 0))
    level = -(sums.dl + drift * sums.lb) / sums.ll
    chosen, fit = pick_best(constants, sums.fit(level, drift), slice(0, len(alpha)))
    return np.asarray(continue_paths(aligned, chosen, fit, 1, horizon)[0] + offset[:, None])


def _slope(aligned: Aligned) -> Floats:
    """Least-squares slope of each series over its own time."""
    time = np.arange(len(aligned.y))[:, None]
    known = time < aligned.n_known
    centred = np.where(known, time - (aligned.n_known - 1) / 2, 0.0)
    return np.asarray((centred * aligned.y).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1.0))
