"""Metrics of demand forecasts. Squared ones and bias score the mean, absolute ones the median.

Errors are forecast less actual: a positive bias is an over-forecast. Nothing is skipped silently: missing values are
refused.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput

Floats = NDArray[np.float64]


def wape(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Sum of absolute errors over the sum of absolute actuals; lower is better.

    Returns
    -------
    float
        Non-negative, without unit. NaN when all actuals are 0: then it is undefined.

    Examples
    --------
    >>> wape([10, 0, 10], [8, 1, 11])
    0.2
    """
    actual, forecast, weight = _checked(y_true, y_pred, sample_weight)
    volume = float((weight * np.abs(actual)).sum())
    return float((weight * np.abs(forecast - actual)).sum()) / volume if volume else float("nan")


def bias(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Sum of errors over the sum of absolute actuals; 0 is best, positive is an over-forecast.

    Returns
    -------
    float
        Without unit: 0.03 means 3 % too much in total. NaN when all actuals are 0.
    """
    actual, forecast, weight = _checked(y_true, y_pred, sample_weight)
    volume = float((weight * np.abs(actual)).sum())
    return float((weight * (forecast - actual)).sum()) / volume if volume else float("nan")


def mase(y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, season_length: int = 1) -> float:
    """Mean absolute error over that of the seasonal naive inside the training window; lower is better.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (horizon,)
    y_train : array of shape (n_times,)
        More than ``season_length`` values.
    season_length : int

    Returns
    -------
    float
        Without unit. NaN when the training window repeats itself exactly.

    References
    ----------
    Hyndman & Koehler (2006), Another look at measures of forecast accuracy. Int. J. Forecasting 22(4).
    """
    actual, forecast, _ = _checked(y_true, y_pred, None)
    scale = float(np.abs(_changes(y_train, season_length)).mean())
    return float(np.abs(forecast - actual).mean()) / scale if scale else float("nan")


def rmsse(y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, season_length: int = 1) -> float:
    """Root of the mean squared error over that of the naive inside the training window; lower is better.

    Parameters and limits as for `mase`.
    """
    actual, forecast, _ = _checked(y_true, y_pred, None)
    scale = float((_changes(y_train, season_length) ** 2).mean())
    return float(np.sqrt(((forecast - actual) ** 2).mean() / scale)) if scale else float("nan")


def wrmsse(y_true: ArrayLike, y_pred: ArrayLike, *, scale_mse: ArrayLike, weight: ArrayLike) -> float:
    """Weighted root mean squared scaled error over many series; lower is better.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n_series, horizon)
    scale_mse : array of shape (n_series,)
        Mean squared error of the naive inside each training window; positive where the weight is.
    weight : array of shape (n_series,)
        Share of each series, usually of revenue; divided by its sum.

    References
    ----------
    Makridakis, Spiliotis & Assimakopoulos (2022), M5 accuracy competition. Int. J. Forecasting 38(4).
    """
    actual, forecast, _ = _checked(y_true, y_pred, None)
    scale, share = np.asarray(scale_mse, dtype=float), np.asarray(weight, dtype=float)
    if actual.ndim != 2 or scale.shape != (len(actual),) or share.shape != scale.shape:
        raise InvalidInput(
            f"`y_true` must have shape (n_series, horizon) and `scale_mse` and `weight` (n_series,), "
            f"got {actual.shape}, {scale.shape} and {share.shape}."
        )
    used = share > 0
    if not (scale[used] > 0).all():
        raise InvalidInput(f"`scale_mse` must be positive, {int((scale[used] <= 0).sum())} of {used.sum()} are not.")
    scaled = np.sqrt(((forecast - actual)[used] ** 2).mean(axis=1) / scale[used])
    return float(np.average(scaled, weights=share[used]))


def _checked(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    actual, forecast = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    if actual.shape != forecast.shape or actual.size == 0:
        raise InvalidInput(
            f"Actuals and forecasts must have one shape and a value, got {actual.shape} and {forecast.shape}."
        )
    n_bad = int((~np.isfinite(actual) | ~np.isfinite(forecast)).sum())
    if n_bad:
        raise InvalidInput(f"Actuals and forecasts must be finite, {n_bad} of {actual.size} pairs are not.")
    weight = np.ones(actual.shape) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if weight.shape != actual.shape or not (weight >= 0).all():
        raise InvalidInput(f"`sample_weight` must be non-negative of shape {actual.shape}, got {weight.shape}.")
    return actual, forecast, weight


def _changes(y_train: ArrayLike, season_length: int) -> Floats:
    train = np.asarray(y_train, dtype=float)
    if train.ndim != 1 or len(train) <= season_length or season_length < 1:
        raise InvalidInput(
            f"`y_train` must be longer than the season of {season_length} (at least 1), got shape {train.shape}."
        )
    return np.asarray(train[season_length:] - train[:-season_length])
