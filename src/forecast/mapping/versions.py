"""From accepted rows to the versions that the lake does not have yet.

A source with ``recorded_at`` gives versions. One without (a current-state export) gives rows of which only part may
count as known before the export: see `_current_state`. Either way a version that equals the one in force at its
``recorded_at`` is not stored, so that the same file ingested again changes nothing. (A version that was no news when
it came is therefore not there when a late one changes what it followed; ingesting its history again brings it in.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.history import VERSION_ORDER, sql_moment
from forecast.mapping.attributes import comparable, keep, merged, without
from forecast.mapping.casting import identifier, literal, to_utc
from forecast.mapping.queries import ROW, one_row
from forecast.mapping.source import Source
from forecast.mapping.spec import MappingSpec
from forecast.schema import ALWAYS, DUCKDB_TYPES, Kind, Table

#: Temp table of the stored rows of the accepted ids, which `find_versions` compares with and drops.
TOUCHED = "_touched"
_REMOVAL = ("deleted_at", "merged_into")
#: Measured over a day, so not known before its end.
_KNOWN_AT_END_OF_DAY = ("demand", "fx_rates")


@dataclass(frozen=True)
class NewVersions:
    """Versions to append and what became of the accepted rows."""

    rows: pa.Table
    new: int
    changed: int
    unchanged: int


def find_versions(
    con: DuckDBPyConnection,
    spec: MappingSpec,
    source: Source,
    import_moment: datetime,
    catalogue: Sequence[str],
    orders: str | None = None,
) -> NewVersions:
    """Versions among the accepted rows of one table that are not yet in force in the lake.

    Parameters
    ----------
    con : DuckDB connection
        Holds ``source.accepted``, and `TOUCHED`.
    spec : MappingSpec
    source : Source
    import_moment : datetime
        When rows without ``recorded_at`` count as seen.
    catalogue : sequence of str
        Attributes that stored rows may have.
    orders : str, optional
        Relation of (order_id, ordered_at): what the moment of an order line is taken from.
    """
    _drop_superseded(con, TOUCHED, source.table, VERSION_ORDER)
    _create_candidates(con, spec, source, import_moment, orders)
    columns = _carry_forward(con, source, [name for name in catalogue if name not in source.attributes])
    _keep_changes(con, spec, source, columns)
    return _result(con, spec, source)


def _columns(table: Table) -> dict[str, str]:
    """Everything of a version that the source says, with DuckDB types."""
    own = {name: DUCKDB_TYPES[column.kind] for name, column in table.by_name.items()}
    return own | {"deleted_at": DUCKDB_TYPES[Kind.TIMESTAMP], "merged_into": DUCKDB_TYPES[Kind.TEXT]}


def _create_candidates(
    con: DuckDBPyConnection, spec: MappingSpec, source: Source, import_moment: datetime, orders: str | None
) -> None:
    """Make ``_candidates``: ``_row``, ``recorded_at``, ``part`` (order within a row), the present columns, attributes.

    Among versions of one id at one moment only the last can ever be in force, so only that one is kept.
    """
    if source.recorded:
        present = ", ".join(map(identifier, source.present))
        rows = f"SELECT {ROW}, recorded_at, 0 AS part, {present}, attributes FROM {source.accepted}"
    else:
        rows = _current_state(con, spec, source, import_moment, orders)
    con.execute(f"CREATE OR REPLACE TEMP TABLE _candidates AS {rows}")
    con.execute("DROP TABLE IF EXISTS _rows")
    _drop_superseded(con, "_candidates", source.table, f"{ROW}, part")


def _drop_superseded(con: DuckDBPyConnection, rows: str, table: Table, order: str) -> None:
    """Of versions of one id at one moment keep the last by ``order``. They are few, so a count finds them first."""
    version = f"{_keys(table)}, recorded_at"
    con.execute(f"CREATE OR REPLACE TEMP TABLE _ties AS SELECT {version} FROM {rows} GROUP BY ALL HAVING count(*) > 1")
    con.execute(
        f"DELETE FROM {rows} WHERE rowid IN (SELECT rowid FROM {rows} SEMI JOIN _ties USING ({version}) "
        f"QUALIFY lead(1) OVER (PARTITION BY {version} ORDER BY {order}) = 1)"
    )


def _current_state(
    con: DuckDBPyConnection, spec: MappingSpec, source: Source, import_moment: datetime, orders: str | None
) -> str:
    """SQL of the versions that rows of a current-state export may claim.

    An id seen before: one version at the import. An entity seen for the first time: at its creation only the key, its
    moment and what the mapping lists ``at_creation``; everything at its closing, or at the import when still open; its
    deletion or merge when that became known. A fact: everything at its own moment. Nothing is known after the import.
    """
    table, imported, keys = source.table, sql_moment(import_moment), _keys(source.table)
    fallback = sql_moment(ALWAYS) if table.entity else imported
    created = f"least(coalesce({_moment(spec, source, orders)}, {fallback}), {imported})"
    deleted = "deleted_at" if "deleted_at" in source.present else "NULL"
    gone = " OR ".join(f"{name} IS NOT NULL" for name in _REMOVAL if name in source.present) or "false"
    removed = f"CASE WHEN {gone} THEN least(coalesce({deleted}, {imported}), {imported}) END"
    ended = [identifier(name) for name in (table.closed, "converted_at") if name in source.present]
    closing = f"greatest({', '.join(ended)})" if ended else "NULL"  # of those that are there: a lead has one of the two
    known = f"coalesce({closing}, {removed}, {imported})"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _rows AS SELECT accepted.*, coalesce(seen, false) AS seen, "
        f"{created} AS created, {removed} AS removed, {known if table.entity else created} AS known "
        f"FROM {source.accepted} AS accepted "
        f"LEFT JOIN (SELECT DISTINCT {keys}, true AS seen FROM {TOUCHED}) USING ({keys})"
        + (f" LEFT JOIN {orders} AS _orders USING (order_id)" if orders else "")
    )
    everything = ", ".join(map(identifier, source.present)) + ", attributes"
    living = ", ".join(
        f"CASE WHEN removed <= known THEN {name} END AS {name}" for name in _REMOVAL if name in source.present
    )
    living = f" REPLACE ({living})" if living else ""
    versions = [
        f"SELECT {ROW}, known AS recorded_at, 1 AS part, {everything} "
        f"FROM (SELECT *{living} FROM _rows WHERE NOT seen)",
        f"SELECT {ROW}, removed, 2, {everything} FROM _rows WHERE NOT seen AND removed > known",
        f"SELECT {ROW}, {imported}, 3, {everything} FROM _rows WHERE seen",
    ]
    if table.entity:
        at_creation = _at_creation(spec, source)
        versions.append(f"SELECT {ROW}, created, 0, {at_creation} FROM _rows WHERE NOT seen AND created < known")
    return " UNION ALL ".join(versions)


def _at_creation(spec: MappingSpec, source: Source) -> str:
    """SQL of the columns of a creation version: what is not known then is NULL."""
    table = source.table
    listed = spec.at_creation.get(table.name, ())
    # A currency that the mapping gives for all amounts was no news.
    default = () if "currency" in source.own or not spec.currency else ("currency",)
    known = {*table.key, table.moment, *listed, *default}
    types = _columns(table)
    own = [
        f"{identifier(name)}" if name in known else f"CAST(NULL AS {types[name]}) AS {identifier(name)}"
        for name in source.present
    ]
    return ", ".join([*own, f"{keep('attributes', [name for name in listed if name in source.types])} AS attributes"])


def _moment(spec: MappingSpec, source: Source, orders: str | None) -> str:
    """SQL of the moment at which a row came to be, NULL when it does not say."""
    table = source.table
    if orders is not None:
        return "_orders.ordered_at"
    if table.moment not in source.present:
        return "CAST(NULL AS TIMESTAMP)"
    moment = identifier(table.moment)
    if source.kind(table.moment) is not Kind.DATE:
        return moment
    if table.name in _KNOWN_AT_END_OF_DAY:
        next_day = to_utc(f"CAST({moment} AS TIMESTAMP) + INTERVAL 1 DAY", spec.zone)
        return f"{next_day} - INTERVAL 1 MICROSECOND"
    return to_utc(f"CAST({moment} AS TIMESTAMP)", spec.zone)


def _keys(table: Table) -> str:
    return ", ".join(map(identifier, table.key))


def _carry_forward(con: DuckDBPyConnection, source: Source, carried: Sequence[str]) -> list[str]:
    """Make ``_versions``: the candidates, and what the query lacks from the version in force.

    Parameters
    ----------
    carried : sequence of str
        Attributes that the query lacks.

    Returns
    -------
    list of str
        The columns that the versions have; all others are NULL in them and in what is stored.
    """
    inherited = _filled(con, [name for name in _columns(source.table) if name not in source.present])
    selected = [f"candidates.{identifier(name)}" for name in source.present]
    selected += [f"stored.{identifier(name)}" for name in inherited]
    attributes, join = "candidates.attributes", ""
    if inherited or (carried and _filled(con, ["attributes"])):
        matches = " AND ".join(f"candidates.{name} = stored.{name}" for name in map(identifier, source.table.key))
        join = f"ASOF LEFT JOIN {TOUCHED} AS stored ON {matches} AND candidates.recorded_at >= stored.recorded_at"
        attributes = merged(attributes, list(source.types), "stored.attributes", carried)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _versions AS SELECT {ROW}, candidates.recorded_at, part, "
        f"{', '.join(selected)}, {attributes} AS attributes FROM _candidates AS candidates {join}"
    )
    return [*source.present, *inherited]


def _filled(con: DuckDBPyConnection, columns: Sequence[str]) -> list[str]:
    """Those columns of the touched rows that have any value."""
    if not columns:
        return []
    counts = one_row(con, f"SELECT {', '.join(f'count({identifier(name)})' for name in columns)} FROM {TOUCHED}")
    return [name for name, count in zip(columns, counts, strict=True) if count]


def _keep_changes(con: DuckDBPyConnection, spec: MappingSpec, source: Source, columns: Sequence[str]) -> None:
    """Make ``_kept``: (``_row``, ``part``) of the versions that differ from the one in force before them."""
    ignored = spec.ignore.get(source.table.name, ())
    keys = _keys(source.table)
    attributes = comparable(without("attributes", [name for name in ignored if name not in source.table.by_name]))
    compared = [identifier(name) for name in columns if name not in ignored and name not in source.table.key]
    content = f"ROW({', '.join([*compared, attributes])})"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _kept AS
        WITH timeline AS (
            SELECT {keys}, recorded_at, 0 AS side, 0 AS {ROW}, 0 AS part, {content} AS content FROM {TOUCHED}
            UNION ALL
            SELECT {keys}, recorded_at, 1, {ROW}, part, {content} FROM _versions
        )
        SELECT {ROW}, part FROM timeline
        QUALIFY side = 1 AND content IS DISTINCT FROM
            lag(content) OVER (PARTITION BY {keys} ORDER BY recorded_at, side)
        """
    )


def _result(con: DuckDBPyConnection, spec: MappingSpec, source: Source) -> NewVersions:
    keys = _keys(source.table)
    accepted, ids, seen, kept = one_row(
        con,
        f"""
        SELECT
            (SELECT count(*) FROM {source.accepted}),
            (SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {source.accepted})),
            (SELECT count(*) FROM (SELECT DISTINCT {keys} FROM {TOUCHED})),
            (SELECT count(DISTINCT {ROW}) FROM _kept)
        """,
    )
    new = ids - seen
    rows = con.sql(
        f"SELECT * EXCLUDE ({ROW}, part), {literal(spec.source)} AS source FROM _versions "
        f"SEMI JOIN _kept USING ({ROW}, part) ORDER BY {keys}, recorded_at"
    ).to_arrow_table()
    con.execute(f"DROP TABLE _versions; DROP TABLE _candidates; DROP TABLE _kept; DROP TABLE {TOUCHED}")
    return NewVersions(rows, new, kept - new, accepted - kept)
