"""Items without a history: what their siblings sold, after their own launch where launches were seen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecast.demand.inputs import Inputs, build_inputs
from forecast.demand.matrix import Floats, SeriesMatrix
from forecast.demand.siblings import MIN_SIBLINGS, Codes, Siblings, best_prior, find_siblings
from forecast.errors import InvalidInput, NotEnoughHistory

#: With fewer launches that were seen, the present level of the siblings has to do.
MIN_LAUNCHES = 20
#: Bins of alike size, each with a law of errors of its own; so many series make one.
_SERIES_PER_BIN = 60
_MAX_BINS = 5


def predict_new(
    inputs: Inputs, static_new: pd.DataFrame, n_ahead: int, quantiles: Sequence[float], window: int
) -> pd.DataFrame:
    """Forecasts of items that never sold, from series that share their attributes.

    Siblings share as many attributes as leave `MIN_SIBLINGS` of them; the attributes that tell least of the level are
    given up first, those that tell nothing never count. Where `MIN_LAUNCHES` launches were seen (series that begin
    after the panel does), the mean is that of the siblings' first periods, else that of their present level. The range
    is how far series of the panel lay from what their own siblings would have said of them.

    Parameters
    ----------
    inputs : Inputs
        All that is known at the cutoff.
    static_new : DataFrame
        ``unique_id`` and attributes, those given to `fit`; one row per item.
    n_ahead : int
        Periods from launch on.
    quantiles : sequence of float in (0, 1)
    window : int
        Periods that make the present level.

    Returns
    -------
    DataFrame
        ``unique_id``, ``step`` (1 is the first period), ``mean``, the quantiles, ``n_siblings``, ``by`` (attributes
        shared, ``all`` for none), ``basis`` (``launches`` or ``level``).

    Raises
    ------
    InvalidInput
        If an item is in the panel already, twice, or an attribute is missing.
    NotEnoughHistory
        If there are fewer than `MIN_SIBLINGS` series to learn from.
    """
    new = _attributes(inputs, static_new, n_ahead)
    profiles, rows, is_level = _profiles(inputs.matrix, n_ahead, window)
    siblings = find_siblings(inputs.rows(rows), profiles, is_level, new, len(static_new))
    prior, depth = best_prior(siblings), siblings.depth_of_new
    mean = np.empty((len(static_new), n_ahead))
    bounds = np.empty((len(static_new), n_ahead, len(quantiles)))
    for one in np.unique(depth):
        here = depth == one
        mean[here] = siblings.means(int(one), prior)[here, : 1 if is_level else n_ahead]
        bounds[here] = _bounds(siblings, int(one), prior, mean[here], np.asarray(quantiles))
    if np.nanmin(inputs.matrix.y) >= 0:
        bounds = np.maximum(bounds, 0.0)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(static_new["unique_id"].to_numpy(), n_ahead),
            "step": np.tile(np.arange(1, n_ahead + 1), len(static_new)),
            "mean": mean.ravel(),
        }
    )
    for index, quantile in enumerate(quantiles):
        frame[f"q{quantile:g}"] = bounds[:, :, index].ravel()
    n_siblings = [int(siblings.sizes[one][siblings.new_codes[one, item]]) for item, one in enumerate(depth)]
    by = [", ".join(siblings.names[:one]) or "all" for one in depth]
    basis = "level" if is_level else "launches"
    return frame.assign(n_siblings=np.repeat(n_siblings, n_ahead), by=np.repeat(by, n_ahead), basis=basis)


def _attributes(inputs: Inputs, static_new: pd.DataFrame, n_ahead: int) -> dict[str, Floats]:
    """Attributes of the new items as the panel knows them: numbers or codes, NaN for what it never saw."""
    if isinstance(n_ahead, bool) or not isinstance(n_ahead, (int, np.integer)) or n_ahead < 1:
        raise InvalidInput(f"`n_ahead` must be a whole number of at least 1, got {n_ahead!r}.")
    missing = [name for name in ("unique_id", *inputs.static) if name not in static_new]
    if missing:
        raise InvalidInput(
            f"New items are missing columns {missing}; there are {sorted(map(str, static_new.columns))}."
        )
    ids = static_new["unique_id"].astype(str)
    there = ids.isin([str(name) for name in inputs.matrix.ids])
    if there.any():
        raise InvalidInput(f"{int(there.sum())} new items have a history (first: {ids[there].iloc[0]!r}); use predict.")
    for name in inputs.static:
        if name not in inputs.categories and not pd.api.types.is_numeric_dtype(static_new[name]):
            raise InvalidInput(f"{name!r} must hold numbers, got {static_new[name].iloc[0]!r}.")
    order = np.arange(len(static_new))
    empty = SeriesMatrix(
        static_new["unique_id"].to_numpy(dtype=object), np.zeros((len(order), 1)), order, inputs.matrix.grid
    )
    columns = static_new[["unique_id", *inputs.static]]
    return dict(build_inputs(empty, 1, columns, categories=dict(inputs.categories)).static)


def _profiles(matrix: SeriesMatrix, n_ahead: int, window: int) -> tuple[Floats, Codes, bool]:
    """Comparable periods of series, their rows, and whether the periods are the last ones instead of the first."""
    first = (~np.isnan(matrix.y)).argmax(axis=1)
    begun = matrix.last - (matrix.n_times - 1) + first
    launched = np.flatnonzero((begun > begun.min()) & (first + n_ahead <= matrix.n_times))
    if len(launched) >= MIN_LAUNCHES:
        return matrix.y[launched[:, None], first[launched, None] + np.arange(n_ahead)], launched, False
    recent = matrix.y[:, -window:]
    alive = np.flatnonzero((matrix.last > matrix.last.max() - window) & ~np.isnan(recent).all(axis=1))
    if len(alive) < MIN_SIBLINGS:
        raise NotEnoughHistory(
            f"Forecasts of new items need at least {MIN_SIBLINGS} series that sell now, there are {len(alive)}."
        )
    return recent[alive], alive, True


def _bounds(siblings: Siblings, depth: int, prior: float, mean: Floats, quantiles: Floats) -> Floats:
    """Quantiles by how far series lay from what their siblings said, among series of alike size.

    Parameters
    ----------
    mean : array of shape (n_items, n_ahead)
        Of new items of this depth.

    Returns
    -------
    array of shape (n_items, n_ahead, n_quantiles)
    """
    fit = siblings.sizes[depth][siblings.codes[depth]] >= MIN_SIBLINGS
    expected = siblings.means_of_others(depth, prior)[fit]
    error = (siblings.profiles[fit] - expected) / _scale(expected)
    size, new_size = expected.mean(axis=1), mean.mean(axis=1)
    n_bins = int(np.clip(len(size) // _SERIES_PER_BIN, 1, _MAX_BINS))
    edges = np.quantile(size, np.arange(1, n_bins) / n_bins)
    bins, new_bins = np.searchsorted(edges, size), np.searchsorted(edges, new_size)
    laws = np.stack([_law(error[bins == one] if (bins == one).any() else error, quantiles) for one in range(n_bins)])
    return np.asarray(mean[:, :, None] + _scale(mean)[:, :, None] * laws[new_bins][:, None, :])


def _law(error: Floats, quantiles: Floats) -> Floats:
    """Quantiles of errors; wider for few series, so that a new one lies inside as often as promised."""
    n_series = len(error)
    level = np.clip(0.5 + (quantiles - 0.5) * (n_series + 1) / max(n_series - 1, 1), 0, 1)
    return np.asarray(np.quantile(error[~np.isnan(error)], level))


def _scale(mean: Floats) -> Floats:
    """Size of forecasts step by step, not below a tenth of the item's mean; 1 where nothing is expected."""
    size = np.maximum(np.abs(mean), 0.1 * np.abs(mean).mean(axis=1, keepdims=True))
    return np.where(size > 0, size, 1.0)
