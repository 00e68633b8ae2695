"""Members that only repeat or extend what was seen: averages, drift, a season with its growth."""

import numpy as np

from forecast.demand.grid import Positions
from forecast.demand.matrix import Floats

#: A season may at most halve or double against the season before; more is an accident of a small base.
GROWTH_LIMITS = (0.5, 2.0)


def filled(values: Floats, season_length: int) -> Floats:
    """Gaps and a missing end filled with the value one season before, else with the value before; the start stays NaN.

    Parameters
    ----------
    values : array of shape (n_series, n_times)

    Returns
    -------
    array of shape (n_series, n_times)
        A copy. NaN only before the first observation of a series.
    """
    result = values.copy()
    started = ~np.isnan(values)
    np.logical_or.accumulate(started, axis=1, out=started)
    for time in np.flatnonzero((np.isnan(values) & started).any(axis=0)):
        gap = np.isnan(result[:, time]) & started[:, time]
        before = result[gap, time - 1]
        season_ago = result[gap, time - season_length] if time >= season_length else before
        result[gap, time] = np.where(np.isnan(season_ago), before, season_ago)
    return result


def first_known(values: Floats) -> Positions:
    """Column of each series' first observation."""
    return np.asarray(np.argmax(~np.isnan(values), axis=1), dtype=np.int64)


def drift(values: Floats, horizon: int, season_length: int) -> Floats:
    """The line through the first and the last observation, continued from the last one."""
    full = filled(values, season_length)
    first = first_known(full)
    n_steps = np.maximum(values.shape[1] - 1 - first, 1)
    last = full[:, -1]
    slope = (last - full[np.arange(len(full)), first]) / n_steps
    return np.asarray(last[:, None] + slope[:, None] * np.arange(1, horizon + 1))


def window_mean(values: Floats, horizon: int, season_length: int) -> Floats:
    """Mean of the last season where that is 4 to 28 periods long; of the last 4 or 8 where it is shorter or longer."""
    width = 8 if season_length > 28 else max(season_length, 4)
    recent = filled(values, season_length)[:, -width:]
    return np.repeat(np.nanmean(recent, axis=1, keepdims=True), horizon, axis=1)


def growth_seasonal_naive(values: Floats, horizon: int, season_length: int) -> Floats:
    """The last season times its growth on the season before, shrunk towards no growth.

    Growth is the sum of the last season over the sum of the same places one season earlier. It is shrunk by its own
    noise: with ``t`` the mean seasonal difference over its standard error, the share ``1 - 1 / t²`` (not below 0) is
    kept (James & Stein 1961), and held within `GROWTH_LIMITS`. Differences next to each other are alike, so four of
    them count as one. Series without a second season, or with negative values, get no growth.
    """
    full = filled(values, season_length)
    n_times = full.shape[1]
    width = min(season_length, n_times - season_length)
    columns = n_times - season_length + np.arange(horizon) % season_length
    season = full[:, np.maximum(columns, 0)].copy()
    season[:, columns < 0] = np.nan
    season = np.where(np.isnan(season), np.nanmean(full, axis=1, keepdims=True), season)
    if width < 2:
        return season
    recent = full[:, n_times - width :]
    before = full[:, n_times - width - season_length : n_times - season_length]
    known = ~np.isnan(before)
    difference = np.where(known, recent - before, 0.0)
    n_known = np.maximum(known.sum(axis=1), 1)
    mean = difference.sum(axis=1) / n_known
    variance = (np.where(known, difference - mean[:, None], 0.0) ** 2).sum(axis=1) / n_known
    kept = np.clip(1 - 4 * variance / n_known / np.maximum(mean**2, np.finfo(float).tiny), 0, 1)
    base = np.where(known, before, 0.0).sum(axis=1) / n_known
    usable = (base > 0) & (np.nanmin(full, axis=1) >= 0) & (n_known >= 2)
    growth = np.where(usable, 1 + kept * mean / np.where(usable, base, 1.0), 1.0)
    return np.asarray(season * np.clip(growth, *GROWTH_LIMITS)[:, None])
