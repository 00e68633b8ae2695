"""What each account will do, as known at a moment, by the champion of that day; and why."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.customers import CustomerModel, OwnPastRate
from forecast.customers.book import OrderBook, day_number
from forecast.demand.sales import create_sales
from forecast.errors import InvalidInput, UnknownEntity
from forecast.explain.customers import customer_reason_text
from forecast.history import in_force, sql_moment
from forecast.ports import Lake, ModelRegistry, ModelVersion, Store
from forecast.settings import Settings
from forecast.usecases.champion import serving

#: Registered model name.
CUSTOMERS = "customers"
#: Forecasts where no model was promoted yet.
OWN_RATE = "own_past_rate"
#: Columns that the naive forecast does not have.
_RANGES = ("orders_low", "orders_high", "spend_low", "spend_high", "next_category_probability", "p_alive")
COLUMNS = (
    "account_id", "owner_id", "as_of", "batch", "model_version", "horizon_days", "p_buys", "orders", "orders_low",
    "orders_high", "spend", "spend_low", "spend_high", "next_category", "next_category_probability", "p_alive",
    "churned", "base", "reasons", "backdated",
)  # fmt: skip


def read_orders(con: DuckDBPyConnection, settings: Settings, as_of: datetime) -> pd.DataFrame:
    """Order lines of accounts known at ``as_of``, by day in the workspace's zone, in the reporting currency.

    Orders of an account that was merged count for the survivor. Lines without an account or a price are left out.

    Returns
    -------
    DataFrame
        ``account_id``, ``ordered_at`` (midnight), ``amount``, ``quantity``, ``category``; sorted.
    """
    create_sales(con, as_of, settings.zone, settings.reporting_currency, into="_customer_sales")
    moment = sql_moment(as_of)
    orders = con.execute(
        f"""
        WITH survivors AS (
            SELECT alias_id, max_by(survivor_id, known_from) AS survivor_id
            FROM accounts_aliases WHERE known_from < {moment} GROUP BY alias_id
        )
        SELECT coalesce(survivors.survivor_id, sales.account_id) AS account_id,
            CAST(sales.day AS TIMESTAMP) AS ordered_at,
            CAST(sales.amount AS DOUBLE) AS amount, CAST(sales.quantity AS DOUBLE) AS quantity, products.category
        FROM _customer_sales AS sales
        LEFT JOIN survivors ON survivors.alias_id = sales.account_id
        LEFT JOIN {in_force("products", as_of)} AS products ON products.product_id = sales.product_id
        WHERE sales.account_id IS NOT NULL AND sales.amount IS NOT NULL AND sales.ordered_at < {moment}
        ORDER BY account_id, ordered_at, sales.order_id, sales.line
        """
    ).df()
    con.execute("DROP TABLE _customer_sales")
    return orders


def customers_champion(registry: ModelRegistry, store: Store, as_of: datetime) -> ModelVersion | None:
    """The model that serves customers at ``as_of``; None when none was promoted that knew only what came before."""
    promotion = serving(list(store.promotions(CUSTOMERS)), as_of)
    return None if promotion is None else registry.version(promotion.name, promotion.version)


def first_day(settings: Settings, as_of: datetime) -> pd.Timestamp:
    """The day that holds ``as_of`` in the workspace's zone: the horizon begins with it."""
    return pd.Timestamp(as_of).tz_convert(settings.zone).tz_localize(None).normalize()


def score_customers(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    *,
    model: str | None = None,
    batch: int | None = None,
) -> pd.DataFrame:
    """What every account that ever ordered is expected to do in the horizon from the day of ``as_of`` on.

    The same (as_of, model version, batch) gives the same bytes.

    Parameters
    ----------
    as_of : datetime, UTC-aware
        What was known before it counts.
    model : str, optional
        ``customers/3``, ``3`` or ``own_past_rate``; default the champion of that day, else the own past rate.
    batch : int, optional
        Later batches are invisible; default the last one.

    Returns
    -------
    DataFrame
        See `COLUMNS` and `CustomerModel.predict`; ``owner_id`` is the account's, ``base`` and the points of all
        ``reasons`` (JSON) make ``p_buys``; the own past rate has no ranges and no reasons. Sorted by ``account_id``;
        rounded to 9 decimals. Empty when nobody had ordered.

    Raises
    ------
    UnknownModel
        If there is no such version.
    """
    batch = lake.head() if batch is None else batch
    version = _chosen(registry, store, as_of, model)
    with lake.connect(batch) as con:
        orders = read_orders(con, settings, as_of)
        owners = con.execute(f"SELECT account_id, owner_id FROM {in_force('accounts', as_of)}").df()
    day = first_day(settings, as_of)
    if orders.empty or not len(OrderBook.read(orders).before(day_number(day)).day):
        return pd.DataFrame({name: [] for name in COLUMNS})
    if version is None or version.tags.get("kind") == OWN_RATE:
        horizon = settings.customers_horizon_days if version is None else int(version.tags["horizon_days"])
        found = _by_own_rate(orders, day, horizon)
    else:
        fitted = CustomerModel.from_files(registry.files(version.name, version.version))
        found, horizon = fitted.predict_with_reasons(orders, day), fitted.horizon_days
    found = found.merge(owners, on="account_id", how="left").assign(
        as_of=pd.Timestamp(as_of),
        batch=batch,
        model_version=OWN_RATE if version is None else version.label,
        horizon_days=horizon,
        backdated=version is not None and version.cutoff > as_of,
    )
    return found.sort_values("account_id", ignore_index=True)[list(COLUMNS)]


def explain_customer(scores: pd.DataFrame, account_id: str, *, lang: str = "en") -> dict[str, Any]:
    """The reasons of one account, in words; ``base`` and all points make ``p_buys``.

    Raises
    ------
    UnknownEntity
        If no such account had ordered.
    """
    rows = scores[scores["account_id"] == account_id]
    if rows.empty:
        raise UnknownEntity(f"No account {account_id!r} had ordered at that moment; {len(scores):,} others had.")
    row = rows.iloc[0]
    reasons = [{**reason, "text": customer_reason_text(reason, lang)} for reason in json.loads(row["reasons"])]
    return {
        "account_id": account_id,
        "as_of": row["as_of"].to_pydatetime(),
        "batch": int(row["batch"]),
        "model_version": row["model_version"],
        "horizon_days": int(row["horizon_days"]),
        "p_buys": float(row["p_buys"]),
        "base": float(row["base"]),
        "reasons": reasons,
    }


def _by_own_rate(orders: pd.DataFrame, day: pd.Timestamp, horizon: int) -> pd.DataFrame:
    found = OwnPastRate(horizon, smoothing=0.5).predict(orders, day).round(9)
    return found.assign(
        **dict.fromkeys(_RANGES, np.nan), next_category=None, churned=False, base=found["p_buys"], reasons="[]"
    )


def _chosen(registry: ModelRegistry, store: Store, as_of: datetime, model: str | None) -> ModelVersion | None:
    """The version that scores; None for the own past rate."""
    if model is None:
        return customers_champion(registry, store, as_of)
    name, _, version = model.rpartition("/")
    if model == OWN_RATE:
        return None
    if name not in (CUSTOMERS, "") or not version:
        raise InvalidInput(f"`model` must look like {CUSTOMERS}/3 or be {OWN_RATE}, got {model!r}.")
    return registry.version(CUSTOMERS, version)
