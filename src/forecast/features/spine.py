"""The spine: which (entity, moment) rows are asked for, and what they were and belonged to at that moment."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection, DuckDBPyRelation
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.features.stabbing import NOTHING, Ints
from forecast.schema import SCORED_ENTITIES, TABLES

SPINE = "_spine"
#: Tables that several families derive from a spine, made by the first that asks; gone with the next spine.
STATES, ACCOUNTS = "_spine_states", "_spine_accounts"
DAY_US = 86_400_000_000
_STATED = ("owner_id", "account_id", "product_id", "created_at", "expected_close_date")


def scored_table(entity: str) -> tuple[str, str]:
    """Table and key of a kind of entity that is scored.

    Raises
    ------
    InvalidInput
        If ``entity`` is neither ``lead`` nor ``opportunity``.
    """
    if entity not in SCORED_ENTITIES:
        raise InvalidInput(f"`entity` must be one of {sorted(SCORED_ENTITIES)}, got {entity!r}.")
    return SCORED_ENTITIES[entity]


def utc_moments(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column of moments as ``datetime64[us, UTC]``; moments without a zone are taken as UTC."""
    return pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")


@dataclass(frozen=True)
class SpineRows:
    """A spine as arrays in the order of its rows; features are arrays of the same shape (n,)."""

    entity_id: pa.Array
    as_of: Ints  # microseconds since 1970, UTC

    def days_since(self, moment: Ints) -> NDArray[np.float64]:
        """Days from ``moment`` to ``as_of``; missing where the moment is `NOTHING`."""
        known = moment != NOTHING
        return np.where(known, (self.as_of - np.where(known, moment, 0)) / DAY_US, np.nan)

    def relation(self, con: DuckDBPyConnection, features: dict[str, Any]) -> DuckDBPyRelation:
        """The features as a relation with ``entity_id`` and ``as_of``."""
        columns = {
            "entity_id": self.entity_id,
            "as_of": pa.array(self.as_of, type=pa.timestamp("us")),
            **{name: pa.array(np.asarray(values, dtype=float)) for name, values in features.items()},
        }
        return con.from_arrow(pa.table(columns))


@dataclass(frozen=True)
class Spine:
    """A spine that a connection holds as a temp table of this name.

    The table has ``row`` (0, 1, … in order of ``as_of``, ``entity_id``), ``entity``, ``entity_id``, ``as_of``
    (TIMESTAMP, UTC) and ``day`` (the calendar day of ``as_of`` in the workspace's zone).

    Attributes
    ----------
    name : str
    entity : {"lead", "opportunity"}
    rows : SpineRows
    derived : dict
        What several families derive from it, by name; made by the first that asks.
    """

    name: str
    entity: str
    rows: SpineRows
    derived: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def last_moment(self) -> datetime:
        """The latest ``as_of`` (naive, UTC): what is known before it may name columns."""
        return datetime(1970, 1, 1) + timedelta(microseconds=int(self.rows.as_of.max()))


def create_spine(con: DuckDBPyConnection, spine: pd.DataFrame, entity: str, *, zone: tzinfo = UTC) -> Spine:
    """Register a spine as a temp table, see `Spine`.

    Parameters
    ----------
    spine : DataFrame
        ``entity_id``, ``as_of``; other columns are ignored.
    entity : {"lead", "opportunity"}
    zone : tzinfo
        The workspace's time zone.

    Raises
    ------
    InvalidInput
        If a column is missing, an ``as_of`` is missing, or a row is there twice.
    """
    scored_table(entity)
    missing = [column for column in ("entity_id", "as_of") if column not in spine]
    if missing:
        raise InvalidInput(f"The spine lacks the columns {missing}; there are {sorted(map(str, spine.columns))}.")
    rows = pd.DataFrame(
        {
            "entity_id": spine["entity_id"].astype(str).to_numpy(),
            "as_of": utc_moments(spine["as_of"]).dt.tz_localize(None).to_numpy(),
        }
    )
    if rows["as_of"].isna().any():
        raise InvalidInput(
            f"{int(rows['as_of'].isna().sum())} of {len(rows)} spine rows have no `as_of`; give each one."
        )
    if rows.duplicated().any():
        first = rows[rows.duplicated()].iloc[0]
        raise InvalidInput(
            f"{int(rows.duplicated().sum())} of {len(rows)} spine rows are there twice "
            f"(first: {first['entity_id']} at {first['as_of']}); drop the duplicates."
        )
    rows = rows.sort_values(["as_of", "entity_id"], ignore_index=True)
    moments = pd.DatetimeIndex(rows["as_of"]).tz_localize(UTC)
    con.register(
        "_spine_rows", rows.assign(row=np.arange(len(rows)), day=moments.tz_convert(zone).tz_localize(None).normalize())
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {SPINE} AS SELECT row, '{entity}' AS entity, "
        "CAST(entity_id AS VARCHAR) AS entity_id, CAST(as_of AS TIMESTAMP) AS as_of, CAST(day AS DATE) AS day "
        "FROM _spine_rows ORDER BY row"
    )
    con.unregister("_spine_rows")
    for derived in (STATES, ACCOUNTS):
        con.execute(f"DROP TABLE IF EXISTS {derived}")
    as_of = rows["as_of"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    return Spine(SPINE, entity, SpineRows(pa.array(rows["entity_id"], pa.string()), as_of))


def fetch(con: DuckDBPyConnection, query: str) -> pd.DataFrame:
    """The rows of a query."""
    frame: pd.DataFrame = con.execute(query).df()
    return frame


def fetch_codes(con: DuckDBPyConnection, spine: Spine, groups: str) -> Ints:
    """The ``code`` of each spine row in a table expression (``row``, ``code``), -1 where it has none."""
    frame = fetch(
        con, f"SELECT coalesce(g.code, -1) AS code FROM {spine} s LEFT JOIN {groups} g USING (row) ORDER BY s.row"
    )
    return frame["code"].to_numpy(dtype=np.int64)


def case_codes(spine: Spine) -> str:
    """SQL table expression (``row``, ``entity_id``, ``code``): a number from 0 on for each entity of the spine."""
    return f"(SELECT row, entity_id, dense_rank() OVER (ORDER BY entity_id) - 1 AS code FROM {spine})"


def states(con: DuckDBPyConnection, spine: Spine) -> str:
    """Name of a table: each spine row with the version of its entity in force, NULL where there was none.

    Columns: ``row``, ``entity_id``, ``as_of``, ``day``, then what the version says of whose it is, what it is about
    and when.
    """
    table, key = scored_table(spine.entity)
    said = [f"v.{name}" for name in _STATED if name in TABLES[table].by_name]
    con.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {STATES} AS "
        f"SELECT s.row, s.entity_id, s.as_of, s.day, {', '.join(said)} FROM {spine} s LEFT JOIN {table} v "
        f"ON v.{key} = s.entity_id AND v.known_from < s.as_of AND s.as_of <= v.known_to"
    )
    return STATES


def snapshot_moments(first: datetime, cutoff: datetime, step_days: int, zone: tzinfo) -> list[datetime]:
    """Midnights of ``zone`` every ``step_days`` days with ``first < moment <= cutoff``, in UTC.

    The grid does not move with the cutoff (steps of 7 days are Mondays), so that a later training asks for the same
    moments again.
    """
    if step_days < 1:
        raise InvalidInput(f"`step_days` must be at least 1, got {step_days}.")
    day = first.astimezone(zone).date()
    day += timedelta(days=-(day.toordinal() - 1) % step_days)
    moments = []
    while (moment := datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)) <= cutoff:
        moments.append(moment)
        day += timedelta(days=step_days)
    return [moment for moment in moments if moment > first]
