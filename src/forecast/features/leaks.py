"""The leak hunter: columns that tell an outcome because they were written with it, or after it."""

from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.features.leak_history import find_leaks
from forecast.features.leak_table import hunt_table
from forecast.features.leak_values import read_cases, read_columns
from forecast.features.spine import scored_table
from forecast.features.suspects import KINDS, LEAK, SUSPICIOUS, Suspect

__all__ = ["KINDS", "LEAK", "SUSPICIOUS", "Suspect", "hunt_history", "hunt_table"]


def hunt_history(con: DuckDBPyConnection, entity: str, *, as_of: datetime) -> list[Suspect]:
    """Columns of leads or opportunities, their accounts and products, that leak by what their versions say.

    Parameters
    ----------
    con : DuckDB connection
        With histories, as ``Lake.connect`` or `forecast.history.connect_tables` gives.
    entity : {"lead", "opportunity"}
    as_of : datetime
        Only versions known before it are read.

    Returns
    -------
    list of Suspect
        Sorted by table and column, one per column; empty where there is no history.

    Raises
    ------
    InvalidInput
        If the entity is unknown.
    """
    scored_table(entity)
    cases = read_cases(con, entity, as_of)
    return find_leaks(cases, read_columns(con, entity, as_of)) if len(cases.fate) else []
