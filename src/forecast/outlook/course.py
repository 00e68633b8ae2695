"""How the revenue of a period adds up until its end, week by week: what came, then the range of what may come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.outlook.outlook import Outlook, digits_of
from forecast.outlook.revenue import naive
from forecast.outlook.units import Units
from forecast.periods import Period, start_of_day

Floats = NDArray[np.float64]

#: Periods not longer than this are told by day, longer ones by week.
_BY_DAY = 14
#: So many weeks a step has, and no more cells of steps, paths and owners than this: the coarser grid that fits.
_WEEKS, _MAX_CELLS = (1, 4, 13), 60_000_000
#: Levels of the fan.
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Columns of a course.
COLUMNS = ("level", "id", "at", "is_past", "mean", *(f"q{level:g}" for level in QUANTILES))


@dataclass(frozen=True)
class Grid:
    """The moments of a course.

    Attributes
    ----------
    past : tuple of datetime
        Begin of the period and of its weeks up to ``as_of``, and ``as_of`` itself; empty before the period.
    ahead : tuple of datetime
        Begins of the weeks after ``as_of`` (before the period: its own too) and the end of the period, last; empty
        once that is over.
    """

    past: tuple[datetime, ...]
    ahead: tuple[datetime, ...]

    @classmethod
    def of(cls, period: Period, as_of: datetime, zone: ZoneInfo, n_cells: int = 1) -> "Grid":
        """The grid of a period; coarser where each of its moments costs very many cells."""
        start, end = period.start(zone), period.end(zone)
        weeks = next((one for one in _WEEKS if period.days / (7 * one) * n_cells <= _MAX_CELLS), _WEEKS[-1])
        days, first = (7 * weeks, period.first) if period.days > _BY_DAY else (1, period.first)
        if days > 1:
            first += timedelta(days=-first.weekday() % 7)  # weeks begin on Mondays
        marks = {start, *(start_of_day(first + timedelta(days=day), zone) for day in range(0, period.days, days)), end}
        marks = {mark for mark in marks if mark <= end}
        now = {as_of} if start < as_of < end else set()
        past = sorted({mark for mark in marks if mark <= as_of} | now)
        return cls(tuple(past), tuple(sorted(mark for mark in marks if mark > as_of)))

    def ends_days(self, as_of: datetime) -> Floats:
        """The moments ahead in days from ``as_of``."""
        return np.array([(moment - as_of) / timedelta(days=1) for moment in self.ahead])


def course_table(
    made: Outlook, grid: Grid, units: Units, booked: pd.DataFrame, paths: Floats, means: Floats
) -> pd.DataFrame:
    """What every node of an outlook has booked at each moment that is past, and may have at each that is ahead.

    Parameters
    ----------
    made : Outlook
    grid : Grid
    units : Units
    booked : DataFrame
        ``at`` (UTC, naive), ``amount`` and the column of the units.
    paths : array of shape (n_ahead, n_paths, n_units)
        What comes in each step ahead, in whole smallest units.
    means : array of shape (n_ahead, n_units)
        Expected by each moment ahead beside what is booked, likewise; adds up to the outlook's mean at the last.

    Returns
    -------
    DataFrame
        `COLUMNS`, one row for each node and moment; in the past ``mean`` is what was booked, and there are no
        quantiles. The last row of a node has the mean and the quantiles of its outlook.
    """
    scale = 10 ** digits_of(made.currency)
    nodes, code, moment = made.nodes(), units.codes(booked), pd.to_datetime(booked["at"])
    rows: list[tuple[object, ...]] = []
    for at in grid.past:
        came = units.sums(np.zeros(len(code), dtype=np.int64), np.where(moment < naive(at), code, -1),
                          booked["amount"].to_numpy(dtype=float), n_paths=1)[0] / scale  # fmt: skip
        rows += [
            (node.level, node.id, at, True, came[node.members].sum(), *[np.nan] * len(QUANTILES)) for node in nodes
        ]
    so_far = units.sums(np.zeros(len(code), dtype=np.int64), code, booked["amount"].to_numpy(dtype=float), n_paths=1)
    total = np.broadcast_to(so_far, (units.n_paths, len(units.names))).copy()
    for step, at in enumerate(grid.ahead):
        total += paths[step]
        expected = so_far[0] + means[step]
        for node in nodes:
            range_ = np.quantile(total[:, node.members].sum(axis=1) / scale, QUANTILES)
            rows.append((node.level, node.id, at, False, expected[node.members].sum() / scale, *range_))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["at"] = pd.to_datetime(table["at"], utc=True)
    return table.round(digits_of(made.currency))
