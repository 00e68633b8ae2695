"""The leak hunter: columns that tell an outcome because they were written with it, or after it."""

import re
from collections.abc import Iterable
from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.features.columns import slug
from forecast.features.leak_history import find_leaks
from forecast.features.leak_reading import read_cases, read_columns
from forecast.features.leak_table import hunt_table
from forecast.features.spine import scored_table
from forecast.features.suspects import KINDS, KINDS_ZH, LEAK, SUSPICIOUS, Suspect

__all__ = ["KINDS", "KINDS_ZH", "LEAK", "SUSPICIOUS", "Suspect", "hunt_history", "hunt_table", "leaking_features"]


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
    table, _ = scored_table(entity)
    cases = read_cases(con, entity, as_of)
    declared = {
        (where, name): filled
        for where, name, filled in con.sql("SELECT table_name, name, filled FROM declared_fills").fetchall()
        if where in (table, "accounts", "products")
    }
    found = [
        Suspect(where, name, LEAK, "declared", {"filled": filled})
        for (where, name), filled in declared.items()
        if filled == "closing"
    ]
    if len(cases.fate):
        found += [
            suspect
            for suspect in find_leaks(cases, read_columns(con, entity, as_of))
            if (suspect.table, suspect.column) not in declared
        ]
    return sorted(found, key=lambda suspect: (suspect.table, suspect.column))


def leaking_features(suspects: Iterable[Suspect], names: Iterable[str]) -> list[str]:
    """The features, of those named, that are made of a column that leaks; in the order given.

    Parameters
    ----------
    suspects : iterable of Suspect
        Of `hunt_history`.
    names : iterable of str
        Columns of `forecast.features.build_features`.
    """
    leaks = [suspect for suspect in suspects if suspect.verdict == LEAK]
    pattern = re.compile("|".join(_feature_pattern(suspect.table, suspect.column) for suspect in leaks))
    return [name for name in names if leaks and pattern.fullmatch(name)]


#: Features beside the attributes' that are made of a field alone; a declared one may be any of them.
_OTHER_FEATURES = {
    "amount": r"changes__amount__.+",
    "expected_close_date": r"changes__expected_close__.+",
    "owner_id": r"owner__.+|changes__owner__.+",
    "stage": r"stage__.+",
    "status": r"stage__.+",
}


def _feature_pattern(table: str, column: str) -> str:
    """Regular expression of the features that a column becomes."""
    prefix = {"accounts": "account__", "products": "product__"}.get(table, "")
    own = rf"attributes__{prefix}{re.escape(slug(column))}(__category|__is_true|__days_since)?"
    other = "" if prefix else _OTHER_FEATURES.get(column, "")
    return f"{own}|{other}" if other else own
