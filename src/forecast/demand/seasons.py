"""Seasonal indices of many series at once: found, tested, shrunk, and taken out."""

from typing import Literal

import numpy as np

from forecast.demand.matrix import Floats

Adjustment = Literal["additive", "multiplicative"]
#: A multiplicative index below this would blow noise up.
MIN_INDEX = 0.1
#: Shorter series are not adjusted.
MIN_SEASONS = 2.5


def seasonal_indices(values: Floats, season_length: int, adjustment: Adjustment) -> Floats:
    """Indices by classical decomposition, shrunk towards no season by their own noise.

    Each index is the mean of the values less (or over) a centred moving average of one season. The indices together are
    shrunk by the share of their variance that the spread between seasons explains, after James and Stein [1]_.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        NaN only before the first observation; positive where ``adjustment`` is multiplicative.
    season_length : int
        At least 2.
    adjustment : {"additive", "multiplicative"}

    Returns
    -------
    array of shape (n_series, n_times + season_length)
        The index of each column and of one season to come; 0 (or 1) for series shorter than two seasons. Additive ones
        sum to 0 over a season, multiplicative ones have mean 1 and are at least `MIN_INDEX`.

    References
    ----------
    .. [1] Miller & Williams (2003), Shrinkage estimators of time series seasonal factors. Int. J. Forecasting 19(4).
    """
    n_series, n_times = values.shape
    neutral = 0.0 if adjustment == "additive" else 1.0
    if n_times < 2 * season_length:
        return np.full((n_series, n_times + season_length), neutral)
    trend = _moving_average(values, season_length)
    detrended = values - trend if adjustment == "additive" else values / np.where(trend > 0, trend, np.nan)
    n_seasons = -(-n_times // season_length)
    padded = np.full((n_series, n_seasons * season_length), np.nan)
    padded[:, -n_times:] = detrended
    by_place = padded.reshape(n_series, n_seasons, season_length)
    count = (~np.isnan(by_place)).sum(axis=1)
    index = np.nansum(by_place, axis=1) / np.maximum(count, 1) - neutral
    index = np.where(count.min(axis=1, keepdims=True) > 0, index, 0.0)
    index -= index.mean(axis=1, keepdims=True)
    residual = by_place - neutral - index[:, None]
    index *= _kept_share(index, residual, count)[:, None]
    if adjustment == "multiplicative":
        index = np.maximum(1 + index, MIN_INDEX)
        index /= index.mean(axis=1, keepdims=True)
    columns = (np.arange(n_times + season_length) - n_times) % season_length
    return np.asarray(index[:, columns])


def _kept_share(index: Floats, residual: Floats, count: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Floats:
    """Share of the indices to keep, 0-1: one less the variance of their noise over their variance."""
    season_length = index.shape[1]
    freedom = np.maximum(count.sum(axis=1) - season_length, 1)
    noise = np.nansum(residual**2, axis=(1, 2)) / freedom / np.maximum(count.mean(axis=1), 1)
    signal = (index**2).sum(axis=1) / max(season_length - 1, 1)
    stein = max(season_length - 3, 0) / max(season_length - 1, 1)
    share = 1 - stein * noise / np.maximum(signal, np.finfo(float).tiny)
    return np.asarray(np.clip(np.where(signal > 0, share, 0.0), 0, 1))


def _moving_average(values: Floats, season_length: int) -> Floats:
    """Centred mean over one season, half weights at both ends when it is even; NaN where the window is not full."""
    n_series = len(values)
    known = ~np.isnan(values)
    total = np.concatenate([np.zeros((n_series, 1)), np.nan_to_num(values).cumsum(axis=1)], axis=1)
    seen = np.concatenate([np.zeros((n_series, 1)), known.cumsum(axis=1)], axis=1)
    full = seen[:, season_length:] - seen[:, :-season_length] == season_length
    mean = np.where(full, (total[:, season_length:] - total[:, :-season_length]) / season_length, np.nan)
    if season_length % 2 == 0:
        mean = (mean[:, 1:] + mean[:, :-1]) / 2
    result = np.full(values.shape, np.nan)
    start = season_length // 2
    result[:, start : start + mean.shape[1]] = mean
    return result
