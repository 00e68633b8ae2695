"""Exponential smoothing of thousands of series at once: the forms of ETS over one grid, weighted by AICc."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from forecast.demand.extrapolation import filled, first_known
from forecast.demand.grid import Positions
from forecast.demand.matrix import Floats
from forecast.demand.seasons import Adjustment, seasonal_indices

ALPHAS = (0.02, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0)
#: Smoothing of the trend as a share of alpha; 0 keeps the first trend for ever.
BETA_SHARES = (0.0, 0.05, 0.2)
PHIS = (0.85, 0.93, 0.98)
GAMMAS = (0.05, 0.15, 0.4)
#: With a season that moves, the level moves less: factors of alpha tried beside each gamma.
ALPHA_FACTORS = (0.6, 1.0)
#: Floats of one array in the inner loop: what the second-level cache of a core holds.
CHUNK_FLOATS = 30_000
#: What is positive cannot fall for ever: falling trends of positive series die out at least this fast.
MAX_FALLING_PHI = 0.9
#: Akaike weights are exp(-difference / 2); half of that, because the likeliest form of the past often is not the best.
SHARPNESS = 0.25
#: Longer seasons beside the usual one: the week of hours, half hours and quarters of hours.
LONG_SEASONS = {24: 168, 48: 336, 96: 672}
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


def smoothing(values: Floats, horizon: int, season_length: int) -> Floats:
    """Exponential smoothing with or without trend, damping and season, each form weighted by its AICc.

    Forms: level alone, damped trend, straight trend; without season, with an additive and a multiplicative one; seasons
    that are fixed or move. Each takes its constants from a grid, by the squared error of the next value; its start is
    the one of least squares, exactly, because errors are linear in it. Weights are Akaike's [1]_, flattened.

    References
    ----------
    .. [1] Kolassa (2011), Combining exponential smoothing forecasts using Akaike weights. Int. J. Forecasting 27(2).
    """
    return by_length(values, horizon, season_length, lambda part: _smooth_chunk(part, horizon, season_length))


def double_smoothing(values: Floats, horizon: int, season_length: int) -> Floats:
    """As `smoothing`, with the season of `LONG_SEASONS` taken out first and the usual one moving on top of it.

    NaN where that season does not exist or the series holds less than two of it.
    """
    long = LONG_SEASONS.get(season_length, 0)
    if not long or values.shape[1] < 2 * long:
        return np.full((len(values), horizon), np.nan)

    def forecast(part: Floats) -> Floats:
        kinds: tuple[Adjustment, ...] = ("additive", "multiplicative")
        return _weighted([_fit_forms(part, horizon, season_length, kind, long) for kind in kinds])

    return by_length(values, horizon, season_length, forecast)


def by_length(values: Floats, horizon: int, season_length: int, forecast: Callable[[Floats], Floats]) -> Floats:
    """Call a function on chunks of series of like length, without gaps; NaN for series that are too short."""
    full = filled(values, season_length)
    first = first_known(full)
    n_times = values.shape[1]
    result = np.full((len(values), horizon), np.nan)
    order = np.argsort(first, kind="stable")[::-1]
    order = order[(n_times - first[order] >= MIN_OBSERVATIONS) & ~np.isnan(full[order, -1])]
    size = max(CHUNK_FLOATS // len(GRID.alpha), 1)
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


@dataclass(frozen=True)
class Form:
    """One form of smoothing.

    Attributes
    ----------
    rows : slice
        Its candidates in the grid.
    n_parameters : int
        Constants and first states, as AICc counts them.
    """

    rows: slice
    n_parameters: int


def _grid() -> tuple[Constants, tuple[Form, ...]]:
    """All candidates, form by form: level alone, damped trend, straight trend."""
    flat = [(alpha, 0.0, 0.0) for alpha in ALPHAS]
    damped = [(alpha, alpha * share, phi) for alpha, share, phi in product(ALPHAS, BETA_SHARES, PHIS)]
    straight = [(alpha, alpha * share, 1.0) for alpha, share in product(ALPHAS, BETA_SHARES)]
    alpha, beta, phi = (np.array(column)[:, None] for column in zip(*flat, *damped, *straight, strict=True))
    first, second = len(flat), len(flat) + len(damped)
    forms = (Form(slice(0, first), 2), Form(slice(first, second), 5), Form(slice(second, len(alpha)), 4))
    return Constants(alpha, beta, phi, np.zeros_like(alpha)), forms


GRID, FORMS = _grid()


class Models(NamedTuple):
    """Fitted forms of one adjustment; arrays of shape (n_models, n_series), ``paths`` with the horizon behind."""

    criterion: Floats
    paths: Floats


def _smooth_chunk(values: Floats, horizon: int, season_length: int) -> Floats:
    """Weighted mean of all forms, for series without gaps."""
    kinds: list[Adjustment | None] = [None]
    if season_length > 1 and values.shape[1] >= 2 * season_length:
        kinds += ["additive", "multiplicative"]
    return _weighted([_fit_forms(values, horizon, season_length, kind, season_length) for kind in kinds])


def _weighted(models: list[Models]) -> Floats:
    criterion = np.concatenate([model.criterion for model in models])
    paths = np.concatenate([model.paths for model in models])
    weight = np.exp(-SHARPNESS * (criterion - criterion.min(axis=0)))
    weight = np.where(np.isfinite(paths).all(axis=2), weight, 0.0)[:, :, None]
    return np.asarray((weight * np.nan_to_num(paths)).sum(axis=0) / weight.sum(axis=0))


def _fit_forms(
    values: Floats, horizon: int, season_length: int, adjustment: Adjustment | None, index_length: int
) -> Models:
    """All forms on series whose season of ``index_length`` is taken out; that of ``season_length`` moves on top."""
    n_times = values.shape[1]
    index = np.zeros((len(values), n_times + index_length))
    if adjustment is not None:
        index = seasonal_indices(values, index_length, adjustment)
    past, future = index[:, :n_times], index[:, n_times + np.arange(horizon) % index_length]
    is_ratio = adjustment == "multiplicative"
    least = np.nanmin(values, axis=1)
    aligned = align_starts(values / past if is_ratio else values - past)
    offset = aligned.y[0].copy()
    aligned = Aligned(aligned.y - offset, aligned.n_known)

    constants, fit, n_parameters = _best_of_forms(aligned, season_length, moves=adjustment is not None)
    falling_phi = np.where(least > 0, MAX_FALLING_PHI, 1.0)
    paths = continue_paths(aligned, constants, fit, season_length, horizon, falling_phi) + offset[:, None]
    jacobian = 2 * np.where(np.isnan(values), 0.0, np.log(past)).sum(axis=1) if is_ratio else 0.0
    more = 0 if adjustment is None else index_length - 1
    criterion = _aicc(fit.sse, aligned, n_parameters[:, None] + more) + jacobian
    if adjustment is not None:
        impossible = (aligned.n_known < 2 * index_length) | (is_ratio & (least <= 0))
        criterion = np.where(impossible, np.inf, criterion)
    return Models(criterion, paths * future if is_ratio else paths + future)


def _best_of_forms(aligned: Aligned, season_length: int, *, moves: bool) -> tuple[Constants, Fit, Floats]:
    """Best constants of each form for each series, with a fixed season and, where asked, a moving one."""
    whole = fit_starts(aligned, GRID, 1)
    fixed = [pick_best(GRID, whole, form.rows) for form in FORMS]
    found = [(constants, fit, form.n_parameters) for form, (constants, fit) in zip(FORMS, fixed, strict=True)]
    if moves:
        tried = [_moving(constants) for constants, _ in fixed]
        size = len(tried[0].alpha)
        together = Constants(*(np.concatenate(parts) for parts in zip(*tried, strict=True)))
        whole = fit_starts(aligned, together, season_length)
        for place, form in enumerate(FORMS):
            best = pick_best(together, whole, slice(place * size, (place + 1) * size))
            found.append((*best, form.n_parameters + 1))
    all_constants, fits, n_parameters = zip(*found, strict=True)
    joined = Constants(*(np.concatenate(parts) for parts in zip(*all_constants, strict=True)))
    return (
        joined,
        Fit(*(np.concatenate(parts) for parts in zip(*fits, strict=True))),
        np.array(n_parameters, dtype=float),
    )


def _moving(constants: Constants) -> Constants:
    """The constants of each series again, with each gamma and a slower level beside it."""
    options = list(product(ALPHA_FACTORS, GAMMAS))
    factor, gamma = (np.array(column)[:, None] for column in zip(*options, strict=True))
    alpha, beta, phi, _ = (np.repeat(part, len(options), axis=0) for part in constants)
    return Constants(alpha * factor, beta * factor, phi, (1 - alpha * factor) * gamma)


def pick_best(constants: Constants, fit: Fit, rows: slice) -> tuple[Constants, Fit]:
    """The candidate of least error for each series, each part of shape (1, n_series)."""
    best = rows.start + np.argmin(fit.sse[rows], axis=0)[None]
    shape = fit.sse.shape
    chosen = (np.take_along_axis(np.broadcast_to(part, shape), best, 0) for part in constants)
    return Constants(*chosen), Fit(*(np.take_along_axis(part, best, 0) for part in fit))


def _aicc(sse: Floats, aligned: Aligned, n_parameters: Floats) -> Floats:
    """Akaike's criterion for short samples; the variance is one more parameter. Infinite without freedom left."""
    n_known = aligned.n_known
    total = (aligned.y**2).sum(axis=0)
    mse = np.maximum(sse, 1e-10 * total + np.finfo(float).tiny) / n_known
    k = n_parameters + 1
    freedom = n_known - k - 1
    criterion = n_known * np.log(mse) + 2 * k + 2 * k * (k + 1) / np.maximum(freedom, 1)
    return np.where((freedom < 1) & (n_parameters > 2), np.inf, criterion)
