"""A panel of series as one wide matrix: checked once here, trusted by everything behind."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions, TimeGrid
from forecast.errors import InvalidInput

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesMatrix:
    """Series side by side, aligned at their ends.

    Attributes
    ----------
    ids : array of shape (n_series,)
        ``unique_id``, sorted by its text.
    y : array of shape (n_series, n_times)
        The last column is each series' last observation; NaN before its first one and in gaps.
    last : array of shape (n_series,)
        Grid position of the last column.
    grid : TimeGrid
    """

    ids: NDArray[np.object_]
    y: Floats
    last: Positions
    grid: TimeGrid

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
        return SeriesMatrix(self.ids[alive], values[alive], self.last[alive] - n_dropped, self.grid)


def to_matrix(panel: pd.DataFrame, freq: str | int) -> SeriesMatrix:
    """Check a long panel and spread it into a matrix.

    Parameters
    ----------
    panel : DataFrame
        ``unique_id``, ``ds`` (timestamps or integers), ``y``; any order of rows.
    freq : str or int
        See `parse_frequency`.

    Raises
    ------
    InvalidInput
        If columns are missing, the panel is empty, a (unique_id, ds) occurs twice, or a value is not a finite number.
    """
    missing = [name for name in ("unique_id", "ds", "y") if name not in panel]
    if missing:
        raise InvalidInput(f"The panel is missing columns {missing}; there are {sorted(map(str, panel.columns))}.")
    if panel.empty:
        raise InvalidInput("The panel has no rows; give at least one observation.")
    values = _numbers(panel)
    codes, ids = series_codes(panel["unique_id"])
    grid = TimeGrid.of(freq, panel["ds"])
    positions = grid.positions(panel["ds"])

    last = np.full(len(ids), np.iinfo(np.int64).min)
    np.maximum.at(last, codes, positions)
    before_end = last[codes] - positions
    n_times = int(before_end.max()) + 1
    if len(ids) * n_times > 2_000_000_000:
        raise InvalidInput(f"The panel spans {n_times} periods for {len(ids)} series: too many; check `freq`.")
    flat = codes * n_times + (n_times - 1 - before_end)
    _refuse_duplicates(panel, flat)
    matrix = np.full(len(ids) * n_times, np.nan)
    matrix[flat] = values
    return SeriesMatrix(ids, matrix.reshape(len(ids), n_times), last, grid)


def series_codes(unique_id: pd.Series) -> tuple[Positions, NDArray[np.object_]]:
    """Code of each row's series, and the ids sorted by their text.

    Raises
    ------
    InvalidInput
        If an id is missing, or two ids differ in type but not in text.
    """
    codes, ids = pd.factorize(unique_id)
    if (codes < 0).any():
        raise InvalidInput(f"`unique_id` is missing in {int((codes < 0).sum())} of {len(codes)} rows.")
    names = np.array([str(name) for name in ids], dtype=object)
    order = np.argsort(names, kind="stable")
    twice = names[order][1:] == names[order][:-1]
    if twice.any():
        raise InvalidInput(f"`unique_id` {names[order][1:][twice][0]!r} occurs as text and as number; use one type.")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], np.asarray(ids, dtype=object)[order]


def _numbers(panel: pd.DataFrame) -> Floats:
    if not pd.api.types.is_numeric_dtype(panel["y"]):
        raise InvalidInput(f"`y` must hold numbers, got {panel['y'].dtype}.")
    values = panel["y"].to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        first = panel.iloc[int(np.argmax(bad))]
        raise InvalidInput(
            f"`y` must be finite, {int(bad.sum())} of {len(values)} values are not "
            f"(first: unique_id {first['unique_id']!r}, ds {first['ds']}); drop or fill them."
        )
    return values


def _refuse_duplicates(panel: pd.DataFrame, flat: Positions) -> None:
    order = np.argsort(flat, kind="stable")
    twice = np.flatnonzero(flat[order][1:] == flat[order][:-1])
    if len(twice):
        first = panel.iloc[order[twice[0] + 1]]
        raise InvalidInput(
            f"{len(twice)} rows of the panel repeat an earlier (unique_id, ds) "
            f"(first: {first['unique_id']!r}, {first['ds']}); aggregate them."
        )
