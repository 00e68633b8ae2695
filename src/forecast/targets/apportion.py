"""Share a whole number of units: in proportion, exactly, at any size."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from forecast.errors import InvalidInput
from forecast.targets.units import Units


def apportion(weights: ArrayLike, units: int) -> Units:
    """Whole parts of ``units`` in proportion to whole weights; largest remainder, ties go to the first.

    Parameters
    ----------
    weights : int array of shape (n,)
        At least 0, not all 0 unless ``units`` is 0.
    units : int
        At least 0.

    Returns
    -------
    int array of shape (n,)
        Sums to ``units``; each within one unit of its exact part, and 0 where the weight is 0. Where ``units`` is not
        more than the sum of the weights, no part is more than its weight.

    References
    ----------
    Hamilton's method; Balinski & Young (2001), Fair Representation.
    """
    exact, whole = _products(weights, units)
    parts = (exact // whole).astype(np.int64)
    remainders = ((exact % whole) / whole).astype(float)
    parts[np.argsort(-remainders, kind="stable")[: units - int(parts.sum())]] += 1
    return parts


def _products(weights: ArrayLike, units: int) -> tuple[np.ndarray, int]:
    """Weights times units as Python integers (two amounts in cents overflow int64), and the sum of the weights."""
    given = np.asarray(weights, dtype=np.int64)
    whole = int(given.sum())
    if units < 0 or (len(given) and given.min() < 0) or (whole == 0 and units):
        raise InvalidInput(f"{units} units cannot be shared by weights that sum to {whole}; both must be at least 0.")
    return given.astype(object) * units, whole or 1


def apportion_table(rows: ArrayLike, columns: ArrayLike) -> Units:
    """A table of whole numbers with given sums of rows and of columns, each cell in proportion to both.

    The exact cell is ``rows_i * columns_j / total``; every cell is rounded down or up so that all sums hold, which is
    always possible (controlled rounding [1]_): the units left over are a flow from rows to columns.

    Parameters
    ----------
    rows : int array of shape (n,)
        At least 0.
    columns : int array of shape (m,)
        At least 0, with the same sum.

    Returns
    -------
    int array of shape (n, m)

    References
    ----------
    .. [1] Bacharach (1966), Matrix rounding problems. Management Science 12(9).
    """
    down, across = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    total = int(down.sum())
    if total != int(across.sum()) or min(down.min(), across.min()) < 0:
        raise InvalidInput(f"Rows sum to {total} and columns to {int(across.sum())}; they must agree, none below 0.")
    exact = down.astype(object)[:, None] * across.astype(object)
    table: Units = (exact // max(total, 1)).astype(np.int64)
    return table + _left_over((exact % max(total, 1)) > 0, down - table.sum(axis=1), across - table.sum(axis=0))


def _left_over(may_grow: np.ndarray, rows: Units, columns: Units) -> Units:
    """At most one unit more for each cell that may grow, so that rows and columns get what they still lack."""
    n, m = may_grow.shape
    source, sink = n + m, n + m + 1
    row, column = np.nonzero(may_grow.astype(bool))
    start = np.concatenate([np.full(n, source), row, n + np.arange(m)])
    stop = np.concatenate([np.arange(n), n + column, np.full(m, sink)])
    room = np.concatenate([rows, np.ones(len(row), dtype=np.int64), columns])
    graph = coo_array((room.astype(np.int32), (start, stop)), shape=(n + m + 2, n + m + 2)).tocsr()
    flow = maximum_flow(graph, source, sink).flow
    more: Units = np.asarray(flow[:n, n : n + m].todense(), dtype=np.int64)
    return more
