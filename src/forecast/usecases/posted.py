"""A posted record as a version that only one connection sees: recorded a microsecond before it is asked about."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import in_force, lay_over, naive_utc, stored_columns
from forecast.periods import parse_moment
from forecast.schema import DUCKDB_TYPES, SCORED_ENTITIES, TABLES, Column, Kind
from forecast.settings import Settings

#: Id of a record that was posted without one.
UNNAMED = "(posted)"

_BATCH = 2**62  # after every other version of the same moment


def add_posted(
    con: DuckDBPyConnection, entity: str, record: Mapping[str, Any], as_of: datetime, settings: Settings
) -> str:
    """Lay the record over the histories that this connection sees; returns its id.

    Parameters
    ----------
    con : DuckDB connection
    entity : {"lead", "opportunity"}
    record : mapping
        Columns of the canonical table; anything else becomes an attribute. Personal columns are ignored.
    as_of : datetime
        The record counts as known a microsecond before.

    Raises
    ------
    InvalidInput
        If a value does not fit its column; the message names the column and the value.
    """
    table, key = SCORED_ENTITIES[entity]
    record_id = _text(key, record.get(key)) or UNNAMED
    recorded_at = naive_utc(as_of) - timedelta(microseconds=1)
    stored = stored_columns(table)
    version = _present_version(con, table, key, record_id, as_of)
    columns = TABLES[table].by_name
    given = {name: _value(columns[name], value, settings) for name, value in record.items() if name in columns}
    attributes = {name: value for name, value in record.items() if name not in columns}
    version |= {name: value for name, value in given.items() if name in stored}
    version["attributes"] = json.dumps(json.loads(version.get("attributes") or "{}") | attributes, default=str)
    version |= {key: record_id, "recorded_at": recorded_at, "batch": _BATCH, "row": 0, "source": "posted"}
    version["created_at"] = version.get("created_at") or recorded_at
    if version["created_at"] > recorded_at:
        raise InvalidInput(f"`created_at` must be before the moment of the score, got {record['created_at']!r}.")
    _append(con, table, key, version)
    return record_id


def _present_version(con: DuckDBPyConnection, table: str, key: str, record_id: str, as_of: datetime) -> dict[str, Any]:
    """The version in force of a known id; empty for a new one."""
    names = list(stored_columns(table))
    columns = ", ".join(f'"{name}"' for name in names)
    row = con.execute(f"SELECT {columns} FROM {in_force(table, as_of)} WHERE {key} = ?", [record_id]).fetchone()
    return dict(zip(names, row, strict=True)) if row else {}


def _append(con: DuckDBPyConnection, table: str, key: str, version: Mapping[str, Any]) -> None:
    stored = stored_columns(table)
    names = ", ".join(f'"{name}"' for name in stored)
    values = ", ".join(f"CAST(? AS {DUCKDB_TYPES[kind]})" for kind in stored.values())
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _with_posted AS SELECT {names} FROM {table} WHERE {key} = ?", [version[key]]
    )
    con.execute(f"INSERT INTO _with_posted VALUES ({values})", [version.get(name) for name in stored])
    lay_over(con, table, "_with_posted", "_with_posted")


def _text(name: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise InvalidInput(f"`{name}` must be a text, got {value!r}.")


def _value(column: Column, value: Any, settings: Settings) -> Any:
    """The value in the form of its column."""
    if value is None or value == "":
        return None
    try:
        if column.kind in (Kind.NUMBER, Kind.MONEY, Kind.INTEGER):
            number = float(value)
            if not _within(column, number):
                raise ValueError
            return int(number) if column.kind is Kind.INTEGER else number
        if column.kind is Kind.TIMESTAMP:
            moment = value.isoformat() if isinstance(value, date) else str(value)
            return parse_moment(moment, settings.zone).astimezone(UTC).replace(tzinfo=None)
        if column.kind is Kind.DATE:
            return value if isinstance(value, date) else date.fromisoformat(str(value))
    except (ValueError, TypeError, InvalidInput):
        raise InvalidInput(f"`{column.name}` must be {_rule(column)}, got {value!r}.") from None
    text = _text(column.name, value)
    if column.choices and text not in column.choices:
        raise InvalidInput(f"`{column.name}` must be {_rule(column)}, got {value!r}.")
    return text


def _within(column: Column, number: float) -> bool:
    low = float("-inf") if column.minimum is None else column.minimum
    high = 1e14 if column.maximum is None else column.maximum
    return low <= number <= high


def _rule(column: Column) -> str:
    if column.choices:
        return f"one of {', '.join(column.choices)}"
    if column.kind is Kind.TIMESTAMP:
        return "a moment such as 2026-03-31T09:00:00Z"
    if column.kind is Kind.DATE:
        return "a day such as 2026-03-31"
    return "a number" + ("" if column.minimum is None else f" of at least {column.minimum:g}")
