"""What a writer asks of the rows that a lake has: all, with the personal columns joined back, and few of them fast.

A table whose history is in memory is read there; what is of a person, and tables that are too large, are in files.
"""

from collections.abc import Collection, Mapping

from duckdb import DuckDBPyConnection

from forecast.adapters.delta import relation, sql_name, sql_text
from forecast.adapters.layout import EVENTS, PERSONAL, Files, columns_of
from forecast.history import shared
from forecast.schema import DUCKDB_TYPES, TABLES

#: So many ids or batches are looked for as constants: files are then skipped by what they say of their rows.
_FEW = 1_000


class StoredRows:
    """Stored rows of one state of a lake, as SQL table expressions.

    Parameters
    ----------
    con : DuckDB connection
        Of the same state.
    files : mapping of table name to its parquet files
    held : collection of str
        Canonical tables whose histories are in memory there.
    """

    def __init__(self, con: DuckDBPyConnection, files: Mapping[str, Files], held: Collection[str]) -> None:
        self.con = con
        self._files, self._held = files, held

    def rows(self, table: str) -> str:
        """All rows of a canonical table, personal columns included."""
        personal = TABLES[table].personal
        if not personal:
            columns = ", ".join(map(sql_name, columns_of(table)))
            return f"(SELECT {columns} FROM {shared(table)})" if table in self._held else self._in_files(table)
        told = ", ".join(f"json_extract_string(content, '$.{column}') AS {sql_name(column)}" for column in personal)
        return (
            f"(SELECT known.* EXCLUDE (personal_id), {told} FROM {self._in_files(table)} AS known "
            f"LEFT JOIN (SELECT personal_id, content FROM {self._in_files(PERSONAL)} WHERE table_name = '{table}') "
            "USING (personal_id))"
        )

    def ids(self, table: str) -> str:
        """The key of every row of a canonical table."""
        return f"(SELECT {_keys(table)} FROM {shared(table) if table in self._held else self._in_files(table)})"

    def of(self, ids: str, table: str) -> str:
        """The rows of some ids of a canonical table, given as a relation with its key."""
        condition = self._constants(ids, table) if table not in self._held or TABLES[table].personal else ""
        return f"(FROM {self.rows(table)} SEMI JOIN {ids} USING ({_keys(table)}) {condition})"

    def _constants(self, ids: str, table: str) -> str:
        """SQL of a condition that holds for all rows of few ids, and says so in constants."""
        if table in self._held:
            column, kind = "batch", "BIGINT"
            rows = f"{shared(table)} SEMI JOIN {ids} USING ({_keys(table)})"
        else:
            column, rows = TABLES[table].key[0], ids
            kind = DUCKDB_TYPES[TABLES[table].by_name[column].kind]
        found = self.con.execute(
            f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM {rows} WHERE {column} IS NOT NULL LIMIT {_FEW + 1}"
        ).fetchall()
        if len(found) > _FEW:
            return ""
        listed = ", ".join(f"CAST({sql_text(value)} AS {kind})" for (value,) in found)
        return f"WHERE {column} IN ({listed})" if listed else "WHERE false"

    def events(self) -> str:
        """Id, fingerprint and batch of every event that came in."""
        return self._in_files(EVENTS)

    def _in_files(self, name: str) -> str:
        return relation(self._files.get(name, ()), columns_of(name))


def _keys(table: str) -> str:
    return ", ".join(map(sql_name, TABLES[table].key))
