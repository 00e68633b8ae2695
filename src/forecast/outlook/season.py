"""The pace of wins by calendar day: weekday, end of month and quarter, month of the year."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int64]

#: Fewer events or days of history than this tell no season.
_MIN_EVENTS, _MIN_DAYS = 50, 56
#: Months of the year are told apart from this many days on.
_TWO_YEARS_DAYS = 700
#: Prior standard deviations of calendar effects on the log pace. Whole weekdays can be without any event; two or three
#: Julys tell little of the next, for what hit one of them stays in its effect.
_WEEKDAY_SD, _END_SD, _MONTH_SD = 2.0, 0.4, 0.15
#: No day counts as slower than this, so that an event on a quiet day is not taken for hundreds.
_SLOWEST = 0.05


@dataclass(frozen=True)
class Season:
    """Pace of each day from ``first`` on, in days from ``as_of``; 1 on average over the history.

    Attributes
    ----------
    first : int
        Day of the first pace, not above 0.
    pace : array of shape (n_days,)
        Positive.
    """

    first: int
    pace: Floats

    def at(self, days: Floats) -> Floats:
        """Pace of the day in which each moment lies."""
        index = np.clip(np.floor(days).astype(np.int64) - self.first, 0, len(self.pace) - 1)
        return np.asarray(self.pace[index])

    def clock(self, days: Floats | float) -> Floats:
        """Time that runs at the pace of the season: as many days, on average, as went by from ``as_of``.

        Outside the days that are known it runs evenly.
        """
        grid, total = self._grid
        outside = np.asarray(days) - np.clip(days, grid[0], grid[-1])
        return np.asarray(np.interp(days, grid, total) + outside - np.interp(0.0, grid, total))

    @cached_property
    def _grid(self) -> tuple[Floats, Floats]:
        total = np.concatenate([[0.0], np.cumsum(self.pace)])
        return self.first + np.arange(len(total), dtype=float), total


def fit_season(event_days: Floats, history_days: float, ahead_days: float, today: date) -> Season:
    """Learn the pace of days from when past events fell.

    A Poisson regression of the number of events of a day on calendar effects and a trend, with a normal prior on the
    effects whose weight grows with the overdispersion that lasts for weeks. Months of the year need two years. With
    little history every day has pace 1.

    Parameters
    ----------
    event_days : array of shape (n_events,)
        Days from ``as_of``, negative.
    history_days, ahead_days : float
        Length of the history and of the time ahead that is asked for.
    today : date
        Of ``as_of`` in the zone of the workspace.

    Returns
    -------
    Season
    """
    n_past, n_ahead = int(max(history_days, 0)), int(np.ceil(max(ahead_days, 0))) + 1
    day = np.arange(-n_past, n_ahead, dtype=np.int64)
    inside = np.floor(event_days).astype(np.int64) + n_past
    inside = inside[(inside >= 0) & (inside < n_past)]
    if n_past < _MIN_DAYS or len(inside) < _MIN_EVENTS:
        return Season(-n_past, np.ones(len(day)))
    from sklearn.linear_model import PoissonRegressor  # heavy, and short histories do without

    counts = np.bincount(inside, minlength=n_past).astype(float)
    effects = _calendar(np.datetime64(today, "D") + day, months=n_past >= _TWO_YEARS_DAYS)
    trend = 8.0 * (day[:n_past, None] / n_past + 0.5)  # so wide that the prior leaves it free
    penalty = _dispersion(counts) / n_past  # of effects in units of their prior standard deviation
    model = PoissonRegressor(alpha=penalty, solver="newton-cholesky").fit(np.hstack([effects[:n_past], trend]), counts)
    pace = np.exp(effects @ model.coef_[:-1])
    return Season(-n_past, np.maximum(pace / pace[:n_past].mean(), _SLOWEST))


def _calendar(dates: NDArray[np.datetime64], *, months: bool) -> Floats:
    """Indicators of weekday, last days of month and quarter and, if wanted, month of the year."""
    month = dates.astype("datetime64[M]")
    left = ((month + 1).astype("datetime64[D]") - dates).astype(np.int64)
    month_of_year = month.astype(np.int64) % 12
    weekday = (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    ends_month, ends_quarter = left <= 5, (left <= 10) & (month_of_year % 3 == 2)
    columns = [_WEEKDAY_SD * np.eye(7)[weekday], _END_SD * ends_month[:, None], _END_SD * ends_quarter[:, None]]
    if months:
        columns.append(_MONTH_SD * np.eye(12)[month_of_year])
    return np.hstack([np.asarray(column, dtype=float) for column in columns])


def _dispersion(counts: Floats) -> float:
    """Variance over mean of blocks of four weeks, from the differences of neighbours so that a trend is no noise."""
    blocks = counts[len(counts) % 28 :].reshape(-1, 28).sum(axis=1)
    return max(1.0, float(np.mean(np.diff(blocks) ** 2) / 2 / max(blocks.mean(), 1e-9)))
