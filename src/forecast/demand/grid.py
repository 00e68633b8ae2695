"""The time grid of a panel: from timestamps or integers to positions, and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import InvalidInput

Positions = NDArray[np.int64]

#: Accepted names of each unit; ``W-MON`` and ``QS-JAN`` mean their unit, the anchor comes from the data.
_UNITS = {
    "h": "h", "H": "h", "D": "D", "W": "W", "M": "M", "MS": "M", "ME": "M",
    "Q": "Q", "QS": "Q", "QE": "Q", "Y": "Y", "YS": "Y", "YE": "Y", "A": "Y",
}  # fmt: skip
_MONTHS = {"M": 1, "Q": 3, "Y": 12}


@dataclass(frozen=True)
class TimeGrid:
    """Equally spaced moments; position p is the p-th one.

    ``unit`` is one of h, D, W, M, Q, Y or ``i`` for integers with step ``step``. ``anchor`` is where the grid lies:
    the weekday of weeks, the month of quarters and years, the remainder of integers. ``at_end``: months, quarters and
    years are named by their last day.
    """

    unit: str
    step: int = 1
    anchor: int = 0
    at_end: bool = False
    dtype: Any = None

    @classmethod
    def of(cls, freq: str | int, ds: pd.Series) -> "TimeGrid":
        """The grid of frequency ``freq`` on which the moments lie.

        Raises
        ------
        InvalidInput
            If the frequency is unknown or does not fit the type of ``ds``.
        """
        unit, step = parse_frequency(freq)
        if unit == "i":
            if not pd.api.types.is_integer_dtype(ds):
                raise InvalidInput(f"`freq`={freq!r} needs integers in `ds`, got {ds.dtype}.")
            return cls(unit, step, int(ds.iloc[0]) % step, dtype=ds.dtype)
        moments = _moments(ds, freq)
        wall = _wall_time(moments, unit)
        months = _MONTHS.get(unit)
        anchor, at_end = 0, False
        if unit == "W":
            anchor = int(_days(wall)[0] % 7)
        elif months:
            at_end = bool((wall.dt.is_month_end & (wall.dt.day > 1)).all())
            anchor = int((wall.dt.year.iloc[0] * 12 + wall.dt.month.iloc[0] - 1) % months)
        return cls(unit, 1, anchor, at_end, moments.dtype)

    def positions(self, ds: pd.Series) -> Positions:
        """Position of each moment.

        Raises
        ------
        InvalidInput
            If a moment lies off the grid; the message names the first.
        """
        if self.unit == "i":
            if not pd.api.types.is_integer_dtype(ds):
                raise InvalidInput(f"`ds` must hold integers, got {ds.dtype}.")
            whole = ds.to_numpy(dtype=np.int64) - self.anchor
            self._check(whole % self.step == 0, ds)
            return np.asarray(whole // self.step)
        wall = _wall_time(_moments(ds, self.unit), self.unit)
        if self.unit == "h":
            micros = wall.to_numpy(dtype="datetime64[us]").astype(np.int64)
            self._check(micros % 3_600_000_000 == 0, ds)
            return np.asarray(micros // 3_600_000_000)
        days = _days(wall)
        midnight = (wall == wall.dt.normalize()).to_numpy()
        if self.unit in "DW":
            length = 7 if self.unit == "W" else 1
            self._check(midnight & ((days - self.anchor) % length == 0), ds)
            return np.asarray((days - self.anchor) // length)
        months = (wall.dt.year * 12 + wall.dt.month - 1).to_numpy(dtype=np.int64) - self.anchor
        on_day = wall.dt.is_month_end if self.at_end else wall.dt.day == 1
        self._check(midnight & on_day.to_numpy() & (months % _MONTHS[self.unit] == 0), ds)
        return np.asarray(months // _MONTHS[self.unit])

    def moments(self, positions: Positions) -> pd.Series:
        """Moments at these positions, in the type of the data."""
        if self.unit == "i":
            return pd.Series(positions * self.step + self.anchor).astype(self.dtype)
        zone = getattr(self.dtype, "tz", None)
        if self.unit == "h":
            hours = pd.Series(positions.astype("datetime64[h]").astype("datetime64[us]"))
            return (hours.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else hours).astype(self.dtype)
        days = pd.Series(self.days(positions))
        if zone:
            days = days.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(days), dtype=bool))
        return days.astype(self.dtype)

    def days(self, positions: Positions) -> NDArray[np.datetime64]:
        """Calendar day of each position (hours: its day and hour in UTC), as ``datetime64[us]`` without a zone."""
        if self.unit == "h":
            return positions.astype("datetime64[h]").astype("datetime64[us]")
        if self.unit in "DW":
            length = 7 if self.unit == "W" else 1
            return (positions * length + self.anchor).astype("datetime64[D]").astype("datetime64[us]")
        months = positions * _MONTHS[self.unit] + self.anchor - 1970 * 12 + int(self.at_end)
        return (months.astype("datetime64[M]").astype("datetime64[D]") - int(self.at_end)).astype("datetime64[us]")

    def _check(self, on_grid: NDArray[np.bool_], ds: pd.Series) -> None:
        if not on_grid.all():
            first = ds.iloc[int(np.argmin(on_grid))]
            raise InvalidInput(
                f"{int((~on_grid).sum())} of {len(ds)} values of `ds` do not lie on a grid of unit {self.unit!r} with "
                f"the others (first: {first}); state the true `freq` or aggregate to it."
            )


def parse_frequency(freq: str | int) -> tuple[str, int]:
    """Unit and step of a frequency: ``h``, ``D``, ``W``, ``M``, ``Q``, ``Y`` (pandas' variants too) or an integer."""
    if isinstance(freq, (int, np.integer)) and not isinstance(freq, bool) and freq >= 1:
        return "i", int(freq)
    unit = _UNITS.get(freq.split("-")[0]) if isinstance(freq, str) else None
    if unit is None:
        raise InvalidInput(f"`freq` must be 'h', 'D', 'W', 'M', 'Q', 'Y' or a positive integer, got {freq!r}.")
    return unit, 1


def _moments(ds: pd.Series, freq: str | int) -> pd.Series:
    """``ds`` as timestamps."""
    if pd.api.types.is_numeric_dtype(ds):
        raise InvalidInput(f"`ds` holds numbers ({ds.dtype}) but `freq` is {freq!r}; use an integer `freq`.")
    try:
        moments = ds if pd.api.types.is_datetime64_any_dtype(ds) else pd.to_datetime(ds, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"`ds` must hold timestamps: {error}.") from None
    if moments.isna().any():
        raise InvalidInput(f"`ds` is missing in {int(moments.isna().sum())} of {len(ds)} rows.")
    return moments


def _wall_time(moments: pd.Series, unit: str) -> pd.Series:
    """Without a zone: hours in UTC (every one exists once), days and longer as the wall shows them."""
    if not isinstance(moments.dtype, pd.DatetimeTZDtype):
        return moments
    in_zone: pd.Series = moments.dt.tz_convert("UTC") if unit == "h" else moments
    wall: pd.Series = in_zone.dt.tz_localize(None)
    return wall


def _days(wall: pd.Series) -> Positions:
    return wall.to_numpy(dtype="datetime64[D]").astype(np.int64)
