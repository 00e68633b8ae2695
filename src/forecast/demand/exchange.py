"""Amounts in the reporting currency, at the rate of their day as it was known."""

from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.errors import DataUnavailable
from forecast.history import in_force


def convert_amounts(con: DuckDBPyConnection, rows: str, *, into: str, as_of: datetime, reporting_currency: str) -> None:
    """Write rows to a temp table with ``amount`` in the reporting currency.

    Parameters
    ----------
    con : DuckDB connection
        With the history of ``fx_rates``.
    rows : str
        SQL table expression with ``amount`` (number or decimal), ``currency`` (missing: the reporting one) and
        ``day`` (DATE), and any other columns.
    into : str
        Name of the temp table: all columns of ``rows``, ``amount`` as DECIMAL(18,4).
    as_of : datetime
        Rates known then count: for each day the last one up to it, for later days the last of all.
    reporting_currency : str

    Raises
    ------
    DataUnavailable
        If an amount in another currency has no rate on or before its day; the message names the first.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _rates AS SELECT currency, date, rate FROM {in_force('fx_rates', as_of)} "
        "WHERE rate > 0"
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT converted.* EXCLUDE (amount, rate),
               CAST(CASE WHEN rate = 1 THEN amount ELSE CAST(amount AS DOUBLE) * rate END AS DECIMAL(18,4)) AS amount,
               amount IS NOT NULL AND rate IS NULL AS has_no_rate
        FROM (
            SELECT source.*,
                   CASE WHEN coalesce(source.currency, $1) = $1 THEN 1.0 ELSE _rates.rate END AS rate
            FROM {rows} AS source ASOF LEFT JOIN _rates
            ON source.currency = _rates.currency AND source.day >= _rates.date
        ) AS converted
        """,
        [reporting_currency],
    )
    missing = con.execute(
        f"SELECT currency, min(day), count(*) FROM {into} WHERE has_no_rate GROUP BY currency ORDER BY currency LIMIT 1"
    ).fetchone()
    con.execute("DROP TABLE _rates")
    if missing:
        raise DataUnavailable(
            f"{missing[2]} amounts in {missing[0]} have no rate to {reporting_currency} on or before their day "
            f"(first: {missing[1]}); ingest rows of fx_rates, or set reporting_currency."
        )
    con.execute(f"ALTER TABLE {into} DROP COLUMN has_no_rate")
