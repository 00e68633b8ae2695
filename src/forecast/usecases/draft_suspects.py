"""Columns of a mapping's leads or opportunities that tell the outcome suspiciously well, for the page of a dry run."""

from collections.abc import Collection, Mapping

from duckdb import DuckDBPyConnection

from forecast.features.leaks import Suspect, hunt_table
from forecast.mapping.casting import as_text, identifier
from forecast.mapping.queries import ROW
from forecast.mapping.source import Source

#: SQL of 1 for won, 0 for lost, NULL for open, by table.
_OUTCOME = {
    "opportunities": (("outcome",), "CASE outcome WHEN 'won' THEN 1 WHEN 'lost' THEN 0 END"),
    "leads": (("converted_at",), "CASE WHEN converted_at IS NOT NULL THEN 1 {lost} END"),
}
#: What says by its meaning how a case stands or ended: no news.
_OUTCOME_ITSELF = {
    "outcome", "closed_at", "converted_at", "lost_reason", "stage", "status", "forecast_category", "opportunity_id",
    "lead_id", "created_at", "deleted_at", "merged_into",
}  # fmt: skip
#: With fewer lost cases an export shows none: then open ones stand for them.
_MIN_LOST = 20
#: Cases looked at; a larger table is thinned evenly.
_MAX_CASES = 100_000


def find_suspects(
    con: DuckDBPyConnection, source: Source, declared: Mapping[str, str], hidden: Collection[str] = ()
) -> tuple[Suspect, ...]:
    """Hunt the last version of every case of a mapped table; nothing for tables without outcomes.

    Parameters
    ----------
    con : DuckDB connection
    source : Source
        Checked rows.
    declared : mapping of column to when the mapping says that it is filled
        These raise no alarm.
    hidden : collection of str
        Columns not looked at: personal ones.
    """
    needed, outcome = _OUTCOME.get(source.table.name, ((), ""))
    if not needed or not set(needed) <= set(source.present):
        return ()
    skipped = {*_OUTCOME_ITSELF, *declared, *hidden}
    fields = [name for name in source.present if name not in skipped]
    attributes = [name for name in source.types if name not in skipped]
    selected = [f"a.{identifier(name)} AS f{place}" for place, name in enumerate(fields)]
    for place, name in enumerate(attributes, len(fields)):
        text = as_text(name, source.attributes[name]).replace(identifier(name), f"r.{identifier(name)}")
        selected.append(f"{f'TRY_CAST({text} AS DOUBLE)' if source.types[name] == 'number' else text} AS f{place}")
    if not selected:
        return ()
    lost = "WHEN closed_at IS NOT NULL THEN 0" if "closed_at" in source.present else ""
    order = "recorded_at DESC, " if source.recorded else ""
    moment = "a.created_at" if "created_at" in source.present else "CAST(NULL AS TIMESTAMP)"
    key = identifier(source.table.key[0])
    rows = con.sql(
        f"""
        WITH last AS (
            SELECT *, {outcome.format(lost=lost)} AS y FROM {source.accepted}
            QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}{ROW} DESC) = 1
        ), thinned AS (
            SELECT * FROM last QUALIFY (row_number() OVER (ORDER BY {ROW}) - 1) % greatest(1,
                ceil(count(*) OVER () / {_MAX_CASES})::BIGINT) = 0
        )
        SELECT a.y AS y, {moment} AS moment, {", ".join(selected)}
        FROM thinned a JOIN {source.relation} r USING ({ROW}) ORDER BY {ROW}
        """
    ).df()
    y = rows["y"].astype(float)
    if (y == 0).sum() < _MIN_LOST:
        y = y.fillna(0.0)
    X = rows.drop(columns=["y", "moment"]).set_axis([*fields, *attributes], axis=1)
    time = rows["moment"] if "created_at" in source.present else None
    return tuple(hunt_table(X, y.to_numpy(), time=None if time is None else time.to_numpy()))
