"""The lake's present, held in memory and brought up to date batch by batch, for a process that reads often.

Opening a lake reads all of it; a service that asks at each request keeps one database and adds what is new. Its readers
get cursors, each in a transaction of its own, which show the same rows as a fresh connection, so that features and
scores made from either are the same.
"""

import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from forecast.adapters.commits import EMPTY, Commit
from forecast.adapters.delta import relation, sql_name
from forecast.adapters.lake_views import create_listing, open_histories
from forecast.adapters.layout import Files, columns_of
from forecast.history import (
    MERGEABLE,
    VERSION_ORDER,
    create_aliases,
    create_history,
    cursor_of,
    lay_over,
    shared,
    stored_columns,
)
from forecast.schema import FOREVER, TABLES

if TYPE_CHECKING:
    from forecast.adapters.lake import DeltaLake

#: Rows of later batches that are hidden from a reader of an earlier one; with more, opening the lake costs no more.
MAX_LATER = 20_000
#: By what a few cases look for their facts: without, each look reads a whole column.
_INDEXED = {"interactions": ("lead_id", "opportunity_id", "account_id"), "leads": ("lead_id", "account_id")}


class LakeFollower:
    """One database of the newest batch of a lake; safe between threads.

    Parameters
    ----------
    lake : DeltaLake
    """

    def __init__(self, lake: "DeltaLake") -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._con: DuckDBPyConnection | None = None
        self._commit = EMPTY
        self._files: Mapping[str, Files] = {}
        self._held: Collection[str] = ()

    def connect(self, batch: int | None = None) -> DuckDBPyConnection | None:
        """A connection as `forecast.ports.Lake.connect` promises; None where opening the lake costs no more.

        Parameters
        ----------
        batch : int, optional
            Later batches are hidden; default none.

        Raises
        ------
        InvalidInput
            If the batch was never committed.
        """
        with self._lock:
            self._lake.reading(self._follow)
            assert self._con is not None, "following opens it"
            visible = self._lake.visible(self._commit, batch)
            cursor = cursor_of(self._con)
            try:
                cursor.execute("BEGIN")
                cursor.execute(
                    f"SELECT 1 FROM {shared('leads')} LIMIT 1"
                ).fetchall()  # from here on it shows this state
                if visible.batch == self._commit.batch or self._hide_later(cursor, visible):
                    return cursor
            except BaseException:
                cursor.close()
                raise
        cursor.close()
        return None

    def _hide_later(self, con: DuckDBPyConnection, visible: Commit) -> bool:
        """Show the tables as of an earlier batch to this connection; whether that was little work."""
        for table in TABLES:
            if table not in self._held:
                rows = relation(self._files.get(table, ()), columns_of(table))
                create_history(con, table, rows, batch=visible.batch, materialise=False, private_name=table)
                continue
            later = f"{shared(table)} WHERE batch > {visible.batch}"
            (count,) = con.execute(f"SELECT count(*) FROM {later}").fetchall()[0]
            if count > MAX_LATER:
                return False
            if count:
                keys = ", ".join(map(sql_name, TABLES[table].key))
                columns = ", ".join(map(sql_name, stored_columns(table)))
                ids = f"(SELECT DISTINCT {keys} FROM {later})"
                earlier = f"{shared(table)} SEMI JOIN {ids} USING ({keys}) WHERE batch <= {visible.batch}"
                lay_over(con, table, ids, f"(SELECT {columns} FROM {earlier})")
        create_listing(con, "attribute_catalogue", "type", visible.attributes, private=True)
        create_listing(con, "declared_fills", "filled", visible.filled, private=True)
        return True

    def _follow(self, commit: Commit, files: Mapping[str, Files]) -> None:
        if self._con is None or commit.batch < self._commit.batch:
            self._held = self._lake.small_tables(commit)
            self._con = open_histories(files, commit.attributes, commit.filled, batch=None, held=self._held)
            for table, columns in _INDEXED.items():
                for column in columns if table in self._held else ():
                    self._con.execute(f"CREATE INDEX {table}_{column} ON {table} ({column})")
        elif (commit.batch, commit.revision) != (self._commit.batch, self._commit.revision):
            self._advance(self._con, commit, files)
        self._commit, self._files = commit, files

    def _advance(self, con: DuckDBPyConnection, commit: Commit, files: Mapping[str, Files]) -> None:
        """Add the rows of later batches; nothing when it fails half way."""
        con.execute("BEGIN")
        try:
            for table in TABLES:
                # Merging small files makes new ones with old rows too, so batches decide, not files.
                new = tuple(set(files.get(table, ())) - set(self._files.get(table, ())))
                if not new:
                    continue
                if table not in self._held:
                    create_history(con, table, relation(files[table], columns_of(table)), materialise=False)
                elif commit.batch > self._commit.batch and self._add(con, table, new) and table in MERGEABLE:
                    create_aliases(con, table)
            create_listing(con, "attribute_catalogue", "type", commit.attributes)
            create_listing(con, "declared_fills", "filled", commit.filled)
            con.execute("COMMIT")
        except BaseException:
            con.execute("ROLLBACK")
            raise

    def _add(self, con: DuckDBPyConnection, table: str, files: Files) -> bool:
        """Add the new versions of one table to its history; whether they change who was merged into whom."""
        columns = ", ".join(map(sql_name, stored_columns(table)))
        keys = ", ".join(map(sql_name, TABLES[table].key))
        rows = relation(files, columns_of(table), where=f"batch > {self._commit.batch}")
        con.execute(f"CREATE OR REPLACE TEMP TABLE _new AS SELECT {columns} FROM {rows}")
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE _again AS SELECT {columns} FROM {table} SEMI JOIN _new USING ({keys}) "
            f"UNION ALL FROM _new"
        )
        con.execute(f"DELETE FROM {table} USING (SELECT DISTINCT {keys} FROM _new) n WHERE {_same(table)}")
        until = f"lead(recorded_at, 1, TIMESTAMP '{FOREVER}') OVER (PARTITION BY {keys} ORDER BY {VERSION_ORDER})"
        con.execute(f"INSERT INTO {table} SELECT {columns}, recorded_at, {until} FROM _again")
        if table in MERGEABLE:
            key = TABLES[table].key[0]
            con.execute(
                f"INSERT INTO {table}_aliases SELECT DISTINCT {key}, {key}, TIMESTAMP '0001-01-01' FROM _new "
                f"WHERE {key} NOT IN (SELECT alias_id FROM {table}_aliases WHERE alias_id = survivor_id)"
            )
        (merges,) = con.execute("SELECT count(*) FROM _again WHERE merged_into IS NOT NULL").fetchall()[0]
        con.execute("DROP TABLE _new; DROP TABLE _again")
        return bool(merges)


def _same(table: str) -> str:
    return " AND ".join(f"{table}.{sql_name(name)} = n.{sql_name(name)}" for name in TABLES[table].key)
