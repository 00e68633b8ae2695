"""The lake's present, held in memory and brought up to date batch by batch.

`DeltaLake.connect` reads all of a lake; who asks every second keeps one connection and adds what is new. It shows the
same rows as a fresh connection, so that features and scores made from either are the same.
"""

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from forecast.adapters.commits import Commit
from forecast.adapters.delta import relation, sql_name
from forecast.adapters.lake import DeltaLake
from forecast.adapters.lake_views import create_listing, open_histories
from forecast.adapters.layout import Files, columns_of
from forecast.history import MERGEABLE, VERSION_ORDER, create_aliases, stored_columns
from forecast.schema import FOREVER, TABLES


class LakeFollower:
    """One connection to the newest batch of a lake; not for use by several threads.

    Parameters
    ----------
    lake : DeltaLake
    """

    def __init__(self, lake: DeltaLake) -> None:
        self._lake = lake
        self._con: DuckDBPyConnection | None = None
        self._commit = Commit(batch=0)
        self._files: Mapping[str, Files] = {}

    def at_head(self) -> tuple[DuckDBPyConnection, int]:
        """A connection as `forecast.ports.Lake.connect` promises, to the newest batch, and that batch.

        It is the follower's own: it changes with the next call, and must not be closed.
        """
        return self._lake.reading(self._follow)

    def _follow(self, commit: Commit, files: Mapping[str, Files]) -> tuple[DuckDBPyConnection, int]:
        if self._con is None or commit.batch < self._commit.batch:
            self._con = open_histories(files, commit.attributes, commit.filled, batch=None, held=TABLES)
        elif commit.batch > self._commit.batch:
            self._advance(self._con, commit, files)
        self._commit, self._files = commit, files
        return self._con, commit.batch

    def _advance(self, con: DuckDBPyConnection, commit: Commit, files: Mapping[str, Files]) -> None:
        """Add the rows of later batches; nothing when it fails half way."""
        con.execute("BEGIN")
        try:
            for table in TABLES:
                # Merging small files makes new ones with old rows too, so batches decide, not files.
                new = tuple(set(files.get(table, ())) - set(self._files.get(table, ())))
                if new and self._add(con, table, new) and table in MERGEABLE:
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
