"""Reads what a mapping names as inputs into DuckDB: csv, parquet, xlsx, jsonl, and the result of a query to a database.

Text files are read as text throughout: an id such as ``007`` stays what it is, and kinds are found by all of a
column's values (`forecast.mapping.casting`), not by a sample.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import openpyxl
import pyarrow as pa
from duckdb import DuckDBPyConnection
from openpyxl.utils.exceptions import InvalidFileException
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from forecast.adapters.encodings import as_utf8, detect_encoding
from forecast.errors import DataUnavailable, InvalidInput
from forecast.mapping.casting import identifier, literal
from forecast.mapping.queries import first_line
from forecast.mapping.spec import Input, MappingSpec, parse_mapping
from forecast.usecases.map_file import EXPORT, map_file

_ROWS_PER_CHUNK = 50_000
_SEPARATORS = (",", ";", "\t", "|")
_MAX_LINE = 64 << 20  # bytes; ten thousand columns of long text still fit


def load_mapping(path: Path) -> MappingSpec:
    """Read and check a mapping file.

    Raises
    ------
    InvalidInput
        If it cannot be read or breaks a rule.
    """
    try:
        return parse_mapping(Path(path).read_text(encoding="utf-8-sig"), Path(path).name)
    except FileNotFoundError:
        raise InvalidInput(f"There is no mapping file {path}; draft one with `forecast map FILE`.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8; save the mapping file as UTF-8.") from None
    except OSError as error:
        raise InvalidInput(f"The mapping file {path} cannot be read: {error.strerror}.") from None


def draft_mapping(file: Path, folder: Path | None = None, *, timezone: str = "UTC", currency: str = "EUR") -> str:
    """YAML of a first mapping for a csv, parquet, xlsx or jsonl file; see `forecast.usecases.map_file`.

    Parameters
    ----------
    file : path
    folder : path, optional
        Where the mapping will lie: it names the file from there. Default beside the file.
    timezone, currency : str
        Of times and amounts that name none.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or looks like no canonical table.
    """
    path = Path(file)
    name = re.sub(r"\W+", "-", path.stem).strip("-").lower() or "export"
    spec = MappingSpec(path.name, name, {EXPORT: Input(EXPORT, file=path.name)}, {})
    named = path.name if folder is None else Path(os.path.relpath(path, folder)).as_posix()
    return map_file(
        named, name, lambda con: register_inputs(con, spec, path.parent), timezone=timezone, currency=currency
    )


def register_inputs(con: DuckDBPyConnection, spec: MappingSpec, folder: Path) -> list[str]:
    """Make each input of a mapping a relation of its name.

    Parameters
    ----------
    con : DuckDB connection
        Parquet stays where it is and is read by the queries; exactly those files are allowed once the connection is
        locked. Everything else is read now.
    spec : MappingSpec
    folder : Path
        What file names are relative to.

    Returns
    -------
    list of str
        Warnings, such as an encoding that was found out.

    Raises
    ------
    InvalidInput
        If a file is missing, empty, cut off or not what its name says; names the input and the file.
    DataUnavailable
        If a database does not answer.
    """
    warnings: list[str] = []
    allowed: list[str] = []
    for given in spec.inputs.values():
        place = f"{spec.name}: inputs.{given.name}"
        if given.file is None:
            _read_database(con, given, place)
            continue
        files = _files(given.file, folder, place)
        read = _READERS.get(files[0].suffix.lower())
        if read is None:
            raise InvalidInput(f"{place}: {files[0].name} is none of {', '.join(_READERS)}; export it as one of these.")
        odd = [file.name for file in files if file.suffix.lower() != files[0].suffix.lower()]
        if odd:
            raise InvalidInput(f"{place}: {given.file} matches files of several formats ({odd[0]}); name them apart.")
        try:
            warnings += [f"{place}: {warning}" for warning in read(con, given, files)]
        except InvalidInput as error:
            raise InvalidInput(f"{place}: {error}") from None
        except (duckdb.Error, OSError) as error:
            raise InvalidInput(f"{place}: {files[0].name} cannot be read: {first_line(error)}") from None
        allowed += [str(file) for file in files]
    con.execute(f"SET allowed_paths = [{', '.join(map(literal, allowed))}]")
    return warnings


def _files(pattern: str, folder: Path, place: str) -> list[Path]:
    """Files of an input in the order of their names; none is empty."""
    whole = Path(pattern) if Path(pattern).is_absolute() else Path(folder) / pattern
    if whole.is_file():
        files = [whole]
    else:
        root = Path(whole.anchor) if whole.is_absolute() else Path()
        files = sorted(file for file in root.glob(str(whole.relative_to(root))) if file.is_file())
    if not files:
        raise InvalidInput(f"{place}: there is no file {whole}; correct `file:` or name the folder with --data.")
    for file in files:
        if file.stat().st_size == 0:
            raise InvalidInput(f"{place}: {file.name} is empty (0 bytes); export it again.")
    return [file.resolve() for file in files]


def _read_text_tables(con: DuckDBPyConnection, given: Input, files: Sequence[Path]) -> list[str]:
    """CSV: every column as text; several files are one table, matched by the names of their columns."""
    with TemporaryDirectory(prefix="forecast-") as scratch:
        readable, warnings = _decoded(given, files, Path(scratch))
        parts = [
            f"SELECT * FROM read_csv({literal(_no_glob(file))}, header = true, auto_detect = false, "
            f"columns = {_columns(con, file, separator)}, delim = {literal(separator)}, quote = '\"', escape = '\"', "
            f"max_line_size = {_MAX_LINE})"
            for file in readable
            for separator in [_separator(file)]
        ]
        con.execute(f"CREATE TABLE {identifier(given.name)} AS {' UNION ALL BY NAME '.join(parts)}")
    return warnings


def _separator(file: Path) -> str:
    """The one of ``, ; tab |`` that the header has most of; guessing by rows would take a broken file for another."""
    with file.open(encoding="utf-8-sig") as stream:
        header = stream.readline()
    return max(_SEPARATORS, key=header.count)


def _columns(con: DuckDBPyConnection, file: Path, separator: str) -> str:
    """The columns that the header names, all of text, as DuckDB wants them."""
    rows = con.execute(
        f"SELECT * FROM read_csv({literal(_no_glob(file))}, header = false, all_varchar = true, auto_detect = true, "
        f"delim = {literal(separator)}, quote = '\"', escape = '\"', max_line_size = {_MAX_LINE}) LIMIT 1"
    ).fetchall()
    return "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in rows[0]) + "}"


def _read_json_lines(con: DuckDBPyConnection, given: Input, files: Sequence[Path]) -> list[str]:
    with TemporaryDirectory(prefix="forecast-") as scratch:
        readable, warnings = _decoded(given, files, Path(scratch))
        con.execute(
            f"CREATE TABLE {identifier(given.name)} AS SELECT * FROM read_json("
            f"[{', '.join(literal(_no_glob(file)) for file in readable)}], format = 'newline_delimited', "
            "union_by_name = true, sample_size = -1, convert_strings_to_integers = false, dateformat = '%Y-%m-%d', "
            f"maximum_object_size = {_MAX_LINE})"
        )
    return warnings


def _decoded(given: Input, files: Sequence[Path], scratch: Path) -> tuple[list[Path], list[str]]:
    """The files, or copies of them, in UTF-8; and what there is to say of their encodings."""
    readable, warnings = [], []
    for place, file in enumerate(files):
        encoding = given.encoding or detect_encoding(file)
        if not given.encoding and not encoding.startswith("utf"):
            warnings.append(f"{file.name} is not UTF-8 and was read as {encoding}; say `encoding:` if that is wrong.")
        readable.append(as_utf8(file, encoding, scratch / f"{place:05d}{file.suffix}"))
    return readable, warnings


def _read_parquet(con: DuckDBPyConnection, given: Input, files: Sequence[Path]) -> list[str]:
    paths = ", ".join(literal(_no_glob(file)) for file in files)
    relation = f"read_parquet([{paths}], union_by_name = {str(len(files) > 1).lower()})"
    described = con.execute(f"DESCRIBE FROM {relation}").fetchall()
    # Zoned times in nanoseconds, as pandas writes them: the database has hardly any function that takes them.
    replaced = ", ".join(
        f"CAST({identifier(name)} AS TIMESTAMPTZ) AS {identifier(name)}"
        for name, duckdb_type, *_ in described
        if duckdb_type == "TIMESTAMPTZ_NS"
    )
    columns = f"* REPLACE ({replaced})" if replaced else "*"
    con.execute(f"CREATE VIEW {identifier(given.name)} AS SELECT {columns} FROM {relation}")
    return []


def _read_workbook(con: DuckDBPyConnection, given: Input, files: Sequence[Path]) -> list[str]:
    """One sheet of each workbook; the first row holds the names of the columns."""
    tables = []
    for file in files:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except (InvalidFileException, OSError, KeyError, ValueError) as error:
            raise InvalidInput(f"{file.name} is no xlsx workbook: {first_line(error)} Export it again.") from None
        except Exception as error:  # zipfile and the XML parser raise their own
            raise InvalidInput(
                f"{file.name} is damaged or no xlsx workbook: {first_line(error)} Export it again."
            ) from None
        with closing(book):
            if given.sheet is not None and given.sheet not in book.sheetnames:
                raise InvalidInput(f"{file.name} has no sheet {given.sheet!r}; it has {', '.join(book.sheetnames)}.")
            sheet = book[given.sheet] if given.sheet is not None else book.worksheets[0]
            tables.append(_sheet(file.name, sheet.iter_rows(values_only=True)))
    con.register(given.name, _joined(tables))
    return []


def _sheet(name: str, rows: Iterator[tuple[object, ...]]) -> pa.Table:
    header = next(rows, ())
    names = [str(cell).strip() if cell is not None else "" for cell in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise InvalidInput(f"{name} has no header row; its first row must name the columns.")
    if "" in names or len(set(names)) < len(names):
        wrong = next((name for name in names if names.count(name) > 1), "")
        raise InvalidInput(
            f"{name}: the column name {wrong!r} is empty or comes twice in the first row; name each once."
        )
    cells = [row[: len(names)] for row in rows if any(cell is not None for cell in row)]
    return _chunk(names, zip(*cells, strict=True) if cells else [()] * len(names))


def _chunk(names: Sequence[str], columns: Iterable[Iterable[object]]) -> pa.Table:
    """Python values, column by column, as an Arrow table."""
    return pa.table({name: _array(list(values)) for name, values in zip(names, columns, strict=True)})


def _array(values: list[object]) -> pa.Array:
    """A column of Python values: of their common type, or of text when they have none."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {datetime}:
        aware = {value.tzinfo is not None for value in values if isinstance(value, datetime)}
        if len(aware) < 2:
            return pa.array(values, pa.timestamp("us", tz="UTC" if True in aware else None))
    if kinds in ({int}, {bool}, {date}, {str}):
        return pa.array(values)
    if kinds <= {int, float} and kinds:
        return pa.array([None if value is None else float(value) for value in values])  # type: ignore[arg-type]
    if kinds == {Decimal}:
        return pa.array([None if value is None or value.is_nan() else value for value in values])  # type: ignore[attr-defined]
    return pa.array([None if value is None else _written(value) for value in values], pa.string())


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of several; a column that has different types in them becomes text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        names = list(dict.fromkeys(name for table in tables for name in table.column_names))
        texts = [pa.table({name: table[name].cast(pa.string()) for name in table.column_names}) for table in tables]
        mixed = {name for name in names if len({table.schema.field(name).type for table in tables}) > 1}
        kept = [
            pa.table({name: (text if name in mixed else table)[name] for name in table.column_names})
            for table, text in zip(tables, texts, strict=True)
        ]
        return pa.concat_tables(kept, promote_options="permissive")


def _written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime() | date() | time():
            return value.isoformat()
        case float() if value.is_integer():
            return str(int(value))
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        case bytes() | memoryview():
            return bytes(value).decode("utf-8", errors="replace")
    return str(value)


_Reader = Callable[[DuckDBPyConnection, Input, Sequence[Path]], list[str]]
_READERS: dict[str, _Reader] = {
    ".csv": _read_text_tables,
    ".tsv": _read_text_tables,
    ".parquet": _read_parquet,
    ".xlsx": _read_workbook,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}


def _no_glob(file: Path) -> str:
    """The path as DuckDB must be told it, so that brackets and stars in it are taken as they are."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(file))


def _read_database(con: DuckDBPyConnection, given: Input, place: str) -> None:
    """The result of a query, streamed in chunks from a cursor of the database."""
    url = given.url or os.environ.get(given.url_env or "", "")
    if not url:
        raise InvalidInput(f"{place}: the environment variable {given.url_env} is not set; give it the database's URL.")
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InvalidInput(f"{place}: the database URL cannot be used: {first_line(error)}") from None
    try:
        with engine.connect().execution_options(stream_results=True, yield_per=_ROWS_PER_CHUNK) as connection:
            try:
                result = connection.execute(text(given.query or ""))
            except SQLAlchemyError as error:
                if getattr(error, "connection_invalidated", False):
                    raise
                raise InvalidInput(
                    f"{place}: the query failed: {first_line(getattr(error, 'orig', error) or error)}"
                ) from None
            columns = list(result.keys())
            chunks = [_chunk(columns, zip(*rows, strict=True)) for rows in result.partitions()]
    except SQLAlchemyError as error:
        raise DataUnavailable(
            f"{place}: the database does not answer: {first_line(getattr(error, 'orig', error) or error)}"
        ) from None
    finally:
        engine.dispose()
    con.register(given.name, _joined(chunks or [_chunk(columns, [()] * len(columns))]))
