"""The overall weighted average of M4, and the Naive2 that it is relative to."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.series import checked_past, checked_series, mase_by_series, smape_by_series

Floats = NDArray[np.float64]

#: Two-sided 90 % of the normal law, as in M4's test of seasonality.
_CRITICAL = 1.645


def owa(actual: ArrayLike, forecast: ArrayLike, past: ArrayLike, *, season_length: int = 1) -> float:
    """Overall weighted average: mean of sMAPE and MASE, each relative to Naive2; 1 is Naive2, lower is better.

    Parameters
    ----------
    actual, forecast : arrays of shape (n_series, horizon)
    past : array of shape (n_series, n_times)
        Aligned at the end, NaN before the first value; the last column known.
    season_length : int
        1 (yearly), 4, 12, 24 …; MASE is scaled by the seasonal naive.

    Returns
    -------
    float
        Non-negative, without unit. Series whose past repeats itself exactly have no MASE and are left out of its mean.

    References
    ----------
    Makridakis, Spiliotis & Assimakopoulos (2020), The M4 Competition. Int. J. Forecasting 36(1).
    """
    y, f, seen = checked_series(actual, forecast, past)
    floor = naive2(seen, y.shape[1], season_length)
    shares = [smape_by_series(y, f).mean() / smape_by_series(y, floor).mean()]
    scaled, scaled_floor = (mase_by_series(y, guess, seen, season_length=season_length) for guess in (f, floor))
    known = ~np.isnan(scaled)
    if known.any():
        shares.append(scaled[known].mean() / scaled_floor[known].mean())
    return float(np.mean(shares))


def naive2(values: ArrayLike, horizon: int, season_length: int = 1) -> Floats:
    """M4's Naive2: the last value, seasonally adjusted where a test finds a season.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        Aligned at the end, NaN before the first value; the last column known.
    horizon : int
    season_length : int

    Returns
    -------
    array of shape (n_series, horizon)

    Raises
    ------
    InvalidInput
        If a series has no last value.
    """
    seen = checked_past(values)
    if not seen.shape[1] or np.isnan(seen[:, -1]).any():
        raise InvalidInput(
            f"Naive2 needs each series' last value, {int(np.isnan(seen[:, -1:]).sum())} of {len(seen)} are unknown."
        )
    if horizon < 1 or season_length < 1:
        raise InvalidInput(f"`horizon` and `season_length` must be at least 1, got {horizon} and {season_length}.")
    index = np.ones((len(seen), season_length))
    seasonal = is_seasonal(seen, season_length)
    if seasonal.any():
        index[seasonal] = seasonal_index(seen[seasonal], season_length)
    return np.asarray(seen[:, -1:] / index[:, -1:] * index[:, np.arange(horizon) % season_length])


def is_seasonal(values: ArrayLike, season_length: int, *, min_seasons: float = 3.0) -> NDArray[np.bool_]:
    """M4's test at 90 %: whether the autocorrelation at the season exceeds Bartlett's limit.

    Series shorter than ``min_seasons`` (M4: three), constant ones and those without a value are not seasonal.

    Returns
    -------
    array of shape (n_series,)
    """
    seen = checked_past(values)
    known = ~np.isnan(seen)
    n_known = known.sum(axis=1)
    if season_length == 1 or seen.shape[1] < min_seasons * season_length:
        return np.zeros(len(seen), dtype=bool)
    centre = np.where(known, seen, 0.0).sum(axis=1, keepdims=True) / np.maximum(n_known, 1)[:, None]
    x = np.where(known, seen - centre, 0.0)
    products = np.column_stack([(x[:, lag:] * x[:, :-lag]).sum(axis=1) for lag in range(1, season_length + 1)])
    variance = (x**2).sum(axis=1)
    size = np.abs(np.where(known, seen, 0.0)).max(axis=1)
    varies = variance > 1e-12 * np.maximum(size**2, 1e-300)
    correlation = products / np.where(varies, variance, 1.0)[:, None]
    limit = _CRITICAL / np.sqrt(np.maximum(n_known, 1)) * np.sqrt(1 + 2 * (correlation[:, :-1] ** 2).sum(axis=1))
    return np.asarray(varies & (n_known >= min_seasons * season_length) & (np.abs(correlation[:, -1]) > limit))


def seasonal_index(values: Floats, season_length: int) -> Floats:
    """Index of each place in the season by multiplicative classical decomposition; mean 1.

    Ratios to a centred moving average, averaged over the seasons. Where an index would not be positive (zeros or
    negative values) all are 1.

    Returns
    -------
    array of shape (n_series, season_length)
        Column 0 is the place of the first period after the end.
    """
    n_series, n_times = values.shape
    half = season_length // 2
    weights = np.full(2 * half + 1, 1 / season_length)
    if season_length % 2 == 0:
        weights[[0, -1]] /= 2
    n_middle = n_times - 2 * half
    trend = sum(weight * values[:, lag : lag + n_middle] for lag, weight in enumerate(weights))
    ratio = np.full((n_series, -(-n_times // season_length) * season_length), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio[:, ratio.shape[1] - n_times + half : ratio.shape[1] - half] = values[:, half : n_times - half] / trend
        seasons = ratio.reshape(n_series, -1, season_length)
        known = ~np.isnan(seasons)
        index = np.where(known, seasons, 0.0).sum(axis=1) / known.sum(axis=1)
        index = index / index.mean(axis=1, keepdims=True)
    usable = (np.isfinite(index) & (index > 0)).all(axis=1)
    return np.where(usable[:, None], index, 1.0)
