"""A forecast path of a statistical member split into level, recent level, trend and season."""

import numpy as np

from forecast.demand.matrix import Floats
from forecast.demand.recipe import Recipe

#: Members whose path never has a season.
SEASONLESS = ("naive", "drift", "window_mean", "tsb", "sba", "croston")
#: Seasons from whose mean the index of a place is taken.
_MAX_SEASONS = 3
#: Ridge on the straight line beside the season, as share of its square.
_HOLD_LINE = 0.01
#: A path whose season is more than so many times the past's is something else.
_MAX_SHARE = 2.0


def path_parts(values: Floats, mean: Floats, recipe: Recipe, name: str) -> dict[str, Floats]:
    """Parts of a path, which add up to it.

    *Level*: mean of the recent past (``scale_window`` periods) without its season. *Season*: what the path has of the
    past's season, by least squares. *Recent level*: the mean distance of the rest of the path to the level. *Trend*:
    what is left, of mean 0 over the horizon.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        The past, aligned at the end, NaN where unknown.
    mean : array of shape (n_series, horizon)
        The path.
    recipe : Recipe
    name : str
        The member, see `MEMBERS`.

    Returns
    -------
    dict of str to array of shape (n_series, horizon)
        In the unit of ``values``.
    """
    horizon = mean.shape[1]
    index = season_index(values, recipe.season_length)
    n_times = values.shape[1]
    past = index[:, np.arange(-min(recipe.scale_window, n_times), 0) % recipe.season_length]
    recent = values[:, -past.shape[1] :]
    known = ~np.isnan(recent)
    overall = np.nansum(values, axis=1) / np.maximum((~np.isnan(values)).sum(axis=1), 1)
    total = np.where(known, recent - past, 0.0).sum(axis=1)
    level = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), overall)
    future = index[:, np.arange(horizon) % recipe.season_length]
    season = np.zeros_like(future) if name in SEASONLESS else _share(mean - level[:, None], future)[:, None] * future
    rest = mean - level[:, None] - season
    recent_level = rest.mean(axis=1, keepdims=True)
    return {
        "level": np.broadcast_to(level[:, None], mean.shape),
        "season": season,
        "recent_level": np.broadcast_to(recent_level, mean.shape),
        "trend": rest - recent_level,
    }


def season_index(values: Floats, season_length: int) -> Floats:
    """Usual distance of each place in the season to the mean of its season, over the last up to three seasons.

    A straight trend across seasons is taken out before. 0 for series that do not span a season, and at places that are
    unknown.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
    season_length : int

    Returns
    -------
    array of shape (n_series, season_length)
        The first column is the place after the last period.
    """
    n_series, n_times = values.shape
    if season_length == 1 or n_times < season_length:
        return np.zeros((n_series, season_length))
    n_seasons = min(_MAX_SEASONS, n_times // season_length)
    block = values[:, -n_seasons * season_length :]
    block = block - _trend_across_seasons(block, n_seasons)
    places = _mean(block.reshape(n_series, n_seasons, season_length), axis=1)
    index = np.nan_to_num(places - _mean(places, axis=1)[:, None])
    begins = np.asarray(~np.isnan(values[:, : n_times - season_length + 1])).any(axis=1, keepdims=True)
    return np.asarray(np.where(begins, index, 0.0))


def _trend_across_seasons(block: Floats, n_seasons: int) -> Floats:
    """A straight line by the change from the first to the last season; 0 for one season only."""
    if n_seasons == 1:
        return np.zeros_like(block)
    length = block.shape[1] // n_seasons
    change = _mean(block[:, -length:], axis=1) - _mean(block[:, :length], axis=1)
    slope = np.nan_to_num(change) / ((n_seasons - 1) * length)
    return np.asarray(slope[:, None] * np.arange(block.shape[1]))


def _share(rest: Floats, index: Floats) -> Floats:
    """How much of the season a path has, by least squares beside a straight line; shape (n_series,).

    A short horizon may show a stretch of season that is as good as a line: the line is held back a little, so that the
    season wins. A single step is compared as it is.

    Parameters
    ----------
    rest : array of shape (n_series, horizon)
        The path less the level.
    index : array of shape (n_series, horizon)
    """
    horizon = rest.shape[1]
    line = np.arange(horizon) - (horizon - 1) / 2
    path, season = (part - part.mean(axis=1, keepdims=True) * (horizon > 1) for part in (rest, index))
    square = (1 + _HOLD_LINE) * (float(line @ line) or 1.0)  # a single step has no line
    along = season @ line
    determinant = (season**2).sum(axis=1) - along**2 / square
    shared = (path * season).sum(axis=1) - along * (path @ line) / square
    return np.asarray(np.clip(shared / np.where(determinant > 0, determinant, np.inf), 0.0, _MAX_SHARE))


def _mean(values: Floats, axis: int) -> Floats:
    """Mean without NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    counts = np.asarray(known.sum(axis=axis))
    means = np.where(known, values, 0.0).sum(axis=axis) / np.maximum(counts, 1)
    return np.asarray(np.where(counts > 0, means, np.nan))
