"""Why a forecast is what it is: its mean split into level, trend, season, calendar, drivers and the recent past."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.combination import Combination
from forecast.demand.features import RowFeatures
from forecast.demand.global_model import GlobalModel
from forecast.demand.grid import Positions
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats, SeriesMatrix
from forecast.demand.members import MemberPool
from forecast.demand.path_parts import path_parts
from forecast.errors import InvalidInput

#: Parts in the order in which they are told; between ``calendar`` and ``attributes`` one ``driver.<name>`` per driver.
PARTS = ("level", "recent_level", "trend", "season", "calendar", "holidays", "attributes", "floor")
#: What is added after them so that series agree with their sums.
SUMS = "sums"
DRIVER = "driver."

_AGAINST_USUAL = "__against_usual"
_CALENDAR = ("hour", "weekday", "day_of_month", "day_of_year", "month")
#: Raw scores above it are cut by `GlobalModel.predict`.
_MAX_LOG = 20.0
#: Rows whose contributions are taken at once.
_CHUNK = 100_000

Parts = dict[str, Floats]


def explain_means(
    inputs: Inputs,
    pool: MemberPool,
    combination: Combination,
    forecasts: Mapping[str, Floats],
    is_sparse: NDArray[np.bool_],
    rows: Positions,
) -> Parts:
    """Parts of the combined means of some series.

    The combination is a weighted mean of members, so each part is the same weighted mean of the members' parts. Global
    members are split by `model_parts`, statistical ones by `path_parts`.

    Parameters
    ----------
    inputs : Inputs
    pool : MemberPool
    combination : Combination
    forecasts : mapping of member to array of shape (n_series, horizon)
        Of the whole panel: some members look at all series.
    is_sparse : bool array of shape (n_series,)
    rows : int array of shape (n_rows,)
        Series to explain.

    Returns
    -------
    dict of str to array of shape (n_rows, horizon)
        In the unit of the series, in the order of `PARTS`; they add up to the mean. Parts that are 0 everywhere are
        left out, but for ``level``.
    """
    weights = np.where(is_sparse[rows, None], combination.sparse, combination.regular)
    features = RowFeatures(inputs, pool.recipe)
    total: Parts = {}
    for name in combination.used:
        mean = forecasts[name][rows]
        if name in pool.models_:
            parts = model_parts(pool.models_[name], features, rows, mean)
        else:
            parts = path_parts(inputs.matrix.y[rows], mean, pool.recipe, name)
        weight = weights[:, combination.names.index(name), None]
        for part, points in parts.items():
            total[part] = total.get(part, 0.0) + weight * points
    return {part: total[part] for part in sorted(total, key=_place_in_order) if part == "level" or total[part].any()}


def model_parts(model: GlobalModel, features: RowFeatures, rows: Positions, mean: Floats) -> Parts:
    """Parts of a global member's means.

    The contributions φ of the features (SHAP) add up to the raw score z less its usual value z0. With a log link,
    f = scale · exp(z), the points of a feature are φ · (f - f0) / (z - z0), which add up to f - f0 and keep their sign;
    f0 = scale · exp(z0) belongs to the level. A member that learns the distance to the seasonal naive has the mean of
    the last season as its level, the naive's distance to it as season, scale · z0 (the growth that is usual in the
    panel) as trend, and scale · φ as points.

    Parameters
    ----------
    model : GlobalModel
    features : RowFeatures
        Of the whole panel.
    rows : int array of shape (n_rows,)
    mean : array of shape (n_rows, horizon)
        The member's means after the cut at 0; what the cut added is ``floor``.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees. Nature
    Machine Intelligence 2. LightGBM computes it (``pred_contrib``).
    """
    per_chunk = max(_CHUNK // (mean.shape[1] * model.n_paths), 1)
    starts = range(0, len(rows), per_chunk)
    chunks = [_chunk_parts(model, features, rows[start : start + per_chunk]) for start in starts]
    shape = (len(rows), model.n_paths, mean.shape[1])
    parts = {part: np.concatenate([chunk[part] for chunk in chunks]).reshape(shape).mean(axis=1) for part in chunks[0]}
    missing = mean - np.sum(list(parts.values()), axis=0)
    floor = np.where(mean == 0, np.maximum(missing, 0.0), 0.0)
    return {**parts, "level": parts["level"] + (missing - floor), "floor": floor}  # what is missing else is rounding


def part_of(feature: str) -> str:
    """Part to which a feature of the global members belongs."""
    if feature.startswith("driver__"):
        return DRIVER + feature.removeprefix("driver__").removesuffix(_AGAINST_USUAL)
    if feature.startswith("static__"):
        return "attributes"
    if feature.startswith("holiday__"):
        return "holidays"
    if feature in _CALENDAR:
        return "calendar"
    if feature.startswith("season_") or feature in ("long_season", "base"):
        return "season"
    return {"level": "level", "step": "trend", "age": "trend"}.get(feature, "recent_level")


def explanation_frame(parts: Parts, matrix: SeriesMatrix, rows: Positions) -> pd.DataFrame:
    """Parts as a long table: ``unique_id``, ``ds``, ``part``, ``points``; parts of one forecast follow each other."""
    points = np.stack(list(parts.values()), axis=-1)
    n_rows, horizon, n_parts = points.shape
    positions = (matrix.last[rows, None] + np.arange(1, horizon + 1)).ravel()
    ids = pd.Series(np.repeat(matrix.ids[rows], horizon * n_parts)).infer_objects()
    return pd.DataFrame(
        {
            "unique_id": ids,
            "ds": matrix.grid.moments(np.repeat(positions, n_parts)),
            "part": np.tile(np.array(list(parts), dtype=object), n_rows * horizon),
            "points": points.ravel(),
        }
    )


def rows_of(matrix: SeriesMatrix, ids: Sequence[object] | None) -> Positions:
    """Rows of series in the order of the matrix; all of them by default.

    Raises
    ------
    InvalidInput
        If an id is not in the panel.
    """
    if ids is None:
        return np.arange(matrix.n_series)
    found = pd.Index([str(name) for name in matrix.ids]).get_indexer(pd.Index([str(name) for name in ids]))
    unknown = [name for name, row in zip(ids, found, strict=True) if row < 0]
    if unknown:
        raise InvalidInput(f"{len(unknown)} of {len(found)} series are not in the panel (first: {unknown[:3]}).")
    return np.unique(found)


def _chunk_parts(model: GlobalModel, features: RowFeatures, rows: Positions) -> Parts:
    """Parts before the cut at 0, one row per forecast; a recursive model has one per path of each."""
    X, centre, scale = model.future_rows(features, rows)
    contributions = np.asarray(model.booster_.predict(X.to_numpy(), pred_contrib=True, num_threads=2))
    usual, phi = contributions[:, -1], contributions[:, :-1]
    names = np.array([part_of(name) for name in model.feature_names_in_])
    moved = {part: phi[:, names == part].sum(axis=1) for part in dict.fromkeys(names)}
    factor = points_per_score(scale, usual, phi.sum(axis=1)) if model.is_tweedie_ else scale
    parts = {part: factor * points for part, points in moved.items()}
    at_usual = scale * (np.exp(usual) if model.is_tweedie_ else usual)
    if centre is None:
        return parts | {"level": parts["level"] + at_usual}
    level = np.repeat(_last_season(features, rows), len(scale) // len(rows))
    return parts | {
        "level": parts["level"] + level,
        "season": parts["season"] + (centre - level),
        "trend": parts["trend"] + at_usual,
    }


def points_per_score(scale: Floats, usual: Floats, moved: Floats) -> Floats:
    """Points per unit of log score: (f - f0) / (z - z0), its limit f0 where the score is the usual one."""
    kept = np.minimum(usual + moved, _MAX_LOG) - usual
    still = np.abs(moved) < 1e-12
    return np.asarray(scale * np.exp(usual) * np.where(still, 1.0, np.expm1(kept) / np.where(still, 1.0, moved)))


def _last_season(features: RowFeatures, rows: Positions) -> Floats:
    """Mean of the seasonal naive over one season: what its forecasts go up and down around; shape (n_rows,)."""
    length, end = features.recipe.season_length, features.inputs.matrix.n_times - 1
    series = np.repeat(rows, length)
    step = np.tile(np.arange(1, length + 1), len(rows))
    naive = features.seasonal_naive(series, np.full(len(series), end), step)
    return np.asarray(naive.reshape(len(rows), length).mean(axis=1))


def _place_in_order(part: str) -> tuple[float, str]:
    return (PARTS.index("attributes") - 0.5 if part.startswith(DRIVER) else PARTS.index(part), part)
