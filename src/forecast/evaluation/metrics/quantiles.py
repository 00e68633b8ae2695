"""How good many quantiles, or sample paths, of one forecast are: pinball over levels, M5's scaled one, CRPS."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput

Floats = NDArray[np.float64]


def pinball_losses(y_true: ArrayLike, quantile_levels: ArrayLike, quantiles: ArrayLike) -> Floats:
    """Pinball loss of each quantile of each value.

    Parameters
    ----------
    y_true : array of shape (...)
        Actuals, any shape.
    quantile_levels : array of shape (n_levels,)
        In (0, 1), ascending.
    quantiles : array of shape (..., n_levels)
        Forecasts, unit of ``y_true``.

    Returns
    -------
    array of shape (..., n_levels)
        Non-negative, in the unit of ``y_true``; its mean over values is `intervals.pinball_loss` of the level.
    """
    y, levels, q = checked_quantiles(y_true, quantile_levels, quantiles)
    error = y[..., None] - q
    return np.maximum(levels * error, (levels - 1) * error)


def weighted_scaled_pinball_loss(
    y_true: ArrayLike, quantile_levels: ArrayLike, quantiles: ArrayLike, *, scale_mae: ArrayLike, weight: ArrayLike
) -> float:
    """WSPL of M5 uncertainty: pinball over the naive's error in the past, over levels and series; lower is better.

    Parameters
    ----------
    y_true : array of shape (n_series, horizon)
    quantile_levels : array of shape (n_levels,)
        Nine in M5: 0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995.
    quantiles : array of shape (n_series, horizon, n_levels)
    scale_mae : array of shape (n_series,)
        Mean absolute change in each past (`series.naive_mae`), positive where the weight is.
    weight : array of shape (n_series,)
        Share of each series, usually of revenue; divided by its sum.

    Returns
    -------
    float
        Non-negative, without unit.

    References
    ----------
    Makridakis et al. (2022), The M5 uncertainty competition. Int. J. Forecasting 38(4).
    """
    losses = pinball_losses(y_true, quantile_levels, quantiles)
    scale, share = np.asarray(scale_mae, dtype=float), np.asarray(weight, dtype=float)
    if losses.ndim != 3 or scale.shape != losses.shape[:1] or share.shape != scale.shape:
        raise InvalidInput(
            f"`y_true` must have shape (n_series, horizon) and `scale_mae` and `weight` (n_series,), "
            f"got {losses.shape[:-1]}, {scale.shape} and {share.shape}."
        )
    used = share > 0
    if not used.any() or (share < 0).any() or not (scale[used] > 0).all():
        n_bad = int((~(scale[used] > 0)).sum())
        raise InvalidInput(
            f"`weight` must be non-negative with a positive sum and `scale_mae` positive where it is, "
            f"{n_bad} scales of {int(used.sum())} weighted series are not."
        )
    return float(np.average(losses[used].mean(axis=(1, 2)) / scale[used], weights=share[used]))


def crps_from_quantiles(y_true: ArrayLike, quantile_levels: ArrayLike, quantiles: ArrayLike) -> Floats:
    """Continuous ranked probability score by quantiles; lower is better.

    ``CRPS = 2 ∫ pinball dτ``; each level stands for the levels nearest to it. Levels ``(k − ½) / n`` give the score of
    a sample of n; with few levels the value is rough, and comparable only between forecasts of the same levels.

    Parameters
    ----------
    y_true : array of shape (...)
    quantile_levels : array of shape (n_levels,)
        In (0, 1), ascending.
    quantiles : array of shape (..., n_levels)

    Returns
    -------
    array of shape (...)
        Non-negative, in the unit of ``y_true``; the absolute error for a point forecast.

    References
    ----------
    Laio & Tamea (2007), Verification tools for probabilistic forecasts. Hydrology and Earth System Sciences 11(4).
    """
    levels = np.asarray(quantile_levels, dtype=float)
    losses = pinball_losses(y_true, levels, quantiles)
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    return np.asarray(2 * losses @ np.diff(edges))


def crps_from_paths(y_true: ArrayLike, paths: ArrayLike) -> Floats:
    """Continuous ranked probability score of sample paths; lower is better.

    ``E|X − y| − ½ E|X − X'|`` over the sample, as a law of its own.

    Parameters
    ----------
    y_true : array of shape (...)
    paths : array of shape (n_paths, ...)

    Returns
    -------
    array of shape (...)
        Non-negative, in the unit of ``y_true``.

    References
    ----------
    Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation. JASA 102.
    """
    y, drawn = checked_paths(y_true, paths)
    n_paths = len(drawn)
    drawn = np.sort(drawn, axis=0)
    place = 2.0 * np.arange(1, n_paths + 1) - n_paths - 1
    spread = np.tensordot(place, drawn, axes=1) / n_paths**2
    return np.asarray(np.maximum(np.abs(drawn - y).mean(axis=0) - spread, 0.0))


def checked_quantiles(
    y_true: ArrayLike, quantile_levels: ArrayLike, quantiles: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Actuals of shape (...), levels of shape (n_levels,) and quantiles of shape (..., n_levels).

    Raises
    ------
    InvalidInput
        If levels are not ascending in (0, 1), shapes do not fit, or a value is missing.
    """
    y, levels, q = (np.asarray(array, dtype=float) for array in (y_true, quantile_levels, quantiles))
    if levels.ndim != 1 or not len(levels) or not ((levels > 0) & (levels < 1)).all() or (np.diff(levels) <= 0).any():
        raise InvalidInput(f"`quantile_levels` must be ascending numbers between 0 and 1, got {levels.tolist()}.")
    if q.shape != (*y.shape, len(levels)) or not y.size:
        raise InvalidInput(
            f"`quantiles` must have the shape of the actuals and one column for each of {len(levels)} levels, "
            f"got {q.shape} for {y.shape}."
        )
    n_bad = int((~np.isfinite(y)).sum() + (~np.isfinite(q)).sum())
    if n_bad:
        raise InvalidInput(f"Actuals and quantiles must be finite, {n_bad} values are not.")
    return y, levels, q


def checked_paths(y_true: ArrayLike, paths: ArrayLike) -> tuple[Floats, Floats]:
    """Actuals of shape (...) and paths of shape (n_paths, ...), all finite."""
    y, drawn = np.asarray(y_true, dtype=float), np.asarray(paths, dtype=float)
    if drawn.ndim != y.ndim + 1 or drawn.shape[1:] != y.shape or not drawn.size:
        raise InvalidInput(
            f"`paths` must have shape (n_paths, *shape of the actuals), got {drawn.shape} for {y.shape}."
        )
    n_bad = int((~np.isfinite(y)).sum() + (~np.isfinite(drawn)).sum())
    if n_bad:
        raise InvalidInput(f"Actuals and paths must be finite, {n_bad} values are not.")
    return y, drawn
