"""Rows of events, completed: every row gets the columns that any other of its table has.

A mapping's query has the same columns in every row; each event brings its own. What an event leaves out is taken from
the version that was in force when it became known, be it in the lake or among the events themselves.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.history import VERSION_ORDER
from forecast.mapping.casting import identifier, literal
from forecast.mapping.queries import ROW
from forecast.mapping.source import CLOCKS
from forecast.schema import DUCKDB_TYPES, TABLES, Kind
from forecast.usecases.events import KNOWN_US, Event, as_text
from forecast.usecases.ingest import Writer

#: Said to be empty, where a missing value means that nothing was said.
_EMPTY: Final[Any] = object()


def rows_of(table: str, events: Mapping[int, Event], writer: Writer) -> pa.Table:
    """Rows of events of one table as texts, each numbered by the place of its event, with ``recorded_at``.

    Parameters
    ----------
    table : str
        Canonical table.
    events : mapping of place to Event
    writer : Writer
        Of the lake that they go to.
    """
    given, keys = _given(table, events, writer), list(TABLES[table].key)
    names = [str(name) for name in given if name not in (ROW, KNOWN_US, *keys)]
    before = _before(writer, table, given[keys], names)
    versions = pd.concat([before, given], ignore_index=True).sort_values([*keys, KNOWN_US], kind="stable")
    # Stored versions come first at their moment, events in the order in which they arrived.
    versions[names] = versions.groupby(keys, sort=False)[names].ffill()
    rows = versions[versions[ROW].notna()].sort_values(ROW)
    moments = [events[int(place)].known_at.isoformat() for place in rows[ROW]]
    columns = {name: pa.array(_texts(rows[name]), pa.string()) for name in (*keys, *names)}
    return pa.table({ROW: pa.array(rows[ROW], pa.int64()), "recorded_at": pa.array(moments), **columns})


def _given(table: str, events: Mapping[int, Event], writer: Writer) -> pd.DataFrame:
    """What the events say: the key as text in the form of storage, other columns with `_EMPTY` for null."""
    spelled = _Spelling(table, writer.attribute_types(table))
    said = [{spelled(name): as_text(value) for name, value in event.row.items()} for event in events.values()]
    # A required column is asked of every new id; the mapping's default would replace a currency that is only left out.
    always = [column.name for column in TABLES[table].columns if column.required or column.name == "currency"]
    names = dict.fromkeys([*always, *(name for row in said for name in row)])
    marked = [{name: _EMPTY if value is None else value for name, value in row.items()} for row in said]
    frame = pd.DataFrame(marked, columns=list(names), dtype=object)
    frame[ROW] = list(events)
    frame[KNOWN_US] = [int(pd.Timestamp(event.known_at).value // 1000) for event in events.values()]
    return _with_stored_keys(writer.con, table, frame)


class _Spelling:
    """One spelling per name: the schema's, the catalogue's, or the first that came; a database tells no case apart."""

    def __init__(self, table: str, attributes: Iterable[str]) -> None:
        self._names = {name.lower(): name for name in (*attributes, *TABLES[table].by_name, *CLOCKS)}

    def __call__(self, name: str) -> str:
        return self._names.setdefault(name.lower(), name)


def _with_stored_keys(con: DuckDBPyConnection, table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with keys that are no texts written as storage writes them: line 1, not line 01."""
    typed = {name: TABLES[table].by_name[name].kind for name in TABLES[table].key}
    for name, kind in typed.items():
        if kind is not Kind.TEXT:
            con.register("_keys", pa.table({name: pa.array(frame[name], pa.string())}))
            stored = (
                f"coalesce(CAST(TRY_CAST({identifier(name)} AS {DUCKDB_TYPES[kind]}) AS VARCHAR), {identifier(name)})"
            )
            frame[name] = [row[0] for row in con.execute(f"SELECT {stored} FROM _keys").fetchall()]
            con.unregister("_keys")
    return frame


def _before(writer: Writer, table: str, keys: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Stored versions of these ids, as texts, with `KNOWN_US`; in the order in which they supersede each other."""
    con = writer.con
    con.register("_keys", pa.Table.from_pandas(keys.drop_duplicates().astype("string"), preserve_index=False))
    typed = ", ".join(
        f"TRY_CAST({identifier(name)} AS {DUCKDB_TYPES[TABLES[table].by_name[name].kind]}) AS {identifier(name)}"
        for name in TABLES[table].key
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE _asked AS SELECT {typed} FROM _keys")
    con.unregister("_keys")
    writer.create_stored_of("_asked", table, "_before")
    columns = ", ".join(f"{_stored_text(table, name)} AS {identifier(name)}" for name in names)
    listed = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in TABLES[table].key)
    found: pd.DataFrame = con.execute(
        f"SELECT {listed}, epoch_us(recorded_at) AS {KNOWN_US}, {columns} FROM _before ORDER BY {VERSION_ORDER}"
    ).df()
    con.execute("DROP TABLE _asked; DROP TABLE _before")
    return found.astype(object).mask(found.isna(), _EMPTY)


def _stored_text(table: str, name: str) -> str:
    """SQL of a stored column or attribute as a text that reads as what is stored."""
    kind = CLOCKS.get(name) or (TABLES[table].by_name[name].kind if name in TABLES[table].by_name else None)
    if kind is None:
        return f"json_extract_string(attributes, {literal('/' + name.replace('~', '~0').replace('/', '~1'))})"
    text = f"CAST({identifier(name)} AS VARCHAR)"
    return f"{text} || '+00'" if kind is Kind.TIMESTAMP else text


def _texts(values: "pd.Series[Any]") -> list[str | None]:
    return [value if isinstance(value, str) else None for value in values]
