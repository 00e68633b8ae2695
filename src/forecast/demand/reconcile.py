"""Coherent forecasts: the parts add up to the whole at every level.

Only means are reconciled, since only means add; quantiles of sums come from paths (`node_paths`).
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from forecast.demand.hierarchy import TOTAL, Hierarchy, Level
from forecast.demand.matrix import Floats
from forecast.demand.mint import Covariance, mint
from forecast.errors import InvalidInput

Method = Literal["auto", "bottom_up", "top_down", "mint_ols", "mint_struct", "mint_var", "mint_shrink"]
METHODS: tuple[Method, ...] = ("bottom_up", "top_down", "mint_ols", "mint_struct", "mint_var", "mint_shrink")
#: Methods that learn from past errors.
NEED_ERRORS = ("mint_var", "mint_shrink")


def reconcile(
    forecasts: pd.DataFrame,
    hierarchy: Hierarchy,
    *,
    method: Method = "auto",
    errors: pd.DataFrame | None = None,
    non_negative: bool | None = None,
    top_level: Level = (),
) -> pd.DataFrame:
    """Coherent forecasts for every node.

    Parameters
    ----------
    forecasts : DataFrame
        ``unique_id`` (name of a node), ``ds``, ``mean``; a row per node and ``ds``. All bottom series, and any upper
        nodes: those without a forecast become the sum of their parts and have no say. Other columns are left out.
    hierarchy : Hierarchy
    method : {"auto", "bottom_up", "top_down", "mint_ols", "mint_struct", "mint_var", "mint_shrink"}
        ``bottom_up`` sums the bottom. ``top_down`` splits the forecasts of ``top_level`` by the bottom's shares, and is
        not unbiased. The others correct all nodes by minimum trace, with a covariance of base errors that is
        equal (``ols``), the number of bottom series in the node (``struct``), the past mean squared error (``var``), or
        the past covariance shrunk towards that (``shrink``). ``auto``: ``mint_shrink`` with ``errors``, else
        ``bottom_up``; to choose by past folds see `choose_reconciliation`.
    errors : DataFrame, optional
        ``unique_id``, ``ds``, ``error`` (actual less forecast or the reverse, of forecasts made before ``ds``), one row
        per node and occasion; with ``cutoff`` an occasion is a (cutoff, ds). Nodes without any have no say.
    non_negative : bool, optional
        Keep every node at 0 or above. Default: when all forecasts are. MinT then solves the constrained problem, so
        that the total moves far less than by cutting.
    top_level : tuple of str
        The level that ``top_down`` starts from.

    Returns
    -------
    DataFrame
        ``unique_id``, ``level``, ``ds``, ``mean``: nodes in the order of the hierarchy, each with every ``ds``.

    Raises
    ------
    InvalidInput
        If a bottom series has no forecast, a node misses some ``ds``, a value is missing or repeated, a name is
        unknown, or the method needs what is not there.

    Examples
    --------
    >>> hierarchy = Hierarchy.of(pd.DataFrame({"unique_id": ["a", "b"]}), [()])
    >>> base = pd.DataFrame({"unique_id": ["total", "a", "b"], "ds": 1, "mean": [9.0, 2.0, 4.0]})
    >>> reconcile(base, hierarchy, method="mint_ols")["mean"].round(6).tolist()
    [8.0, 3.0, 5.0]
    """
    base, times = node_matrix(forecasts, hierarchy, "mean", ["ds"])
    past = None if errors is None else error_matrix(errors, hierarchy)
    keep = bool(np.nanmin(base) >= 0) if non_negative is None else non_negative
    result = hierarchy.add_up(
        reconcile_bottom(base, hierarchy, method=method, errors=past, non_negative=keep, top_level=top_level)
    )
    levels = np.array([hierarchy.level_name(level) for level in range(len(hierarchy.levels))], dtype=object)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(hierarchy.nodes, len(times)),
            "level": np.repeat(levels[hierarchy.level_of], len(times)),
            "ds": pd.concat([times["ds"]] * hierarchy.n_nodes, ignore_index=True),
            "mean": result.ravel(),
        }
    )


def reconcile_bottom(
    base: ArrayLike,
    hierarchy: Hierarchy,
    *,
    method: Method = "auto",
    errors: Floats | None = None,
    non_negative: bool = False,
    top_level: Level = (),
) -> Floats:
    """Bottom forecasts whose sums are the reconciled forecasts: `reconcile` for arrays.

    Parameters
    ----------
    base : array of shape (n_nodes, horizon)
        In the order of ``hierarchy.nodes``; NaN rows above the bottom are nodes without a forecast.
    hierarchy, method, non_negative, top_level
        As for `reconcile`.
    errors : array of shape (n_nodes, n_occasions), optional
        Past errors of the base forecasts, NaN where there are none.

    Returns
    -------
    array of shape (n_bottom, horizon)
    """
    values = _checked(base, hierarchy)
    chosen: Method = ("bottom_up" if errors is None else "mint_shrink") if method == "auto" else method
    bottom = values[hierarchy.n_upper :]
    if chosen == "bottom_up":
        return np.maximum(bottom, 0.0) if non_negative else bottom.copy()
    if chosen == "top_down":
        return _top_down(values, hierarchy, tuple(top_level))
    missing = np.asarray(np.isnan(values).any(axis=1))
    covariance = covariance_of(chosen, hierarchy, errors)
    silent = missing | np.isinf(covariance.diagonal)
    covariance = Covariance(
        np.where(silent, np.inf, covariance.diagonal), np.where(silent[:, None], 0.0, covariance.factor)
    )
    return mint(np.where(missing[:, None], 0.0, values), hierarchy, covariance, non_negative=non_negative)


def align(base: ArrayLike, hierarchy: Hierarchy, variance: ArrayLike, *, non_negative: bool = True) -> Floats:
    """Bottom forecasts pulled to well-forecast upper nodes, by error variances of your own.

    Parameters
    ----------
    base : array of shape (n_nodes, horizon)
        NaN rows above the bottom are nodes without a forecast.
    hierarchy : Hierarchy
    variance : array of shape (n_nodes,)
        Of the errors of the forecasts, positive; infinite for nodes above the bottom that shall have no say. Only
        their ratios matter: the smaller a node's, the closer its forecast is kept.

    Returns
    -------
    array of shape (n_bottom, horizon)
    """
    values, weights = _checked(base, hierarchy), np.asarray(variance, dtype=float)
    if weights.shape != (hierarchy.n_nodes,) or not (weights > 0).all() or np.isinf(weights[hierarchy.n_upper :]).any():
        raise InvalidInput(
            f"`variance` must be positive of shape ({hierarchy.n_nodes},) and finite at the bottom, got shape "
            f"{weights.shape} with {int((~(weights > 0)).sum())} not positive."
        )
    missing = np.asarray(np.isnan(values).any(axis=1))
    covariance = Covariance.of_diagonal(np.where(missing, np.inf, weights))
    return mint(np.where(missing[:, None], 0.0, values), hierarchy, covariance, non_negative=non_negative)


def covariance_of(method: Method, hierarchy: Hierarchy, errors: Floats | None = None) -> Covariance:
    """W of a MinT method; ``errors`` of shape (n_nodes, n_occasions) for those that need them."""
    if method == "mint_ols":
        return Covariance.of_diagonal(np.ones(hierarchy.n_nodes))
    if method == "mint_struct":
        return Covariance.of_diagonal(hierarchy.n_leaves)
    if method not in NEED_ERRORS:
        raise InvalidInput(f"`method` must be 'auto' or one of {list(METHODS)}, got {method!r}.")
    if errors is None:
        raise InvalidInput(f"`method` {method!r} needs `errors` of past forecasts; give them or use 'mint_struct'.")
    variance = _variances(errors, hierarchy)
    return Covariance.of_diagonal(variance) if method == "mint_var" else _shrunk(errors, variance)


def _variances(errors: Floats, hierarchy: Hierarchy) -> Floats:
    """Mean squared errors. Infinite for upper nodes without any; the bottom's least floor without, so never 0."""
    n_known = (~np.isnan(errors)).sum(axis=1)
    variance = np.nansum(errors**2, axis=1) / np.maximum(n_known, 1)
    positive = (n_known > 0) & (variance > 0)
    if not positive.any():
        raise InvalidInput("All past errors are 0 or missing: they tell no variance; use 'mint_struct'.")
    # A node that never erred is kept, but no division by 0: a millionth of what a series errs usually.
    usual = float(np.median(variance[positive] / hierarchy.n_leaves[positive]))
    known = np.maximum(variance, 1e-6 * usual * hierarchy.n_leaves)
    upper = np.arange(hierarchy.n_nodes) < hierarchy.n_upper
    return np.where(n_known > 0, known, np.where(upper, np.inf, usual))


def _shrunk(errors: Floats, variance: Floats) -> Covariance:
    """Past covariance shrunk to its diagonal: λ D + (1 - λ) E E' / n, which is low rank beside D.

    References
    ----------
    Schäfer & Strimmer (2005), A shrinkage approach to large-scale covariance matrix estimation. Stat. Appl. Genet.
    Mol. Biol. 4(1).
    """
    used = np.isfinite(variance)
    scaled = np.nan_to_num(errors / np.sqrt(np.where(used, variance, 1.0))[:, None]) * used[:, None]
    share = shrinkage(scaled)
    scale = np.sqrt(np.where(used, variance, 0.0))[:, None]
    factor = scale * scaled * np.sqrt((1 - share) / errors.shape[1])
    # W keeps the variances, also of nodes known at some occasions only.
    return Covariance(variance - (factor**2).sum(axis=1), factor)


def shrinkage(scaled: Floats) -> float:
    """Λ: the part of the squared correlations that is noise of estimating them, in [0.001, 1].

    Parameters
    ----------
    scaled : array of shape (n_nodes, n_occasions)
        Errors over their root mean square.

    Notes
    -----
    Sum over pairs i ≠ j of Var(r_ij) over that of r_ij². Both sums need the products of occasions only, not of nodes.
    """
    n = scaled.shape[1]
    if n < 2:
        return 1.0
    squared = scaled**2
    fourth = (squared.sum(axis=0) ** 2).sum() - (squared**2).sum()
    products = (scaled.T @ scaled) ** 2
    second = products.sum() - (squared.sum(axis=1) ** 2).sum()
    noise = (fourth - second / n) / (n * (n - 1))
    signal = second / n**2
    return float(np.clip(noise / signal, 1e-3, 1.0)) if signal > 0 else 1.0


def _top_down(values: Floats, hierarchy: Hierarchy, level: Level) -> Floats:
    """Forecasts of one level split by the shares of the bottom's forecasts in it; equally where those are 0."""
    if level not in hierarchy.levels[:-1]:
        raise InvalidInput(f"`top_level` must be one of {list(hierarchy.levels[:-1])}, got {level}.")
    at = hierarchy.level_of == hierarchy.levels.index(level)
    rows, tops = hierarchy.summing[at], values[at]
    if np.isnan(tops).any():
        name = hierarchy.nodes[at][np.isnan(tops).any(axis=1)][0]
        raise InvalidInput(f"'top_down' needs a forecast of every node of level {level or TOTAL!r}; {name!r} has none.")
    bottom = np.maximum(values[hierarchy.n_upper :], 0.0)
    sums = rows @ bottom
    ratio = rows.T @ np.divide(tops, sums, out=np.zeros_like(tops), where=sums > 0)
    equal = rows.T @ (np.where(sums > 0, 0.0, tops) / hierarchy.n_leaves[at][:, None])
    return np.asarray(bottom * ratio + equal)


def _checked(base: ArrayLike, hierarchy: Hierarchy) -> Floats:
    values = np.asarray(base, dtype=float)
    if values.ndim != 2 or len(values) != hierarchy.n_nodes:
        raise InvalidInput(f"`base` must have shape ({hierarchy.n_nodes}, horizon), got {values.shape}.")
    if np.isinf(values).any():
        raise InvalidInput(f"Forecasts must be finite, {int(np.isinf(values).sum())} are not.")
    gaps = np.isnan(values)
    partial = gaps.any(axis=1) & ~gaps.all(axis=1)
    if partial.any():
        raise InvalidInput(
            f"{int(partial.sum())} nodes have forecasts for some periods only (first: {hierarchy.nodes[partial][0]!r})."
        )
    empty = gaps[hierarchy.n_upper :].any(axis=1)
    if empty.any():
        raise InvalidInput(
            f"{int(empty.sum())} of {hierarchy.n_bottom} bottom series have no forecast "
            f"(first: {hierarchy.bottom[empty][0]!r}); forecast them or leave them out of the hierarchy."
        )
    return values


def node_matrix(table: pd.DataFrame, hierarchy: Hierarchy, column: str, keys: list[str]) -> tuple[Floats, pd.DataFrame]:
    """Spread a long table over nodes and occasions.

    Returns
    -------
    array of shape (n_nodes, n_occasions), DataFrame of shape (n_occasions, n_keys)
        NaN where the table has no row; the occasions in order.
    """
    missing = [name for name in ("unique_id", *keys, column) if name not in table]
    if missing:
        raise InvalidInput(f"The table is missing columns {missing}; there are {sorted(map(str, table.columns))}.")
    if table.empty:
        raise InvalidInput("The table has no rows; give at least the bottom series.")
    values = table[column].to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(values).all():
        first = table["unique_id"].iloc[int(np.argmin(np.isfinite(values)))]
        raise InvalidInput(
            f"`{column}` must be finite, {int((~np.isfinite(values)).sum())} of {len(values)} values are not "
            f"(first: unique_id {first!r})."
        )
    occasions = table[keys].drop_duplicates().sort_values(keys, ignore_index=True)
    place = pd.MultiIndex.from_frame(occasions).get_indexer(pd.MultiIndex.from_frame(table[keys]))
    flat = hierarchy.positions(table["unique_id"]) * len(occasions) + place
    matrix = np.full(hierarchy.n_nodes * len(occasions), np.nan)
    matrix[flat] = values
    n_known = int(np.isfinite(matrix).sum())
    if n_known < len(table):
        raise InvalidInput(f"{len(table) - n_known} rows repeat an earlier (unique_id, {', '.join(keys)}).")
    return matrix.reshape(hierarchy.n_nodes, len(occasions)), occasions


def error_matrix(errors: pd.DataFrame, hierarchy: Hierarchy) -> Floats:
    """Past errors of shape (n_nodes, n_occasions), NaN where there are none."""
    keys = ["cutoff", "ds"] if "cutoff" in errors else ["ds"]
    return node_matrix(errors, hierarchy, "error", keys)[0]
