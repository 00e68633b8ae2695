"""What a DuckDB connection shows of one state of the lake: histories, stored rows, the quarantine."""

from collections.abc import Collection, Mapping

import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.adapters.delta import relation
from forecast.adapters.layout import QUARANTINE, RESOLVED, Files, columns_of
from forecast.history import MERGEABLE, create_aliases, create_history, open_connection, shared
from forecast.schema import TABLES


def open_histories(
    files: Mapping[str, Files],
    attributes: Mapping[str, Mapping[str, str]],
    filled: Mapping[str, Mapping[str, str]],
    *,
    batch: int | None,
    held: Collection[str],
) -> DuckDBPyConnection:
    """A connection with what `forecast.ports.Lake.connect` promises.

    Parameters
    ----------
    files : mapping of table name to its parquet files
    attributes : mapping of table name to attribute types by name
    filled : mapping of table name to when columns are filled, by name
    batch : int, optional
        Later batches are hidden.
    held : collection of str
        Tables to hold in memory; the others are views, which read their files at each query.
    """
    con = open_connection()
    for name in TABLES:
        create_history(con, name, _rows(files, name), batch=batch, materialise=name in held)
    for name in MERGEABLE:
        create_aliases(con, name, materialise=name in held)
    create_listing(con, "attribute_catalogue", "type", attributes)
    create_listing(con, "declared_fills", "filled", filled)
    return con


def create_listing(
    con: DuckDBPyConnection, name: str, what: str, values: Mapping[str, Mapping[str, str]], *, private: bool = False
) -> None:
    """Register what is said of columns by table and name, for every cursor of the database or this connection only."""
    entries = [(table, column, value) for table, columns in values.items() for column, value in columns.items()]
    listing = pa.Table.from_pylist(
        [{"table_name": table, "name": column, what: value} for table, column, value in sorted(entries)],
        schema=pa.schema([(column, pa.string()) for column in ("table_name", "name", what)]),
    )
    con.register("_listing", listing)
    con.execute(f"CREATE OR REPLACE {f'TEMP TABLE {name}' if private else f'TABLE {shared(name)}'} AS FROM _listing")
    con.unregister("_listing")


def read_quarantine(files: Mapping[str, Files], *, open_only: bool) -> pd.DataFrame:
    """The frame that `forecast.adapters.lake.DeltaLake.quarantine` describes."""
    resolved = f"(SELECT rejected_id, min(batch) AS resolved_batch FROM {_rows(files, RESOLVED)} GROUP BY ALL)"
    with open_connection() as con:
        frame = con.execute(
            "SELECT rejected_id, source, table_name, reason, row_number, content, mapping, batch, resolved_batch "
            f"FROM {_rows(files, QUARANTINE)} LEFT JOIN {resolved} USING (rejected_id) "
            f"{'WHERE resolved_batch IS NULL' if open_only else ''} "
            "ORDER BY batch, CAST(split_part(rejected_id, '-', 2) AS BIGINT)"
        ).df()
    return frame.astype({"row_number": "Int64", "batch": "int64", "resolved_batch": "Int64"})


def _rows(files: Mapping[str, Files], name: str) -> str:
    return relation(files.get(name, ()), columns_of(name))
