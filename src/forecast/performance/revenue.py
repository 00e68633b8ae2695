"""What was earned, by whom and when: won opportunities and orders, in the reporting currency."""

from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.demand.exchange import convert_amounts
from forecast.demand.sales import create_local_days, create_sales
from forecast.history import in_force, sql_moment
from forecast.settings import Settings


def create_earned(con: DuckDBPyConnection, as_of: datetime, settings: Settings, *, into: str = "earned") -> None:
    """Write what counts as revenue: ``owner_id`` (empty for nobody), ``happened_at``,
    ``amount`` (DECIMAL).

    By ``revenue_from``: won opportunities, orders, or both, where an order that names an opportunity does not count
    again. An order belongs to who took it, else to who owns the account.

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} (owner_id VARCHAR, happened_at TIMESTAMP, amount DECIMAL(18,4))")
    if settings.revenue_from != "orders":
        create_deals(con, as_of, settings)
        con.execute(
            f"INSERT INTO {into} SELECT coalesce(owner_id, ''), closed_at, amount FROM deals "
            "WHERE outcome = 'won' AND closed_at IS NOT NULL AND amount IS NOT NULL"
        )
    if settings.revenue_from != "opportunities":
        create_sales(con, as_of, settings.zone, settings.reporting_currency)
        unlinked = "WHERE sales.opportunity_id IS NULL" if settings.revenue_from == "both" else ""
        con.execute(
            f"INSERT INTO {into} SELECT coalesce(sales.user_id, accounts.owner_id, ''), ordered_at, sales.amount "
            f"FROM sales LEFT JOIN {in_force('accounts', as_of)} AS accounts USING (account_id) {unlinked}"
        )
        con.execute("DROP TABLE sales")


def create_deals(con: DuckDBPyConnection, as_of: datetime, settings: Settings, *, into: str = "deals") -> None:
    """Write the opportunities in force: ``opportunity_id``, ``owner_id``, ``created_at``, ``closed_at``, ``outcome``,
    ``amount`` at the rate of the day of closing (of open ones today's).

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    """
    moment = sql_moment(as_of)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _known AS SELECT opportunity_id, owner_id, created_at, closed_at, outcome, "
        f"amount, currency, coalesce(least(closed_at, {moment}), {moment}) AS counted_at "
        f"FROM {in_force('opportunities', as_of)}"
    )
    convert_counted(con, into=into, as_of=as_of, settings=settings)


def convert_counted(con: DuckDBPyConnection, *, into: str, as_of: datetime, settings: Settings) -> None:
    """Convert ``amount`` of ``_known`` at the rate of the local day of ``counted_at``, and drop it."""
    create_local_days(con, "_known", "counted_at", settings.zone)
    convert_amounts(
        con,
        "(SELECT _known.*, local_days.day FROM _known JOIN local_days "
        "ON local_days.moment = time_bucket(INTERVAL 15 MINUTE, _known.counted_at))",
        into=into,
        as_of=as_of,
        reporting_currency=settings.reporting_currency,
    )
    con.execute("DROP TABLE _known; DROP TABLE local_days")
