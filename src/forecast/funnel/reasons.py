"""Why a stage's conversion changed: another mix of cases, or other rates within their kinds."""

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.funnel.incidence import cumulative_incidence, followed_days
from forecast.funnel.pace import ways_out
from forecast.history import naive_utc

Floats = NDArray[np.float64]

#: A segment with fewer stays on one side goes to "other": its rate would be noise.
MIN_STAYS = 20
OTHER = "other"
#: Segments that hold so many of the stays are followed as long as is looked; shorter followed ones go to "other".
_HELD = 0.8


def mix_and_rate(
    frame: pd.DataFrame,
    segment: "pd.Series[str]",
    since: datetime,
    *,
    before: tuple[datetime, datetime] | None = None,
    max_days: float = np.inf,
) -> pd.DataFrame:
    """The change of a stage's conversion at a moment, split into mix and rate by segment; the parts sum to it exactly.

    With the shares w of the segments among those that entered, and their conversions r within the longest time that
    segments with four fifths of the stays were followed (censoring allowed for), the change of sum(w r) is [1]_

        sum((w1 - w0) ((r0 + r1) / 2 - R)) + sum((w0 + w1) / 2 (r1 - r0)):  mix + rate,

    with R the mean of the two sums: a segment adds to the mix when it grew and converts above the average, or shrank
    and converts below it. Stays from before are followed only until then, so that they keep the rates of before.

    Parameters
    ----------
    frame : DataFrame
        Stays of one stage: ``entered``, ``days``, ``ending``.
    segment : Series of str
        Segment of each.
    since : datetime, UTC-aware or naive UTC
        Those that entered from here on are "after".
    before : (datetime, datetime), optional
        "Before" are only those that entered from the first moment on and before the second, followed until that one;
        default all that entered before ``since``.
    max_days : float
        Conversion within at most so many days.

    Returns
    -------
    DataFrame
        Per segment: ``segment``, ``n_before``, ``n_after``, ``share_before``, ``share_after``, ``conversion_before``,
        ``conversion_after`` (within ``within_days``, one number for all), ``mix_part``, ``rate_part``; largest effect
        first. Empty where one side has no `MIN_STAYS`; without "other" where even that was followed for less.

    References
    ----------
    .. [1] Kitagawa (1955), Components of a difference between two rates. JASA 50(272).
    """
    start, stop = (pd.Timestamp.min, pd.Timestamp(naive_utc(since))) if before is None else map(_naive, before)
    kept = (frame["entered"] >= _naive(since)) | ((frame["entered"] >= start) & (frame["entered"] < stop))
    stays, names = frame[kept], segment[kept].to_numpy(object)
    is_after = (stays["entered"] >= _naive(since)).to_numpy()
    room = np.where(is_after, np.inf, (stop - stays["entered"]).dt.total_seconds() / 86400)
    is_cut = stays["days"].to_numpy(dtype=float) > room
    days = np.where(is_cut, room, stays["days"].to_numpy(dtype=float))
    way = np.where(is_cut, -1, ways_out(stays))
    counts = pd.DataFrame({"before": ~is_after, "after": is_after}).groupby(names).sum()
    small = counts.index[(counts < MIN_STAYS).any(axis=1)]
    names = np.where(np.isin(names, small.to_numpy(object)), OTHER, names)
    reach = _reach(names, is_after, days, way)
    held = reach.sort_values("followed", ascending=False, kind="stable")
    enough = held["n"].cumsum() >= _HELD * held["n"].sum()
    within = min(max_days, float(held.loc[enough, "followed"].iloc[0]))
    short = reach.index[reach["followed"] < within]
    names = np.where(np.isin(names, short.to_numpy(object)), OTHER, names)
    return _split(names, is_after, days, way, within)


def _reach(
    names: NDArray[np.object_], is_after: NDArray[np.bool_], days: Floats, way: NDArray[np.int64]
) -> pd.DataFrame:
    """How long each segment was followed on the side where that is shorter (0 without a stay), and its stays ``n``."""
    stays = pd.DataFrame({"days": days, "way": way})
    sides = {side: stays[is_after == side].groupby(names[is_after == side]).apply(_followed) for side in (False, True)}
    n = pd.Series(names).value_counts()
    shorter = pd.DataFrame(sides).reindex(n.index).fillna(0.0).min(axis=1)
    return pd.DataFrame({"followed": shorter, "n": n}).sort_index()


def _followed(stays: pd.DataFrame) -> float:
    return followed_days(stays["days"].to_numpy(), stays["way"].to_numpy())


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(naive_utc(moment))


def _split(
    names: NDArray[np.object_], is_after: NDArray[np.bool_], days: Floats, way: NDArray[np.int64], max_days: float
) -> pd.DataFrame:
    columns = [
        "segment", "n_before", "n_after", "share_before", "share_after", "conversion_before", "conversion_after",
        "within_days", "mix_part", "rate_part",
    ]  # fmt: skip
    cells = {}
    for side in (False, True):
        for name in sorted(set(names)):
            at = (names == name) & (is_after == side)
            cells[name, side] = cumulative_incidence(days[at], way[at], 2)
    kinds = [
        name
        for name in sorted(set(names))
        if min(cells[name, side].n for side in (False, True)) >= MIN_STAYS
        and (name != OTHER or min(cells[name, side].followed_days for side in (False, True)) >= max_days)
    ]
    if not kinds:
        return pd.DataFrame(columns=columns)
    within = min([max_days, *(cells[name, side].followed_days for name in kinds for side in (False, True))])
    counts = np.array([[cells[name, side].n for side in (False, True)] for name in kinds], dtype=float)
    rates = np.array([[cells[name, side].shares_at(within)[0] for side in (False, True)] for name in kinds])
    shares = counts / counts.sum(axis=0)
    average = (shares * rates).sum(axis=0).mean()
    mix = (shares[:, 1] - shares[:, 0]) * (rates.mean(axis=1) - average)
    rate = shares.mean(axis=1) * (rates[:, 1] - rates[:, 0])
    table = pd.DataFrame(
        {
            "segment": kinds,
            "n_before": counts[:, 0].astype(int),
            "n_after": counts[:, 1].astype(int),
            "share_before": shares[:, 0],
            "share_after": shares[:, 1],
            "conversion_before": rates[:, 0],
            "conversion_after": rates[:, 1],
            "within_days": within,
            "mix_part": mix,
            "rate_part": rate,
        }
    )
    order = np.argsort(-np.abs(mix + rate), kind="stable")
    return table.iloc[order].reset_index(drop=True)
