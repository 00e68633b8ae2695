"""A season that series of like length share: for panels too short to show each series its own."""

import numpy as np

from forecast.demand.extrapolation import filled
from forecast.demand.matrix import Floats
from forecast.demand.seasons import MIN_INDEX
from forecast.demand.smoothing import slow_smoothing

#: With more seasons than this each series knows its own better.
MAX_SEASONS = 3


def pooled_season(values: Floats, horizon: int, season_length: int) -> Floats:
    """Slow smoothing after the season of the whole panel is taken out, as a factor.

    Each series is put over its own mean of the last season; the mean of these ratios over the series, place by place,
    is the shared season. Series with negative values or nothing in the last season take no part and get NaN; so do all
    when the panel is shorter than one season, or has none.

    References
    ----------
    Dekker, van Donselaar & Ouwehand (2004), How to use aggregation and combined forecasting to improve seasonal demand
    forecasts. Int. J. Production Economics 90(2).
    """
    result = np.full((len(values), horizon), np.nan)
    n_times = values.shape[1]
    if season_length < 2 or n_times < season_length:
        return result
    full = filled(values, season_length)
    last = full[:, -season_length:]
    part = np.flatnonzero(~np.isnan(last).any(axis=1) & ~(full < 0).any(axis=1) & (last > 0).any(axis=1))
    if len(part) < 2:
        return result
    ratio = last[part] / last[part].mean(axis=1, keepdims=True)
    index = np.maximum(ratio.mean(axis=0), MIN_INDEX)
    index /= index.mean()
    past = index[(np.arange(n_times) - n_times) % season_length]
    level = slow_smoothing(full[part] / past, horizon, 1)
    result[part] = level * index[np.arange(horizon) % season_length]
    return result


def needs_pooling(values: Floats, season_length: int) -> bool:
    """Whether the panel shows a season, but fewer than `MAX_SEASONS` of it."""
    return 1 < season_length <= values.shape[1] < MAX_SEASONS * season_length and len(values) > 1
