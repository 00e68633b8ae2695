"""Members for demand that is often zero: Croston's method, its correction, and one that forgets."""

import numpy as np

from forecast.demand.extrapolation import filled
from forecast.demand.matrix import Floats

#: Smoothing of sizes and intervals; 0.1 is the usual choice for spare parts (Syntetos & Boylan 2005).
ALPHA = 0.1
#: Candidates of TSB's two constants: of the chance of a demand, and of its size.
TSB_GRID = tuple((chance, size) for chance in (0.02, 0.05, 0.1, 0.2, 0.3) for size in (0.05, 0.1, 0.3))


def croston(values: Floats, horizon: int, season_length: int) -> Floats:
    """Smoothed size of a demand over the smoothed interval between demands.

    References
    ----------
    Croston (1972), Forecasting and stock control for intermittent demands. Operational Research Quarterly 23(3).
    """
    full = filled(values, season_length)
    n_series, n_times = full.shape
    size, interval = np.full(n_series, np.nan), np.full(n_series, np.nan)
    waited = np.zeros(n_series)
    for time in range(n_times):
        seen = full[:, time]
        waited += ~np.isnan(seen)
        demand = np.nan_to_num(seen) != 0
        new = demand & np.isnan(size)
        old = demand & ~new
        size = np.where(new, seen, np.where(old, size + ALPHA * (seen - size), size))
        interval = np.where(new, waited, np.where(old, interval + ALPHA * (waited - interval), interval))
        waited = np.where(demand, 0.0, waited)
    rate = np.where(np.isnan(size), 0.0, size / interval)
    return np.repeat(rate[:, None], horizon, axis=1)


def sba(values: Floats, horizon: int, season_length: int) -> Floats:
    """Croston's forecast times ``1 - alpha / 2``, which removes most of its upward bias.

    References
    ----------
    Syntetos & Boylan (2005), The accuracy of intermittent demand estimates. Int. J. Forecasting 21(2).
    """
    return (1 - ALPHA / 2) * croston(values, horizon, season_length)


def tsb(values: Floats, horizon: int, season_length: int) -> Floats:
    """Smoothed chance of a demand times its smoothed size: falls while nothing sells.

    Both constants are chosen for each series from `TSB_GRID` by the squared error of the next value.

    References
    ----------
    Teunter, Syntetos & Babai (2011), Intermittent demand: linking forecasting to inventory obsolescence.
    European J. Operational Research 214(3).
    """
    full = filled(values, season_length)
    known = ~np.isnan(full)
    happens = np.nan_to_num(full) != 0
    chance_alpha, size_alpha = (np.array(column)[:, None] for column in zip(*TSB_GRID, strict=True))
    n_demands = np.maximum(happens.sum(axis=1), 1)
    shape = (len(TSB_GRID), len(full))
    chance = np.broadcast_to(happens.sum(axis=1) / np.maximum(known.sum(axis=1), 1), shape)
    size = np.broadcast_to(np.where(happens, full, 0.0).sum(axis=1) / n_demands, shape)
    loss = np.zeros(shape)
    for time in range(full.shape[1]):
        seen, is_known, demand = full[:, time], known[:, time], happens[:, time]
        error = np.where(is_known, seen - chance * size, 0.0)
        loss += error**2
        chance = np.where(is_known, chance + chance_alpha * (demand - chance), chance)
        size = np.where(demand, size + size_alpha * (seen - size), size)
    best = np.argmin(loss, axis=0)[None]
    rate = np.take_along_axis(chance, best, 0) * np.take_along_axis(size, best, 0)
    return np.repeat(rate.T, horizon, axis=1)
