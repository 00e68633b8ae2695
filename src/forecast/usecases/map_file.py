"""Draft a mapping for an export."""

from collections.abc import Callable

from duckdb import DuckDBPyConnection

from forecast.history import open_connection
from forecast.mapping.draft import draft_mapping

#: Name of the relation that the export is registered under.
EXPORT = "export"


def map_file(
    file: str,
    source: str,
    register: Callable[[DuckDBPyConnection], object],
    *,
    timezone: str = "UTC",
    currency: str = "EUR",
) -> str:
    """YAML of a first mapping for a file; a person reads and corrects it.

    Parameters
    ----------
    file : str
        Name of the file as the mapping is to give it.
    source : str
        Name of the source.
    register : callable
        Makes the file's rows the relation `EXPORT`.
    timezone, currency : str
        Of times and amounts that name none.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or looks like no canonical table.
    """
    with open_connection() as con:
        register(con)
        return draft_mapping(con, EXPORT, file, source, timezone=timezone, currency=currency)
