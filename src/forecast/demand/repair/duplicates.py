"""Several rows for one series and period: copies, parts of a sum, the hour doubled by summer time, or a mistake."""

import numpy as np
import pandas as pd

from forecast.demand.repair.report import Repair
from forecast.demand.repair.rows import Flags, Rows
from forecast.errors import InvalidInput

_SUNDAY = 6


def one_row_each(rows: Rows, *, aggregate: bool) -> tuple[Rows, list[Repair]]:
    """One row per series and period.

    Parameters
    ----------
    rows : Rows
        Sorted.
    aggregate : bool
        Rows of a period are parts of its value and are summed. Otherwise only copies may repeat, and hours that occur
        twice when summer time ends.

    Raises
    ------
    InvalidInput
        If rows of one period differ and are not to be summed; the message names the first.
    """
    again = np.r_[False, np.diff(rows.keys) == 0]
    if not again.any():
        return rows, []
    if aggregate:
        found = rows.found("aggregated", "several rows per series and period", "summed", again)
        return _combine(rows, again, is_mean=False), found
    rows = rows.take(np.lexsort((rows.y, rows.keys)))  # copies side by side, unknown values last
    again = np.r_[False, np.diff(rows.keys) == 0]
    copy = again & (np.r_[False, rows.y[1:] == rows.y[:-1]] | np.isnan(rows.y))
    report = rows.found("exact_duplicates", "rows that repeat an earlier one", "dropped", copy)
    rows = rows.take(~copy)
    again = np.r_[False, np.diff(rows.keys) == 0]
    if not again.any():
        return rows, report
    if not _are_doubled_hours(rows, again):
        first = int(np.argmax(again))
        raise InvalidInput(
            f"{int(again.sum())} rows of the panel repeat an earlier (unique_id, ds) with another `y` (first: "
            f"{rows.ids[rows.codes[first]]!r}, {rows.moment(int(rows.positions[first]))}); aggregate them."
        )
    report += rows.found("doubled_hour", "hours doubled at the end of summer time", "averaged", again)
    return _combine(rows, again, is_mean=True), report


def _combine(rows: Rows, again: Flags, *, is_mean: bool) -> Rows:
    """Sum or mean of the known values of each key; unknown only where all are."""
    starts = np.flatnonzero(~again)
    known = ~np.isnan(rows.y)
    total = np.add.reduceat(np.where(known, rows.y, 0.0), starts)
    count = np.add.reduceat(known.astype(float), starts)
    value = np.where(count > 0, total / np.maximum(count, 1) if is_mean else total, np.nan)
    combined = rows.take(starts)
    return Rows(combined.ids, combined.codes, combined.positions, value, combined.grid)


def _are_doubled_hours(rows: Rows, again: Flags) -> bool:
    """Whether all repeated moments are one hour of a Sunday night in each year, once more: the end of summer time."""
    if rows.grid.unit != "h" or getattr(rows.grid.dtype, "tz", None) is not None:
        return False
    n_copies = np.unique(rows.keys[again], return_counts=True)[1]
    moments = pd.DatetimeIndex(rows.grid.days(np.unique(rows.positions[again])))
    is_night = (moments.dayofweek == _SUNDAY) & (moments.hour <= 3)
    return bool((n_copies == 1).all() and is_night.all() and not moments.year.duplicated().any())
