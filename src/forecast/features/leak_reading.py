"""Reads from the histories what the leak hunter judges: the cases, and their columns' codes by slot and change."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.features.attributes import FIELDS
from forecast.features.cases import EVENT, EVENT_AT
from forecast.features.columns import quoted
from forecast.features.leak_values import (
    CLOSING,
    FINAL,
    FIRST,
    GONE,
    HOUR_BEFORE,
    LAST_OPEN,
    LOST,
    OPEN,
    WON,
    Cases,
    Changes,
    Column,
    Ints,
    Mask,
)
from forecast.features.spine import scored_table
from forecast.history import sql_moment
from forecast.schema import TABLES

#: Kinds of rows beside the slots.
_CHANGED_OPEN, _CHANGED_AFTER, _REWRITTEN = 5, 6, 7
#: Texts of fewer cases share one code.
_RARE = 5
_FIELDS_PER_QUERY = 24
_MOMENT = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?"
#: Fields that features read though they are none of `FIELDS`.
_OTHER_FIELDS = {"opportunities": ("owner_id", "expected_close_date"), "leads": ("owner_id",)}


def read_cases(con: DuckDBPyConnection, entity: str, as_of: datetime) -> Cases:
    """The cases known before ``as_of``; registers ``_hunt_cases`` and ``_hunt_versions`` for `read_columns`."""
    table, key = scored_table(entity)
    product = "product_id" if entity == "opportunity" else "NULL"
    names = _fields(con, table)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _hunt_versions AS
        SELECT {key} AS case_id, known_from, deleted_at IS NULL AND merged_into IS NULL AS live,
            {EVENT[entity]} AS event, least({EVENT_AT[entity]}, known_from) AS event_at,
            account_id, {product} AS product_id, batch, {_values(names)} AS vals
        FROM {table} WHERE known_from < known_to AND known_from < {sql_moment(as_of)}
        """
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _hunt_replaced AS SELECT {key} AS case_id, known_from, batch, "
        f"{_values(names)} AS vals FROM {table} WHERE known_from = known_to AND known_from < {sql_moment(as_of)} "
        "QUALIFY row_number() OVER (PARTITION BY case_id, known_from ORDER BY batch, row) = 1"
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _hunt_cases AS
        WITH spans AS (
            SELECT case_id, min(known_from) FILTER (live) AS first_from, max(known_from) FILTER (live) AS last_from,
                max(known_from) FILTER (live AND event = '') AS last_open, bool_and(live) AS kept
            FROM _hunt_versions GROUP BY case_id HAVING bool_or(live)
        ), ends AS (
            SELECT case_id, min(known_from) AS closing_from, arg_max(event, known_from) AS event,
                arg_max(event_at, known_from) AS event_at
            FROM _hunt_versions JOIN spans USING (case_id)
            WHERE live AND event <> '' AND (last_open IS NULL OR known_from > last_open) GROUP BY case_id
        )
        SELECT row_number() OVER (ORDER BY case_id) - 1 AS case_no, case_id, first_from, last_from, last_open,
            closing_from, event_at, hash(case_id) % 5 AS fold,
            CASE event WHEN 'won' THEN {WON} WHEN 'lost' THEN {LOST} WHEN 'closed' THEN {GONE}
                ELSE CASE WHEN kept THEN {OPEN} ELSE {GONE} END END AS fate,
            CASE WHEN epoch_us(event_at) % 3600000000 = 0 THEN closing_from  -- a day, not a moment
                ELSE least(event_at, closing_from) END AS ended,
            last_open IS NOT NULL AND (closing_from IS NULL OR first_from < closing_from) AS seen_open
        FROM spans LEFT JOIN ends USING (case_id) ORDER BY case_id
        """
    )
    found = con.execute(
        f"""
        SELECT fate, CAST(fold AS BIGINT) AS fold, epoch_us(first_from) / 86400e6 AS first,
            epoch_us(coalesce(closing_from, {sql_moment(as_of)})) / 86400e6 AS closing,
            epoch_us(coalesce(ended, {sql_moment(as_of)})) / 86400e6 AS ended, seen_open,
            epoch_us({sql_moment(as_of)}) / 86400e6 AS cutoff
        FROM _hunt_cases ORDER BY case_no
        """
    ).fetchnumpy()
    cutoff = float(found["cutoff"][0]) if len(found["cutoff"]) else 0.0
    return Cases(
        np.asarray(found["fate"], dtype=np.int64),
        np.asarray(found["fold"], dtype=np.int64),
        np.asarray(found["first"], dtype=float),
        np.asarray(found["closing"], dtype=float),
        np.asarray(found["ended"], dtype=float),
        cutoff,
        np.asarray(found["seen_open"], dtype=bool),
    )


def read_columns(con: DuckDBPyConnection, entity: str, as_of: datetime) -> Iterator[Column]:
    """Every column of the entity, its account and its product; after `read_cases`."""
    table, _ = scored_table(entity)
    names = _fields(con, table)
    con.execute(_OWN_ROWS)
    yield from _columns(con, table, names, as_of, is_own=True)
    related = [("accounts", "account_id")] + ([("products", "product_id")] if entity == "opportunity" else [])
    for other, reference in related:
        fields = _fields(con, other)
        con.execute(_related_rows(other, reference, _values(fields), as_of))
        yield from _columns(con, other, fields, as_of, is_own=False)


#: Versions of the cases by slot, with the values before each; see the constants above.
_OWN_ROWS = f"""
    CREATE OR REPLACE TEMP TABLE _hunt_rows AS
    WITH told AS (
        SELECT c.case_no, v.known_from AS since, v.event, v.vals,
            c.first_from, c.last_from, c.last_open, c.closing_from,
            lag(v.vals) OVER w AS before,
            max(v.known_from) FILTER (v.event = '' AND v.known_from < c.ended - INTERVAL 1 HOUR)
                OVER (PARTITION BY c.case_no) AS hour_before
        FROM _hunt_cases c JOIN _hunt_versions v USING (case_id) WHERE v.live
        WINDOW w AS (PARTITION BY c.case_no ORDER BY v.known_from)
    )
    SELECT case_no, unnest(list_filter([
            CASE WHEN event = '' AND since = first_from THEN {FIRST} END,
            CASE WHEN since = hour_before THEN {HOUR_BEFORE} END,
            CASE WHEN since = last_open THEN {LAST_OPEN} END,
            CASE WHEN since = closing_from THEN {CLOSING} END,
            CASE WHEN since = last_from AND since >= closing_from THEN {FINAL} END,
            CASE WHEN since > first_from AND event = '' THEN {_CHANGED_OPEN} END,
            CASE WHEN since > first_from AND since >= closing_from THEN {_CHANGED_AFTER} END
        ], lambda slot: slot IS NOT NULL)) AS slot, since, vals, before
    FROM told
    UNION ALL
    SELECT c.case_no, {_REWRITTEN}, v.known_from, v.vals, o.vals
    FROM _hunt_cases c JOIN _hunt_versions v USING (case_id) JOIN _hunt_replaced o
        ON o.case_id = v.case_id AND o.known_from = v.known_from AND o.batch < v.batch
    WHERE v.live AND v.event = ''
"""


def _related_rows(table: str, reference: str, values: str, as_of: datetime) -> str:
    """The account's or product's values at the case's creation, before its closing, and as known last."""
    key = TABLES[table].key[0]
    return f"""
        CREATE OR REPLACE TEMP TABLE _hunt_rows AS
        WITH other AS (
            SELECT {key} AS id, known_from, {values} AS vals FROM {table}
            WHERE known_from < known_to AND known_from < {sql_moment(as_of)}
        ), own AS (
            SELECT c.*, arg_min(v.{reference}, v.known_from) FILTER (v.{reference} IS NOT NULL) AS id
            FROM _hunt_cases c JOIN _hunt_versions v USING (case_id) WHERE v.live GROUP BY ALL
        ), moments AS (
            SELECT case_no, id, {FIRST} AS slot, first_from AS since FROM own WHERE seen_open
            UNION ALL SELECT case_no, id, {LAST_OPEN}, coalesce(closing_from, {sql_moment(as_of)})
                - INTERVAL 1 MICROSECOND FROM own WHERE seen_open
            UNION ALL SELECT case_no, id, {FINAL}, {sql_moment(as_of)} FROM own WHERE closing_from IS NOT NULL
        )
        SELECT m.case_no, m.slot, m.since, o.vals, CAST(NULL AS VARCHAR[]) AS before
        FROM moments m ASOF JOIN other o ON o.id = m.id AND m.since >= o.known_from
    """


def _fields(con: DuckDBPyConnection, table: str) -> list[tuple[str, bool]]:
    """(name, whether it is an attribute) of every column judged, in a fixed order."""
    own = [name for name in (*FIELDS[table], *_OTHER_FIELDS.get(table, ())) if name != "created_at"]
    found = con.execute("SELECT name FROM attribute_catalogue WHERE table_name = ? ORDER BY name", [table]).fetchall()
    return [(name, False) for name in own] + [(row[0], True) for row in found]


def _values(fields: list[tuple[str, bool]]) -> str:
    """SQL of the list of all values of a version as text; empty text is missing."""
    own = ", ".join(f"nullif(CAST(\"{name}\" AS VARCHAR), '')" for name, is_attribute in fields if not is_attribute)
    pointers = ", ".join(
        quoted("/" + name.replace("~", "~0").replace("/", "~1")) for name, is_attribute in fields if is_attribute
    )
    if not pointers:
        return f"[{own}]"
    given = f"json_extract_string(coalesce(attributes, '{{}}'), [{pointers}])"
    return f"[{own}] || {given}" if own else given


def _columns(
    con: DuckDBPyConnection, table: str, fields: list[tuple[str, bool]], as_of: datetime, *, is_own: bool
) -> Iterator[Column]:
    (n_cases,) = con.execute("SELECT count(*) FROM _hunt_cases").fetchall()[0]
    for low in range(0, len(fields), _FIELDS_PER_QUERY):
        part = fields[low : low + _FIELDS_PER_QUERY]
        rows = con.execute(_coded(low + 1, low + len(part), as_of)).fetchnumpy()
        field = np.asarray(rows["field"], dtype=np.int64)
        order = np.argsort(field, kind="stable")
        bounds = np.searchsorted(field[order], np.arange(len(part) + 1))
        given = {name: np.asarray(np.ma.getdata(values))[order] for name, values in rows.items()}
        for place, (name, is_attribute) in enumerate(part):
            here = slice(bounds[place], bounds[place + 1])
            found = _states({key: values[here] for key, values in given.items()}, n_cases)
            yield Column(table, name, is_attribute, is_own, *found)


def _states(rows: dict[str, NDArray[Any]], n_cases: int) -> tuple[Ints, Changes, Mask, Mask, Mask, Mask]:
    slot, case = rows["slot"].astype(np.int64), rows["case_no"].astype(np.int64)
    codes = np.zeros((5, n_cases), dtype=np.int64)
    is_state = slot <= FINAL
    codes[slot[is_state], case[is_state]] = rows["code"][is_state]

    def marked(where: Mask) -> Mask:
        found = np.zeros(n_cases, dtype=bool)
        found[case[where]] = True
        return found

    moved = (slot == _CHANGED_OPEN) | (slot == _CHANGED_AFTER)
    changes = Changes(
        case[moved],
        rows["since"][moved].astype(float),
        rows["code"][moved].astype(np.int64),
        slot[moved] == _CHANGED_OPEN,
    )
    meets, outlasts = (marked((slot == FIRST) & rows[name].astype(bool)) for name in ("meets", "outlasts"))
    return codes, changes, meets, outlasts, marked(rows["ahead"].astype(bool)), marked(slot == _REWRITTEN)


def _coded(first: int, last: int, as_of: datetime) -> str:
    """SQL of the coded values of the fields with those places (from 1) in the lists of ``_hunt_rows``."""
    return f"""
        WITH long AS (
            SELECT case_no, slot, since, unnest(vals[{first}:{last}]) AS value,
                unnest(before[{first}:{last}]) AS before, generate_subscripts(vals[{first}:{last}], 1) - 1 AS field
            FROM _hunt_rows
        ), kept AS (
            SELECT * EXCLUDE (before) FROM long
            WHERE slot <= {FINAL} AND value IS NOT NULL OR slot > {FINAL} AND value IS DISTINCT FROM before
        ), kinds AS (
            SELECT field, bool_and(isfinite(TRY_CAST(value AS DOUBLE)) IS TRUE) AS is_number,
                bool_and(regexp_full_match(value, '{_MOMENT}') AND TRY_CAST(value AS TIMESTAMPTZ) IS NOT NULL)
                    AS is_moment
            FROM kept WHERE value IS NOT NULL GROUP BY field
        ), texts AS (
            SELECT field, value, count(DISTINCT case_no) AS n_cases FROM kept JOIN kinds USING (field)
            WHERE value IS NOT NULL AND NOT is_number AND NOT is_moment GROUP BY ALL
        ), ranked AS (
            SELECT field, value, CASE WHEN n_cases < {_RARE} THEN 1
                ELSE 1 + dense_rank() OVER (PARTITION BY field, n_cases < {_RARE} ORDER BY value) END AS code
            FROM texts
        ), read AS (
            SELECT k.*, coalesce(is_moment, false) AS is_moment, CASE
                WHEN is_number THEN TRY_CAST(value AS DOUBLE)
                WHEN is_moment THEN (epoch_us(TRY_CAST(value AS TIMESTAMPTZ)) - epoch_us(since)) / 86400e6
                END AS measure
            FROM kept k LEFT JOIN kinds USING (field)
        )
        SELECT r.case_no, r.slot, r.field, epoch_us(r.since) / 86400e6 AS since,
            CAST(CASE WHEN r.value IS NULL THEN 0 WHEN r.measure IS NULL THEN t.code
                ELSE 2 + floor(16 * percent_rank() OVER (PARTITION BY r.field, r.measure IS NULL ORDER BY r.measure))
                END AS BIGINT) AS code,
            coalesce(r.is_moment AND r.since < c.closing_from - INTERVAL 3 DAY AND least(
                abs(r.measure - (epoch_us(c.closing_from) - epoch_us(r.since)) / 86400e6),
                abs(r.measure - (epoch_us(c.event_at) - epoch_us(r.since)) / 86400e6),
                1440 * abs(r.measure - (epoch_us(c.last_from) - epoch_us(r.since)) / 86400e6)) < 1, false) AS meets,
            coalesce(r.is_moment AND r.since < c.closing_from - INTERVAL 3 DAY
                AND epoch_us(TRY_CAST(r.value AS TIMESTAMPTZ)) >= epoch_us(least(c.event_at, c.closing_from)), false)
                AS outlasts,
            coalesce(r.is_moment AND epoch_us(TRY_CAST(r.value AS TIMESTAMPTZ)) > epoch_us({sql_moment(as_of)}), false)
                AS ahead
        FROM read r JOIN _hunt_cases c USING (case_no)
        LEFT JOIN ranked t ON t.field = r.field AND t.value = r.value
    """
