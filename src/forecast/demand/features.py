"""Features of (series, origin, step): what was known at the origin about a moment ``step`` periods later.

Every value is taken at or before the origin, but for the calendar, static columns and drivers, which are known ahead.
No feature names the series. All amounts are relative to the series at the origin, so that one model serves large and
small series alike: either divided by its level, or as distance to its seasonal naive in usual changes.
"""

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions
from forecast.demand.holiday_calendar import WHICH
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats
from forecast.demand.recipe import Recipe

#: The place in the year is a feature from two years on: before, it cannot be told from what happened once.
_TWO_YEARS = {"h": 17_532, "D": 730, "W": 104, "M": 24, "Q": 8}


class RowFeatures:
    """Builds feature rows from running sums, each row in constant time.

    Parameters
    ----------
    inputs : Inputs
    recipe : Recipe
    """

    def __init__(self, inputs: Inputs, recipe: Recipe) -> None:
        self.inputs = inputs
        self.recipe = recipe
        values = inputs.matrix.y
        self._known = ~np.isnan(values)
        self._values = np.where(self._known, values, 0.0)
        self.first_column = self._known.argmax(axis=1)
        columns = np.arange(values.shape[1])
        self._last_sale = np.maximum.accumulate(np.where(self._values != 0, columns, -1), axis=1)

    def level(self, series: Positions, origin: Positions) -> Floats:
        """Mean absolute value up to the origin, the recent past counting most; 0 for series without a sale so far.

        The recent mean is shrunk to the mean of the whole past by the weight of a fifth of its window.
        """
        window = self.recipe.scale_window
        recent, n_recent = self._sums(self._absolute_sums, series, origin, window)
        past, n_past = self._sums(self._absolute_sums, series, origin, self.inputs.matrix.n_times)
        prior = window / 5
        total = recent + prior * past / np.maximum(n_past, 1)
        return np.asarray(total / (n_recent + prior))

    def usual_change(self, series: Positions, origin: Positions) -> Floats:
        """Mean absolute change from season to season up to the origin, shrunk to a tenth of the level; never 0."""
        window = 4 * max(self.recipe.season_length, self.recipe.scale_window)
        begin = np.maximum(origin + 1 - window, 0)
        total = self._change_sums[series, origin + 1] - self._change_sums[series, begin]
        n_changes = self._change_counts[series, origin + 1] - self._change_counts[series, begin]
        return np.asarray(np.maximum((total + 0.1 * self.level(series, origin)) / (n_changes + 1), 1e-12))

    def seasonal_naive(self, series: Positions, origin: Positions, step: Positions) -> Floats:
        """The same place in the latest season known at the origin; the last known value where that is unknown."""
        length = self.recipe.season_length
        value = self._at(series, origin + step - -(-step // length) * length)
        return np.where(np.isnan(value), self._at(series, self._last_known[series, origin]), value)

    def rows(
        self, series: Positions, origin: Positions, step: Positions, *, centre: Floats | None = None, scale: Floats
    ) -> pd.DataFrame:
        """Feature rows.

        Parameters
        ----------
        series, origin, step : int arrays of shape (n_rows,)
            Row of the matrix, column of the origin, periods ahead (1 … horizon).
        centre : array of shape (n_rows,), optional
            Amounts are taken as distance to it; default 0.
        scale : array of shape (n_rows,)
            And divided by it. Positive.

        Returns
        -------
        DataFrame of float32, shape (n_rows, n_features), columns in a fixed order.
        """
        at = np.zeros(len(series)) if centre is None else centre
        columns: dict[str, Floats] = {"step": step.astype(float), "level": np.log(scale)}
        if centre is not None:
            columns["base"] = centre / scale
        # Capped: the age of series that began together is a clock, which teaches the shocks of past dates.
        age = origin - self.first_column[series] + 1
        columns["age"] = np.minimum(age, 2 * self.recipe.scale_window).astype(float)
        columns["since_last_sale"] = (origin - self._last_sale[series, origin]).astype(float)
        for lag in range(self.recipe.n_lags):
            columns[f"lag_{lag}"] = (self._at(series, origin - lag) - at) / scale
        for window in self.recipe.windows:
            total, n_known = self._sums(self._value_sums, series, origin, window)
            columns[f"mean_{window}"] = (total / _or_nan(n_known) - at) / scale
        window = self.recipe.scale_window
        sold, n_known = self._sums(self._sale_counts, series, origin, window)
        columns["share_of_sales"] = sold / _or_nan(n_known)
        columns["deviation"] = self._deviation(series, origin, window) / scale
        columns |= self._seasonal(series, origin, step, at, scale)
        columns |= self._calendar(series, origin, step)
        columns |= self._known_ahead(series, origin, step)
        return pd.DataFrame({name: column.astype(np.float32) for name, column in columns.items()}, copy=False)

    def put(self, column: int, values: Floats) -> None:
        """Take values as what a column held, shape (n_series,); columns before it must be complete.

        For models that go on from their own forecasts. `usual_change` does not follow.
        """
        sold = values != 0
        by_season, counts_by_season = self._season_sums
        length = self.recipe.season_length
        for running, new in (
            (self._value_sums, values),
            (self._absolute_sums, np.abs(values)),
            (self._square_sums, values**2),
            (self._sale_counts, sold),
            (self._known_counts, 1),
        ):
            running[:, column + 1] = running[:, column] + new
        by_season[:, column + length] = by_season[:, column] + values
        counts_by_season[:, column + length] = counts_by_season[:, column] + 1
        self._last_sale[:, column] = np.where(sold, column, self._last_sale[:, column - 1])
        self._values[:, column], self._known[:, column] = values, True

    @cached_property
    def categorical(self) -> list[str]:
        """Names of the features that are codes."""
        known = self.inputs.categories
        drivers = (*self.inputs.series_drivers, *self.inputs.common_drivers)
        return (
            [f"static__{name}" for name in self.inputs.static if name in known]
            + [f"driver__{name}" for name in drivers if name in known]
            + [WHICH] * (self.inputs.holidays is not None)
        )

    @cached_property
    def _value_sums(self) -> Floats:
        return _running(self._values)

    @cached_property
    def _absolute_sums(self) -> Floats:
        return self._value_sums if (self._values >= 0).all() else _running(np.abs(self._values))

    @cached_property
    def _square_sums(self) -> Floats:
        return _running(self._values**2)

    @cached_property
    def _last_known(self) -> Positions:
        columns = np.arange(self.inputs.matrix.n_times)
        return np.maximum.accumulate(np.where(self._known, columns, -1), axis=1)

    @cached_property
    def _changes(self) -> Floats:
        """Absolute changes to the season before, NaN where unknown; shape as the values."""
        values, length = self.inputs.matrix.y, self.recipe.season_length
        changes = np.full(values.shape, np.nan)
        changes[:, length:] = np.abs(values[:, length:] - values[:, :-length])
        return changes

    @cached_property
    def _change_sums(self) -> Floats:
        return _running(np.nan_to_num(self._changes))

    @cached_property
    def _change_counts(self) -> NDArray[np.int32]:
        return _running(~np.isnan(self._changes), np.int32)

    @cached_property
    def _sale_counts(self) -> NDArray[np.int32]:
        return _running(self._values != 0, np.int32)

    @cached_property
    def _known_counts(self) -> NDArray[np.int32]:
        return _running(self._known, np.int32)

    @cached_property
    def _season_sums(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Sums and counts over the same place in all seasons up to a column; ``season_length`` zeros come first."""
        return _running_by(self._values, self.recipe.season_length), _running_by(
            self._known.astype(np.float32), self.recipe.season_length
        )

    def _at(self, series: Positions, column: Positions) -> Floats:
        """Value at a column, NaN before the beginning."""
        inside = np.maximum(column, 0)
        known = (column >= 0) & self._known[series, inside]
        return np.where(known, self._values[series, inside], np.nan)

    def _sums(
        self, running: NDArray[np.floating] | NDArray[np.int32], series: Positions, origin: Positions, window: int
    ) -> tuple[Floats, Floats]:
        """Sum over the last ``window`` columns up to the origin, and how many of them are known."""
        before = np.maximum(origin + 1 - window, 0)
        total = running[series, origin + 1] - running[series, before]
        n_known = self._known_counts[series, origin + 1] - self._known_counts[series, before]
        return np.asarray(total, dtype=float), np.asarray(n_known, dtype=float)

    def _deviation(self, series: Positions, origin: Positions, window: int) -> Floats:
        squares, n_known = self._sums(self._square_sums, series, origin, window)
        total, _ = self._sums(self._value_sums, series, origin, window)
        n_known = _or_nan(n_known)
        return np.sqrt(np.maximum(squares / n_known - (total / n_known) ** 2, 0))

    def _seasonal(
        self, series: Positions, origin: Positions, step: Positions, at: Floats, scale: Floats
    ) -> dict[str, Floats]:
        """The same place in past seasons, the latest that is known at the origin first."""
        length = self.recipe.season_length
        if length == 1 or length > self.inputs.matrix.n_times:
            return {}
        latest = origin + step - -(-step // length) * length
        columns = {f"season_{back}": (self._at(series, latest - back * length) - at) / scale for back in range(2)}
        sums, counts = self._season_sums
        end = latest + length
        for n_seasons in self.recipe.season_counts:
            begin = np.maximum(end - n_seasons * length, end % length)  # the zeros before the first season
            total = sums[series, end] - sums[series, begin]
            mean = total / _or_nan(counts[series, end] - counts[series, begin])
            columns[f"season_mean_{n_seasons}"] = (mean - at) / scale
        long = self.recipe.long_season
        if long and long < self.inputs.matrix.n_times:
            columns["long_season"] = (self._at(series, origin + step - -(-step // long) * long) - at) / scale
        return columns

    def _calendar(self, series: Positions, origin: Positions, step: Positions) -> dict[str, Floats]:
        matrix = self.inputs.matrix
        if matrix.grid.unit in "iY":
            return {}
        positions = matrix.last[series] - (matrix.n_times - 1) + origin + step
        unique, inverse = np.unique(positions, return_inverse=True)
        days = pd.DatetimeIndex(matrix.grid.days(unique))
        long = matrix.n_times >= _TWO_YEARS[matrix.grid.unit]
        fields = {
            "h": {"hour": days.hour, "weekday": days.dayofweek},
            "D": {"weekday": days.dayofweek, "day_of_month": days.day},
        }.get(matrix.grid.unit, {})
        if long:
            fields |= {"day_of_year": days.dayofyear} if matrix.grid.unit in "DW" else {"month": days.month}
        return {name: np.asarray(column, dtype=float)[inverse] for name, column in fields.items()}

    def _known_ahead(self, series: Positions, origin: Positions, step: Positions) -> dict[str, Floats]:
        inputs, target = self.inputs, origin + step
        columns = {f"static__{name}": codes[series] for name, codes in inputs.static.items()}
        for name, values in inputs.series_drivers.items():
            value = columns[f"driver__{name}"] = values[series, target].astype(float)
            if name not in inputs.categories:
                columns[f"driver__{name}__against_usual"] = value - self._usual(name, series, origin)
        if inputs.common_drivers:
            place = inputs.matrix.last[series] - (inputs.matrix.n_times - 1) + target - inputs.first_position
            for name, values in inputs.common_drivers.items():
                columns[f"driver__{name}"] = values[place].astype(float)
        if inputs.holidays is not None:
            positions = inputs.matrix.last[series] - (inputs.matrix.n_times - 1) + target
            around = inputs.holidays.at(series, positions)
            columns |= {f"holiday__{name}": values for name, values in around.items()}
        for name, past in inputs.past_drivers.items():
            known = np.minimum(origin, past.shape[1] - 1)  # a model that goes on from its own forecasts knows no more
            usual = self._usual(name, series, known)
            value = past[series, known].astype(float)
            columns[f"driver__{name}__against_usual"] = value / np.where(usual != 0, usual, np.nan) - 1
        return columns

    def _usual(self, name: str, series: Positions, origin: Positions) -> Floats:
        """Mean of a driver over the level's window up to the origin."""
        sums, counts = self._driver_sums[name]
        before = np.maximum(origin + 1 - self.recipe.scale_window, 0)
        total = sums[series, origin + 1] - sums[series, before]
        return total / _or_nan((counts[series, origin + 1] - counts[series, before]).astype(float))

    @cached_property
    def _driver_sums(self) -> dict[str, tuple[Floats, NDArray[np.int32]]]:
        n_times = self.inputs.matrix.n_times
        sums = {}
        for name, values in self.inputs.series_drivers.items():
            if name not in self.inputs.categories:
                past = values[:, :n_times]
                known = ~np.isnan(past)
                sums[name] = (_running(np.where(known, past, 0.0)), _running(known, np.int32))
        for name, values in self.inputs.past_drivers.items():
            known = ~np.isnan(values)
            sums[name] = (_running(np.where(known, values, 0.0)), _running(known, np.int32))
        return sums


def _running(values: NDArray[np.generic], dtype: type = np.float64) -> NDArray:  # type: ignore[type-arg]
    """Running sums along time with a column of zeros first."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), dtype=dtype)
    np.cumsum(values, axis=1, dtype=dtype, out=sums[:, 1:])
    return sums


def _running_by(values: NDArray[np.floating], season_length: int) -> NDArray[np.floating]:
    """Running sums over columns a season apart, after ``season_length`` columns of zeros."""
    sums = np.zeros((values.shape[0], values.shape[1] + season_length), dtype=values.dtype)
    for column in range(values.shape[1]):
        sums[:, column + season_length] = sums[:, column] + values[:, column]
    return sums


def _or_nan(counts: NDArray[np.floating]) -> Floats:
    return np.where(counts > 0, counts, np.nan).astype(float)
