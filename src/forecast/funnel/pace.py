"""How the pace of a stage went over the calendar: endings observed against those expected at its usual pace.

What a stage's stays would have done in each month or quarter at the hazards of the whole time follows from how long
they had already lasted; a young quarter is so compared like with like, without waiting for its stays to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.funnel.incidence import Incidence, cumulative_incidence
from forecast.history import naive_utc
from forecast.periods import Period, period_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: The two ways out of a stage: forward (advance, win) and out (loss, back).
CONVERTS, DROPS = 0, 1
#: A usual course is kept in at most so many steps.
_MAX_STEPS = 64


@dataclass(frozen=True)
class Spans:
    """Consecutive spans of the calendar.

    Attributes
    ----------
    labels : tuple of str
        Names of the periods.
    edges : array of shape (n + 1,) of datetime64[us]
        Their ends, UTC; span k is from ``edges[k]`` on and before ``edges[k + 1]``.
    """

    labels: tuple[str, ...]
    edges: NDArray[np.datetime64]

    @property
    def days(self) -> Floats:
        """Length of each span."""
        return np.asarray(np.diff(self.edges) / np.timedelta64(1, "D"))


def calendar_spans(
    first: datetime, end: datetime, *, kind: str, zone: ZoneInfo, fiscal_year_start: int = 1, min_part: float = 0.5
) -> Spans:
    """Months or quarters from the one of ``first`` to ``end``.

    A period that has just begun (less than ``min_part`` of it has passed) belongs to the one before.

    Parameters
    ----------
    first, end : datetime, UTC-aware or naive UTC
    kind : {"month", "quarter"}
    zone : ZoneInfo
    fiscal_year_start : int in 1..12
    """
    start, stop = (pd.Timestamp(moment).tz_localize(None) if moment.tzinfo is None else pd.Timestamp(naive_utc(moment))
                   for moment in (first, end))  # fmt: skip
    local = (
        moment.tz_localize("UTC").tz_convert(zone).date() for moment in (start, stop - pd.Timedelta(microseconds=1))
    )
    day, last = local
    periods: list[Period] = []
    while not periods or periods[-1].last < last:
        following = day if not periods else (pd.Timestamp(periods[-1].last) + pd.Timedelta(days=1)).date()
        periods.append(period_of(following, kind=kind, fiscal_year_start=fiscal_year_start))
    begins = [pd.Timestamp(naive_utc(period.start(zone))) for period in periods]
    running = (stop - begins[-1]) / (pd.Timestamp(naive_utc(periods[-1].end(zone))) - begins[-1])
    if len(periods) > 1 and running < min_part:
        periods, begins = periods[:-1], begins[:-1]
    edges = np.array([*begins, stop], dtype="datetime64[us]")
    return Spans(tuple(period.label for period in periods), edges)


@dataclass(frozen=True)
class Pace:
    """A stage's endings over the calendar.

    Attributes
    ----------
    observed, expected : arrays of shape (n_spans, 2)
        Endings that went forward and out in each span, and how many the usual hazards would have made of the stays
        that were there, at the ages they had. Each column has one sum in both.
    usual : Incidence
        Of all stays, by the two ways out.
    """

    observed: Floats
    expected: Floats
    usual: Incidence

    def conversion(self, converts: Floats, drops: Floats) -> tuple[Floats, Floats]:
        """Shares that go forward and out within the follow-up, at these multiples of the usual hazards.

        At 1 and 1 they are the usual ones. Hazards are taken as constant between the steps of the usual course.

        Parameters
        ----------
        converts, drops : arrays of one shape
            Factors on the two hazards, at least 0.

        Returns
        -------
        forward, out : arrays of that shape
        """
        forward, out = self._course()
        total = np.multiply.outer(converts, forward) + np.multiply.outer(drops, out)
        reached = np.concatenate([np.zeros((*total.shape[:-1], 1)), np.cumsum(total, axis=-1)[..., :-1]], axis=-1)
        leaving = np.exp(-reached) * -np.expm1(-total)
        part = np.divide(np.multiply.outer(converts, forward), total, out=np.zeros_like(total), where=total > 0)
        return (leaving * part).sum(axis=-1), (leaving * (1 - part)).sum(axis=-1)

    def _course(self) -> tuple[Floats, Floats]:
        """Usual hazards of the two ways out in each step, up to the end of the follow-up."""
        stop = int(np.searchsorted(self.usual.days, self.usual.followed_days, side="right"))
        if not stop:
            return np.zeros(1), np.zeros(1)
        ends = np.unique(np.linspace(0, stop, min(stop, _MAX_STEPS) + 1).round().astype(int)[1:]) - 1
        stay = np.concatenate([[1.0], self.usual.stay[ends]])
        share = np.diff(np.vstack([np.zeros((1, 2)), self.usual.share[ends]]), axis=0)
        hazard = -np.log(np.maximum(stay[1:], 1e-12) / np.maximum(stay[:-1], 1e-12))
        part = np.divide(share, share.sum(axis=1, keepdims=True), out=np.zeros_like(share), where=share > 0)
        return hazard * part[:, CONVERTS], hazard * part[:, DROPS]


def ways_out(frame: pd.DataFrame) -> Ints:
    """`CONVERTS` or `DROPS` for each stay; -1 while it goes on."""
    ending = frame["ending"].to_numpy(object)
    return np.asarray(
        np.select([np.isin(ending, ("advance", "won")), np.isin(ending, ("lost", "back"))], [CONVERTS, DROPS], -1),
        dtype=np.int64,
    )


def stage_pace(frame: pd.DataFrame, spans: Spans) -> Pace:
    """Observed and expected endings of the stays of one stage, span by span.

    Parameters
    ----------
    frame : DataFrame
        Stays of one stage: ``entered``, ``days``, ``ending``; all entered from ``spans.edges[0]`` on.
    spans : Spans
    """
    days, way = frame["days"].to_numpy(dtype=float), ways_out(frame)
    usual = cumulative_incidence(days, way, 2)
    hazard = np.cumsum(usual.ended / usual.at_risk[:, None], axis=0)
    hazard = np.vstack([np.zeros((1, 2)), hazard])
    begin = frame["entered"].to_numpy("datetime64[us]")
    ages = (spans.edges[None, :] - begin[:, None]) / np.timedelta64(1, "D")  # of each stay at each edge
    # An ending counts to the span in which it came: one at age 0 to that of the entry, so that ages before it are -1.
    low = np.where(ages[:, :-1] <= 0, -1.0, np.minimum(ages[:, :-1], days[:, None]))
    high = np.where(ages[:, 1:] <= 0, -1.0, np.minimum(ages[:, 1:], days[:, None]))
    place = np.searchsorted(usual.days, np.stack([low, high]), side="right")
    expected = (hazard[place[1]] - hazard[place[0]]).sum(axis=0)
    here = (days[:, None] > low) & (days[:, None] <= high)
    observed = np.stack([(here & (way == code)[:, None]).sum(axis=0) for code in (CONVERTS, DROPS)], axis=1)
    return Pace(observed.astype(float), expected, usual)


def merged(counts: Floats, starts: Sequence[int]) -> Floats:
    """Counts of the spans summed from each start to before the next."""
    return np.asarray(np.add.reduceat(counts, list(starts), axis=0))
