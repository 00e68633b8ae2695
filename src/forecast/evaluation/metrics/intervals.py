"""How good quantiles and intervals are: pinball and interval loss, coverage, width."""

from typing import Any

import numpy as np

from forecast.errors import InvalidInput

Array = Any


def _checked(*arrays: Array) -> tuple[np.ndarray, ...]:
    values = tuple(np.asarray(array, dtype=float) for array in arrays)
    shapes = {array.shape for array in values}
    if len(shapes) > 1 or not values[0].size:
        raise InvalidInput(f"Actual and forecast arrays need one shape with at least one value, got {sorted(shapes)}.")
    return values


def pinball_loss(y_true: Array, y_pred: Array, *, quantile: float, sample_weight: Array = None) -> float:
    """Mean pinball (quantile) loss; lower is better.

    Over-forecasts cost ``1 - quantile`` per unit, under-forecasts ``quantile``, so the loss is least in expectation at
    the true quantile [1]_.

    Parameters
    ----------
    y_true, y_pred : arrays of one shape
        Actual values and forecasts of the quantile, same unit.
    quantile : float in (0, 1)
    sample_weight : array of the same shape, optional

    Returns
    -------
    float
        Non-negative, in the unit of ``y_true``.

    References
    ----------
    .. [1] Koenker & Bassett (1978), Regression Quantiles. Econometrica 46(1).
    """
    if not 0 < quantile < 1:
        raise InvalidInput(f"`quantile` must lie between 0 and 1, got {quantile}.")
    y, q = _checked(y_true, y_pred)
    losses = np.maximum(quantile * (y - q), (quantile - 1) * (y - q))
    return float(np.average(losses, weights=sample_weight))


def interval_coverage_score(y_true: Array, low: Array, high: Array, *, sample_weight: Array = None) -> float:
    """Share of actual values inside the closed interval, 0 to 1; right when it equals the interval's level."""
    y, lower, upper = _checked(y_true, low, high)
    return float(np.average((lower <= y) & (y <= upper), weights=sample_weight))


def interval_width_error(low: Array, high: Array, *, sample_weight: Array = None) -> float:
    """Mean width of the intervals (sharpness), in the unit of the values; lower is better at equal coverage."""
    lower, upper = _checked(low, high)
    return float(np.average(upper - lower, weights=sample_weight))


def interval_loss(y_true: Array, low: Array, high: Array, *, level: float, sample_weight: Array = None) -> float:
    """Winkler's interval loss: width plus ``2 / (1 - level)`` per unit outside; lower is better [1]_.

    ``level`` in percent, in (0, 100).

    References
    ----------
    .. [1] Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation. JASA 102.
    """
    if not 0 < level < 100:
        raise InvalidInput(f"`level` must lie between 0 and 100 percent, got {level}.")
    y, lower, upper = _checked(y_true, low, high)
    alpha = 1 - level / 100
    outside = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
    return float(np.average(upper - lower + 2 / alpha * outside, weights=sample_weight))
