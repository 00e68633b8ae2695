"""Which values of a driver were seen before: by the series itself, or by others beside their usual value."""

import numpy as np
from numpy.typing import NDArray

from forecast.demand.matrix import Floats

#: The wildest values of the panel are no experience to rely on.
_TAILS = (0.005, 0.995)
#: Series from which the panel's relation to usual values is taken: the first so many.
_MAX_SERIES = 5000
#: Values are kept as float32.
_ROUNDING = 1e-5

Flags = NDArray[np.bool_]
Numbers = NDArray[np.floating]


def seen_before(past: Numbers, asked: Numbers, window: int, *, is_code: bool = False) -> Flags:
    """Whether asked values lie where the model has experience.

    A value was seen when it lies between the least and the greatest of the series' own past. Or when others had as
    much against their usual value (the mean of the ``window`` periods before): as ratio where all values are positive,
    else as difference. A category was seen when any series had it.

    Parameters
    ----------
    past : array of shape (n_series, n_times)
        NaN where unknown.
    asked : array of shape (n_series, horizon)
        NaN where nothing is asked.
    window : int
        Periods.
    is_code : bool
        Values are codes of categories.

    Returns
    -------
    bool array of shape (n_series, horizon)
        True where nothing is asked.
    """
    nothing = np.isnan(asked)
    if is_code:
        return np.asarray(nothing | np.isin(asked, past[~np.isnan(past)]))
    low, high = np.fmin.reduce(past, axis=1)[:, None], np.fmax.reduce(past, axis=1)[:, None]
    slack = _ROUNDING * np.maximum(np.abs(low), np.abs(high))
    own = (asked >= low - slack) & (asked <= high + slack)
    as_ratio = bool((past[~np.isnan(past)] > 0).all())
    seen = _against(past[:_MAX_SERIES, 1:], usual_before(past[:_MAX_SERIES], window)[:, :-1], as_ratio)
    seen = seen[~np.isnan(seen)]
    if not len(seen):
        return np.asarray(nothing | own)
    least, most = np.quantile(seen, _TAILS)
    relative = _against(asked, usual_before(past, window)[:, -1:], as_ratio)
    slack = _ROUNDING * max(abs(least), abs(most))
    return np.asarray(nothing | own | ((relative >= least - slack) & (relative <= most + slack)))


def usual_before(past: Numbers, window: int) -> Floats:
    """Mean of the known values of the ``window`` periods up to each; shape as ``past``, NaN where none is known."""
    known = ~np.isnan(past)
    sums, counts = (_of_window(np.cumsum(part, axis=1), window) for part in (np.where(known, past, 0.0), known))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _of_window(running: NDArray[np.generic], window: int) -> Floats:
    totals = running.astype(float)
    result = totals.copy()
    result[:, window:] -= totals[:, :-window]
    return result


def _against(values: Numbers, usual: Floats, as_ratio: bool) -> Floats:
    return np.asarray(values / usual if as_ratio else values - usual, dtype=float)
