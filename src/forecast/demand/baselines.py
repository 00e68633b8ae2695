"""What every model must beat: seasonal naive and exponential smoothing, over many series at once."""

from collections.abc import Callable

import numpy as np

from forecast.demand import series_models
from forecast.demand.matrix import Floats

#: AutoETS searches some 20 models for each series; above this many series one smoothing constant serves all.
MAX_AUTO_ETS = 500


def seasonal_naive(values: Floats, horizon: int, season_length: int) -> Floats:
    """The last season repeated; the mean of what there is for series shorter than a season.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        Aligned at the end, NaN where unknown.
    horizon : int
    season_length : int

    Returns
    -------
    array of shape (n_series, horizon)
        Never NaN for a series with an observation.
    """
    n_times = values.shape[1]
    steps = np.arange(horizon)
    columns = n_times - season_length + steps % season_length
    forecast = values[:, np.maximum(columns, 0)].copy()
    forecast[:, columns < 0] = np.nan
    return np.where(np.isnan(forecast), np.nanmean(values, axis=1, keepdims=True), forecast)


def naive(values: Floats, horizon: int, season_length: int) -> Floats:
    """The last value repeated."""
    return seasonal_naive(values, horizon, 1)


def seasonal_smoothing(values: Floats, horizon: int, season_length: int, *, alpha: float = 0.2) -> Floats:
    """Simple exponential smoothing of each place in the season, one constant for all series.

    With ``season_length`` 1 it is plain exponential smoothing. Places never seen get the mean of the series.
    """
    n_series, n_times = values.shape
    n_seasons = -(-n_times // season_length)
    padded = np.full((n_series, n_seasons * season_length), np.nan)
    padded[:, -n_times:] = values
    seasons = padded.reshape(n_series, n_seasons, season_length)
    level = seasons[:, 0]
    for season in range(1, n_seasons):
        seen = seasons[:, season]
        smoothed = np.where(np.isnan(level), seen, alpha * seen + (1 - alpha) * level)
        level = np.where(np.isnan(seen), level, smoothed)
    level = np.where(np.isnan(level), np.nanmean(values, axis=1, keepdims=True), level)
    return level[:, np.arange(horizon) % season_length]


def ets(values: Floats, horizon: int, season_length: int) -> Floats:
    """AutoETS for each series; series too short for it get the seasonal naive.

    Above `MAX_AUTO_ETS` series: `seasonal_smoothing`, which is a thousand times faster.

    References
    ----------
    Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing. Implementation: statsforecast.
    """
    if len(values) > MAX_AUTO_ETS:
        return seasonal_smoothing(values, horizon, season_length)
    simple = seasonal_naive(values, horizon, season_length)
    fitted = series_models.ets(values, horizon, season_length)
    forecast = np.where(np.isfinite(fitted).all(axis=1, keepdims=True), fitted, simple)
    return np.maximum(forecast, 0) if np.nanmin(values) >= 0 else forecast


#: Baselines by name: (values, horizon, season_length) -> forecasts of shape (n_series, horizon).
BASELINES: dict[str, Callable[[Floats, int, int], Floats]] = {
    "ets": ets,
    "naive": naive,
    "seasonal_naive": seasonal_naive,
}

#: Of these the best one on past folds is the first champion.
NAIVES = ("naive", "seasonal_naive")
