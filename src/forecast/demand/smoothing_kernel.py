"""Linear exponential smoothing of many series times many constants: errors, best starts, forecasts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecast.demand.extrapolation import filled, first_known
from forecast.demand.grid import Positions
from forecast.demand.matrix import Floats

#: Floats of one array in the inner loop: what the second-level cache of a core holds.
CHUNK_FLOATS = 30_000
#: Series with fewer observations get no smoothing.
MIN_OBSERVATIONS = 4


class Constants(NamedTuple):
    """Smoothing constants, each of shape (n_candidates, 1) or (n_candidates, n_series)."""

    alpha: Floats
    beta: Floats
    phi: Floats
    gamma: Floats


class Sums(NamedTuple):
    """Sums of products of the errors of three passes: data alone, level 1 alone, trend 1 alone."""

    dd: Floats
    dl: Floats
    db: Floats
    ll: Floats
    lb: Floats
    bb: Floats

    def fit(self, level: Floats, trend: Floats) -> "Fit":
        """The squared error of given starts."""
        linear = 2 * (level * self.dl + trend * self.db)
        square = level**2 * self.ll + 2 * level * trend * self.lb + trend**2 * self.bb
        return Fit(self.dd + linear + square, level, trend)


class Fit(NamedTuple):
    """Best start of each candidate; each of shape (n_candidates, n_series)."""

    sse: Floats
    level: Floats
    trend: Floats


@dataclass(frozen=True)
class Aligned:
    """Series that start together, time by time.

    Attributes
    ----------
    y : array of shape (n_times, n_series)
        0 after a series' end.
    n_known : array of shape (n_series,)
    """

    y: Floats
    n_known: Positions

    def ends(self) -> dict[int, Positions]:
        """Series that end at a time, by that time's index."""
        return {int(n) - 1: np.flatnonzero(self.n_known == n) for n in np.unique(self.n_known)}


def by_length(
    values: Floats, horizon: int, season_length: int, n_candidates: int, forecast: Callable[[Floats], Floats]
) -> Floats:
    """Call a function on chunks of series of like length, without gaps; NaN for series that are too short."""
    full = filled(values, season_length)
    first = first_known(full)
    n_times = values.shape[1]
    result = np.full((len(values), horizon), np.nan)
    order = np.argsort(first, kind="stable")[::-1]
    order = order[(n_times - first[order] >= MIN_OBSERVATIONS) & ~np.isnan(full[order, -1])]
    size = max(CHUNK_FLOATS // n_candidates, 1)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        result[rows] = forecast(full[rows, first[rows].min() :])
    return result


def align_starts(values: Floats) -> Aligned:
    """From aligned at the end, NaN before the start, to aligned at the start."""
    n_times = values.shape[1]
    first = first_known(values)
    columns = first[:, None] + np.arange(n_times)
    moved = np.take_along_axis(values, np.minimum(columns, n_times - 1), axis=1)
    return Aligned(np.ascontiguousarray(np.where(columns < n_times, moved, 0.0).T), n_times - first)


def one_step_errors(
    y: Floats, constants: Constants, season_length: int, level: Floats, trend: Floats
) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
    """Error of the next value, then level, trend and seasonal state after it, time by time."""
    alpha, beta, phi, gamma = constants
    season = np.zeros((season_length, *np.broadcast(level, alpha).shape))
    moves = bool(gamma.any())
    for time, target in enumerate(y):
        step = phi * trend
        forecast = level + step
        error = target - forecast
        if moves:
            place = season[time % season_length]
            error -= place
            place += gamma * error
        level = forecast + alpha * error
        trend = step + beta * error
        yield error, level, trend, season


def error_sums(aligned: Aligned, constants: Constants, season_length: int) -> Sums:
    """Squared errors of each candidate as a function of its start, each part of shape (n_candidates, n_series).

    Errors are linear in the first level and trend, so three passes tell them for any start.
    """
    n_times, n_series = aligned.y.shape
    shape = (len(constants.alpha), n_series)
    zero, one = np.zeros_like(constants.alpha), np.ones_like(constants.alpha)
    silent = np.zeros((n_times, 1))
    passes = zip(
        one_step_errors(aligned.y, constants, season_length, np.zeros(shape), np.zeros(shape)),
        one_step_errors(silent, constants, season_length, one, zero),
        one_step_errors(silent, constants, season_length, zero, one),
        strict=True,
    )
    sums = [np.zeros(shape) for _ in range(3)] + [zero.copy() for _ in range(3)]
    kept = [np.zeros(shape) for _ in sums]
    ends = aligned.ends()
    for time, ((data, *_), (level, *_), (trend, *_)) in enumerate(passes):
        pairs = (data, data), (data, level), (data, trend), (level, level), (level, trend), (trend, trend)
        for total, (left, right) in zip(sums, pairs, strict=True):
            total += left * right
        if time in ends:
            for total, keep in zip(sums, kept, strict=True):
                keep[:, ends[time]] = np.broadcast_to(total, shape)[:, ends[time]]
    return Sums(*kept)


def fit_starts(aligned: Aligned, constants: Constants, season_length: int) -> Fit:
    """First level and trend with the least squared errors, for each candidate; trend 0 where it has no effect."""
    sums = error_sums(aligned, constants, season_length)
    determinant = sums.ll * sums.bb - sums.lb**2 + 1e-9 * sums.ll * (sums.bb + 1)
    is_flat = sums.bb == 0
    level = np.where(is_flat, -sums.dl / sums.ll, (sums.lb * sums.db - sums.bb * sums.dl) / determinant)
    return sums.fit(level, np.where(is_flat, 0.0, (sums.lb * sums.dl - sums.ll * sums.db) / determinant))


def continue_paths(
    aligned: Aligned,
    constants: Constants,
    fit: Fit,
    season_length: int,
    horizon: int,
    falling_phi: Floats | None = None,
) -> Floats:
    """Forecasts of each candidate after each series' end.

    Parameters
    ----------
    falling_phi : array of shape (n_series,), optional
        Upper limit of the damping constant of trends that fall.

    Returns
    -------
    array of shape (n_candidates, n_series, horizon)
    """
    shape = fit.level.shape
    ends = aligned.ends()
    result = np.empty((*shape, horizon))
    phi = np.broadcast_to(constants.phi, shape)
    powers = np.arange(1, horizon + 1)
    states = one_step_errors(aligned.y, constants, season_length, fit.level, fit.trend)
    for time, (_, level, trend, season) in enumerate(states):
        if time not in ends:
            continue
        rows = ends[time]
        slope, damping = trend[:, rows, None], phi[:, rows, None]
        if falling_phi is not None:
            damping = np.where(slope < 0, np.minimum(damping, falling_phi[rows, None]), damping)
        ahead = np.moveaxis(season[(time + powers) % season_length][:, :, rows], 0, 2)
        result[:, rows] = level[:, rows, None] + slope * np.cumsum(damping**powers, axis=2) + ahead
    return result


def pick_best(constants: Constants, fit: Fit, rows: slice) -> tuple[Constants, Fit]:
    """The candidate of least error for each series, each part of shape (1, n_series)."""
    best = rows.start + np.argmin(fit.sse[rows], axis=0)[None]
    shape = fit.sse.shape
    chosen = (np.take_along_axis(np.broadcast_to(part, shape), best, 0) for part in constants)
    return Constants(*chosen), Fit(*(np.take_along_axis(part, best, 0) for part in fit))
