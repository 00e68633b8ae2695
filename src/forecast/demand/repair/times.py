"""Moments that lie beside the grid of their frequency, moved onto it where there is one way only."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from forecast.demand.grid import Positions, TimeGrid, parse_frequency, wall_time
from forecast.demand.moments import read_integers, read_moments
from forecast.demand.repair.rows import Flags

#: Weeks: at most this share of rows may lie on another day than the usual one, after a holiday for example.
_MOVED_SHARE = 0.1
_DAY = pd.Timedelta(days=1)
_HOUR = pd.Timedelta(hours=1)


def place_rows(
    ds: pd.Series, freq: str | int, codes: Positions, *, aggregate: bool
) -> tuple[TimeGrid, Positions, list[tuple[str, str, str, Flags]]]:
    """Grid, position of each row, and findings as arguments of `Rows.found`.

    A moment is moved to the period that holds it if no other moment of its series falls into the same one.

    Parameters
    ----------
    ds : Series
        As it came.
    freq : str or int
    codes : int array
        Series of each row.
    aggregate : bool
        Several moments of a series may fall into one period: their values are summed later.

    Raises
    ------
    InvalidInput
        If moments lie off the grid and cannot be moved; the message names the first.
    """
    unit, _ = parse_frequency(freq)
    if unit == "i":
        whole = read_integers(ds, freq)
        grid = TimeGrid.of(freq, whole)
        positions, on_grid = grid.place_integers(whole)
        grid.refuse(~on_grid, ds)
        return grid, positions, []
    moments, is_mixed = read_moments(ds, freq, is_hourly=unit == "h")
    everything = np.ones(len(moments), dtype=bool)
    become = "turned to UTC" if unit == "h" else "taken as the days that were written"
    findings = [("mixed_offsets", "`ds` holds several offsets from UTC", become, everything)] if is_mixed else []
    wall = wall_time(moments, unit)
    which, distinct = pd.factorize(wall)  # far fewer moments than rows
    grid = TimeGrid.through(unit, pd.Series(distinct), moments.dtype)
    positions, on_grid = grid.place(pd.Series(distinct))
    if on_grid.all():
        return grid, positions[which], findings
    moved = _MOVES[unit](wall)
    if moved is None and aggregate:
        moved = _PERIOD_OF[unit](wall)
    if moved is None:
        grid.refuse(~on_grid[which], ds)
        raise AssertionError("unreachable")
    grid = TimeGrid.through(unit, moved, moments.dtype)
    positions, _ = grid.place(moved)
    if not aggregate:
        grid.refuse(_meets_another(codes, positions, wall), ds)
    changed = (moved != wall).to_numpy()
    findings.append(("off_grid", f"`ds` beside the grid of unit {unit!r}", "moved onto it", changed))
    return grid, positions, findings


def _meets_another(codes: Positions, positions: Positions, wall: pd.Series) -> Flags:
    """Rows whose period holds another moment of their series."""
    moment = wall.to_numpy(dtype="datetime64[us]").astype(np.int64)
    order = np.lexsort((moment, positions, codes))
    code, position, at = codes[order], positions[order], moment[order]
    meets = (code[1:] == code[:-1]) & (position[1:] == position[:-1]) & (at[1:] != at[:-1])
    flags = np.zeros(len(codes), dtype=bool)
    flags[order[1:]] |= meets
    flags[order[:-1]] |= meets
    return flags


def _to_hours(wall: pd.Series) -> pd.Series:
    nearest: pd.Series = wall.dt.round("h")
    before: pd.Series = wall.dt.floor("h")
    return nearest if ((wall - nearest).abs() <= pd.Timedelta(minutes=5)).all() else before


def _to_days(wall: pd.Series) -> pd.Series:
    """The day of each moment; midnights that were turned to UTC in summer and winter time go back to their day."""
    day: pd.Series = wall.dt.normalize()
    time = (wall - day).unique()
    is_midnight_elsewhere = len(time) == 2 and abs(time[0] - time[1]) == _HOUR and min(time) >= 12 * _HOUR
    return day + _DAY if is_midnight_elsewhere else day


def _to_weeks(wall: pd.Series) -> pd.Series | None:
    """The nearest of the usual weekdays, when nearly all moments lie on that one."""
    day = _to_days(wall)
    usual = day.dt.dayofweek.mode().iloc[0]
    ahead = (day.dt.dayofweek - usual + 3) % 7 - 3
    return None if (ahead != 0).mean() > _MOVED_SHARE else day - ahead * _DAY


def _to_months(wall: pd.Series) -> pd.Series:
    """The month of each moment, by its last day if most moments lie in the second half."""
    day = _to_days(wall)
    return _first_or_last(day, day.dt.year * 12 + day.dt.month - 1, 1)


def _to_spans(wall: pd.Series, n_months: int) -> pd.Series | None:
    """Quarters or years whose moments all lie in the same month of them, or on their first and last days."""
    day = _to_days(wall)
    month = day.dt.year * 12 + day.dt.month - 1
    if _is_constant(month % n_months):
        return _first_or_last(day, month, 1)
    is_last = day.dt.is_month_end & (day.dt.day > 1)
    first_month = month.where(~is_last, month - n_months + 1)
    if ((day.dt.day == 1) | is_last).all() and _is_constant(first_month % n_months):
        return _first_or_last(day, first_month, n_months)
    return None


def _is_constant(values: pd.Series) -> bool:
    return bool((values == values.iloc[0]).all())


def _first_or_last(day: pd.Series, first_month: pd.Series, n_months: int) -> pd.Series:
    """First day of spans of months, or their last one if most of ``day`` lie late in a month."""
    months = first_month.to_numpy(dtype=np.int64) - 1970 * 12
    if (day.dt.day > 15).mean() <= 0.5:
        return pd.Series(months.astype("datetime64[M]").astype("datetime64[us]"))
    after = (months + n_months).astype("datetime64[M]").astype("datetime64[D]")
    return pd.Series((after - np.timedelta64(1, "D")).astype("datetime64[us]"))


def _begin_of(wall: pd.Series, period: str) -> pd.Series:
    begin: pd.Series = wall.dt.to_period(period).dt.start_time.astype("datetime64[us]")
    return begin


_MOVES: dict[str, Callable[[pd.Series], pd.Series | None]] = {
    "h": _to_hours,
    "D": _to_days,
    "W": _to_weeks,
    "M": _to_months,
    "Q": lambda wall: _to_spans(wall, 3),
    "Y": lambda wall: _to_spans(wall, 12),
}
#: Where sums of any moments go: weeks from Monday, quarters and years of the calendar.
_PERIOD_OF: dict[str, Callable[[pd.Series], pd.Series]] = {
    "W": lambda wall: _begin_of(wall, "W-SUN"),
    "Q": lambda wall: _begin_of(wall, "Q"),
    "Y": lambda wall: _begin_of(wall, "Y"),
}
