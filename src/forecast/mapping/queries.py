"""A mapping's queries, run over its inputs in a sandbox: no file, no network, no variable of this program."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.mapping.spec import MappingSpec

#: Number of a source row within its query's result, from 1.
ROW = "_row"


def lock(con: DuckDBPyConnection) -> None:
    """Shut the connection off from the outside world, for good."""
    con.execute(
        "SET python_enable_replacements = false; SET enable_external_access = false; SET lock_configuration = true"
    )


def run_queries(con: DuckDBPyConnection, spec: MappingSpec) -> Iterator[tuple[str, pa.Table]]:
    """Each canonical table of the mapping with the rows its query returns, numbered by ``_row``.

    Raises
    ------
    InvalidInput
        If a query fails: the mapping, the table and the database's own first line.
    """
    for table, query in spec.tables.items():
        statement = query.strip().rstrip(";")
        try:
            # The query stands on lines of its own, so that a comment at its end ends there.
            result = con.sql(f"SELECT row_number() OVER () AS {ROW}, * FROM (\n{statement}\n)").to_arrow_table()
        except duckdb.Error as error:
            raise InvalidInput(f"{spec.name}: the query of tables.{table} failed: {first_line(error)}") from None
        yield table, _in_microseconds(result)


def _in_microseconds(rows: pa.Table) -> pa.Table:
    """Zoned times in nanoseconds, as pandas writes them, in microseconds: the database cannot cast those."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz))
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns" and field.type.tz
        else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields), safe=False)


def one_row(con: DuckDBPyConnection, statement: str) -> tuple[Any, ...]:
    """The only row of a result, which is read to its end so that the connection is free."""
    (row,) = con.execute(statement).fetchall()
    return tuple(row)


def first_line(error: Exception) -> str:
    """First line of a database's message, with a full stop."""
    line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return line if line.endswith((".", "!", "?")) else line + "."
