"""Scaled errors of many series at once, one value per series: arrays of shape (n_series,).

Rows are series. Actuals and forecasts have shape (n_series, horizon) and no missing value; the past has shape
(n_series, n_times), aligned at the end, NaN before a series' first value and in its gaps.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput

Floats = NDArray[np.float64]


def rmsse_by_series(actual: ArrayLike, forecast: ArrayLike, past: ArrayLike, *, season_length: int = 1) -> Floats:
    """Root of the mean squared error over that of the (seasonal) naive inside the past; lower is better.

    Parameters
    ----------
    actual, forecast : arrays of shape (n_series, horizon)
        Same unit.
    past : array of shape (n_series, n_times)
        What the model had seen.
    season_length : int
        Periods back that the naive looks; 1 in M5.

    Returns
    -------
    array of shape (n_series,)
        Non-negative, without unit. NaN where the past has no two values a season apart, or repeats itself exactly.

    References
    ----------
    Makridakis, Spiliotis & Assimakopoulos (2022), M5 accuracy competition. Int. J. Forecasting 38(4).
    """
    y, f, seen = checked_series(actual, forecast, past)
    return np.asarray(np.sqrt(((f - y) ** 2).mean(axis=1) / naive_mse(seen, season_length)))


def mase_by_series(actual: ArrayLike, forecast: ArrayLike, past: ArrayLike, *, season_length: int = 1) -> Floats:
    """Mean absolute error over that of the seasonal naive inside the past; lower is better.

    Parameters and limits as for `rmsse_by_series`.

    References
    ----------
    Hyndman & Koehler (2006), Another look at measures of forecast accuracy. Int. J. Forecasting 22(4).
    """
    y, f, seen = checked_series(actual, forecast, past)
    return np.asarray(np.abs(f - y).mean(axis=1) / naive_mae(seen, season_length))


def smape_by_series(actual: ArrayLike, forecast: ArrayLike) -> Floats:
    """Symmetric mean absolute percentage error of M4, 0 to 200 percent; lower is better.

    ``200 · |y − f| / (|y| + |f|)``, 0 where both are 0.

    Parameters
    ----------
    actual, forecast : arrays of shape (n_series, horizon)

    Returns
    -------
    array of shape (n_series,)

    References
    ----------
    Makridakis, Spiliotis & Assimakopoulos (2020), The M4 Competition. Int. J. Forecasting 36(1).
    """
    y, f = checked_pair(actual, forecast)
    return np.asarray(absolute_percentage(y, f).mean(axis=1))


def absolute_percentage(actual: Floats, forecast: Floats) -> Floats:
    """The terms of `smape_by_series`, any shape."""
    size = np.abs(actual) + np.abs(forecast)
    return np.asarray(200 * np.abs(forecast - actual) / np.where(size > 0, size, 1.0))


def naive_mse(past: ArrayLike, season_length: int = 1) -> Floats:
    """Mean squared change of each series over a season inside its past, NaN where there is none or it is 0.

    Returns
    -------
    array of shape (n_series,)
        In the squared unit of the values; the scale of RMSSE and WRMSSE.
    """
    return _mean_or_nan(_changes(past, season_length) ** 2)


def naive_mae(past: ArrayLike, season_length: int = 1) -> Floats:
    """Mean absolute change of each series over a season inside its past, NaN where there is none or it is 0.

    Returns
    -------
    array of shape (n_series,)
        In the unit of the values; the scale of MASE and of the scaled pinball loss.
    """
    return _mean_or_nan(np.abs(_changes(past, season_length)))


def checked_pair(actual: ArrayLike, forecast: ArrayLike) -> tuple[Floats, Floats]:
    """Actuals and forecasts as finite arrays of one shape (n_series, horizon).

    Raises
    ------
    InvalidInput
        If the shapes differ, are not two-dimensional, or a value is missing or infinite.
    """
    y, f = np.asarray(actual, dtype=float), np.asarray(forecast, dtype=float)
    if y.ndim != 2 or y.shape != f.shape or not y.size:
        raise InvalidInput(
            f"`actual` and `forecast` must have one shape (n_series, horizon), got {y.shape}, {f.shape}."
        )
    n_bad = int((~np.isfinite(y) | ~np.isfinite(f)).sum())
    if n_bad:
        raise InvalidInput(f"`actual` and `forecast` must be finite, {n_bad} of {y.size} pairs are not.")
    return y, f


def checked_series(actual: ArrayLike, forecast: ArrayLike, past: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """As `checked_pair`, with a past that has a row for each series."""
    y, f = checked_pair(actual, forecast)
    seen = checked_past(past)
    if len(seen) != len(y):
        raise InvalidInput(f"`past` must have a row for each of the {len(y)} series, got shape {seen.shape}.")
    return y, f, seen


def checked_past(past: ArrayLike) -> Floats:
    """A past of shape (n_series, n_times) without infinite values; NaN is unknown."""
    seen = np.asarray(past, dtype=float)
    if seen.ndim != 2:
        raise InvalidInput(f"`past` must have shape (n_series, n_times), got {seen.shape}.")
    if np.isinf(seen).any():
        raise InvalidInput(f"`past` must not be infinite, {int(np.isinf(seen).sum())} of {seen.size} values are.")
    return seen


def _changes(past: ArrayLike, season_length: int) -> Floats:
    seen = checked_past(past)
    if season_length < 1:
        raise InvalidInput(f"`season_length` must be at least 1, got {season_length}.")
    return np.asarray(seen[:, season_length:] - seen[:, :-season_length])


def _mean_or_nan(changes: Floats) -> Floats:
    known = ~np.isnan(changes)
    total = np.where(known, changes, 0.0).sum(axis=1)
    return np.asarray(np.where(total > 0, total, np.nan) / np.maximum(known.sum(axis=1), 1))
