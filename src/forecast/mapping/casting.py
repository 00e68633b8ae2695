"""From whatever type a source column has to canonical kinds, as SQL over whole columns.

Each function returns a DuckDB expression; NULL means "missing", or, where `as_text` is not NULL, "cannot be read".
"""

from zoneinfo import ZoneInfo

from forecast.schema import DUCKDB_TYPES, Kind

_DAY = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_OFFSET = r" ?(Z|z|[+-]\d{2}(:?\d{2})?)"
_LOCAL_MOMENT = f"{_DAY}({_TIME})?"
_ZONED_MOMENT = f"{_DAY}{_TIME}{_OFFSET}"
_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
_WHOLE = r"[+-]?\d+(\.0*)?"
_FAMILIES = {
    "VARCHAR": "text",
    "JSON": "text",
    "DATE": "day",
    "DOUBLE": "float",
    "FLOAT": "float",
    "BOOLEAN": "boolean",
}
#: Integers above this do not survive a detour through DOUBLE.
_EXACT = "1e15"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | None) -> str:
    """A quoted SQL text, or NULL."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def as_text(column: str, duckdb_type: str) -> str:
    """The value as text, verbatim; blank text and NaN are missing; a whole float reads as the integer it is."""
    name = identifier(column)
    match family(duckdb_type):
        case "text":
            return f"CASE WHEN trim({name}) <> '' THEN {name} END"
        case "float":
            return (
                f"CASE WHEN isnan({name}) THEN NULL "
                f"WHEN {name} = trunc({name}) AND abs({name}) < {_EXACT} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) "
                f"ELSE CAST({name} AS VARCHAR) END"
            )
        case "zoned":
            return f"CAST(make_timestamp(epoch_us({name})) AS VARCHAR) || '+00'"
        case "nested":
            return f"CAST(to_json({name}) AS VARCHAR)"
        case _:
            return f"CAST({name} AS VARCHAR)"


def as_kind(column: str, duckdb_type: str, kind: Kind, zone: ZoneInfo) -> str:
    """The value as a canonical kind; moments without an offset are read in ``zone`` and come out as plain UTC."""
    text = as_text(column, duckdb_type)
    if kind is Kind.TEXT:
        return text
    if family(duckdb_type) == "text":
        text = f"nullif(trim({identifier(column)}), '')"
    match kind:
        case Kind.TIMESTAMP:
            return _moment(column, duckdb_type, text, zone)
        case Kind.DATE:
            return _day(column, duckdb_type, text, zone)
        case Kind.INTEGER:
            return f"CASE WHEN regexp_full_match({text}, '{_WHOLE}') THEN TRY_CAST({text} AS BIGINT) END"
    target = DUCKDB_TYPES[kind]
    if family(duckdb_type) == "number":
        return f"TRY_CAST({identifier(column)} AS {target})"
    if family(duckdb_type) == "float":
        return f"CASE WHEN isfinite({identifier(column)}) THEN TRY_CAST({identifier(column)} AS {target}) END"
    return f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN {_finite(f'TRY_CAST({text} AS {target})', kind)} END"


def to_utc(moment: str, zone: ZoneInfo) -> str:
    """A plain TIMESTAMP in ``zone`` as a plain TIMESTAMP in UTC."""
    if zone.key in ("UTC", "Etc/UTC"):
        return moment
    return f"make_timestamp(epoch_us(({moment}) AT TIME ZONE {literal(zone.key)}))"


def _finite(expression: str, kind: Kind) -> str:
    return f"CASE WHEN isfinite({expression}) THEN {expression} END" if kind is Kind.NUMBER else expression


def _moment(column: str, duckdb_type: str, text: str, zone: ZoneInfo) -> str:
    came = family(duckdb_type)
    if came == "zoned":
        return f"make_timestamp(epoch_us({identifier(column)}))"
    if came in ("moment", "day"):
        return to_utc(f"CAST({identifier(column)} AS TIMESTAMP)", zone)
    return (
        f"CASE WHEN regexp_full_match({text}, '{_LOCAL_MOMENT}') THEN {to_utc(f'TRY_CAST({text} AS TIMESTAMP)', zone)} "
        f"WHEN regexp_full_match({text}, '{_ZONED_MOMENT}') "
        f"THEN make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ))) END"
    )


def _day(column: str, duckdb_type: str, text: str, zone: ZoneInfo) -> str:
    came = family(duckdb_type)
    if came in ("moment", "day"):
        return f"CAST({identifier(column)} AS DATE)"
    local = f"CAST(({{}}) AT TIME ZONE {literal(zone.key)} AS DATE)"
    if came == "zoned":
        return local.format(identifier(column))
    return (
        f"CASE WHEN regexp_full_match({text}, '{_LOCAL_MOMENT}') THEN TRY_CAST(left({text}, 10) AS DATE) "
        f"WHEN regexp_full_match({text}, '{_ZONED_MOMENT}') THEN {local.format(f'TRY_CAST({text} AS TIMESTAMPTZ)')} END"
    )


def family(duckdb_type: str) -> str:
    """Family of a DuckDB type name as ``DESCRIBE`` gives it.

    One of text, number, float, boolean, moment, zoned, day, nested, other.
    """
    name = duckdb_type.upper()
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "UNION")):
        return "nested"
    if name == "TIMESTAMP WITH TIME ZONE" or name.startswith("TIMESTAMPTZ"):
        return "zoned"
    if name.startswith("TIMESTAMP"):
        return "moment"
    if name.startswith("DECIMAL") or name.endswith("INT") or name in ("INTEGER", "UINTEGER"):
        return "number"
    return _FAMILIES.get(name, "other")
