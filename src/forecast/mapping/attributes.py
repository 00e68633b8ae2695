"""Columns beyond a canonical table's own: typed by all of their values, kept as one JSON object with sorted keys."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from duckdb import DuckDBPyConnection

from forecast.mapping.casting import as_kind, as_text, family, identifier, literal
from forecast.mapping.queries import one_row
from forecast.schema import Kind

#: A number that means the same as its text: no leading zeros or plus sign (those are ids and telephone numbers),
#: few enough digits to be exact.
_PLAIN_NUMBER = r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?([eE][+-]?\d{1,2})?"
_TYPE_OF_FAMILY = {
    "number": "number",
    "float": "number",
    "boolean": "boolean",
    "moment": "timestamp",
    "zoned": "timestamp",
    "day": "timestamp",
}
#: How text is read as each type: an inexact reading that is cheap, and the one that decides (empty: `as_kind`).
_READINGS = {
    "number": (
        "TRY_CAST({name} AS DOUBLE)",
        "CASE WHEN regexp_full_match(trim({name}), '" + _PLAIN_NUMBER + "') THEN 1 END",
    ),
    "boolean": ("TRY_CAST({name} AS BOOLEAN)", "CASE WHEN lower(trim({name})) IN ('true', 'false') THEN 1 END"),
    "timestamp": ("TRY_CAST({name} AS TIMESTAMP)", ""),
}
#: Columns examined by one query; wide tables take several.
_COLUMNS_PER_QUERY = 1000


def infer_types(
    con: DuckDBPyConnection, relation: str, columns: Mapping[str, str], zone: ZoneInfo
) -> dict[str, str | None]:
    """Type of each attribute: text, number, boolean or timestamp; None when it has no value at all.

    Parameters
    ----------
    con : DuckDB connection
    relation : str
        Table expression that holds the columns.
    columns : mapping of column name to DuckDB type
    zone : ZoneInfo
        Of moments without an offset.
    """
    filled = _counts(con, relation, {name: as_text(name, type_) for name, type_ in columns.items()})
    types: dict[str, str | None] = {
        name: _TYPE_OF_FAMILY.get(family(type_), "text") if filled[name] else None for name, type_ in columns.items()
    }
    undecided = [name for name, type_ in columns.items() if filled[name] and family(type_) == "text"]
    for type_, (cheap, exact) in _READINGS.items():
        fitting = undecided
        for reading in (cheap, exact):  # the exact one costs more; few columns come that far
            values = {name: _read(reading, name, zone) for name in fitting}
            counts = _counts(con, relation, values)
            fitting = [name for name in fitting if counts[name] == filled[name]]
        types |= dict.fromkeys(fitting, type_)
        undecided = [name for name in undecided if types[name] != type_]
    return types


def _read(reading: str, name: str, zone: ZoneInfo) -> str:
    """SQL of a text column read as a type, NULL where it cannot be."""
    return reading.replace("{name}", identifier(name)) if reading else as_kind(name, "VARCHAR", Kind.TIMESTAMP, zone)


def _counts(con: DuckDBPyConnection, relation: str, values: Mapping[str, str]) -> dict[str, int]:
    """How many rows have each value."""
    names = list(values)
    counts: dict[str, int] = {}
    for start in range(0, len(names), _COLUMNS_PER_QUERY):
        part = names[start : start + _COLUMNS_PER_QUERY]
        row = one_row(con, f"SELECT {', '.join(f'count({values[name]})' for name in part)} FROM {relation}")
        counts |= dict(zip(part, row, strict=True))
    return counts


def widen(known: Mapping[str, str], inferred: Mapping[str, str | None]) -> dict[str, str]:
    """Types after new values: what was known stays unless the new values do not fit it; then it is text."""
    found = {name: type_ for name, type_ in inferred.items() if type_ is not None}
    return {name: type_ if known.get(name, type_) == type_ else "text" for name, type_ in found.items()}


def as_json(columns: Mapping[str, str], types: Mapping[str, str], zone: ZoneInfo) -> str:
    """SQL of the JSON object of a row's attributes; missing values have no key; NULL when nothing is left.

    Parameters
    ----------
    columns : mapping of column name to DuckDB type
    types : mapping of column name to attribute type
        Columns without a type have no value and are left out.
    zone : ZoneInfo
        Of moments without an offset.
    """
    return _object({name: _value(name, columns[name], types[name], zone) for name in columns if name in types})


def keep(json: str, keys: Sequence[str]) -> str:
    """SQL of the JSON object in ``json`` with only some of its keys."""
    return _object({key: _extract(json, key) for key in keys})


def merged(new: str, new_keys: Sequence[str], old: str, old_keys: Sequence[str]) -> str:
    """SQL of the JSON object with some keys of one object and other keys of another."""
    if not old_keys:
        return new
    return _object({key: _extract(new, key) for key in new_keys} | {key: _extract(old, key) for key in old_keys})


def comparable(json: str) -> str:
    """SQL of text that differs when attributes do, but not when only their type became another: 5 and "5"."""
    return f"replace({json}, '\"', '')"


def without(json: str, keys: Sequence[str]) -> str:
    """SQL of the JSON object in ``json`` less some keys; for comparing what is not volatile."""
    if not keys:
        return json
    patch = "json_object(" + ", ".join(f"{literal(key)}, NULL" for key in sorted(keys)) + ")"
    return f"nullif(CAST(json_merge_patch({json}, {patch}) AS VARCHAR), '{{}}')"


def _object(values: Mapping[str, str]) -> str:
    """SQL of a JSON object with sorted keys, without those whose value is missing; NULL when none is left."""
    if not values:
        return "CAST(NULL AS VARCHAR)"
    pairs = ", ".join(f"{literal(name)}, {values[name]}" for name in sorted(values))
    return f"nullif(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), '{{}}')"


def _extract(json: str, key: str) -> str:
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    return f"json_extract({json}, {literal(pointer)})"


def _value(name: str, duckdb_type: str, type_: str, zone: ZoneInfo) -> str:
    match type_:
        case "number":
            # Text that is typed as a number holds plain numbers only. A whole one is kept without a point, so that it
            # reads as it was written should the attribute become text one day.
            plain = family(duckdb_type) == "text"
            value = (
                f"TRY_CAST({identifier(name)} AS DOUBLE)" if plain else as_kind(name, duckdb_type, Kind.NUMBER, zone)
            )
            whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
            return f"CASE WHEN {whole} THEN to_json(CAST({value} AS BIGINT)) ELSE to_json({value}) END"
        case "boolean":
            return f"TRY_CAST({identifier(name)} AS BOOLEAN)"
        case "timestamp":
            return f"CAST({as_kind(name, duckdb_type, Kind.TIMESTAMP, zone)} AS VARCHAR)"
    return as_text(name, duckdb_type)
