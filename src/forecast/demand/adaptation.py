"""Ranges follow how the last forecasts did: wider after too many misses, narrower after too few."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecast.demand.errors import ALL, ErrorModel, PastErrors
from forecast.demand.matrix import Floats

#: The range that is adapted; the others move with it.
RANGE = (0.1, 0.9)
#: How far one window moves the logarithm of the width, per share of misses too many. With 0.7 ranges of noise that
#: doubled are right again after eight windows, and one odd window moves them by less than a third.
GAIN = 0.7
#: A window counts half with so few outcomes.
_PRIOR_OUTCOMES = 30.0
#: Outcomes of all series count in a class as much as so many of its own.
_PRIOR_OF_CLASS = 300.0
#: No width is more than so many times the learned one, or less than its inverse.
MAX_FACTOR = 4.0
#: Windows looked back on, fewer where the panel is large.
MAX_WINDOWS = 8
_MAX_CELLS = 200_000


def adaptation_windows(n_since: int, horizon: int, n_series: int) -> int:
    """Number of whole horizons among the ``n_since`` periods after training that are looked back on."""
    affordable = max(_MAX_CELLS // (n_series * horizon), 1)
    return min(n_since // horizon, affordable, MAX_WINDOWS)


def adapt_widths(model: ErrorModel, past: PastErrors, *, random_state: int = 0) -> ErrorModel:
    """The same law of errors with other widths, learned from outcomes that came after training.

    The log of the width moves by `GAIN` times the share of misses above the nominal one, window by window, so that in
    the long run the range holds what it says, whatever made the errors larger [1]_. Each class of series has its own
    width, held to that of all series where its outcomes are few.

    Parameters
    ----------
    model : ErrorModel
        As learned; widths it may have are forgotten.
    past : PastErrors
        Forecasts of the model at moments after its training, oldest window first by ``window``.
    random_state : int
        Spreads whole numbers evenly over their unit, as when the law was learned.

    Returns
    -------
    ErrorModel
        Its ``widths`` give factors by class, and for all other series under `ALL`.

    References
    ----------
    .. [1] Gibbs & Candès (2021), Adaptive conformal inference under distribution shift. NeurIPS 34.
    """
    learned = replace(model, widths={})
    needed = _needed(learned, past, random_state)
    known = ~np.isnan(needed)
    nominal = 1 - (RANGE[1] - RANGE[0])
    classes = tuple(sorted(set(past.classes)))
    of_class = {name: (past.classes == name)[:, None] & known for name in classes}
    log_width = dict.fromkeys((ALL, *classes), 0.0)
    for window in np.unique(past.window):
        now = (past.window == window)[:, None]
        surplus = _surplus(needed[known & now], log_width[ALL], nominal)
        for name, cells in of_class.items():
            own = needed[cells & now]
            share = len(own) / (len(own) + _PRIOR_OF_CLASS)
            of_own = _surplus(own, log_width[name], nominal)
            log_width[name] += GAIN * (share * of_own + (1 - share) * surplus)
        log_width[ALL] += GAIN * surplus
    limit = np.log(MAX_FACTOR)
    widths = {name: float(np.exp(np.clip(value, -limit, limit))) for name, value in log_width.items()}
    return replace(learned, widths=widths)


def _needed(model: ErrorModel, past: PastErrors, random_state: int) -> Floats:
    """Factor on the width with which each outcome would just lie within the range; NaN where that is undefined."""
    error = past.error
    if past.is_integer:
        error = error + np.random.default_rng(random_state).uniform(-0.5, 0.5, error.shape)
    low, high = np.moveaxis(model.scaled_bounds(past.mean, past.usual, past.classes, RANGE), -1, 0)
    width = past.usual[:, None] * model.growth[: error.shape[1]]
    bound = np.where(error > 0, high, low) * width
    usable = np.isfinite(error) & (low < 0) & (high > 0) & (width > 0)
    return np.asarray(np.divide(error, bound, out=np.full(error.shape, np.nan), where=usable))


def _surplus(needed: NDArray[np.float64], log_width: float, nominal: float) -> float:
    """Share of misses above the nominal one, less where outcomes are few."""
    if not len(needed):
        return 0.0
    misses = float((needed > np.exp(log_width)).mean())
    return (misses - nominal) * len(needed) / (len(needed) + _PRIOR_OUTCOMES)
