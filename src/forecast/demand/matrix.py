"""A panel of series as one wide matrix: checked once here, trusted by everything behind."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions, TimeGrid
from forecast.demand.repair import Report, repair_rows
from forecast.demand.series_ids import series_codes
from forecast.errors import InvalidInput

__all__ = ["Floats", "SeriesMatrix", "series_codes", "to_matrix"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesMatrix:
    """Series side by side, aligned at their ends.

    Attributes
    ----------
    ids : array of shape (n_series,)
        ``unique_id``, sorted by its text.
    y : array of shape (n_series, n_times)
        The last column is each series' last period; NaN before its first observation, in gaps, and where nothing is
        known because nothing was in stock.
    last : array of shape (n_series,)
        Grid position of the last column.
    grid : TimeGrid
    repairs : tuple of Repair
        What was found in the panel and done about it.
    """

    ids: NDArray[np.object_]
    y: Floats
    last: Positions
    grid: TimeGrid
    repairs: Report = ()

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.ids)

    @property
    def n_times(self) -> int:
        """Length of the longest series."""
        return int(self.y.shape[1])

    def until(self, n_dropped: int) -> "SeriesMatrix":
        """Without the last ``n_dropped`` columns, and without series that are empty then."""
        values = self.y[:, : self.n_times - n_dropped]
        alive = ~np.isnan(values).all(axis=1)
        return SeriesMatrix(self.ids[alive], values[alive], self.last[alive] - n_dropped, self.grid, self.repairs)


def to_matrix(panel: pd.DataFrame, freq: str | int, drivers: pd.DataFrame | None = None) -> SeriesMatrix:
    """Check and repair a long panel (see `repair_panel`) and spread it into a matrix.

    Parameters
    ----------
    panel : DataFrame
        ``unique_id``, ``ds`` (timestamps or integers), ``y``; any order of rows.
    freq : str or int
        See `parse_frequency`.
    drivers : DataFrame, optional
        Looked through for ``in_stock`` or ``stock`` only.

    Raises
    ------
    InvalidInput
        If the panel breaks a rule and cannot be repaired in one way only.
    NotEnoughHistory
        If no value is known.
    """
    rows, repairs = repair_rows(panel, freq, drivers=drivers)
    last = np.full(len(rows.ids), np.iinfo(np.int64).min)
    np.maximum.at(last, rows.codes, rows.positions)
    before_end = last[rows.codes] - rows.positions
    n_times = int(before_end.max()) + 1
    if len(rows.ids) * n_times > 2_000_000_000:
        raise InvalidInput(f"The panel spans {n_times} periods for {len(rows.ids)} series: too many; check `freq`.")
    matrix = np.full(len(rows.ids) * n_times, np.nan)
    matrix[rows.codes * n_times + (n_times - 1 - before_end)] = rows.y
    return SeriesMatrix(rows.ids, matrix.reshape(len(rows.ids), n_times), last, rows.grid, repairs)
