"""Everything that is said about a funnel at a moment, in one object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd

from forecast.errors import InvalidInput
from forecast.funnel.bottleneck import bottlenecks
from forecast.funnel.changes import FALSE_DISCOVERY, stage_changes
from forecast.funnel.pace import Spans, calendar_spans
from forecast.funnel.reasons import mix_and_rate
from forecast.funnel.stages import ALL, began_between, stage_table, whole_table
from forecast.funnel.visits import SEGMENTS, Visits
from forecast.history import naive_utc
from forecast.periods import parse_period

#: What stays can be compared by: a segment of theirs, or the period in which they entered the stage.
COHORTS = ("month", "quarter")
BY = (*SEGMENTS, *COHORTS)


@dataclass(frozen=True)
class Funnel:
    """A funnel as it was known at a moment; numbers rounded to 9 decimals, money to 2.

    Attributes
    ----------
    as_of, end : datetime
        Nothing known from ``as_of`` on counts, and nothing that happened from ``end`` on.
    since, until : datetime or None
        ``table`` and ``segments`` are about stays, ``whole`` about cases that began from ``since`` on and before
        ``until``.
    currency : str
    stages : tuple of str
        In order; the first is `visits.LEAD` where there are leads.
    by : str or None
        One of `BY`: what ``segments`` compares.
    table : DataFrame
        From `stage_table`, all in one segment.
    whole : DataFrame
        From `whole_table`, all in one segment, then by segment.
    segments : DataFrame
        From `stage_table` by segment; empty without ``by``.
    bottlenecks : DataFrame
        From `bottlenecks`, over all quarters that are known.
    changes : DataFrame
        From `stage_changes`, over all months that are known; after the stages' rows (segment "all") those of
        ``segments`` where ``by`` is no cohort.
    reasons : DataFrame
        From `mix_and_rate` by each dimension: ``about`` (``change`` or ``bottleneck``), ``stage``, ``since``, ``by``
        and its columns; of every stage with an alarm, and of the bottleneck against its best quarter.
    n_cases, n_unwatched : int
        Leads and deals that are counted, and that are left out because their beginning was not seen.
    """

    as_of: datetime
    end: datetime
    since: datetime | None
    until: datetime | None
    currency: str
    stages: tuple[str, ...]
    by: str | None
    table: pd.DataFrame
    whole: pd.DataFrame
    segments: pd.DataFrame
    bottlenecks: pd.DataFrame
    changes: pd.DataFrame
    reasons: pd.DataFrame
    n_cases: int
    n_unwatched: int

    def to_frame(self) -> pd.DataFrame:
        """The stages, all in one segment and then by segment."""
        return pd.concat([self.table, self.segments], ignore_index=True) if len(self.segments) else self.table


def measure_funnel(
    visits: Visits,
    as_of: datetime,
    *,
    horizons_days: Sequence[int],
    zone: ZoneInfo,
    currency: str,
    fiscal_year_start: int = 1,
    by: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    random_state: int = 0,
) -> Funnel:
    """Conversion and duration of every stage, the bottleneck, changes and their reasons.

    Parameters
    ----------
    visits : Visits
        As known at ``as_of``.
    as_of : datetime, UTC-aware
    horizons_days : sequence of int
    zone : ZoneInfo
        Months and quarters begin at midnight there.
    currency : str
        Of ``visits.won``.
    fiscal_year_start : int in 1..12
    by : str, optional
        One of `BY`.
    since, until : datetime, UTC-aware, optional
    random_state : int

    Raises
    ------
    InvalidInput
        If ``by`` is unknown, or ``until`` is not after ``since``.
    """
    if by is not None and by not in BY:
        raise InvalidInput(f"`by` must be one of {', '.join(BY)}, got {by!r}.")
    if since is not None and until is not None and until <= since:
        raise InvalidInput(f"`until` must be after `since`, got {until:%Y-%m-%d} and {since:%Y-%m-%d}.")
    chosen = replace(visits, frame=began_between(visits.frame, "entered", since, until).reset_index(drop=True))
    horizons = tuple(horizons_days)
    label = None if by is None else _labels(chosen, by, zone, fiscal_year_start)
    whole = whole_table(visits, horizons, since=since, until=until)
    if by is not None:
        of_stay = _labels(visits, by, zone, fiscal_year_start)
        split = whole_table(visits, horizons, segment=of_stay, since=since, until=until)
        whole = pd.concat([part for part in (whole, split) if len(part)] or [whole], ignore_index=True)
    narrow, changed, reasons = _over_time(visits, by, zone, fiscal_year_start, random_state)
    empty = stage_table(chosen, horizons).iloc[:0]
    return Funnel(
        as_of=as_of,
        end=visits.end,
        since=since,
        until=until,
        currency=currency,
        stages=visits.stages,
        by=by,
        table=stage_table(chosen, horizons).round(9),
        whole=whole.round(9),
        segments=empty if label is None else stage_table(chosen, horizons, segment=label).round(9),
        bottlenecks=narrow.round({"value": 2, "value_low": 2, "value_high": 2}).round(9),
        changes=changed.round(9),
        reasons=reasons.round(9),
        n_cases=int(chosen.frame["case_id"].nunique()),
        n_unwatched=visits.n_unwatched,
    )


def _labels(visits: Visits, by: str, zone: ZoneInfo, fiscal_year_start: int) -> "pd.Series[str]":
    """Segment or cohort of each stay."""
    if by in SEGMENTS:
        return visits.frame[by]
    entered = visits.frame["entered"]
    if entered.empty:
        return entered.astype(object)
    spans = calendar_spans(
        entered.min(), entered.max() + pd.Timedelta(seconds=1), kind=by, zone=zone,
        fiscal_year_start=fiscal_year_start, min_part=0.0,
    )  # fmt: skip
    place = spans.edges.searchsorted(entered.to_numpy("datetime64[us]"), side="right") - 1
    names = pd.Series(spans.labels, dtype=object)
    return pd.Series(names.to_numpy()[place], index=entered.index)


def _over_time(
    visits: Visits, by: str | None, zone: ZoneInfo, fiscal_year_start: int, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Bottlenecks by quarter, changes by month, and reasons."""
    end = visits.end
    begin = visits.frame["entered"].min() if len(visits.frame) else pd.Timestamp(naive_utc(end)) - pd.Timedelta(days=1)
    quarters, months = (
        calendar_spans(begin, end, kind=kind, zone=zone, fiscal_year_start=fiscal_year_start)
        for kind in ("quarter", "month")
    )
    narrow = bottlenecks(visits, quarters, random_state=random_state)
    changed = stage_changes(visits, months, random_state=random_state)
    if by in SEGMENTS:
        inside = stage_changes(
            visits, months, segment=visits.frame[by], level=FALSE_DISCOVERY, random_state=random_state
        )
        changed = pd.concat([part for part in (changed, inside) if len(part)] or [changed], ignore_index=True)
    reasons = _reasons(visits, narrow, changed, quarters, zone)
    return narrow, changed, reasons


def _reasons(
    visits: Visits, narrow: pd.DataFrame, changed: pd.DataFrame, quarters: Spans, zone: ZoneInfo
) -> pd.DataFrame:
    """Mix and rate by every dimension with at least two kinds, for what was found."""
    asked: list[tuple[str, str, str, datetime, tuple[datetime, datetime] | None]] = []
    alarms = changed[changed["is_alarm"] & (changed["segment"] == ALL)] if len(changed) else changed
    for stage, since in alarms.drop_duplicates(["stage", "since"])[["stage", "since"]].itertuples(index=False):
        asked.append(("change", stage, since, parse_period(since).start(zone), None))
    edges = [pd.Timestamp(edge).to_pydatetime().replace(tzinfo=UTC) for edge in quarters.edges]
    for line in narrow[narrow["is_bottleneck"]].to_dict("records"):
        best, now = quarters.labels.index(line["best"]), quarters.labels.index(line["now"])
        asked.append(("bottleneck", line["stage"], line["now"], edges[now], (edges[best], edges[best + 1])))
    parts = []
    for about, stage, since, moment, before in asked:
        frame = visits.frame[visits.frame["stage"] == stage]
        dimensions = [name for name in SEGMENTS if len(frame[name].unique()) > 1]
        found = {name: mix_and_rate(frame, frame[name], moment, before=before) for name in dimensions}
        # By every dimension the same time is looked at, so that all speak of one change.
        within = min((split["within_days"].iloc[0] for split in found.values() if len(split)), default=float("inf"))
        for name in dimensions:
            split = mix_and_rate(frame, frame[name], moment, before=before, max_days=within)
            parts.append(split.assign(about=about, stage=stage, since=since, by=name))
    columns = ["about", "stage", "since", "by", "segment"]
    table = pd.concat([part for part in parts if len(part)]) if any(len(part) for part in parts) else _no_reasons()
    return table[[*columns, *(name for name in table.columns if name not in columns)]].reset_index(drop=True)


def _no_reasons() -> pd.DataFrame:
    columns = [
        "about", "stage", "since", "by", "segment", "n_before", "n_after", "share_before", "share_after",
        "conversion_before", "conversion_after", "within_days", "mix_part", "rate_part",
    ]  # fmt: skip
    return pd.DataFrame(columns=columns)
