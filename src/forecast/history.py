"""Version histories in SQL: from stored rows with two clocks to views that can be read as of any moment.

The lake and the tests register histories through this one place, so that "as of" has one meaning. Histories are shared
by all cursors of a database; what one connection lays over them (`lay_over`) is its own.
"""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.schema import DUCKDB_TYPES, FOREVER, SYSTEM_COLUMNS, TABLES, Kind

#: The order in which versions of one id supersede each other.
VERSION_ORDER = "recorded_at, batch, row"


#: Names of what connections lay over histories differ.
_LAYERS = itertools.count()

#: Entities that a CRM merges, and that other rows refer to.
MERGEABLE = ("accounts", "contacts", "leads", "opportunities")


def naive_utc(moment: datetime) -> datetime:
    """The moment as DuckDB sees it here: UTC without a zone. A moment without a zone is taken as UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def sql_moment(moment: datetime) -> str:
    """A TIMESTAMP literal, to the microsecond."""
    return f"TIMESTAMP '{naive_utc(moment):%Y-%m-%d %H:%M:%S.%f}'"


def stored_columns(table: str) -> dict[str, Kind]:
    """Columns of the rows as stored: the table's own but the personal ones, then the system columns."""
    own = {name: column.kind for name, column in TABLES[table].by_name.items() if not column.personal}
    return own | SYSTEM_COLUMNS


def duckdb_schema(table: str) -> str:
    """Column list of a ``CREATE TABLE`` that holds stored rows of a canonical table."""
    return ", ".join(f'"{name}" {DUCKDB_TYPES[kind]}' for name, kind in stored_columns(table).items())


def create_history(
    con: DuckDBPyConnection,
    table: str,
    rows: str,
    *,
    batch: int | None = None,
    materialise: bool = True,
    private_name: str | None = None,
) -> None:
    """Register stored rows of one canonical table under its name, with ``known_from`` and ``known_to``.

    A version was in force at moment t when ``known_from < t <= known_to``. The last version of an id is in force
    forever; deletions and merges are versions too (``deleted_at``, ``merged_into``) and not filtered here.

    Parameters
    ----------
    con : DuckDB connection
    table : str
        Canonical table name; the history gets this name.
    rows : str
        SQL table expression with the columns of `stored_columns`.
    batch : int, optional
        Rows of later batches are invisible.
    materialise : bool
        Hold the history in memory, for many reads; else a view.
    private_name : str, optional
        Of a relation for this connection only, instead of one for every cursor of the database.
    """
    key = ", ".join(f'"{name}"' for name in TABLES[table].key)
    columns = ", ".join(f'"{name}"' for name in stored_columns(table))
    visible = "" if batch is None else f"WHERE batch <= {int(batch)}"
    con.execute(
        f"{_create(table, materialise, private_name)} AS SELECT {columns}, recorded_at AS known_from, "
        f"lead(recorded_at, 1, TIMESTAMP '{FOREVER}') OVER (PARTITION BY {key} ORDER BY {VERSION_ORDER}) AS known_to "
        f"FROM {rows} {visible}"
    )


def in_force(table: str, as_of: datetime, *, with_removed: bool = False) -> str:
    """SQL table expression: the version of each id in force at ``as_of``.

    Deleted and merged entities are left out unless ``with_removed``.
    """
    moment = sql_moment(as_of)
    live = "" if with_removed else " AND deleted_at IS NULL AND merged_into IS NULL"
    return f"(SELECT * FROM {table} WHERE known_from < {moment} AND known_to >= {moment}{live})"


def _create(name: str, materialise: bool, private_name: str | None) -> str:
    kind = "TABLE" if materialise else "VIEW"
    return (
        f"CREATE OR REPLACE TEMP {kind} {private_name}" if private_name else f"CREATE OR REPLACE {kind} {shared(name)}"
    )


def shared(name: str) -> str:
    """What every cursor of a database sees under a name, whatever lies over it."""
    return f"memory.main.{name}"


def create_aliases(
    con: DuckDBPyConnection, table: str, *, materialise: bool = True, private_name: str | None = None
) -> None:
    """Register ``<table>_aliases(alias_id, survivor_id, known_from)`` for an entity table with a single key.

    One row for each id under which facts of a survivor may be stored: itself (known since ever), and each id that
    was merged into it, from the moment the whole chain of merges was known. Facts stored under ``alias_id`` count
    for ``survivor_id`` at moments after ``known_from``.
    """
    key = TABLES[table].key[0]
    con.execute(
        f"""
        {_create(f"{table}_aliases", materialise, private_name)} AS
        WITH RECURSIVE merges AS (
            SELECT "{key}" AS id, merged_into AS target, min(known_from) AS known_from FROM {table}
            WHERE merged_into IS NOT NULL AND merged_into <> "{key}" AND known_from < known_to GROUP BY ALL
        ), chain(alias_id, survivor_id, known_from, hops) AS (
            SELECT id, target, known_from, 1 FROM merges
            UNION ALL
            SELECT chain.alias_id, merges.target, greatest(chain.known_from, merges.known_from), hops + 1
            FROM chain JOIN merges ON merges.id = chain.survivor_id
            WHERE hops < 100 AND merges.target <> chain.alias_id
        )
        SELECT alias_id, survivor_id, min(known_from) AS known_from FROM chain GROUP BY ALL
        UNION ALL
        SELECT DISTINCT "{key}", "{key}", TIMESTAMP '0001-01-01' FROM {table}
        """
    )


def lay_over(con: DuckDBPyConnection, table: str, ids: str, rows: str) -> None:
    """Show other versions of some ids under the name of a table, to this connection only.

    Parameters
    ----------
    con : DuckDB connection
    table : str
        Canonical table name.
    ids : str
        SQL table expression with the key of the table: whose versions are replaced.
    rows : str
        SQL table expression with the columns of `stored_columns`: all versions that these ids have now.
    """
    key, over = ", ".join(f'"{name}"' for name in TABLES[table].key), f"_{table}_over_{next(_LAYERS)}"
    con.execute(f"CREATE TEMP TABLE {over}_ids AS SELECT DISTINCT {key} FROM {ids}")
    create_history(con, table, rows, private_name=over)
    below = set_aside(con, table)
    con.execute(
        f"CREATE TEMP VIEW {table} AS SELECT * FROM {below} ANTI JOIN {over}_ids USING ({key}) UNION ALL FROM {over}"
    )
    if table not in MERGEABLE:
        return
    aliases = set_aside(con, f"{table}_aliases")
    merged = (
        f"(SELECT merged_into FROM {over} UNION ALL SELECT merged_into FROM {below} SEMI JOIN {over}_ids USING ({key}))"
    )
    if con.execute(f"SELECT count(merged_into) FROM {merged}").fetchall() != [(0,)]:
        create_aliases(con, table, private_name=f"{table}_aliases")
        return
    con.execute(
        f"CREATE TEMP VIEW {table}_aliases AS SELECT * FROM {aliases} "
        f"WHERE alias_id <> survivor_id OR alias_id NOT IN (SELECT {key} FROM {over}_ids) "
        f"UNION ALL SELECT DISTINCT {key}, {key}, TIMESTAMP '0001-01-01' FROM {over}"
    )


def set_aside(con: DuckDBPyConnection, name: str) -> str:
    """Free a name for a relation of this connection only; gives where what it showed so far is found."""
    found = con.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_catalog = 'temp' AND table_name = ?", [name]
    ).fetchall()
    if not found:
        return shared(name)
    aside = f"_{name}_{next(_LAYERS)}"
    con.execute(f"ALTER {'VIEW' if found == [('VIEW',)] else 'TABLE'} temp.main.{name} RENAME TO {aside}")
    return aside


def create_empty(con: DuckDBPyConnection, table: str) -> None:
    """Register a canonical table that has no rows, so that every query over it works."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE _no_rows ({duckdb_schema(table)})")
    create_history(con, table, "_no_rows")
    con.execute("DROP TABLE _no_rows")


def open_connection() -> DuckDBPyConnection:
    """A fresh in-memory DuckDB connection in UTC, reproducible whatever the machine's zone."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    # A bar would be drawn into logs of services; commands draw their own. In notebooks without widgets it is off, and
    # DuckDB refuses to be told so.
    if con.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        con.execute("SET enable_progress_bar = false")
    return con


def cursor_of(con: DuckDBPyConnection) -> DuckDBPyConnection:
    """Another connection to the same database, in UTC too: what it calls TEMP is its own."""
    cursor = con.cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    return cursor


def connect_tables(tables: Mapping[str, pd.DataFrame], *, batch: int | None = None) -> DuckDBPyConnection:
    """A connection with histories of tables given as frames: what a lake gives, without a lake.

    Parameters
    ----------
    tables : mapping of canonical table name to DataFrame
        Columns named as in the schema; absent ones are NULL, others are ignored; ``batch`` and ``row`` default to 1
        and the frame's order. Tables not given are empty.
    batch : int, optional
        Rows of later batches are invisible.
    """
    con = open_connection()
    for name in TABLES:
        frame = tables.get(name)
        if frame is None or frame.empty:
            create_empty(con, name)
            continue
        defaults = {"batch": "1", "row": "row_number() OVER ()", "source": "'frame'"}
        columns = ", ".join(
            f"CAST({_utc(frame, column, kind) if column in frame else defaults.get(column, 'NULL')} "
            f'AS {DUCKDB_TYPES[kind]}) AS "{column}"'
            for column, kind in stored_columns(name).items()
        )
        con.register("_frame", frame)
        con.execute(f"CREATE TEMP TABLE _rows AS SELECT {columns} FROM _frame")
        create_history(con, name, "_rows", batch=batch)
        con.execute("DROP TABLE _rows")
        con.unregister("_frame")
    for name in MERGEABLE:
        create_aliases(con, name)
    con.execute(
        "CREATE TABLE attribute_catalogue AS "
        + " UNION ALL ".join(
            f"SELECT DISTINCT '{name}' AS table_name, key AS name, CASE json_type(attributes, '$.\"' || key || '\"') "
            "WHEN 'BOOLEAN' THEN 'boolean' WHEN 'VARCHAR' THEN 'text' ELSE 'number' END AS type "
            f"FROM (SELECT attributes, unnest(json_keys(attributes)) AS key FROM {name} WHERE attributes IS NOT NULL)"
            for name in TABLES
        )
    )
    con.execute("CREATE TABLE declared_fills (table_name VARCHAR, name VARCHAR, filled VARCHAR)")
    return con


def _utc(frame: pd.DataFrame, column: str, kind: Kind) -> str:
    """SQL of a frame's column; zoned times become plain UTC without a detour through ICU."""
    zoned = kind in (Kind.TIMESTAMP, Kind.DATE) and isinstance(frame[column].dtype, pd.DatetimeTZDtype)
    return f'make_timestamp(epoch_us("{column}"))' if zoned else f'"{column}"'
