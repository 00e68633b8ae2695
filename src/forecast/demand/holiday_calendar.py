"""Holidays of a country around each period: known ahead, also those that follow the moon."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.grid import Positions
from forecast.demand.matrix import Floats, SeriesMatrix
from forecast.errors import InvalidInput

Singles = NDArray[np.float32]

#: Nearer than so many days a holiday may move sales, farther off the season tells more.
REACH_DAYS = 14
#: Holidays so many days apart are one: a weekend may lie between them.
_SAME_BLOCK = 3
#: How `DemandForecaster.categories_` calls the names.
WHICH = "holiday__which"


@dataclass(frozen=True)
class HolidayCalendar:
    """What each period has to do with holidays, by country.

    Attributes
    ----------
    first_position : int
        Grid position of the first column.
    country : int array of shape (n_series,)
        Row of each series.
    values : mapping of name to array of shape (n_countries, n_positions)
        Of days ``is_holiday``, ``days_to`` the next holiday and ``days_since`` the last one (0 on a holiday, at most
        `REACH_DAYS`), and ``which`` one is nearest; of longer periods ``days``, the number of holidays in them, and
        ``which`` one has most of them. NaN for none.
    names : tuple of str
        A code in ``which`` is the index in it.
    """

    first_position: int
    country: NDArray[np.int64]
    values: Mapping[str, Singles]
    names: tuple[str, ...]

    def at(self, series: Positions, positions: Positions) -> dict[str, Floats]:
        """Values for series at grid positions, arrays of shape (n_rows,)."""
        column = positions - self.first_position
        return {name: table[self.country[series], column].astype(float) for name, table in self.values.items()}

    def rows(self, rows: Positions) -> "HolidayCalendar":
        """Of some series only."""
        return replace(self, country=self.country[rows])


def holiday_calendar(
    matrix: SeriesMatrix,
    horizon: int,
    country: str,
    static: pd.DataFrame | None = None,
    names: tuple[str, ...] | None = None,
) -> HolidayCalendar | None:
    """Holidays around every period of a panel and its horizon.

    Parameters
    ----------
    matrix : SeriesMatrix
    horizon : int
    country : str
        ISO 3166 code of a country (``CN``) or of a part of one (``DE-BY``); empty for none.
    static : DataFrame, optional
        Series whose column ``country`` holds such a code have the holidays of theirs.
    names : tuple of str, optional
        Those known from training; others count as none.

    Returns
    -------
    HolidayCalendar or None
        None without a country, and for panels of hours, years and integers.

    Raises
    ------
    InvalidInput
        If the holidays of ``country`` are not known.

    Notes
    -----
    From the ``holidays`` package, whose version the lock fixes. Days that a government adds at short notice are in it
    as if they had been known ahead.
    """
    if not country or matrix.grid.unit in "hiY":
        return None
    row, codes = pd.factorize(_country_of(matrix, country, static), sort=True)
    grid, first = matrix.grid, int(matrix.last.min()) - matrix.n_times + 1
    positions = np.arange(first, int(matrix.last.max()) + horizon + 2) - int(grid.at_end)
    begin = grid.days(positions).astype("datetime64[D]") + int(grid.at_end)
    reach = np.timedelta64(REACH_DAYS, "D")
    found = [holidays_of(str(code), (begin[0] - reach).item(), (begin[-1] + reach).item()) for code in codes]
    if names is None:
        names = tuple(sorted({str(name) for one in found for name in one["holiday"]}))
    around = _around_days if grid.unit == "D" else _within_periods
    tables = [around(begin, one["day"].to_numpy(dtype="datetime64[D]"), _codes(one["holiday"], names)) for one in found]
    values = {name: np.stack([table[name] for table in tables]).astype(np.float32) for name in tables[0]}
    return HolidayCalendar(first, row.astype(np.int64), values, names)


def holidays_of(country: str, first: date, last: date) -> pd.DataFrame:
    """Public holidays from ``first`` to ``last``.

    Returns
    -------
    DataFrame
        ``day``, sorted, and ``holiday``: the commonest name among the days that follow each other, so that days in
        lieu and the weekend within belong to the holiday that they lengthen.

    Raises
    ------
    InvalidInput
        If the country or its part is unknown.

    Examples
    --------
    >>> holidays_of("CN", date(2026, 2, 19), date(2026, 2, 28))["day"].astype(str).tolist()
    ['2026-02-19', '2026-02-20', '2026-02-21', '2026-02-22', '2026-02-23']
    """
    import holidays

    nation, _, part = country.partition("-")
    years = range(first.year, last.year + 1)
    try:
        found = holidays.country_holidays(nation, subdiv=part or None, years=years, language="en_US")
    except NotImplementedError:  # how `holidays` refuses a country or part that it does not know
        raise InvalidInput(
            f"The holidays of {country!r} are not known; `country` is an ISO 3166 code such as 'CN' or 'DE-BY'."
        ) from None
    days = pd.DataFrame({"day": list(found), "name": list(found.values())}).sort_values("day", ignore_index=True)
    days = days.assign(day=pd.to_datetime(days["day"]), name=days["name"].str.split(r" \(|; ", regex=True).str[0])
    epoch_days = days["day"].to_numpy(dtype="datetime64[D]").astype(int)
    gap = np.diff(epoch_days, prepend=epoch_days[:1] - _SAME_BLOCK - 1)
    days["holiday"] = days.groupby(np.cumsum(gap > _SAME_BLOCK))["name"].transform(lambda names: names.mode().iloc[0])
    filled = days.loc[days.index.repeat(np.where(gap <= _SAME_BLOCK, gap, 1))]
    back = filled.groupby(level=0).cumcount(ascending=False)
    filled = filled.assign(day=filled["day"] - pd.to_timedelta(back, unit="D"))
    within = filled["day"].between(pd.Timestamp(first), pd.Timestamp(last))
    return filled.loc[within, ["day", "holiday"]].reset_index(drop=True)


def _country_of(matrix: SeriesMatrix, country: str, static: pd.DataFrame | None) -> "pd.Series[str]":
    """Code of each series: its own where that is one, else the company's."""
    ids = pd.Series([str(name) for name in matrix.ids], dtype=object)
    if static is None or "country" not in static:
        return pd.Series(country, index=ids.index)
    import holidays

    own = ids.map(static.set_index(static["unique_id"].astype(str))["country"])
    known = set(holidays.list_supported_countries(include_aliases=False))
    return own.where(own.isin(known), country).astype(str)


def _codes(holiday: "pd.Series[str]", names: tuple[str, ...]) -> Floats:
    place = pd.Index(names).get_indexer(pd.Index(holiday)) if len(holiday) else np.empty(0, dtype=int)
    return np.where(place >= 0, place, np.nan)


def _around_days(begin: NDArray[np.datetime64], days: NDArray[np.datetime64], codes: Floats) -> dict[str, Floats]:
    """How far each day is from holidays, and which is the nearest."""
    today = begin[:-1]
    far = np.timedelta64(REACH_DAYS, "D")
    known = np.concatenate([[today[0] - far], days, [today[-1] + far]])
    which = np.concatenate([[np.nan], codes, [np.nan]])
    after, before = np.searchsorted(known, today), np.searchsorted(known, today, side="right") - 1
    ahead, ago = (known[after] - today).astype(float), (today - known[before]).astype(float)
    nearest = np.where(ahead <= ago, which[after], which[before])
    return {
        "is_holiday": np.isin(today, days).astype(float),
        "days_to": np.minimum(ahead, REACH_DAYS),
        "days_since": np.minimum(ago, REACH_DAYS),
        "which": np.where(np.minimum(ahead, ago) < REACH_DAYS, nearest, np.nan),
    }


def _within_periods(begin: NDArray[np.datetime64], days: NDArray[np.datetime64], codes: Floats) -> dict[str, Floats]:
    """How many holidays fall into each period, and which one has most of them."""
    period = np.searchsorted(begin, days, side="right") - 1
    n_periods = len(begin) - 1
    inside = (period >= 0) & (period < n_periods)
    named = inside & ~np.isnan(codes)
    of_name = np.zeros((n_periods, int(codes[named].max(initial=0)) + 1))
    np.add.at(of_name, (period[named], codes[named].astype(int)), 1.0)
    return {
        "days": np.bincount(period[inside], minlength=n_periods).astype(float),
        "which": np.where(of_name.any(axis=1), of_name.argmax(axis=1), np.nan),
    }
