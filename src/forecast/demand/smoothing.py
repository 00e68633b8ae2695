"""Exponential smoothing of thousands of series at once: the forms of ETS over one grid, weighted by AICc."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from forecast.demand.matrix import Floats
from forecast.demand.seasons import Adjustment, seasonal_indices
from forecast.demand.smoothing_kernel import (
    Aligned,
    Constants,
    Fit,
    align_starts,
    by_length,
    continue_paths,
    fit_starts,
    pick_best,
)

PHIS = (0.85, 0.93, 0.98)
#: With a season that moves, the level moves less: factors of alpha tried beside each gamma.
ALPHA_FACTORS = (0.6, 1.0)
#: What is positive cannot fall for ever: falling trends of positive series die out at least this fast.
MAX_FALLING_PHI = 0.9
#: Akaike weights are exp(-difference / 2); half of that, because the likeliest form of the past often is not the best.
SHARPNESS = 0.25
#: Longer seasons beside the usual one: the week of hours, half hours and quarters of hours.
LONG_SEASONS = {24: 168, 48: 336, 96: 672}


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


class Grid(NamedTuple):
    """Candidates of all forms, and the constants tried for a season that moves."""

    constants: Constants
    forms: tuple[Form, ...]
    gammas: tuple[float, ...]


def build_grid(alphas: tuple[float, ...], beta_shares: tuple[float, ...], gammas: tuple[float, ...]) -> Grid:
    """Candidates form by form: level alone, damped trend, straight trend.

    Parameters
    ----------
    alphas : tuple of float in (0, 1]
    beta_shares : tuple of float in [0, 1)
        Smoothing of the trend as a share of alpha; 0 keeps the first trend for ever.
    gammas : tuple of float in (0, 1]
    """
    flat = [(alpha, 0.0, 0.0) for alpha in alphas]
    damped = [(alpha, alpha * share, phi) for alpha, share, phi in product(alphas, beta_shares, PHIS)]
    straight = [(alpha, alpha * share, 1.0) for alpha, share in product(alphas, beta_shares)]
    alpha, beta, phi = (np.array(column)[:, None] for column in zip(*flat, *damped, *straight, strict=True))
    first, second = len(flat), len(flat) + len(damped)
    forms = (Form(slice(0, first), 2), Form(slice(first, second), 5), Form(slice(second, len(alpha)), 4))
    return Grid(Constants(alpha, beta, phi, np.zeros_like(alpha)), forms, gammas)


QUICK = build_grid((0.02, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0), (0.0, 0.05, 0.2), (0.05, 0.15, 0.4))
#: The error of the next value prefers a level that jumps; over many steps, of hours above all, a slow one is better.
SLOW = build_grid((0.002, 0.005, 0.01, 0.02, 0.05), (0.0, 0.05), (0.1, 0.3, 0.6, 0.9))


def smoothing(values: Floats, horizon: int, season_length: int) -> Floats:
    """Exponential smoothing with or without trend, damping and season, each form weighted by its AICc.

    Forms: level alone, damped trend, straight trend; without season, with an additive and a multiplicative one; seasons
    that are fixed or move. Each takes its constants from a grid, by the squared error of the next value; its start is
    the one of least squares, exactly, because errors are linear in it. Weights are Akaike's [1]_, flattened.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        Aligned at the end, NaN where unknown.
    horizon, season_length : int

    Returns
    -------
    array of shape (n_series, horizon)
        NaN for series of fewer than 4 observations' time.

    References
    ----------
    .. [1] Kolassa (2011), Combining exponential smoothing forecasts using Akaike weights. Int. J. Forecasting 27(2).
    """
    return _smooth(values, horizon, season_length, QUICK)


def slow_smoothing(values: Floats, horizon: int, season_length: int) -> Floats:
    """As `smoothing`, with levels and trends that move little and seasons that move more."""
    return _smooth(values, horizon, season_length, SLOW)


def double_smoothing(values: Floats, horizon: int, season_length: int) -> Floats:
    """As `slow_smoothing`, with the season of `LONG_SEASONS` taken out first and the usual one moving on top of it.

    NaN where that season does not exist or the series holds less than two of it.
    """
    long = LONG_SEASONS.get(season_length, 0)
    if not has_long_season(values, season_length):
        return np.full((len(values), horizon), np.nan)

    def forecast(part: Floats) -> Floats:
        kinds: tuple[Adjustment, ...] = ("additive", "multiplicative")
        return _weighted([_fit_forms(part, horizon, season_length, kind, long, SLOW) for kind in kinds])

    return by_length(values, horizon, season_length, len(SLOW.constants.alpha), forecast)


def has_long_season(values: Floats, season_length: int) -> bool:
    """Whether the panel is long enough for `double_smoothing`."""
    return season_length in LONG_SEASONS and values.shape[1] >= 2 * LONG_SEASONS[season_length]


def _smooth(values: Floats, horizon: int, season_length: int, grid: Grid) -> Floats:
    kinds: list[Adjustment | None] = [None]
    if season_length > 1:
        kinds += ["additive", "multiplicative"]

    def forecast(part: Floats) -> Floats:
        able = kinds if part.shape[1] >= 2 * season_length else kinds[:1]
        return _weighted([_fit_forms(part, horizon, season_length, kind, season_length, grid) for kind in able])

    return by_length(values, horizon, season_length, len(grid.constants.alpha), forecast)


class Models(NamedTuple):
    """Fitted forms of one adjustment; arrays of shape (n_models, n_series), ``paths`` with the horizon behind."""

    criterion: Floats
    paths: Floats


def _weighted(models: list[Models]) -> Floats:
    criterion = np.concatenate([model.criterion for model in models])
    paths = np.concatenate([model.paths for model in models])
    weight = np.exp(-SHARPNESS * (criterion - criterion.min(axis=0)))
    weight = np.where(np.isfinite(paths).all(axis=2), weight, 0.0)[:, :, None]
    return np.asarray((weight * np.nan_to_num(paths)).sum(axis=0) / weight.sum(axis=0))


def _fit_forms(
    values: Floats, horizon: int, season_length: int, adjustment: Adjustment | None, index_length: int, grid: Grid
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

    constants, fit, n_parameters = _best_of_forms(aligned, season_length, grid, moves=adjustment is not None)
    falling_phi = np.where(least > 0, MAX_FALLING_PHI, 1.0)
    paths = continue_paths(aligned, constants, fit, season_length, horizon, falling_phi) + offset[:, None]
    jacobian = 2 * np.where(np.isnan(values), 0.0, np.log(past)).sum(axis=1) if is_ratio else 0.0
    more = 0 if adjustment is None else index_length - 1
    criterion = _aicc(fit.sse, aligned, n_parameters[:, None] + more) + jacobian
    if adjustment is not None:
        impossible = (aligned.n_known < 2 * index_length) | (is_ratio & (least <= 0))
        criterion = np.where(impossible, np.inf, criterion)
    return Models(criterion, paths * future if is_ratio else paths + future)


def _best_of_forms(aligned: Aligned, season_length: int, grid: Grid, *, moves: bool) -> tuple[Constants, Fit, Floats]:
    """Best constants of each form for each series, with a fixed season and, where asked, a moving one."""
    whole = fit_starts(aligned, grid.constants, 1)
    fixed = [pick_best(grid.constants, whole, form.rows) for form in grid.forms]
    found = [(constants, fit, form.n_parameters) for form, (constants, fit) in zip(grid.forms, fixed, strict=True)]
    if moves:
        tried = [_moving(constants, grid.gammas) for constants, _ in fixed]
        size = len(tried[0].alpha)
        together = Constants(*(np.concatenate(parts) for parts in zip(*tried, strict=True)))
        whole = fit_starts(aligned, together, season_length)
        for place, form in enumerate(grid.forms):
            best = pick_best(together, whole, slice(place * size, (place + 1) * size))
            found.append((*best, form.n_parameters + 1))
    all_constants, fits, n_parameters = zip(*found, strict=True)
    joined = Constants(*(np.concatenate(parts) for parts in zip(*all_constants, strict=True)))
    return (
        joined,
        Fit(*(np.concatenate(parts) for parts in zip(*fits, strict=True))),
        np.array(n_parameters, dtype=float),
    )


def _moving(constants: Constants, gammas: tuple[float, ...]) -> Constants:
    """The constants of each series again, with each gamma and a slower level beside it."""
    options = list(product(ALPHA_FACTORS, gammas))
    factor, gamma = (np.array(column)[:, None] for column in zip(*options, strict=True))
    alpha, beta, phi, _ = (np.repeat(part, len(options), axis=0) for part in constants)
    return Constants(alpha * factor, beta * factor, phi, (1 - alpha * factor) * gamma)


def _aicc(sse: Floats, aligned: Aligned, n_parameters: Floats) -> Floats:
    """Akaike's criterion for short samples; the variance is one more parameter. Infinite without freedom left."""
    n_known = aligned.n_known
    total = (aligned.y**2).sum(axis=0)
    mse = np.maximum(sse, 1e-10 * total + np.finfo(float).tiny) / n_known
    k = n_parameters + 1
    freedom = n_known - k - 1
    criterion = n_known * np.log(mse) + 2 * k + 2 * k * (k + 1) / np.maximum(freedom, 1)
    return np.where((freedom < 1) & (n_parameters > 2), np.inf, criterion)
