"""All that a demand model may look at: the series, what never changes about them, what is known ahead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions
from forecast.demand.holiday_calendar import HolidayCalendar
from forecast.demand.matrix import Floats, SeriesMatrix, series_codes
from forecast.errors import InvalidInput

Singles = NDArray[np.float32]
Categories = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Inputs:
    """A checked panel with its static columns and drivers, all aligned to the same series and times.

    Attributes
    ----------
    matrix : SeriesMatrix
    static : mapping of name to array of shape (n_series,)
        Numbers, or codes of a category; NaN where unknown.
    series_drivers : mapping of name to array of shape (n_series, n_times + horizon)
        Values per series; the last ``horizon`` columns are the future.
    common_drivers : mapping of name to array of shape (n_positions,)
        Values that all series share, by grid position from ``first_position``.
    first_position : int
    categories : mapping of column to its known categories
        A code is the index in this tuple.
    horizon : int
    past_drivers : mapping of name to array of shape (n_series, n_times)
        Drivers that nobody knows ahead; a period without a value has the last one.
    holidays : HolidayCalendar or None
    """

    matrix: SeriesMatrix
    horizon: int
    static: Mapping[str, Floats] = field(default_factory=dict)
    series_drivers: Mapping[str, Singles] = field(default_factory=dict)
    common_drivers: Mapping[str, Singles] = field(default_factory=dict)
    first_position: int = 0
    categories: Categories = field(default_factory=dict)
    past_drivers: Mapping[str, Singles] = field(default_factory=dict)
    holidays: HolidayCalendar | None = None

    def groups(self) -> list[NDArray[np.int64]]:
        """How the series add up: all of them, and by each static category; codes from 0, of shape (n_series,).

        Empty without static categories: nothing says then that the series have anything to do with each other.
        """
        codes = [self.static[name] for name in self.static if name in self.categories]
        if not codes:
            return []
        known = [np.unique(column[~np.isnan(column)], return_inverse=True) for column in codes]
        complete = [np.full(self.matrix.n_series, len(unique), dtype=np.int64) for unique, _ in known]
        for target, column, (_, inverse) in zip(complete, codes, known, strict=True):
            target[~np.isnan(column)] = inverse
        return [np.zeros(self.matrix.n_series, dtype=np.int64), *complete]

    def rows(self, rows: Positions) -> "Inputs":
        """Some series only, in the given order."""
        matrix = self.matrix
        return replace(
            self,
            matrix=SeriesMatrix(matrix.ids[rows], matrix.y[rows], matrix.last[rows], matrix.grid),
            static={name: codes[rows] for name, codes in self.static.items()},
            series_drivers={name: values[rows] for name, values in self.series_drivers.items()},
            past_drivers={name: values[rows] for name, values in self.past_drivers.items()},
            holidays=None if self.holidays is None else self.holidays.rows(rows),
        )

    def until(self, n_dropped: int) -> "Inputs":
        """As it was ``n_dropped`` periods ago; drivers keep the horizon that follows."""
        if n_dropped == 0:
            return self
        width = self.matrix.n_times - n_dropped
        alive = np.flatnonzero(~np.isnan(self.matrix.y[:, :width]).all(axis=1))
        return replace(
            self,
            matrix=self.matrix.until(n_dropped),
            static={name: codes[alive] for name, codes in self.static.items()},
            series_drivers={
                name: values[alive, : width + self.horizon] for name, values in self.series_drivers.items()
            },
            past_drivers={name: values[alive, :width] for name, values in self.past_drivers.items()},
            holidays=None if self.holidays is None else self.holidays.rows(alive),
        )


def build_inputs(
    matrix: SeriesMatrix,
    horizon: int,
    static: pd.DataFrame | None = None,
    drivers: pd.DataFrame | None = None,
    categories: Categories | None = None,
    past_only: Sequence[str] = (),
) -> Inputs:
    """Align static columns and drivers to the series.

    Parameters
    ----------
    matrix : SeriesMatrix
    horizon : int
    static : DataFrame, optional
        ``unique_id`` and one column per attribute, numeric or categorical. A series without a row has none.
    drivers : DataFrame, optional
        ``ds``, optionally ``unique_id``, and one column per driver, known ahead. Without ``unique_id`` a driver is
        common to all series. A future value that is missing is taken to stay as it last was, if the
        driver was known throughout the horizon before.
    categories : mapping, optional
        Known categories from training; others count as unknown, and a column that is gone is unknown for all.
    past_only : sequence of str
        Numeric drivers per series that are known up to each period, not ahead: models see them as of the origin only.

    Raises
    ------
    InvalidInput
        If a key column is missing or a key occurs twice.
    """
    known: Categories = dict(categories or {})
    columns = {} if static is None else _static(static, matrix, known)
    there = set(columns) | set(() if drivers is None else map(str, drivers.columns))
    columns |= {name: np.full(matrix.n_series, np.nan) for name in known if name not in there}
    unknown = np.full((matrix.n_series, matrix.n_times), np.nan, dtype=np.float32)
    past = dict.fromkeys(past_only, unknown)
    if drivers is None:
        return Inputs(matrix, horizon, columns, categories=known, past_drivers=past)
    if "ds" not in drivers:
        raise InvalidInput(f"Drivers are missing column 'ds'; there are {sorted(map(str, drivers.columns))}.")
    names = [name for name in drivers.columns if name not in ("unique_id", "ds")]
    values = {str(name): _codes_or_numbers(drivers[name], str(name), known) for name in names}
    positions = matrix.grid.positions(drivers["ds"])
    if "unique_id" in drivers:
        by_series = _series_drivers(drivers, positions, values, matrix, horizon, past_only)
        past |= {name: _last_known(by_series.pop(name)[:, : matrix.n_times]) for name in past_only if name in by_series}
        return Inputs(matrix, horizon, columns, series_drivers=by_series, categories=known, past_drivers=past)
    first, common = _common_drivers(positions, values, matrix, horizon)
    return Inputs(matrix, horizon, columns, common_drivers=common, first_position=first, categories=known)


def _static(static: pd.DataFrame, matrix: SeriesMatrix, known: Categories) -> dict[str, Floats]:
    if "unique_id" not in static:
        raise InvalidInput(f"Static columns need 'unique_id'; there are {sorted(map(str, static.columns))}.")
    if static["unique_id"].duplicated().any():
        first = static.loc[static["unique_id"].duplicated(), "unique_id"].iloc[0]
        raise InvalidInput(f"Static columns must have one row per series, {first!r} occurs twice.")
    rows = pd.Index(static["unique_id"].astype(str)).get_indexer(pd.Index([str(name) for name in matrix.ids]))
    columns = {}
    for name in (column for column in static.columns if column != "unique_id"):
        codes = _codes_or_numbers(static[name], str(name), known).astype(float)
        columns[str(name)] = np.where(rows >= 0, codes[rows], np.nan)
    return columns


def _codes_or_numbers(column: pd.Series, name: str, known: Categories) -> Singles:
    """Numbers as they are, anything else as the code of its category (NaN when missing or unknown)."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and name not in known:
        return column.to_numpy(dtype=np.float32, na_value=np.nan)
    codes, values = pd.factorize(column)
    names = np.array([str(value) for value in values], dtype=object)
    if name not in known:
        known[name] = tuple(sorted(names))
    place = pd.Index(known[name]).get_indexer(pd.Index(names)) if len(names) else np.empty(0, dtype=int)
    code_of = np.append(np.where(place >= 0, place, np.nan), np.nan).astype(np.float32)  # -1 is missing: the last
    return code_of[codes]


def _series_drivers(
    drivers: pd.DataFrame,
    positions: Positions,
    values: Mapping[str, Singles],
    matrix: SeriesMatrix,
    horizon: int,
    past_only: Sequence[str],
) -> dict[str, Singles]:
    codes, ids = series_codes(drivers["unique_id"])
    rows = pd.Index([str(name) for name in matrix.ids]).get_indexer(pd.Index([str(name) for name in ids]))[codes]
    width = matrix.n_times + horizon
    columns = positions - matrix.last[rows] + matrix.n_times - 1
    used = (rows >= 0) & (columns >= 0) & (columns < width)
    flat = rows[used] * width + columns[used]
    if len(np.unique(flat)) < len(flat):
        raise InvalidInput("Drivers must have one row per (unique_id, ds); some occur twice.")
    aligned = {}
    for name, column in values.items():
        target = np.full(matrix.n_series * width, np.nan, dtype=np.float32)
        target[flat] = column[used]
        spread = target.reshape(matrix.n_series, width)
        aligned[name] = spread if name in past_only else _carry_into_future(spread, horizon)
    return aligned


def _last_known(values: Singles) -> Singles:
    """Each gap filled with the value before it."""
    place = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.shape[1])), axis=1)
    return np.take_along_axis(values, place, axis=1)


def _common_drivers(
    positions: Positions, values: Mapping[str, Singles], matrix: SeriesMatrix, horizon: int
) -> tuple[int, dict[str, Singles]]:
    first = int(matrix.last.min()) - matrix.n_times + 1
    width = int(matrix.last.max()) - first + 1 + horizon
    columns = positions - first
    used = (columns >= 0) & (columns < width)
    if len(np.unique(columns[used])) < int(used.sum()):
        raise InvalidInput("Drivers without 'unique_id' must have one row per ds; some occur twice.")
    common = {}
    for name, column in values.items():
        common[name] = np.full(width, np.nan, dtype=np.float32)
        common[name][columns[used]] = column[used]
    return first, common


def _carry_into_future(values: Singles, horizon: int) -> Singles:
    """Fill missing future columns with the value before them, for series whose driver is otherwise always known.

    A driver that is mostly missing says that there was none, an event for example; none follows from the last one.
    """
    end = values.shape[1] - horizon
    always = ~np.isnan(values[:, max(end - horizon, 0) : end]).any(axis=1)
    for column in range(end, values.shape[1]):
        gap = always & np.isnan(values[:, column])
        values[gap, column] = values[gap, column - 1]
    return values
