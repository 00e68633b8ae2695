"""The time grid of a panel: from timestamps or integers to positions, and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.moments import read_integers, read_moments
from forecast.errors import InvalidInput

Positions = NDArray[np.int64]

#: Accepted names of each unit; ``W-MON`` and ``QS-JAN`` mean their unit, the anchor comes from the data.
_UNITS = {
    "h": "h", "H": "h", "D": "D", "W": "W", "M": "M", "MS": "M", "ME": "M",
    "Q": "Q", "QS": "Q", "QE": "Q", "Y": "Y", "YS": "Y", "YE": "Y", "A": "Y",
}  # fmt: skip
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
#: Microseconds.
_HOUR = 3_600_000_000


@dataclass(frozen=True)
class TimeGrid:
    """Equally spaced moments; position p is the p-th one.

    ``unit`` is one of h, D, W, M, Q, Y or ``i`` for integers with step ``step``. ``anchor`` is where the grid lies:
    the microsecond within hours, the weekday of weeks, the month of quarters and years, the remainder of integers.
    ``at_end``: months, quarters and years are named by their last day.
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
            whole = read_integers(ds, freq)
            return cls(unit, step, int(whole.iloc[0]) % step, dtype=whole.dtype)
        moments, _ = read_moments(ds, freq, is_hourly=unit == "h")
        return cls.through(unit, wall_time(moments, unit), moments.dtype)

    @classmethod
    def through(cls, unit: str, wall: pd.Series, dtype: Any) -> "TimeGrid":
        """The grid of ``unit`` through the first of these wall times; ``dtype`` is what its moments come back as."""
        months = _MONTHS.get(unit)
        anchor, at_end = 0, False
        if unit == "h":
            anchor = int(_micros(wall.iloc[:1])[0] % _HOUR)
        elif unit == "W":
            anchor = int(_days(wall.iloc[:1])[0] % 7)
        elif months:
            at_end = bool((wall.dt.is_month_end & (wall.dt.day > 1)).all())
            anchor = int((wall.dt.year.iloc[0] * 12 + wall.dt.month.iloc[0] - 1) % months)
        return cls(unit, 1, anchor, at_end, dtype)

    def positions(self, ds: pd.Series) -> Positions:
        """Position of each moment.

        Raises
        ------
        InvalidInput
            If a moment lies off the grid; the message names the first.
        """
        if self.unit == "i":
            positions, on_grid = self.place_integers(read_integers(ds, self.step))
        else:
            moments, _ = read_moments(ds, self.unit, is_hourly=self.unit == "h")
            positions, on_grid = self.place(wall_time(moments, self.unit))
        self.refuse(~on_grid, ds)
        return positions

    def place_integers(self, whole: pd.Series) -> tuple[Positions, NDArray[np.bool_]]:
        """Positions of whole numbers, and which of them lie on the grid."""
        from_anchor = whole.to_numpy(dtype=np.int64) - self.anchor
        return from_anchor // self.step, from_anchor % self.step == 0

    def place(self, wall: pd.Series) -> tuple[Positions, NDArray[np.bool_]]:
        """Positions of wall times (see `wall_time`), and which of them lie on the grid."""
        if self.unit == "h":
            micros = _micros(wall) - self.anchor
            return micros // _HOUR, micros % _HOUR == 0
        days = _days(wall)
        midnight = _micros(wall) % (24 * _HOUR) == 0
        if self.unit in "DW":
            length = 7 if self.unit == "W" else 1
            return (days - self.anchor) // length, midnight & ((days - self.anchor) % length == 0)
        months = (wall.dt.year * 12 + wall.dt.month - 1).to_numpy(dtype=np.int64) - self.anchor
        on_day = (wall.dt.is_month_end if self.at_end else wall.dt.day == 1).to_numpy()
        return months // _MONTHS[self.unit], midnight & on_day & (months % _MONTHS[self.unit] == 0)

    def refuse(self, off_grid: NDArray[np.bool_], ds: pd.Series) -> None:
        """Raise `InvalidInput` if a moment is off the grid; the message names the first."""
        if off_grid.any():
            first = ds.iloc[int(np.argmax(off_grid))]
            raise InvalidInput(
                f"{int(off_grid.sum())} of {len(ds)} values of `ds` do not lie on a grid of unit {self.unit!r} with "
                f"the others (first: {first}); state the true `freq` or aggregate to it."
            )

    def moments(self, positions: Positions) -> pd.Series:
        """Moments at these positions, in the type of the data."""
        if self.unit == "i":
            return pd.Series(positions * self.step + self.anchor).astype(self.dtype)
        zone = getattr(self.dtype, "tz", None)
        if self.unit == "h":
            hours = pd.Series(self.days(positions))
            return (hours.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else hours).astype(self.dtype)
        days = pd.Series(self.days(positions))
        if zone:
            days = days.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(days), dtype=bool))
        return days.astype(self.dtype)

    def days(self, positions: Positions) -> NDArray[np.datetime64]:
        """Calendar day of each position (hours: its day and hour in UTC), as ``datetime64[us]`` without a zone."""
        if self.unit == "h":
            return (positions * _HOUR + self.anchor).astype("datetime64[us]")
        if self.unit in "DW":
            length = 7 if self.unit == "W" else 1
            return (positions * length + self.anchor).astype("datetime64[D]").astype("datetime64[us]")
        months = positions * _MONTHS[self.unit] + self.anchor - 1970 * 12 + int(self.at_end)
        return (months.astype("datetime64[M]").astype("datetime64[D]") - int(self.at_end)).astype("datetime64[us]")


def parse_frequency(freq: str | int) -> tuple[str, int]:
    """Unit and step of a frequency: ``h``, ``D``, ``W``, ``M``, ``Q``, ``Y`` (pandas' variants too) or an integer."""
    if isinstance(freq, (int, np.integer)) and not isinstance(freq, bool) and freq >= 1:
        return "i", int(freq)
    unit = _UNITS.get(freq.split("-")[0]) if isinstance(freq, str) else None
    if unit is None:
        raise InvalidInput(f"`freq` must be 'h', 'D', 'W', 'M', 'Q', 'Y' or a positive integer, got {freq!r}.")
    return unit, 1


def wall_time(moments: pd.Series, unit: str) -> pd.Series:
    """Without a zone: hours in UTC (every one exists once), days and longer as the wall shows them."""
    if not isinstance(moments.dtype, pd.DatetimeTZDtype):
        return moments
    in_zone: pd.Series = moments.dt.tz_convert("UTC") if unit == "h" else moments
    wall: pd.Series = in_zone.dt.tz_localize(None)
    return wall


def _days(wall: pd.Series) -> Positions:
    return wall.to_numpy(dtype="datetime64[D]").astype(np.int64)


def _micros(wall: pd.Series) -> Positions:
    return wall.to_numpy(dtype="datetime64[us]").astype(np.int64)
