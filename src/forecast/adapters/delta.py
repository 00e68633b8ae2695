"""One Delta table: how rows are stored, which files hold a version, and how unfinished versions are undone.

Moments are stored as UTC timestamps of microseconds, so that every engine that knows Delta reads them right, and become
plain UTC timestamps on the way into DuckDB.
"""

import math
import re
import shutil
import threading
import uuid
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable, PostCommitHookProperties, WriterProperties, write_deltalake
from duckdb import DuckDBPyConnection

from forecast.adapters.commits import flush
from forecast.errors import DataUnavailable
from forecast.schema import DUCKDB_TYPES, Kind

_ARROW_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.MONEY: pa.decimal128(18, 4),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Kind.DATE: pa.date32(),
}
#: Files are merged up to this size and then left alone: merging often must not rewrite all that there is.
_MERGED_BYTES = 32 * 2**20
_WRITER = WriterProperties(compression="ZSTD")
# By default a checkpoint drops the log before it after 30 days, and it may be of an append that is never committed.
_KEEP_LOG = PostCommitHookProperties(cleanup_expired_logs=False)
#: Appends are converted and written in parts of so many rows, to bound the memory.
_ROWS_AT_ONCE = 2_000_000
#: Tables as each thread read them last.
_OPENED = threading.local()


def sql_text(text: str) -> str:
    """A text literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def stored_form(con: DuckDBPyConnection, rows: pa.Table, columns: Mapping[str, Kind]) -> pa.Table:
    """Rows with exactly these columns in the types of storage.

    Parameters
    ----------
    con : DuckDB connection
    rows : pyarrow.Table
        Moments with or without a zone; without one they are UTC.
    columns : mapping of column name to Kind
        Those that ``rows`` lacks are NULL.
    """

    def expression(name: str, kind: Kind) -> str:
        value = sql_name(name) if name in rows.column_names else "NULL"
        return f"CAST({value} AS {DUCKDB_TYPES[kind]}) AS {sql_name(name)}"

    con.register("_given", _without_zones(rows))
    selected = ", ".join(expression(name, kind) for name, kind in columns.items())
    result = con.sql(f"SELECT {selected} FROM _given").to_arrow_table()
    con.unregister("_given")
    return result.cast(pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in columns.items()]))


def _without_zones(rows: pa.Table) -> pa.Table:
    """Moments as plain UTC; DuckDB's casts from zoned ones are slow and refuse nanoseconds."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            microseconds = rows.column(place).cast(pa.timestamp("us", tz="UTC"), safe=False)
            rows = rows.set_column(place, field.name, microseconds.cast(pa.timestamp("us")))
    return rows


def append(
    con: DuckDBPyConnection, folder: Path, rows: pa.Table, columns: Mapping[str, Kind], *, evolve: bool = False
) -> None:
    """Add rows to a Delta table, which is made when absent.

    Parameters
    ----------
    con : DuckDB connection
        Does the conversion.
    folder : path
    rows : pyarrow.Table
    columns : mapping of column name to Kind
        See `stored_form`.
    evolve : bool
        Admit columns that the table did not have.
    """
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        write_deltalake(
            _newest(folder) if exists(folder) else str(folder),
            stored_form(con, rows.slice(start, _ROWS_AT_ONCE), columns),
            mode="append",
            schema_mode="merge" if evolve else None,
            writer_properties=_WRITER,
            post_commithook_properties=_KEEP_LOG,
        )


def exists(folder: Path) -> bool:
    """Whether there is a Delta table, and not just what is left of a first append that was killed."""
    return folder.exists() and DeltaTable.is_deltatable(str(folder))


def version_of(folder: Path, known: int | None = None) -> int:
    """The newest Delta version, committed or not.

    Parameters
    ----------
    known : int, optional
        A version that was there before: newer ones are looked for from there on, which does not grow with the log.
    """
    if known is None or not _entry(folder, known).exists():
        return _newest(folder).version()
    while _entry(folder, known + 1).exists():  # versions have no gaps
        known += 1
    return known


def _entry(folder: Path, version: int) -> Path:
    return folder / "_delta_log" / f"{version:020d}.json"


def _same_file(entry: Path) -> tuple[int, int] | None:
    """What tells an entry of a log from another one of its name; None when there is none."""
    try:
        found = entry.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _newest(folder: Path) -> DeltaTable:
    """The table as it is now. Its log is read on from where this thread read it last, not from the start."""
    opened: dict[Path, tuple[DeltaTable, Path, tuple[int, int] | None]] = vars(_OPENED).setdefault("tables", {})
    if folder in opened and opened[folder][2] is not None and _same_file(opened[folder][1]) == opened[folder][2]:
        table = opened[folder][0]
        table.update_incremental()
    else:
        table = DeltaTable(str(folder))
    entry = _entry(folder, table.version())
    opened[folder] = table, entry, _same_file(entry)
    return table


def files_of(folder: Path, version: int) -> tuple[str, ...]:
    """Absolute paths of the parquet files that are a version of a Delta table.

    Raises
    ------
    DataUnavailable
        If another program turned on a Delta feature under which the files alone are not the table.
    """
    return _described(folder, version)[0]


def columns_in(folder: Path, version: int) -> tuple[str, ...]:
    """Names of the columns of a version."""
    return _described(folder, version)[1]


def _described(folder: Path, version: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Files and columns of a version. Its log is read once, as long as its entry is the same file."""
    return _describe(folder, version, _same_file(_entry(folder, version)))


@lru_cache(maxsize=1024)
def _describe(folder: Path, version: int, entry: tuple[int, int] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    newest = _newest(folder)
    table = newest if newest.version() == version else DeltaTable(str(folder), version=version)
    protocol = table.protocol()
    if protocol.min_reader_version > 1:
        raise DataUnavailable(
            f"{folder} uses Delta reader version {protocol.min_reader_version}; forecast reads version 1. "
            "Restore it without deletion vectors and column mapping."
        )
    files = tuple(f"{folder}/{unquote(uri.rpartition('/')[2])}" for uri in table.file_uris())
    return files, tuple(field.name for field in table.schema().fields)


def n_small(files: tuple[str, ...]) -> int:
    """How many of these files are far smaller than what merging makes."""
    return sum(Path(file).stat().st_size < _MERGED_BYTES // 8 for file in files)


def relation(files: tuple[str, ...], columns: Mapping[str, Kind], *, where: str = "", evolving: bool = False) -> str:
    """SQL table expression of stored rows, moments as plain UTC timestamps.

    ``where`` filters the stored columns as they are (moments with zone), where DuckDB can skip whole blocks of rows;
    ``evolving`` says that older files may lack columns.
    """

    def expression(name: str, kind: Kind) -> str:
        quoted = sql_name(name)
        return f"make_timestamp(epoch_us({quoted})) AS {quoted}" if kind is Kind.TIMESTAMP else quoted

    if not files:
        empty = ", ".join(f"CAST(NULL AS {DUCKDB_TYPES[kind]}) AS {sql_name(name)}" for name, kind in columns.items())
        return f"(SELECT {empty} WHERE false)"
    paths = ", ".join(sql_text(re.sub(r"([*?\[])", r"[\1]", file)) for file in files)
    selected = ", ".join(expression(name, kind) for name, kind in columns.items())
    condition = f" WHERE {where}" if where else ""
    options = f"hive_partitioning = false, union_by_name = {str(evolving).lower()}"
    return f"(SELECT {selected} FROM read_parquet([{paths}], {options}){condition})"


def persist(folder: Path, before: int | None, after: int) -> None:
    """Have on the disk what the versions after ``before`` brought, so that a commit record never outlives its data."""
    known = set(files_of(folder, before)) if before is not None else set()
    new = [Path(file) for file in files_of(folder, after) if file not in known]
    first = 0 if before is None else before + 1
    entries = [_entry(folder, version) for version in range(first, after + 1)]
    flush([*new, *entries, folder / "_delta_log", folder, folder.parent])


def undo(folder: Path, version: int) -> None:
    """Return a table to a committed version if anything that came after it changed its rows."""
    # Versions have no gaps; to look for one file is cheaper than to read the table's log at every commit.
    if not _entry(folder, version + 1).exists():
        return
    latest = version_of(folder)
    if latest != version and set(files_of(folder, latest)) != set(files_of(folder, version)):
        DeltaTable(str(folder)).restore(version, post_commithook_properties=_KEEP_LOG)


def remove(folder: Path) -> None:
    """Remove a table that was never committed. It loses its name first, so that no half of it can be met again."""
    doomed = folder.with_name(f".removed-{uuid.uuid4().hex}")
    folder.rename(doomed)
    shutil.rmtree(doomed)


def compact(folder: Path, version: int) -> None:
    """Merge the small files of a table."""
    if len(files_of(folder, version)) > 1:
        DeltaTable(str(folder)).optimize.compact(
            target_size=_MERGED_BYTES, writer_properties=_WRITER, post_commithook_properties=_KEEP_LOG
        )


def vacuum(folder: Path, retention_hours: float) -> None:
    """Delete files that the newest version does not need, if they were dropped or left behind before the last hours."""
    DeltaTable(str(folder)).vacuum(
        math.ceil(retention_hours),
        dry_run=False,
        enforce_retention_duration=False,
        full=True,
        post_commithook_properties=_KEEP_LOG,
    )
