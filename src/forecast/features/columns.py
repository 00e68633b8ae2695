"""Which columns a family makes, when that depends on the data: always on what became known first.

A kind of interaction or a value of a field gets its column, or its own category, by rank of when it first became
known. More knowledge only ever adds at the end: what is scored later has every column that was trained on, and no
value depends on the future.
"""

import re
from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.history import sql_moment

#: Values beyond the first so many share one category.
MAX_CATEGORIES = 50
OTHER = "(other)"


def slug(text: str) -> str:
    """``text`` as a part of a feature name: lower case, word characters and single underscores."""
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_") or "_"


def first_values(
    con: DuckDBPyConnection, rows: str, column: str, moment: datetime, *, limit: int = MAX_CATEGORIES
) -> list[str]:
    """The values of a text column that became known first, before ``moment``; sorted by when, then by value.

    Parameters
    ----------
    rows : str
        SQL table expression with ``known_from`` and the column.
    """
    found = con.sql(
        f'SELECT "{column}" AS text_value, min(known_from) AS known_since FROM {rows} '
        f"WHERE known_from < {sql_moment(moment)} AND known_from < known_to AND text_value <> '' "
        f"GROUP BY ALL ORDER BY known_since, text_value LIMIT {limit}"
    ).fetchall()
    return [row[0] for row in found]


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def capped(column: str, kept: list[str]) -> str:
    """SQL expression: a text column in which values beyond those kept share one category; empty text is missing."""
    if len(kept) < MAX_CATEGORIES:
        return f"nullif({column}, '')"
    values = ", ".join(quoted(value) for value in kept)
    return f"CASE WHEN {column} IN ({values}) THEN {column} WHEN {column} <> '' THEN '{OTHER}' END"
