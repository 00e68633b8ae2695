"""What was sold, as it was known: order lines with their day and revenue."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand.exchange import convert_amounts
from forecast.history import in_force

#: What was ordered in these states was not sold. What was credited (negative quantities) was.
NOT_SOLD = ("adjustment", "canceled", "cancelled", "draft", "rejected", "void", "voided")


def create_sales(
    con: DuckDBPyConnection, as_of: datetime, zone: ZoneInfo, reporting_currency: str, *, into: str = "sales"
) -> None:
    """Write the order lines known at ``as_of`` to a temp table.

    Columns: order_id, line, product_id, account_id, opportunity_id, user_id, region, country (of the account),
    ordered_at, day (DATE in ``zone``), quantity (DECIMAL), amount (DECIMAL, reporting currency, after discount).

    Raises
    ------
    DataUnavailable
        If a currency has no rate.
    """
    not_sold = ", ".join(f"'{status}'" for status in NOT_SOLD)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _lines AS
        SELECT lines.order_id, lines.line, lines.product_id, orders.account_id, orders.opportunity_id, orders.user_id,
               orders.region, accounts.country, orders.ordered_at, lines.quantity, orders.currency,
               CAST(lines.quantity AS DOUBLE) * CAST(lines.unit_price AS DOUBLE)
               * (1 - coalesce(lines.discount_pct, 0) / 100) AS amount
        FROM {in_force("order_lines", as_of)} AS lines
        JOIN {in_force("orders", as_of)} AS orders USING (order_id)
        LEFT JOIN {in_force("accounts", as_of)} AS accounts ON accounts.account_id = orders.account_id
        WHERE lines.quantity < 0 OR coalesce(lower(orders.status), '') NOT IN ({not_sold})
        """
    )
    create_local_days(con, "_lines", "ordered_at", zone)
    convert_amounts(
        con,
        "(SELECT _lines.*, local_days.day FROM _lines JOIN local_days "
        "ON local_days.moment = time_bucket(INTERVAL 15 MINUTE, _lines.ordered_at))",
        into=into,
        as_of=as_of,
        reporting_currency=reporting_currency,
    )
    con.execute("DROP TABLE _lines; DROP TABLE local_days")


def create_local_days(con: DuckDBPyConnection, rows: str, column: str, zone: ZoneInfo) -> None:
    """Write ``local_days(moment, day)``: the day in ``zone`` of each quarter of an hour that occurs in ``column``.

    Every zone's midnight lies on a quarter of an hour of UTC, and moments are far fewer than rows.
    """
    moments = con.execute(
        f"SELECT DISTINCT time_bucket(INTERVAL 15 MINUTE, {column}) AS moment FROM {rows} WHERE {column} IS NOT NULL"
    ).df()["moment"]
    local = pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(zone).tz_localize(None).normalize()
    con.register("_local", pd.DataFrame({"moment": moments, "day": local}))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE local_days AS "
        "SELECT CAST(moment AS TIMESTAMP) AS moment, CAST(day AS DATE) AS day FROM _local"
    )
    con.unregister("_local")
