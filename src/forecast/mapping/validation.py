"""Rules of the canonical tables, as SQL over whole tables: every rejected row gets the first rule that it breaks.

The order is: a missing key, a value that cannot be read, a missing required value, a value out of its choices or
bounds, an unknown currency, moments that contradict each other or lie in the future, an unknown reference, an id that
comes twice with different content. A reason names the column, the value, the rule and the remedy.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from babel.numbers import list_currencies
from duckdb import DuckDBPyConnection

from forecast.history import sql_moment
from forecast.mapping.attributes import as_json, without
from forecast.mapping.casting import as_kind, as_text, identifier, literal
from forecast.mapping.queries import ROW
from forecast.mapping.source import CLOCKS, Source
from forecast.mapping.spec import MappingSpec
from forecast.schema import TABLES, Column, Kind

_FAR = 80  # characters of a value that a reason shows

_UNREADABLE = {
    Kind.TIMESTAMP: (
        "is no ISO time such as 2026-03-31 or 2026-03-31T09:00:00+02:00; "
        "convert it in the query, e.g. strptime(text, '%d/%m/%Y')"
    ),
    Kind.DATE: "is no ISO date such as 2026-03-31; convert it in the query, e.g. strptime(text, '%d/%m/%Y')",
    Kind.NUMBER: "is no number; convert it in the query",
    Kind.INTEGER: "is no whole number; convert it in the query",
    Kind.MONEY: "is no amount of at most 14 digits before the point; convert it in the query",
}


def check_rows(con: DuckDBPyConnection, spec: MappingSpec, source: Source, now: datetime) -> None:
    """Type the rows and find the first rule that each breaks by itself; makes the relation ``source.checked``.

    Parameters
    ----------
    con : DuckDB connection
    spec : MappingSpec
    source : Source
    now : datetime
        Nothing that happened may lie after it.
    """
    texts, typed = _texts(source), _typed(spec, source)
    inner = ", ".join(
        [
            ROW,
            *(f"{sql} AS {_raw(name)}" for name, sql in texts.items()),
            *(f"{sql} AS {identifier(name)}" for name, sql in typed.items()),
        ]
    )
    attributes = as_json(source.attributes, source.types, spec.zone)
    reasons = "".join(f" WHEN {condition} THEN {reason}" for condition, reason in _rules(source, texts, typed, now))
    names = ", ".join(map(identifier, typed))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {source.checked} AS SELECT {ROW}, {names}, attributes, "
        f"CASE {reasons} END AS reason FROM (SELECT {inner}, {attributes} AS attributes FROM {source.relation})"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {source.rejected} AS "
        f"SELECT {ROW}, reason FROM {source.checked} WHERE reason IS NOT NULL"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {source.accepted} AS SELECT * EXCLUDE (reason) FROM {source.checked} "
        f"WHERE {ROW} NOT IN (SELECT {ROW} FROM {source.rejected})"
    )


def check_references(
    con: DuckDBPyConnection, source: Source, stored: Mapping[str, str], given: Collection[str]
) -> None:
    """Reject rows that refer to an id which neither the lake nor this input has; only where there are such ids.

    Parameters
    ----------
    con : DuckDB connection
    source : Source
    stored : mapping of canonical table to the relation of the keys of all its stored rows
    given : collection of str
        Canonical tables that this input has.
    """
    for column in source.table.columns:
        if column.references is None or column.name not in source.own:
            continue
        key = TABLES[column.references].key[0]
        known = f"SELECT {key} FROM {stored[column.references]}"
        if column.references in given:
            known += f" UNION ALL SELECT {key} FROM accepted_{column.references}"
        reason = (
            f"format('{column.name}: ''{{}}'' is not in {column.references}; bring in its row of {column.references}, "
            f"or correct the id, then ingest again', left({column.name}, {_FAR}))"
        )
        _reject(
            con, source,
            f"SELECT {ROW}, {reason} FROM {source.accepted} AS given WHERE {column.name} IS NOT NULL "
            f"AND EXISTS ({known}) AND NOT EXISTS (FROM ({known}) AS known WHERE known.{key} = given.{column.name})",
        )  # fmt: skip


def check_required_of_new(con: DuckDBPyConnection, source: Source, stored: str) -> None:
    """Reject rows of unknown ids when the query lacks a required column: there is nothing to carry it from."""
    absent = [column.name for column in source.table.columns if column.required and column.name not in source.present]
    if absent:
        keys = ", ".join(map(identifier, source.table.key))
        reason = f"{absent[0]} is missing: the query has no such column and the id is new; add it to the query"
        _reject(
            con, source,
            f"SELECT {ROW}, {literal(reason)} FROM {source.accepted} "
            f"ANTI JOIN (SELECT {keys} FROM {stored}) USING ({keys})",
        )  # fmt: skip


def check_duplicates(con: DuckDBPyConnection, source: Source, ignored: Collection[str]) -> None:
    """Reject all rows of an id that comes with different contents although its versions have no ``recorded_at``."""
    if source.recorded:
        return
    keys = ", ".join(map(identifier, source.table.key))
    content = ", ".join(identifier(name) for name in source.present if name not in ignored)
    attributes = without("attributes", [name for name in ignored if name in source.attributes])
    shown = " || '/' || ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in source.table.key)
    reason = (
        f"format('{'/'.join(source.table.key)}: ''{{}}'' comes {{}} times with different content; "
        f"keep one row per id in the query, or give recorded_at if these are versions', left({shown}, {_FAR}), n_rows)"
    )
    _reject(
        con, source,
        f"SELECT {ROW}, {reason} FROM {source.accepted} JOIN (SELECT {keys}, count(*) AS n_rows FROM {source.accepted} "
        f"GROUP BY {keys} HAVING count(*) > 1 AND count(DISTINCT struct_pack(content := ROW({content}), "
        f"attributes := {attributes})) > 1) USING ({keys})",
    )  # fmt: skip


def _reject(con: DuckDBPyConnection, source: Source, rows: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP TABLE _more AS {rows}")
    con.execute(f"INSERT INTO {source.rejected} SELECT * FROM _more")


def _raw(name: str) -> str:
    return f"raw_{name}"


def _is_id(column: str, kind: Kind) -> bool:
    return kind is Kind.TEXT and (column.endswith("_id") or column == "merged_into")


def _texts(source: Source) -> dict[str, str]:
    """SQL of each canonical column's value as it came."""
    texts = {name: as_text(*source.own[name]) for name in source.own}
    if source.series:
        texts["unique_id"] = " || '/' || ".join(as_text(name, type_) for name, type_ in source.series.items())
    return texts


def _typed(spec: MappingSpec, source: Source) -> dict[str, str]:
    """SQL of each canonical column's value."""
    typed = {}
    for name, (column, duckdb_type) in source.own.items():
        kind = source.kind(name)
        value = as_kind(column, duckdb_type, kind, spec.zone)
        if spec.id_prefix and _is_id(name, kind):
            value = f"{literal(spec.id_prefix)} || {value}"
        typed[name] = value
    if source.series:
        typed["unique_id"] = f"{literal(spec.id_prefix)} || {_texts(source)['unique_id']}"
    if "currency" in source.present and spec.currency:
        typed["currency"] = f"coalesce({typed.get('currency', 'NULL')}, {literal(spec.currency)})"
    elif "currency" in source.present and "currency" not in typed:
        typed["currency"] = "CAST(NULL AS VARCHAR)"
    return typed


def _rules(source: Source, texts: Mapping[str, str], typed: Mapping[str, str], now: datetime) -> list[tuple[str, str]]:
    """(condition under which a row is rejected, SQL of the reason), first rule first."""
    columns = [source.table.by_name[name] for name in source.table.by_name if name in typed]
    keys = [source.table.by_name[name] for name in source.table.key]
    clocks = [Column(name, kind) for name, kind in CLOCKS.items() if name in source.own]
    return [
        *(_missing_key(column, source) for column in keys),
        *(_unreadable(column) for column in (*columns, *clocks) if column.kind in _UNREADABLE and column.name in texts),
        *(_missing(column) for column in columns if column.required and column.name not in source.table.key),
        *(_missing(column) for column in clocks if column.name == "recorded_at"),
        *(rule for column in columns for rule in _bounds(column)),
        *_moments(source, typed, now),
    ]


def _reason(template: str, *values: str) -> str:
    shown = ", ".join(f"left(CAST({value} AS VARCHAR), {_FAR})" for value in values)
    return f"format({literal(template)}, {shown})" if values else literal(template)


def _missing_key(column: Column, source: Source) -> tuple[str, str]:
    parts = f" (made of {', '.join(source.series)})" if column.name == "unique_id" and source.series else ""
    template = (
        f"{column.name}{parts} is missing: every row needs its key; fill it in, or leave such rows out in the query"
    )
    return f"{_raw(column.name)} IS NULL", _reason(template)


def _unreadable(column: Column) -> tuple[str, str]:
    raw = _raw(column.name)
    template = f"{column.name}: '{{}}' {_UNREADABLE[column.kind]}"
    return f"{raw} IS NOT NULL AND {identifier(column.name)} IS NULL", _reason(template, raw)


def _missing(column: Column) -> tuple[str, str]:
    template = f"{column.name} is missing: it is required; fill it in, or leave such rows out in the query"
    return f"{identifier(column.name)} IS NULL", _reason(template)


def _bounds(column: Column) -> list[tuple[str, str]]:
    name, quoted = column.name, identifier(column.name)
    rules = []
    if column.choices:
        template = f"{name}: '{{}}' is none of {', '.join(column.choices)}; translate it in the query, e.g. with CASE"
        choices = ", ".join(literal(choice) for choice in column.choices)
        rules.append((f"{quoted} NOT IN ({choices})", _reason(template, quoted)))
    if column.minimum is not None:
        template = (
            f"{name}: {{}} is below the minimum of {column.minimum:g}; correct it, or set it to NULL in the query"
        )
        rules.append((f"{quoted} < {column.minimum:g}", _reason(template, quoted)))
    if column.maximum is not None:
        template = (
            f"{name}: {{}} is above the maximum of {column.maximum:g}; correct it, or set it to NULL in the query"
        )
        rules.append((f"{quoted} > {column.maximum:g}", _reason(template, quoted)))
    if column.currency:
        template = f"{name}: '{{}}' is no ISO 4217 currency such as EUR or CNY; translate it in the query"
        codes = ", ".join(literal(code) for code in sorted(list_currencies()))
        rules.append((f"{quoted} NOT IN ({codes})", _reason(template, quoted)))
    return rules


def _moments(source: Source, typed: Mapping[str, str], now: datetime) -> list[tuple[str, str]]:
    rules = []
    happened = [name for name in ("closed_at", "converted_at") if name in typed]
    past = [
        *(["recorded_at"] if source.recorded else []),
        *happened,
        *(["deleted_at"] if "deleted_at" in typed else []),
    ]
    if "created_at" in typed:
        for name in happened:
            template = (
                f"{name}: {{}} lies before created_at {{}}; correct one of them, or set {name} to NULL in the query"
            )
            rules.append((f"{name} < created_at", _reason(template, name, "created_at")))
        past.append("created_at")
    # With recorded_at, a column that the query lacks is carried forward; without, it is as good as empty.
    both = "outcome" in typed and "closed_at" in typed
    if "outcome" in typed and (both or not source.recorded):
        template = "outcome: '{}' comes without closed_at; give the moment of closing, or leave the outcome empty"
        open_ = "closed_at IS NULL" if both else "true"
        rules.append((f"outcome IS NOT NULL AND {open_}", _reason(template, "outcome")))
    if "closed_at" in typed and "outcome" in source.table.by_name and (both or not source.recorded):
        template = "outcome is missing although closed_at is {}; give won or lost, or leave closed_at empty"
        open_ = "outcome IS NULL" if both else "true"
        rules.append((f"closed_at IS NOT NULL AND {open_}", _reason(template, "closed_at")))
    for name in past:
        template = (
            f"{name}: {{}} lies in the future of this ingest ({now:%Y-%m-%d %H:%M:%S} UTC); check it and the timezone"
        )
        rules.append((f"{name} > {sql_moment(now)}", _reason(template, name)))
    return rules
