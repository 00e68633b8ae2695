"""The SQL behind a ledger: opportunities, orders and interactions with region and category, in one currency."""

from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand.exchange import convert_amounts
from forecast.demand.sales import create_local_days, create_sales
from forecast.history import in_force, sql_moment
from forecast.settings import Settings

#: What a discontinued product was called still holds.
_PRODUCTS = "(SELECT product_id, category, list_price, cost, currency AS cost_currency FROM {products})"


def create_accounts(con: DuckDBPyConnection, as_of: datetime) -> None:
    """Write ``_accounts(account_id, owner_id, region)``: every id of an account, also one that was merged into it."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _accounts AS "
        "SELECT alias_id AS account_id, min(owner_id) AS owner_id, min(region) AS region "
        f"FROM accounts_aliases AS aliases JOIN {in_force('accounts', as_of)} AS accounts "
        f"ON accounts.account_id = survivor_id WHERE aliases.known_from < {sql_moment(as_of)} GROUP BY alias_id"
    )


def create_deals(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> None:
    """Write ``_deals``: opportunities in force, amounts at the rate of their closing, of open ones at today's.

    Beside their own columns ``asked`` (the amount in the own currency), ``region``, ``category`` and ``margin_rate``
    (share of the list price that is not cost). Needs ``_accounts``.
    """
    moment = sql_moment(as_of)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _known AS SELECT opportunity_id, deals.owner_id, product_id, created_at, "
        "closed_at, outcome, amount, amount AS asked, currency, accounts.region, products.category, "
        "CASE WHEN list_price > 0 THEN 1 - CAST(cost AS DOUBLE) / CAST(list_price AS DOUBLE) END AS margin_rate, "
        f"coalesce(least(closed_at, {moment}), {moment}) AS counted_at "
        f"FROM {in_force('opportunities', as_of)} AS deals LEFT JOIN _accounts AS accounts USING (account_id) "
        f"LEFT JOIN {_products(as_of)} AS products USING (product_id)"
    )
    create_local_days(con, "_known", "counted_at", settings.zone)
    convert_amounts(
        con,
        "(SELECT _known.*, local_days.day FROM _known JOIN local_days "
        "ON local_days.moment = time_bucket(INTERVAL 15 MINUTE, _known.counted_at))",
        into="_deals",
        as_of=as_of,
        reporting_currency=settings.reporting_currency,
    )
    con.execute("DROP TABLE _known; DROP TABLE local_days")


def read_orders(
    con: DuckDBPyConnection,
    as_of: datetime,
    settings: Settings,
    measure: str,
    counted_deals: "pd.Series[str] | None",
    *,
    none: bool = False,
) -> pd.DataFrame:
    """Each order by category of its lines; its owner is who took it, else who owns the account. Needs ``_accounts``.

    Parameters
    ----------
    measure : {"revenue", "margin", "units"}
    counted_deals : Series of opportunity_id, optional
        Orders that name one of these, or one that was merged into it, are left out.
    none : bool
        Only the columns.

    Returns
    -------
    DataFrame
        ``order_id``, ``owner_id``, ``region``, ``category``, ``currency``, ``ordered_at``, ``amount``.
    """
    if none:
        return _no_orders()
    create_sales(con, as_of, settings.zone, settings.reporting_currency)
    if measure == "margin":
        _create_costs(con, as_of, settings)
    amount, lines = {
        "revenue": ("sum(amount)", "sales"),
        "units": ("sum(quantity)", "sales"),
        # Part of an order's margin would be neither its margin nor missing.
        "margin": ("CASE WHEN count(*) = count(amount - line_cost) THEN sum(amount - line_cost) END", "_costs"),
    }[measure]
    con.register("_counted", pd.DataFrame({"opportunity_id": counted_deals if counted_deals is not None else []}))
    orders = con.execute(
        f"""
        SELECT order_id, coalesce(min(lines.user_id), min(accounts.owner_id)) AS owner_id,
               coalesce(min(accounts.region), min(lines.region)) AS region, products.category,
               min(lines.currency) AS currency,
               min(ordered_at) AS ordered_at, CAST({amount} AS DOUBLE) AS amount
        FROM {lines} AS lines
        LEFT JOIN _accounts AS accounts USING (account_id)
        LEFT JOIN {_products(as_of)} AS products USING (product_id)
        WHERE lines.opportunity_id IS NULL OR lines.opportunity_id NOT IN (
            SELECT alias_id FROM opportunities_aliases JOIN _counted ON opportunity_id = survivor_id
            WHERE known_from < {sql_moment(as_of)}
        )
        GROUP BY order_id, products.category ORDER BY order_id, products.category NULLS FIRST
        """
    ).df()
    con.unregister("_counted")
    con.execute("DROP TABLE sales; DROP TABLE IF EXISTS _costs")
    return orders if measure == "margin" else orders[orders["amount"].notna()].reset_index(drop=True)


def read_activities(con: DuckDBPyConnection, as_of: datetime) -> pd.DataFrame:
    """Interactions that a user did by ``as_of``, in the columns of `read_orders`. Needs ``_accounts``."""
    return con.execute(
        f"""
        SELECT interaction_id AS order_id, user_id AS owner_id, region, CAST(NULL AS VARCHAR) AS category,
               CAST(NULL AS VARCHAR) AS currency,
               "at" AS ordered_at, 1.0::DOUBLE AS amount
        FROM {in_force("interactions", as_of)} LEFT JOIN _accounts AS accounts USING (account_id)
        WHERE user_id IS NOT NULL AND coalesce(direction, 'out') <> 'in' AND "at" < {sql_moment(as_of)}
        ORDER BY interaction_id
        """
    ).df()


def _products(as_of: datetime) -> str:
    return _PRODUCTS.format(products=in_force("products", as_of, with_removed=True))


def _create_costs(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> None:
    """Write ``_costs``: ``sales`` with ``line_cost`` in the reporting currency at the rate of its day."""
    convert_amounts(
        con,
        "(SELECT order_id, line, CAST(quantity AS DOUBLE) * CAST(cost AS DOUBLE) AS amount, cost_currency AS currency, "
        f"day FROM sales JOIN {_products(as_of)} AS products USING (product_id))",
        into="_line_costs",
        as_of=as_of,
        reporting_currency=settings.reporting_currency,
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _costs AS SELECT sales.*, _line_costs.amount AS line_cost "
        "FROM sales LEFT JOIN _line_costs USING (order_id, line); DROP TABLE _line_costs"
    )


def _no_orders() -> pd.DataFrame:
    texts = {name: pd.Series(dtype=object) for name in ("order_id", "owner_id", "region", "category", "currency")}
    return pd.DataFrame(texts | {"ordered_at": pd.Series(dtype="datetime64[us]"), "amount": pd.Series(dtype=float)})
