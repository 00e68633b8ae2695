"""A panel of series from the history of a company, as it was known at a moment."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand.panel_attributes import describe_keys, describe_orders
from forecast.demand.sales import create_sales
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.history import in_force, sql_moment
from forecast.periods import start_of_day

Measure = Literal["quantity", "revenue"]

#: What a series of orders may stand for, and where it comes from.
DIMENSIONS = {
    "product": "coalesce(sales.product_id, '(none)')",
    "category": "coalesce(products.category, '(none)')",
    "country": "coalesce(sales.country, sales.region, '(none)')",
}
#: The rest of the products, when there are more than fit.
OTHER = "(other)"
#: Mean unit price, in the reporting currency after discount.
PRICE = "price"
#: In larger panels the price of each period would take more memory than it is worth.
_MAX_PRICED = 5_000_000
_TRUNCATE = {"D": "day", "W": "week", "M": "month"}


@dataclass(frozen=True)
class DemandPanel:
    """A panel and what is known about its series.

    Attributes
    ----------
    panel : DataFrame
        ``unique_id``, ``ds`` (first day of the period), ``y``: complete from each series' first period to the last
        complete one, zeros included.
    static : DataFrame or None
        ``unique_id`` and categories that many series share.
    drivers : DataFrame or None
        ``unique_id``, ``ds`` and one column per driver, past and future, as known ahead; those of ``past_only`` have no
        future.
    freq : str
    measure : str
    past_only : tuple of str
        Drivers that are results of the period, so that nobody knows them ahead: ``price``, the mean unit price paid.
    """

    panel: pd.DataFrame
    static: pd.DataFrame | None
    drivers: pd.DataFrame | None
    freq: str
    measure: str
    past_only: tuple[str, ...] = ()


def build_panel(
    con: DuckDBPyConnection,
    as_of: datetime,
    zone: ZoneInfo,
    *,
    freq: str = "W",
    horizon: int = 0,
    measure: Measure = "quantity",
    by: tuple[str, ...] = ("product",),
    reporting_currency: str = "EUR",
    max_series: int = 500,
) -> DemandPanel:
    """The panel that was known at ``as_of``: from the ``demand`` table, or from orders when that is empty.

    A period is used when it is over at ``as_of`` and some series has a sale on its last day or later; so a partial
    last period is left out. Periods without a sale between a series' first one and the last are zeros. Of orders only
    what was asked for counts: a return is no demand.

    Parameters
    ----------
    con : DuckDB connection
        With the histories of the canonical tables.
    as_of : datetime
    zone : ZoneInfo
        Of the days.
    freq : {"D", "W", "M"}
        Weeks begin on Monday.
    horizon : int
        Periods ahead for which drivers are wanted.
    measure : {"quantity", "revenue"}
        Revenue of orders is in the reporting currency; of ``demand`` as it came.
    by : tuple of {"product", "category", "country"}
        What a series of orders is; ``unique_id`` joins them by "/". Ignored for ``demand``, which has its own keys.
    reporting_currency : str
    max_series : int
        Of orders: products beyond this number, by volume, are one series ``(other)``.

    Raises
    ------
    NotEnoughHistory
        If nothing was sold in a complete period known at ``as_of``.
    InvalidInput
        If an argument is none of its choices.
    """
    _check(freq, measure, by)
    is_aggregated = bool(con.execute(f"SELECT 1 FROM {in_force('demand', as_of)} LIMIT 1").fetchone())
    if is_aggregated:
        _group_demand(con, as_of, freq, measure)
    else:
        _group_orders(con, as_of, zone, freq, measure, by, reporting_currency, max_series)
    last = _last_complete(con, as_of, zone, freq)
    sums = con.execute(
        "SELECT unique_id, CAST(period AS TIMESTAMP) AS ds, CAST(y AS DOUBLE) AS y FROM _periods WHERE period <= ? "
        "ORDER BY unique_id, period",
        [last],
    ).df()
    if sums.empty:
        raise NotEnoughHistory(f"No sale in a complete period (freq {freq!r}) was known before {as_of:%Y-%m-%d}.")
    panel = fill_calendar(sums, freq, pd.Timestamp(last))
    ids = panel["unique_id"].drop_duplicates().reset_index(drop=True)
    drivers = _known_ahead(con, as_of, zone, panel, horizon) if freq == "D" else None
    drivers, past_only = _with_price(con, drivers, freq, last, len(panel))
    static = describe_keys(con, as_of, ids) if is_aggregated else describe_orders(con, as_of, ids, by)
    con.execute("DROP TABLE _periods; DROP TABLE _sold")
    return DemandPanel(panel, static, drivers, freq, measure, past_only)


def fill_calendar(sums: pd.DataFrame, freq: str, last: pd.Timestamp) -> pd.DataFrame:
    """Zeros for periods without a row between each series' first sale and ``last``.

    Parameters
    ----------
    sums : DataFrame
        ``unique_id``, ``ds``, ``y``, sorted, one row per series and period with a sale, none after ``last``.
    """
    calendar = pd.date_range(sums["ds"].min(), last, freq={"D": "D", "W": "W-MON", "M": "MS"}[freq])
    codes, ids = pd.factorize(sums["unique_id"])
    column = calendar.get_indexer(pd.DatetimeIndex(sums["ds"]))
    matrix = np.zeros((len(ids), len(calendar)))
    matrix[codes, column] = sums["y"].to_numpy()
    first = np.full(len(ids), len(calendar))
    sold = sums["y"].to_numpy() != 0
    np.minimum.at(first, codes[sold], column[sold])
    never = first == len(calendar)  # a series of zeros begins with its first row
    np.minimum.at(first, codes[never[codes]], column[never[codes]])
    row, place = np.nonzero(np.arange(len(calendar)) >= first[:, None])
    moments = calendar.to_numpy(dtype="datetime64[us]")[place]
    return pd.DataFrame({"unique_id": ids.to_numpy()[row], "ds": moments, "y": matrix[row, place]})


def _check(freq: str, measure: str, by: tuple[str, ...]) -> None:
    if freq not in _TRUNCATE:
        raise InvalidInput(f"`freq` must be one of {list(_TRUNCATE)}, got {freq!r}.")
    if measure not in ("quantity", "revenue"):
        raise InvalidInput(f"`measure` must be quantity or revenue, got {measure!r}.")
    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown or not by:
        raise InvalidInput(f"`by` must name some of {list(DIMENSIONS)}, got {list(by)}.")


def _group_demand(con: DuckDBPyConnection, as_of: datetime, freq: str, measure: str) -> None:
    """Sums per series and period of the ``demand`` table."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _sold AS SELECT unique_id, date AS day, {measure} AS y, quantity, "
        f"revenue AS amount "
        f"FROM {in_force('demand', as_of)} WHERE {measure} IS NOT NULL"
    )
    _sum_periods(con, freq)


def _group_orders(
    con: DuckDBPyConnection,
    as_of: datetime,
    zone: ZoneInfo,
    freq: str,
    measure: str,
    by: tuple[str, ...],
    reporting_currency: str,
    max_series: int,
) -> None:
    """Sums per series and period of the order lines."""
    create_sales(con, as_of, zone, reporting_currency)
    keys = " || '/' || ".join(DIMENSIONS[name] for name in by)
    parts = ", ".join(f"{column} AS of_{name}" for name, column in DIMENSIONS.items())
    value = "amount" if measure == "revenue" else "quantity"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _sold AS
        SELECT {keys} AS unique_id, {parts}, sales.day, sales.{value} AS y, sales.quantity, sales.amount
        FROM sales LEFT JOIN {in_force("products", as_of)} AS products ON products.product_id = sales.product_id
        WHERE sales.{value} IS NOT NULL AND sales.quantity > 0
        """
    )
    con.execute(
        f"""
        UPDATE _sold SET unique_id = '{OTHER}' WHERE unique_id NOT IN (
            SELECT unique_id FROM _sold GROUP BY unique_id ORDER BY sum(abs(y)) DESC, unique_id LIMIT {int(max_series)}
        )
        """
    )
    con.execute("DROP TABLE sales")
    _sum_periods(con, freq)


def _sum_periods(con: DuckDBPyConnection, freq: str) -> None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _periods AS "
        f"SELECT unique_id, CAST(date_trunc('{_TRUNCATE[freq]}', day) AS DATE) AS period, sum(y) AS y "
        "FROM _sold GROUP BY ALL"
    )


def _last_complete(con: DuckDBPyConnection, as_of: datetime, zone: ZoneInfo, freq: str) -> date:
    """First day of the last period that is over at ``as_of`` and in the data."""
    today = as_of.astimezone(zone).date()
    row = con.execute("SELECT coalesce(max(day), DATE '0001-01-01') FROM _sold").fetchone()
    assert row is not None
    last_sale: date = row[0]
    if last_sale.year == 1:
        return last_sale
    end = min(last_sale + timedelta(days=1), today)  # first day that is not known in full
    if freq == "D":
        return end - timedelta(days=1)
    if freq == "W":
        return end - timedelta(days=end.weekday() + 7)
    return (end.replace(day=1) - timedelta(days=1)).replace(day=1)


def _with_price(
    con: DuckDBPyConnection, drivers: pd.DataFrame | None, freq: str, last: date, n_rows: int
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """Drivers with the mean unit price of each period with a sale, unless there is a planned one."""
    if (drivers is not None and PRICE in drivers) or n_rows > _MAX_PRICED:
        return drivers, ()
    prices = con.execute(
        f"""
        SELECT unique_id, CAST(period AS TIMESTAMP) AS ds,
               CAST(sum(amount) AS DOUBLE) / CAST(sum(quantity) AS DOUBLE) AS {PRICE}
        FROM (SELECT *, date_trunc('{_TRUNCATE[freq]}', day) AS period FROM _sold)
        WHERE quantity > 0 AND amount > 0 AND unique_id <> ? AND period <= ?
        GROUP BY unique_id, period ORDER BY unique_id, period
        """,
        [OTHER, last],
    ).df()
    if prices[PRICE].nunique() < 2:
        return drivers, ()
    return (prices if drivers is None else drivers.merge(prices, on=["unique_id", "ds"], how="outer")), (PRICE,)


def _known_ahead(
    con: DuckDBPyConnection, as_of: datetime, zone: ZoneInfo, panel: pd.DataFrame, horizon: int
) -> pd.DataFrame | None:
    """Drivers of each day in the version that was known before that day began; others are no drivers but results.

    A driver belongs to the series of its id, to all series that have its id as one of their keys, or, as ``*``, to all.
    """
    days = pd.date_range(panel["ds"].min(), panel["ds"].max() + pd.Timedelta(days=horizon), freq="D")
    begins = pd.DatetimeIndex([start_of_day(day.date(), zone) for day in days]).tz_localize(None)
    con.register("_calendar", pd.DataFrame({"day": days, "begins": begins}))
    con.register("_ids", panel[["unique_id"]].drop_duplicates())
    moment = f"least(CAST(begins AS TIMESTAMP), {sql_moment(as_of)})"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _ahead AS
        SELECT drivers.unique_id AS driver_id, drivers.date AS day, drivers.name, drivers.value
        FROM drivers JOIN _calendar ON CAST(_calendar.day AS DATE) = drivers.date
        WHERE known_from < {moment} AND known_to >= {moment} AND value IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE _members AS
        SELECT DISTINCT unique_id, unnest(list_concat([unique_id, '*'], string_split(unique_id, '/'))) AS driver_id
        FROM _ids
        """
    )
    names = [row[0] for row in con.execute("SELECT DISTINCT name FROM _ahead ORDER BY name").fetchall()]
    columns = ", ".join(f"max(value) FILTER (name = ?) AS v{index}" for index, _ in enumerate(names))
    wide = None
    if names:
        wide = con.execute(
            f"SELECT unique_id, CAST(day AS TIMESTAMP) AS ds, {columns} FROM _ahead JOIN _members USING (driver_id) "
            "GROUP BY ALL ORDER BY ALL",
            names,
        ).df()
        wide.columns = pd.Index(["unique_id", "ds", *names])
    con.execute("DROP TABLE _ahead; DROP TABLE _members")
    con.unregister("_calendar")
    con.unregister("_ids")
    return wide
