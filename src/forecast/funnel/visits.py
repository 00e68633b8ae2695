"""Stage visits: when each lead and deal entered a stage, how it left it, and which are still there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand.exchange import convert_amounts
from forecast.demand.sales import create_local_days
from forecast.features.cases import EVENT, EVENT_AT
from forecast.funnel.order import stage_order
from forecast.history import in_force, naive_utc, sql_moment

#: How a stay ends, in the order of their codes.
ENDINGS = ("advance", "won", "lost", "back")
#: The step before all stages; no stage of a CRM is called so.
LEAD = "(lead)"
#: What a company without stages has.
OPEN = "open"
#: What can be compared; a missing value is `UNKNOWN`.
SEGMENTS = ("owner", "team", "region", "category", "channel")
UNKNOWN = "unknown"
#: A case that became known later than this after its creation was not watched from its start.
_WATCHED_WITHIN = "INTERVAL 7 DAY"


@dataclass(frozen=True)
class Visits:
    """Stays in stages as they were known at a moment.

    Attributes
    ----------
    frame : DataFrame
        One row per stay, by ``case_id`` and ``visit``: ``case_id`` (a lead that became a deal has the deal's),
        ``entity``, ``visit`` (1, 2, ...), ``stage``, ``position`` (of the stage), ``entered``, ``days`` (that it
        lasted, or has lasted by ``end``), ``ending`` (one of `ENDINGS`, empty while it goes on), ``next_position``
        (-1: none), ``born`` (creation of the case, of the lead where there was one), and `SEGMENTS`.
    stages : tuple of str
        By position.
    won : DataFrame
        Deals won before ``end``: ``case_id``, ``closed_at``, ``amount`` (reporting currency, NaN when unknown).
    end : datetime
        Nothing that happened from here on counts: ``as_of`` less the reporting delay.
    n_unwatched : int
        Leads and deals left out because their start was not seen (known only later, or with the end).
    """

    frame: pd.DataFrame
    stages: tuple[str, ...]
    won: pd.DataFrame
    end: datetime
    n_unwatched: int

    @property
    def has_leads(self) -> bool:
        """Whether the first step is that of leads."""
        return LEAD in self.stages


def read_visits(
    con: DuckDBPyConnection,
    as_of: datetime,
    *,
    zone: ZoneInfo,
    reporting_currency: str,
    reporting_delay_days: int = 0,
    stages: Sequence[str] = (),
    owners: Collection[str] | None = None,
) -> Visits:
    """Stays in stages from the version histories, as known strictly before ``as_of``.

    A closing that was taken back does not count. A deleted or merged case is followed until then. A stay without a
    stage, and one whose beginning was not seen, is left out; what comes after it counts.

    Parameters
    ----------
    con : DuckDB connection with histories
    as_of : datetime, UTC-aware
    zone : ZoneInfo
        Days of exchange rates are days of this zone.
    reporting_currency : str
    reporting_delay_days : int
        Events of the last days may not be recorded yet: follow-up ends so many days before ``as_of``.
    stages : sequence of str
        Declared order of the open stages; `stage_order` places the others.
    owners : collection of str, optional
        Only cases whose owner is one of these, as known at ``as_of``.

    Raises
    ------
    DataUnavailable
        If a won amount in a foreign currency has no rate.
    """
    end = as_of - timedelta(days=reporting_delay_days)
    con.register("_funnel_owners", pd.DataFrame({"owner_id": sorted(owners or [])}, dtype=object))
    deals = _deal_stays(con, as_of, owners is not None)
    leads = _lead_stays(con, as_of, owners is not None)
    con.unregister("_funnel_owners")
    won = _won_amounts(con, as_of, zone, reporting_currency, set(deals["case_id"]), end)
    unwatched = pd.concat([deals.loc[~deals["watched"], "case_id"], leads.loc[~leads["watched"], "case_id"]])
    deals = deals[deals["watched"] & deals["stage"].notna() & (deals["entered"] < naive_utc(end))]
    order = stage_order(deals, stages)
    leads = leads[leads["watched"] & (leads["entered"] < naive_utc(end))]
    frame = _linked(deals, leads, order, _converted(con, as_of))
    names = (LEAD, *order) if (frame["entity"] == "lead").any() else order
    return Visits(_placed(_cut(frame, end), names), names, won, end, int(unwatched.nunique()))


def _deal_stays(con: DuckDBPyConnection, as_of: datetime, restricted: bool) -> pd.DataFrame:
    """Stays of opportunities in stages, uncut: ``left_at`` is missing while they go on."""
    mine = "WHERE last.owner_id IN (SELECT owner_id FROM _funnel_owners)" if restricted else ""
    frame: pd.DataFrame = con.sql(
        f"""
        WITH versions AS (
            SELECT opportunity_id AS case_id, stage, {EVENT["opportunity"]} AS event,
                least({EVENT_AT["opportunity"]}, known_from) AS event_at, known_from, known_to, created_at, owner_id,
                account_id, product_id
            FROM opportunities
            WHERE known_from < known_to AND known_from < {sql_moment(as_of)}
                AND deleted_at IS NULL AND merged_into IS NULL
        ), last AS (
            SELECT * FROM versions QUALIFY row_number() OVER (PARTITION BY case_id ORDER BY known_from DESC) = 1
        ), opened AS (
            SELECT case_id, max(known_from) FILTER (event = '') AS last_open FROM versions GROUP BY case_id
        ), closed AS (  -- since the last reopening
            SELECT case_id, min(known_from) AS first_closed FROM versions JOIN opened USING (case_id)
            WHERE known_from > last_open GROUP BY case_id
        ), named AS (
            SELECT case_id, known_from, created_at,
                CASE WHEN (SELECT count(stage) FROM versions WHERE event = '') = 0 THEN '{OPEN}' ELSE stage END AS stage
            FROM versions WHERE event = ''
        ), entries AS (
            SELECT * FROM named WINDOW w AS (PARTITION BY case_id ORDER BY known_from)
            QUALIFY row_number() OVER w = 1 OR stage IS DISTINCT FROM lag(stage) OVER w
        ), stays AS (
            SELECT case_id, stage, row_number() OVER w AS visit, created_at AS born,
                row_number() OVER w = 1 AND known_from > created_at + {_WATCHED_WITHIN}
                    OR row_number() OVER w > 1 AND lag(stage) OVER w IS NULL AS unseen,
                CASE WHEN row_number() OVER w = 1 THEN least(created_at, known_from) ELSE known_from END AS entered,
                lead(stage) OVER w AS next_stage, lead(known_from) OVER w AS moved_at
            FROM entries WINDOW w AS (PARTITION BY case_id ORDER BY known_from)
        )
        SELECT last.case_id, 'opportunity' AS entity, s.visit, s.stage, s.entered, s.born, s.next_stage,
            CASE WHEN moved_at IS NOT NULL OR last.event = 'closed' THEN '' ELSE last.event END AS outcome,
            CASE WHEN moved_at IS NOT NULL THEN moved_at
                WHEN last.event <> '' THEN greatest(s.entered, least(coalesce(event_at, first_closed), first_closed))
                WHEN last.known_to < {sql_moment(as_of)} THEN last.known_to END AS left_at,
            coalesce(NOT s.unseen, false) AS watched,
            coalesce(last.owner_id, '{UNKNOWN}') AS owner, coalesce(users.team_id, '{UNKNOWN}') AS team,
            coalesce(accounts.region, '{UNKNOWN}') AS region, coalesce(products.category, '{UNKNOWN}') AS category
        FROM last LEFT JOIN stays s USING (case_id) LEFT JOIN closed USING (case_id)
        LEFT JOIN {in_force("users", as_of, with_removed=True)} users ON users.user_id = last.owner_id
        LEFT JOIN {in_force("accounts", as_of, with_removed=True)} accounts ON accounts.account_id = last.account_id
        LEFT JOIN {in_force("products", as_of, with_removed=True)} products ON products.product_id = last.product_id
        {mine} ORDER BY case_id, s.visit
        """
    ).df()
    return frame


def _lead_stays(con: DuckDBPyConnection, as_of: datetime, restricted: bool) -> pd.DataFrame:
    """One stay per lead: from its creation to its conversion, its closing, or as it was last known."""
    mine = "WHERE last.owner_id IN (SELECT owner_id FROM _funnel_owners)" if restricted else ""
    frame: pd.DataFrame = con.sql(
        f"""
        WITH versions AS (
            SELECT lead_id, {EVENT["lead"]} AS event, least({EVENT_AT["lead"]}, known_from) AS event_at, known_from,
                known_to, created_at, owner_id, account_id, opportunity_id, channel
            FROM leads
            WHERE known_from < known_to AND known_from < {sql_moment(as_of)}
                AND deleted_at IS NULL AND merged_into IS NULL
        ), last AS (
            SELECT * FROM versions QUALIFY row_number() OVER (PARTITION BY lead_id ORDER BY known_from DESC) = 1
        ), first AS (
            SELECT lead_id, event, known_from FROM versions
            QUALIFY row_number() OVER (PARTITION BY lead_id ORDER BY known_from) = 1
        )
        SELECT '(lead)/' || lead_id AS case_id, 'lead' AS entity, 1 AS visit, '{LEAD}' AS stage,
            least(last.created_at, first.known_from) AS entered, least(last.created_at, first.known_from) AS born,
            CASE last.event WHEN 'won' THEN 'converted' ELSE last.event END AS outcome,
            CASE WHEN last.event <> '' THEN greatest(last.created_at, last.event_at)
                WHEN last.known_to < {sql_moment(as_of)} THEN last.known_to END AS left_at,
            first.event = '' AND first.known_from <= last.created_at + {_WATCHED_WITHIN} AS watched,
            coalesce(last.owner_id, '{UNKNOWN}') AS owner, coalesce(users.team_id, '{UNKNOWN}') AS team,
            coalesce(accounts.region, '{UNKNOWN}') AS region, '{UNKNOWN}' AS category,
            coalesce(last.channel, '{UNKNOWN}') AS channel, last.opportunity_id AS deal_id
        FROM last JOIN first USING (lead_id)
        LEFT JOIN {in_force("users", as_of, with_removed=True)} users ON users.user_id = last.owner_id
        LEFT JOIN {in_force("accounts", as_of, with_removed=True)} accounts ON accounts.account_id = last.account_id
        {mine} ORDER BY case_id
        """
    ).df()
    return frame


def _won_amounts(
    con: DuckDBPyConnection, as_of: datetime, zone: ZoneInfo, currency: str, cases: Collection[str], end: datetime
) -> pd.DataFrame:
    """What deals that are won brought, at the rate of their day."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _funnel_won AS SELECT opportunity_id AS case_id, least(closed_at, known_from) AS "
        f"closed_at, amount, currency FROM {in_force('opportunities', as_of)} "
        f"WHERE outcome = 'won' AND closed_at IS NOT NULL AND closed_at < {sql_moment(end)}"
    )
    con.register("_funnel_cases", pd.DataFrame({"case_id": sorted(cases)}, dtype=object))
    con.execute("DELETE FROM _funnel_won WHERE case_id NOT IN (SELECT case_id FROM _funnel_cases)")
    create_local_days(con, "_funnel_won", "closed_at", zone)
    convert_amounts(
        con,
        "(SELECT w.*, local_days.day FROM _funnel_won w JOIN local_days "
        "ON local_days.moment = time_bucket(INTERVAL 15 MINUTE, w.closed_at))",
        into="_funnel_amounts",
        as_of=as_of,
        reporting_currency=currency,
    )
    won: pd.DataFrame = con.sql(
        "SELECT case_id, closed_at, CAST(amount AS DOUBLE) AS amount FROM _funnel_amounts ORDER BY case_id"
    ).df()
    con.execute("DROP TABLE _funnel_won; DROP TABLE local_days; DROP TABLE _funnel_amounts")
    con.unregister("_funnel_cases")
    return won


def _converted(con: DuckDBPyConnection, as_of: datetime) -> str:
    """How a lead ends by its conversion: it advances, or is won in a company that keeps no deals."""
    found = con.execute(f"SELECT 1 FROM opportunities WHERE known_from < {sql_moment(as_of)} LIMIT 1").fetchall()
    return "advance" if found else "won"


def _linked(deals: pd.DataFrame, leads: pd.DataFrame, order: Sequence[str], converted: str) -> pd.DataFrame:
    """Leads and deals in one table: the first lead of a deal is its step before the first stage, and gives its channel.

    A lead converted into a deal that is not read goes to the first stage, and is not seen there.
    """
    leads = leads.sort_values(["entered", "case_id"], kind="stable")
    starts = deals.drop_duplicates("case_id").set_index("case_id")
    begun = leads["deal_id"].map(starts["entered"]).astype("datetime64[us]")
    own = (
        (leads["outcome"] == "converted")
        & begun.notna()
        & (begun >= leads["entered"])
        & (leads["deal_id"].map(starts["visit"]) == 1)
        & ~leads.assign(begun=begun.notna()).duplicated(["deal_id", "begun"])
    )
    linked = leads[own].set_index("deal_id")
    following = leads["deal_id"].map(starts["stage"]).astype(object)
    following = following.fillna(order[0]) if order else following
    leads = leads.assign(
        case_id=leads["deal_id"].where(own, leads["case_id"]),
        left_at=begun.where(own, leads["left_at"]),
        next_stage=following.where(leads["outcome"] == "converted"),
        outcome=leads["outcome"].replace({"converted": converted}),
    ).drop(columns="deal_id")
    deals = deals.assign(
        channel=deals["case_id"].map(linked["channel"]).fillna(UNKNOWN).astype(object),
        visit=deals["visit"] + deals["case_id"].isin(linked.index),
        born=deals["case_id"].map(linked["born"]).fillna(deals["born"]),
    )
    parts = [part for part in (leads, deals) if len(part)]
    return pd.concat(parts).sort_values(["case_id", "visit"], ignore_index=True) if parts else deals


def _cut(frame: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """Nothing from ``end`` on is seen."""
    limit = pd.Timestamp(naive_utc(end))
    left = frame["left_at"]
    is_open = left.isna() | (left >= limit)
    days = (left.mask(is_open, limit) - frame["entered"]).dt.total_seconds() / 86400
    return frame.assign(
        days=days.clip(lower=0.0),
        outcome=frame["outcome"].mask(is_open, ""),
        next_stage=frame["next_stage"].mask(is_open),
    )


def _placed(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Stages as positions, and moves as advance or back."""
    places = {name: place for place, name in enumerate(names)}
    position = frame["stage"].map(places).astype(np.int64)
    following = frame["next_stage"].map(places).fillna(-1).astype(np.int64)
    moved = np.where(following > position, "advance", "back")
    ending = np.where(following >= 0, moved, frame["outcome"].astype(object))
    columns = ["case_id", "entity", "visit", "stage", "position", "entered", "days", "ending", "next_position", "born"]
    placed = frame.assign(position=position, next_position=following, ending=ending.astype(object))
    return placed[[*columns, *SEGMENTS]].reset_index(drop=True)
