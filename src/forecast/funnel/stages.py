"""Conversion and duration of each stage, by segment and cohort, with the naive ratios beside them."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.funnel.chain import occupation, transition_draws, win_chances
from forecast.funnel.incidence import Incidence, cumulative_incidence
from forecast.funnel.visits import ENDINGS, LEAD, Visits
from forecast.history import naive_utc

Floats = NDArray[np.float64]

#: Percent; the level of every interval here.
LEVEL = 80.0
#: Fewer stays than these say too little to be shown as a share.
MIN_STAYS = 5
_CODES = {name: code for code, name in enumerate(ENDINGS)}
_ADVANCE, _WON = _CODES["advance"], _CODES["won"]
#: Name of the row that stands for everything.
ALL = "all"


def ending_codes(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Number of each stay's ending in `ENDINGS`; -1 while it goes on."""
    return np.asarray(frame["ending"].map(_CODES).fillna(-1).to_numpy(np.int64))


def stage_table(
    visits: Visits, horizons_days: Sequence[int], *, segment: "pd.Series[str] | None" = None, level: float = LEVEL
) -> pd.DataFrame:
    """One row per segment and stage.

    Parameters
    ----------
    visits : Visits
    horizons_days : sequence of int
        Conversion is also given within so many days.
    segment : Series of str, optional
        Segment of each row of ``visits.frame``; default all in one.
    level : float in (0, 100)
        Of the intervals, percent.

    Returns
    -------
    DataFrame
        ``segment``, ``stage``, ``n_entered``, ``n_advanced``, ``n_won``, ``n_lost``, ``n_back``, ``n_open``;
        ``converted`` (advanced or won within ``followed_days``) with ``converted_low`` and ``converted_high``;
        ``advance_share``, ``won_share``, ``lost_share``, ``back_share`` and ``still``, which sum to 1 (``still``: in
        the stage for longer, so that in the end conversion lies between ``converted`` and their sum);
        ``within_{h}d``; ``median_days`` with ``median_low`` and ``median_high``, ``mean_days`` (up to
        ``followed_days``) with ``mean_low`` and ``mean_high``; ``days_to_convert`` (median of those that convert);
        ``naive_of_entered`` and ``naive_of_ended``: advanced and won over all that entered, and over those that ended.
        Missing where fewer than `MIN_STAYS` entered, or the follow-up is too short.
    """
    labels = pd.Series(ALL, index=visits.frame.index) if segment is None else segment
    position, codes = visits.frame["position"].to_numpy(), ending_codes(visits.frame)
    days = visits.frame["days"].to_numpy(dtype=float)
    rows = [
        {"segment": name, "stage": visits.stages[place], **_row(days[at], codes[at], horizons_days, level)}
        for name, place, at in groups_of(labels, position)
    ]
    return pd.DataFrame(rows, columns=_columns(horizons_days))


def groups_of(labels: "pd.Series[str]", position: NDArray[np.int64]) -> list[tuple[str, int, NDArray[np.int64]]]:
    """Segment, position of the stage, and places of their rows, by segment and position."""
    segments, names = pd.factorize(labels.to_numpy(object), sort=True)
    n_stages = int(position.max(initial=0)) + 1
    group = segments * n_stages + position
    order = np.argsort(group, kind="stable")
    found, starts = np.unique(group[order], return_index=True)
    parts = np.split(order, starts[1:])
    return [
        (str(names[code // n_stages]), int(code % n_stages), part)
        for code, part in zip(found, parts, strict=len(order) > 0)
    ]


def _columns(horizons_days: Sequence[int]) -> list[str]:
    return [
        "segment", "stage", "n_entered", "n_advanced", "n_won", "n_lost", "n_back", "n_open", "converted",
        "converted_low", "converted_high", *(f"{name}_share" for name in ENDINGS), "still", "followed_days",
        *(f"within_{h}d" for h in horizons_days), "median_days", "median_low", "median_high", "mean_days", "mean_low",
        "mean_high", "days_to_convert", "naive_of_entered", "naive_of_ended",
    ]  # fmt: skip


def _row(days: Floats, codes: NDArray[np.int64], horizons_days: Sequence[int], level: float) -> dict[str, float]:
    n = len(days)
    counts = np.bincount(codes[codes >= 0], minlength=len(ENDINGS))
    converted, ended = int(counts[_ADVANCE] + counts[_WON]), int(counts.sum())
    row: dict[str, float] = {"n_entered": n, "n_open": n - ended}
    row |= {f"n_{'advanced' if name == 'advance' else name}": int(counts[code]) for name, code in _CODES.items()}
    row |= {"naive_of_entered": converted / n, "naive_of_ended": converted / ended if ended else np.nan}
    if n < MIN_STAYS:
        return row
    by_ending = cumulative_incidence(days, codes, len(ENDINGS))
    merged = np.where(codes < 0, -1, np.where((codes == _ADVANCE) | (codes == _WON), 0, 1))
    either = cumulative_incidence(days, merged, 2)
    limit = either.followed_days
    conversion, median, mean = either.share_at(0, limit, level), either.median(level), either.mean_until(limit, level)
    shares = by_ending.shares_at(limit)
    row |= {f"{name}_share": float(share) for name, share in zip(ENDINGS, shares, strict=True)} | {
        "still": float(max(1 - shares.sum(), 0.0))
    }
    row |= {
        "converted": conversion.value,
        "converted_low": conversion.low,
        "converted_high": conversion.high,
        "followed_days": limit,
    }
    row |= {f"within_{h}d": float(either.shares_at(h)[0]) for h in horizons_days}
    row |= {"median_days": median.value, "median_low": median.low, "median_high": median.high}
    row |= {"mean_days": mean.value, "mean_low": mean.low, "mean_high": mean.high}
    return row | {"days_to_convert": _typical_days(either)}


def _typical_days(found: Incidence) -> float:
    """Days by which half of those that convert within the follow-up have done so."""
    done = found.share[: int(np.searchsorted(found.days, found.followed_days, side="right")), 0]
    if not len(done) or done[-1] <= 0:
        return np.nan
    return float(found.days[np.argmax(done >= done[-1] / 2)])


def whole_table(
    visits: Visits,
    horizons_days: Sequence[int],
    *,
    segment: "pd.Series[str] | None" = None,
    since: datetime | None = None,
    until: datetime | None = None,
    level: float = LEVEL,
) -> pd.DataFrame:
    """From entry to a win: one row per segment and kind of entry (``lead``, ``opportunity``).

    Parameters
    ----------
    visits : Visits
    horizons_days : sequence of int
    segment : Series of str, optional
        As in `stage_table`; a case counts to that of its first stay.
    since, until : datetime, UTC-aware, optional
        Only cases that began from ``since`` on and before ``until``, with all that came of them.
    level : float in (0, 100)

    Returns
    -------
    DataFrame
        ``segment``, ``entry``, ``n_cases``, ``n_won``, ``n_lost``, ``n_open``; ``converted`` (won within
        ``followed_days`` of the entry) with ``converted_low`` and ``converted_high``, ``still`` (open for longer),
        ``within_{h}d``; ``through_stages``: the product of the long-run conversions through all stages, which agrees
        with ``converted`` up to chance and what is ``still`` open; ``naive_of_entered`` (won over all) and
        ``naive_of_ended`` (won over closed).
    """
    labels = pd.Series(ALL, index=visits.frame.index) if segment is None else segment
    rows = []
    for entry, every in _by_entry(visits):
        frame = began_between(every, "born", since, until)
        names = labels.loc[frame.index].groupby(frame["case_id"]).transform("first")
        rows += [
            {"segment": name, "entry": entry, **_whole(frame.loc[at], visits, horizons_days, level)}
            for name, at in frame.groupby(names, sort=True).groups.items()
        ]
    columns = [
        "segment", "entry", "n_cases", "n_won", "n_lost", "n_open", "converted", "converted_low", "converted_high",
        "still", "followed_days", *(f"within_{h}d" for h in horizons_days), "through_stages", "naive_of_entered",
        "naive_of_ended",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).sort_values(["segment", "entry"], kind="stable", ignore_index=True)


def began_between(frame: pd.DataFrame, what: str, since: datetime | None, until: datetime | None) -> pd.DataFrame:
    """Rows whose moment ``what`` lies from ``since`` on and before ``until``; None is no limit."""
    after = True if since is None else frame[what] >= naive_utc(since)
    before = True if until is None else frame[what] < naive_utc(until)
    return frame[pd.Series(True, index=frame.index) & after & before]


def _by_entry(visits: Visits) -> list[tuple[str, pd.DataFrame]]:
    """All stays of the cases that began as leads, and those of the deals from their own beginning."""
    frame = visits.frame
    began = frame["case_id"].isin(frame.loc[frame["visit"] == 1, "case_id"])
    found = []
    if visits.has_leads:
        from_leads = frame["case_id"].isin(frame.loc[frame["stage"] == LEAD, "case_id"])
        found.append(("lead", frame[began & from_leads]))
    deals = frame[began & (frame["stage"] != LEAD)]
    if len(deals):
        found.append(("opportunity", deals.assign(born=deals.groupby("case_id")["entered"].transform("min"))))
    return found


def _whole(frame: pd.DataFrame, visits: Visits, horizons_days: Sequence[int], level: float) -> dict[str, float]:
    last = frame.drop_duplicates("case_id", keep="last")
    n = len(last)
    n_won, n_lost = int((last["ending"] == "won").sum()), int((last["ending"] == "lost").sum())
    row: dict[str, float] = {"n_cases": n, "n_won": n_won, "n_lost": n_lost, "n_open": n - n_won - n_lost}
    row |= {"naive_of_entered": n_won / n, "naive_of_ended": n_won / (n_won + n_lost) if n_won + n_lost else np.nan}
    if n < MIN_STAYS:
        return row
    n_stages = len(visits.stages)
    found = occupation(frame, n_stages)
    conversion = found.won_at(found.followed_days, level)
    rows = transition_draws(frame, n_stages, stage_limits(frame, n_stages), np.ones((len(frame), 1)))[0]
    row |= {"converted": conversion.value, "converted_low": conversion.low, "converted_high": conversion.high}
    row |= {"followed_days": found.followed_days, "still": float(found.share_at(found.followed_days)[:-2].sum())}
    row |= {f"within_{h}d": float(found.share_at(h)[-2]) for h in horizons_days}
    return row | {"through_stages": float(found.begin[:n_stages] @ win_chances(rows))}


def stage_limits(frame: pd.DataFrame, n_stages: int) -> Floats:
    """Days up to which the stays of each stage are followed, shape (n_stages,); NaN without stays."""
    codes = np.where(frame["ending"].to_numpy(object) == "", -1, 0)
    days, position = frame["days"].to_numpy(dtype=float), frame["position"].to_numpy()
    return np.array(
        [cumulative_incidence(days[position == k], codes[position == k], 1).followed_days for k in range(n_stages)]
    )
