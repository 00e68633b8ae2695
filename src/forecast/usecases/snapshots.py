"""Person-period snapshots: everything that was open at many past moments, and what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.conversion import supported_horizon
from forecast.features import outcomes, snapshot_spine
from forecast.features.cases import case_versions
from forecast.history import sql_moment
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings

#: Longer ago than this, a company was another one; it also bounds the grid when a date of creation is nonsense.
MAX_HISTORY_DAYS = 3653

#: A coarse grid that meets less than this share of the cases that were ever open is replaced by a daily one.
MIN_SHARE_SEEN = 0.6

#: Above this many rows the grid is made twice as coarse, as long as its step stays under `MAX_STEP_DAYS`.
MAX_ROWS = 150_000
MAX_STEP_DAYS = 56


@dataclass(frozen=True)
class Snapshots:
    """What was open at the moments of a grid and what became of it, as known before a cutoff.

    Attributes
    ----------
    spine : DataFrame
        ``entity_id``, ``as_of``; each row has weight 1.
    outcomes : DataFrame
        ``entity_id``, ``as_of``, ``event`` (``won``, ``lost``, or empty: still open), ``days``; censored at ``end``.
    step_days : int
        Days between the moments.
    end : datetime
        Up to when outcomes count as known: the cutoff less the reporting delay.
    horizon_days : int
        The wanted horizon, or the longest shorter one that the follow-up supports.
    """

    entity: str
    spine: pd.DataFrame
    outcomes: pd.DataFrame
    step_days: int
    end: datetime
    horizon_days: int


def first_known(con: DuckDBPyConnection, entity: str) -> datetime | None:
    """When the first lead or opportunity became known (UTC, naive), or None."""
    table, _ = SCORED_ENTITIES[entity]
    (moment,) = con.sql(f"SELECT min(known_from) FROM {table}").fetchall()[0]
    return moment if isinstance(moment, datetime) else None


def take_snapshots(con: DuckDBPyConnection, entity: str, cutoff: datetime, settings: Settings) -> Snapshots:
    """Snapshots of one kind of entity on a grid, with outcomes as known before ``cutoff``.

    The grid has a moment every ``snapshot_days``. It is daily when that would meet less than 60 % of the cases that
    were ever open (they live shorter than the step), and twice as coarse, or more, above 150,000 rows: no snapshot is
    dropped by chance.

    Parameters
    ----------
    con : DuckDB connection with histories
    entity : {"lead", "opportunity"}
    cutoff : datetime
        Nothing recorded at or after this moment is seen.
    """
    end = cutoff - timedelta(days=settings.reporting_delay_days)
    spine, step_days = _spine(con, entity, cutoff, settings)
    spine = spine[spine["as_of"] < end].reset_index(drop=True)
    known = censored(outcomes(con, spine, entity, cutoff), end)
    horizon = supported_horizon(known, settings.conversion_horizon_days, cutoff=end)
    return Snapshots(entity, spine, known, step_days, end, horizon)


def censored(known: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """Outcomes as if nobody had looked after ``end``; rows of later moments are left out."""
    followed = (pd.Timestamp(end) - known["as_of"]).dt.total_seconds() / 86400
    later = known["days"] > followed
    cut = known.assign(event=known["event"].mask(later, ""), days=known["days"].mask(later, followed))
    if "won_amount" in cut:
        cut["won_amount"] = cut["won_amount"].mask(later)
    return pd.DataFrame(cut[followed >= 0]).reset_index(drop=True)


def _spine(con: DuckDBPyConnection, entity: str, cutoff: datetime, settings: Settings) -> tuple[pd.DataFrame, int]:
    start = first_known(con, entity)
    earliest = cutoff - timedelta(days=MAX_HISTORY_DAYS)
    first = cutoff if start is None else max(start.replace(tzinfo=cutoff.tzinfo), earliest)

    def at_every(step_days: int) -> pd.DataFrame:
        return snapshot_spine(con, entity, first=first, cutoff=cutoff, step_days=step_days, zone=settings.zone)

    step_days = settings.snapshot_days
    spine = at_every(step_days)
    if spine["entity_id"].nunique() < MIN_SHARE_SEEN * _ever_open(con, entity, cutoff):
        spine, step_days = at_every(1), 1
    while len(spine) > MAX_ROWS and 2 * step_days <= MAX_STEP_DAYS:
        step_days *= 2
        spine = at_every(step_days)
    return spine, step_days


def _ever_open(con: DuckDBPyConnection, entity: str, cutoff: datetime) -> int:
    (count,) = con.sql(
        f"SELECT count(DISTINCT case_id) FROM {case_versions(entity)} "
        f"WHERE live AND event = '' AND known_from < {sql_moment(cutoff)}"
    ).fetchall()[0]
    return int(count)
