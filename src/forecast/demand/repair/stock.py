"""Periods without stock: nothing sold says nothing about demand."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions
from forecast.demand.repair.rows import Flags, Rows
from forecast.demand.series_ids import series_codes

#: Columns of a panel or of drivers that say by 0 that there was no stock.
STOCK_COLUMNS = ("in_stock", "stock")


def out_of_stock_rows(panel: pd.DataFrame) -> Flags:
    """Which rows of a panel say that there was no stock; shape (n_rows,)."""
    flags = np.zeros(len(panel), dtype=bool)
    for name in STOCK_COLUMNS:
        if name in panel:
            flags |= _is_zero(panel[name])
    return flags


def out_of_stock(rows: Rows, drivers: pd.DataFrame | None) -> Flags:
    """Which rows the drivers say to have been without stock; shape (n_rows,)."""
    flags = np.zeros(len(rows), dtype=bool)
    if drivers is None or "ds" not in drivers:
        return flags
    for name in STOCK_COLUMNS:
        if name in drivers:
            empty = drivers[_is_zero(drivers[name])]
            if len(empty):
                flags |= _is_listed(rows, empty)
    return flags


def _is_listed(rows: Rows, empty: pd.DataFrame) -> NDArray[np.bool_]:
    positions = rows.grid.positions(empty["ds"])
    if "unique_id" not in empty:
        return np.isin(rows.positions, positions)
    codes, ids = series_codes(empty["unique_id"])
    place = pd.Index([str(name) for name in rows.ids]).get_indexer(pd.Index([str(name) for name in ids]))[codes]
    known = place >= 0
    return np.isin(_keys(rows.codes, rows.positions, rows), _keys(place[known], positions[known], rows))


def _keys(codes: Positions, positions: Positions, rows: Rows) -> Positions:
    low, high = int(rows.positions.min()), int(rows.positions.max())
    inside = (positions >= low) & (positions <= high)
    return np.asarray(np.where(inside, codes * (high - low + 1) + positions - low, -1))


def _is_zero(column: pd.Series) -> Flags:
    if column.dtype == object:
        column = pd.to_numeric(column, errors="coerce")
    return np.asarray(column.to_numpy(dtype=float, na_value=np.nan) == 0)
