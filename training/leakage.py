"""The leakage check: distort everything that became known later; no feature may change."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.features.leaks import KINDS, LEAK, Suspect
from forecast.history import MERGEABLE, create_aliases, create_history, sql_moment, stored_columns
from forecast.schema import SYSTEM_COLUMNS, TABLES, Column, Kind

#: Rows compared; more make the check slower, not sharper: a leak shows in nearly every row.
MAX_ROWS = 300


def distort_future(con: DuckDBPyConnection, moment: datetime) -> None:
    """Change every row that was recorded at or after ``moment``: half of them vanish, the others say something else.

    Outcomes turn round, amounts are tripled, moments move into the past, texts change; ids stay, so that the rows
    still belong to the entities in question.

    Parameters
    ----------
    con : DuckDB connection
        Private: its histories are replaced.
    """
    later = f"recorded_at >= {sql_moment(moment)}"
    for table in TABLES.values():
        names = stored_columns(table.name)
        plain = ", ".join(f'"{name}"' for name in names)
        kept_as_is = {*table.key, *SYSTEM_COLUMNS} - {"attributes"}
        changed = ", ".join(
            f'"{name}"' if name in kept_as_is or name.endswith("_id") else _distorted(table.by_name.get(name), name)
            for name in names
        )
        replace_rows(
            con,
            table.name,
            f"SELECT {plain} FROM {table.name} WHERE NOT {later} "
            f"UNION ALL SELECT {changed} FROM {table.name} WHERE {later} AND (batch + row) % 2 = 0",
        )
    for name in MERGEABLE:
        create_aliases(con, name)


def replace_rows(con: DuckDBPyConnection, table: str, query: str) -> None:
    """Replace the history of a canonical table in a private connection by the rows of a query."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE _replaced AS {query}")
    _drop(con, table)
    create_history(con, table, "_replaced")


def changed_features(before: pd.DataFrame, after: pd.DataFrame) -> tuple[str, ...]:
    """Names of the columns that are not the same in both frames, sorted."""
    names = sorted(set(before.columns) | set(after.columns))
    return tuple(name for name in names if not _same(before.get(name), after.get(name)))


def sample_spine(spine: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Up to 300 rows of one moment, evenly over the sorted ids."""
    rows = spine[spine["as_of"] == moment].sort_values("entity_id", ignore_index=True)
    step = max(1, -(-len(rows) // MAX_ROWS))
    return rows.iloc[::step].reset_index(drop=True)


def leak_section(suspects: Iterable[Suspect]) -> str:
    """A model card's section, in Markdown without its title, on columns kept out or only named by the leak hunter."""
    found = list(suspects)
    if not found:
        return "None: no column was written with the outcome, as far as the versions show."
    lines = [
        f"- `{suspect.table}.{suspect.column}`: {KINDS[suspect.kind]} ({_evidence(suspect)})."
        f"{'' if suspect.verdict == LEAK else ' Named only: no proof.'}"
        for suspect in found
    ]
    return "\n".join(["Their versions show, or the mapping says, that they were written with the outcome.", "", *lines])


def _evidence(suspect: Suspect) -> str:
    facts = suspect.evidence.items()
    return ", ".join(f"{name} {fact:.3g}" if isinstance(fact, float) else f"{name} {fact}" for name, fact in facts)


def _distorted(column: Column | None, name: str) -> str:
    if column is None:  # attributes: nothing of what was known later may be looked at
        return "NULL"
    if name == "outcome":
        return "CASE \"outcome\" WHEN 'won' THEN 'lost' ELSE 'won' END"
    if column.kind in (Kind.TIMESTAMP, Kind.DATE):
        return f'CAST("{name}" - INTERVAL 100 DAY AS {"DATE" if column.kind is Kind.DATE else "TIMESTAMP"})'
    if column.kind is Kind.TEXT:
        return f"\"{name}\" || '~'" if not column.choices else f"'{column.choices[-1]}'"
    return f'3 * "{name}" + 1'


def _drop(con: DuckDBPyConnection, name: str) -> None:
    kinds = con.execute("SELECT table_type FROM information_schema.tables WHERE table_name = ?", [name]).fetchall()
    con.execute(f"DROP {'VIEW' if kinds and kinds[0][0] == 'VIEW' else 'TABLE'} {name}")


def _same(before: pd.Series | None, after: pd.Series | None) -> bool:
    if before is None or after is None or len(before) != len(after):
        return False
    missing = before.isna().to_numpy()
    if not np.array_equal(missing, after.isna().to_numpy()):
        return False
    return bool((before.to_numpy()[~missing] == after.to_numpy()[~missing]).all())
