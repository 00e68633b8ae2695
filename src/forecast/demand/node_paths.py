"""Sample paths and quantiles of every node, level by level: M5's nodes are never all in memory."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from forecast.demand.hierarchy import Hierarchy
from forecast.demand.matrix import Floats
from forecast.errors import InvalidInput

#: Numbers of one block of paths; 8 bytes each.
MAX_BLOCK = 20_000_000
#: Paths are stretched by at most this factor, further volume is added evenly: a stretched path is a lone spike.
MAX_STRETCH = 3.0


def sum_paths(paths: ArrayLike, hierarchy: Hierarchy) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Paths of every node, exactly the sums of their bottom series' paths, in blocks of nodes of one level.

    Parameters
    ----------
    paths : array of shape (n_paths, n_bottom, horizon)
        Joint: path i of all series is one future. Any float type.
    hierarchy : Hierarchy

    Yields
    ------
    array of shape (n_block,), array of shape (n_paths, n_block, horizon)
        Positions of the nodes in ``hierarchy.nodes``, ascending, each node once; their paths in double precision.
    """
    bottom = _checked(paths, hierarchy)
    n_paths, _, horizon = bottom.shape
    size = max(MAX_BLOCK // (n_paths * horizon), 1)
    for level in range(len(hierarchy.levels)):
        of_level = np.flatnonzero(hierarchy.level_of == level)
        for start in range(0, len(of_level), size):
            nodes = of_level[start : start + size]
            rows = hierarchy.summing[nodes]
            # A block of few nodes need not multiply the series outside it.
            used = np.unique(rows.indices)
            rows = rows[:, used]
            block = np.empty((n_paths, len(nodes), horizon))
            for path in range(n_paths):
                block[path] = rows @ bottom[path, used].astype(float)
            yield nodes, block


def node_quantiles(
    paths: ArrayLike, hierarchy: Hierarchy, quantiles: Sequence[float], *, ds: Sequence[object] | None = None
) -> pd.DataFrame:
    """Mean and quantiles of every node over its paths.

    Quantiles of a sum are not sums of quantiles: they come from the summed paths.

    Parameters
    ----------
    paths : array of shape (n_paths, n_bottom, horizon)
    hierarchy : Hierarchy
    quantiles : sequence of float in (0, 1)
    ds : sequence of length horizon, optional
        Periods of the steps; 1, 2, ... without.

    Returns
    -------
    DataFrame
        ``unique_id``, ``ds``, ``mean`` and ``q0.1`` and so on; nodes in the order of the hierarchy.
    """
    if not quantiles or not all(0 < quantile < 1 for quantile in quantiles):
        raise InvalidInput(f"`quantiles` must lie between 0 and 1, got {list(quantiles)}.")
    horizon = _checked(paths, hierarchy).shape[2]
    steps = list(range(1, horizon + 1)) if ds is None else list(ds)
    if len(steps) != horizon:
        raise InvalidInput(f"`ds` must have one period for each of {horizon} steps, got {len(steps)}.")
    table = np.empty((1 + len(quantiles), hierarchy.n_nodes, horizon))
    for nodes, block in sum_paths(paths, hierarchy):
        table[0, nodes] = block.mean(axis=0)
        table[1:, nodes] = _quantiles(block, quantiles)
    names = ["mean", *(f"q{quantile:g}" for quantile in quantiles)]
    columns = {name: values.ravel() for name, values in zip(names, table, strict=True)}
    keys = {"unique_id": np.repeat(hierarchy.nodes, horizon), "ds": np.tile(pd.Series(steps), hierarchy.n_nodes)}
    return pd.DataFrame({**keys, **columns})


def _quantiles(block: Floats, quantiles: Sequence[float]) -> Floats:
    """Linear between the sorted paths, as `numpy.quantile`, at a third of its time over the first axis."""
    block.sort(axis=0)
    place = np.asarray(quantiles) * (len(block) - 1)
    below = place.astype(int)
    part = (place - below)[:, None, None]
    return np.asarray(block[below] * (1 - part) + block[np.minimum(below + 1, len(block) - 1)] * part)


def align_paths(paths: ArrayLike, bottom_mean: ArrayLike) -> Floats:
    """Move the paths of each series and step so that their mean is the reconciled one.

    Paths are multiplied, which keeps zeros and signs; what would need a factor above `MAX_STRETCH`, and all of it where
    paths go below 0, is added. So non-negative paths stay so for non-negative means, and the means of summed paths are
    the sums of the means.

    Parameters
    ----------
    paths : array of shape (n_paths, n_bottom, horizon)
    bottom_mean : array of shape (n_bottom, horizon)

    Returns
    -------
    array of shape (n_paths, n_bottom, horizon)
        Of the float type of ``paths``.
    """
    values, wanted = np.asarray(paths), np.asarray(bottom_mean, dtype=float)
    if values.ndim != 3 or values.shape[1:] != wanted.shape:
        raise InvalidInput(f"`bottom_mean` must have shape (n_bottom, horizon) of {values.shape}, got {wanted.shape}.")
    mean = values.mean(axis=0, dtype=float)
    stretches = (values.min(axis=0) >= 0) & (mean > 0) & (wanted >= 0)
    factor = np.where(stretches, np.minimum(wanted / np.where(mean > 0, mean, 1.0), MAX_STRETCH), 1.0)
    moved = values * factor.astype(values.dtype)
    moved += (wanted - factor * mean).astype(values.dtype)
    return np.asarray(moved)


def _checked(paths: ArrayLike, hierarchy: Hierarchy) -> NDArray[np.floating]:
    values = np.asarray(paths)
    if values.ndim != 3 or values.shape[1] != hierarchy.n_bottom or not values.size:
        raise InvalidInput(f"`paths` must have shape (n_paths, {hierarchy.n_bottom}, horizon), got {values.shape}.")
    return values
