"""Rejected rows: kept once, with their source row, until a row of the same identity is accepted."""

import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.mapping.casting import as_text, identifier, literal
from forecast.mapping.queries import ROW, one_row
from forecast.mapping.source import Source
from forecast.mapping.spec import MappingSpec

#: Open rejected rows of the lake: rejected_id, source, table_name, content, mapping (and what else it has).
OPEN = "_open_rejections"


def find_rejected(con: DuckDBPyConnection, spec: MappingSpec, source: Source) -> pa.Table:
    """Rows of one table that are rejected now, by row number: all columns of the quarantine.

    ``content`` is the source row as a JSON object of texts, NULL included, so that it can be tried again; ``known``
    tells whether the same row is in the quarantine already.
    """
    (rejected,) = one_row(con, f"SELECT EXISTS (FROM {source.rejected})")
    columns = _described(con, source) if rejected else {}  # making text of a wide table is work
    content = ", ".join(f"{literal(name)}, {as_text(name, columns[name])}" for name in sorted(columns))
    return con.sql(
        f"SELECT rejected.*, EXISTS (SELECT 1 FROM {OPEN} AS open WHERE open.table_name = rejected.table_name "
        f"AND open.source = rejected.source AND open.content = rejected.content) AS known FROM ("
        f"SELECT {literal(spec.source)} AS source, {literal(source.table.name)} AS table_name, _why AS reason, "
        f"{ROW} AS row_number, CAST(json_object({content}) AS VARCHAR) AS content, {literal(spec.name)} AS mapping "
        f"FROM {source.relation} JOIN (SELECT {ROW}, reason AS _why FROM {source.rejected}) USING ({ROW})) AS rejected "
        "ORDER BY row_number"
    ).to_arrow_table()


def find_resolved(con: DuckDBPyConnection, spec: MappingSpec, source: Source) -> list[str]:
    """Ids of open rejected rows whose identity (key and ``recorded_at``) is now accepted, and only accepted."""
    columns = _described(con, source)
    parts = [name for name in (*source.table.key, "recorded_at") if name in source.own]
    identity = [source.own[name][0] for name in parts] + list(source.series)
    now = ", ".join(f"{as_text(name, columns[name])} AS {identifier(name)}" for name in identity)
    then = " AND ".join(
        f"json_extract_string(open.content, {literal(_pointer(name))}) = came.{identifier(name)}" for name in identity
    )
    came = f"SELECT {now}, {ROW} NOT IN (SELECT {ROW} FROM {source.rejected}) AS accepted FROM {source.relation}"
    rows = con.execute(
        f"SELECT rejected_id FROM {OPEN} AS open JOIN ({came}) AS came ON {then} "
        f"WHERE open.table_name = {literal(source.table.name)} AND open.source = {literal(spec.source)} "
        "GROUP BY rejected_id HAVING bool_and(accepted) ORDER BY rejected_id"
    ).fetchall()
    return [rejected_id for (rejected_id,) in rows]


def stored_rows(con: DuckDBPyConnection, spec: MappingSpec) -> list[dict[str, pa.Table]]:
    """Open rejected rows of a mapping as its queries gave them, to be tried again.

    Rows of one table with different columns (the mapping was changed meanwhile) cannot be carried forward alike, so
    each element holds at most one set of columns per table.
    """
    shapes = con.execute(
        f"SELECT table_name, list_sort(json_keys(content)) AS columns FROM {OPEN} "
        f"WHERE source = {literal(spec.source)} AND mapping = {literal(spec.name)} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    rounds: list[dict[str, pa.Table]] = []
    for table, columns in shapes:
        if table not in spec.tables:
            continue
        values = ", ".join(
            f"json_extract_string(content, {literal(_pointer(name))}) AS {identifier(name)}" for name in columns
        )
        rows = con.sql(
            f"SELECT row_number() OVER (ORDER BY batch, row_number, rejected_id) AS {ROW}, {values} FROM {OPEN} "
            f"WHERE source = {literal(spec.source)} AND mapping = {literal(spec.name)} "
            f"AND table_name = {literal(table)} AND list_sort(json_keys(content)) = ?",
            params=[columns],
        ).to_arrow_table()
        place = next((place for place, given in enumerate(rounds) if table not in given), None)
        if place is None:
            rounds.append({table: rows})
        else:
            rounds[place][table] = rows
    return rounds


def _described(con: DuckDBPyConnection, source: Source) -> dict[str, str]:
    described = con.execute(f"DESCRIBE {source.relation}").fetchall()
    return {name: duckdb_type for name, duckdb_type, *_ in described if name != ROW}


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")
