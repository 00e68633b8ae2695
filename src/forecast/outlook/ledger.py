"""What an outlook is made of, as it was known: booked revenue, open opportunities, past wins, past orders."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand.exchange import convert_amounts
from forecast.demand.sales import create_local_days, create_sales
from forecast.history import in_force, sql_moment
from forecast.periods import Period
from forecast.settings import Settings

#: Past revenue older than this says little about what will arrive.
MEMORY_DAYS = 365


@dataclass(frozen=True)
class Ledger:
    """Rows behind an outlook; every frame has ``owner_id`` (missing when unknown) and is sorted by its id.

    Attributes
    ----------
    won : DataFrame
        Opportunities won by ``as_of``: ``created_at``, ``closed_at``, ``product_id``, ``amount`` (NaN when unknown).
    open : DataFrame
        Scored opportunities: ``entity_id``, ``product_id``, ``amount`` (what they bring if won, where the score says
        it, else as asked), and the score's ``p_…d``.
    orders : DataFrame
        Orders that count: ``ordered_at``, ``amount``. Empty unless orders are revenue.
    users : DataFrame
        ``user_id``, ``team_id``, ``is_active``.
    teams : DataFrame
        ``team_id``, ``name``.
    first : Timestamp or None
        When the first opportunity or order that is known came to be.
    """

    won: pd.DataFrame
    open: pd.DataFrame
    orders: pd.DataFrame
    users: pd.DataFrame
    teams: pd.DataFrame
    first: pd.Timestamp | None


def read_ledger(con: DuckDBPyConnection, scores: pd.DataFrame, as_of: datetime, settings: Settings) -> Ledger:
    """Read everything that was known at ``as_of``, amounts in the reporting currency.

    With ``revenue_from`` ``orders`` opportunities do not count, with ``opportunities`` orders do not. With ``both`` an
    order that names an opportunity does not count: the opportunity does, once.

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    """
    counts_deals, counts_orders = settings.revenue_from != "orders", settings.revenue_from != "opportunities"
    _create_deals(con, as_of, settings)
    won = con.execute(
        "SELECT opportunity_id, owner_id, product_id, created_at, closed_at, CAST(amount AS DOUBLE) AS amount "
        f"FROM _deals WHERE outcome = 'won' AND closed_at IS NOT NULL AND {counts_deals} ORDER BY opportunity_id"
    ).df()
    live = con.execute(
        "SELECT opportunity_id AS entity_id, owner_id, product_id, CAST(amount AS DOUBLE) AS amount, "
        "CAST(asked AS DOUBLE) AS asked "
        f"FROM _deals WHERE outcome IS NULL AND closed_at IS NULL AND {counts_deals} ORDER BY opportunity_id"
    ).df()
    within = [f"p_{days}d" for days in settings.horizons_days]
    said = [*within, *(["amount_if_won"] if "amount_if_won" in scores else [])]
    chances = scores.loc[scores["entity"] == "opportunity", ["entity_id", *said]]
    orders = _read_orders(con, as_of, settings) if counts_orders else _no_orders()
    users = con.execute(
        f"SELECT user_id, team_id, coalesce(active_to > {sql_moment(as_of)}, true) AS is_active "
        f"FROM {in_force('users', as_of)} ORDER BY user_id"
    ).df()
    teams = con.execute(f"SELECT team_id, name FROM {in_force('teams', as_of)} ORDER BY team_id").df()
    first = con.execute("SELECT min(created_at) FROM _deals").fetchone()
    con.execute("DROP TABLE _deals")
    firsts = [pd.Timestamp(first[0])] if first and first[0] and counts_deals else []
    firsts += [orders["ordered_at"].min()] if len(orders) else []
    merged = live.merge(chances, on="entity_id", how="inner").sort_values("entity_id", ignore_index=True)
    return Ledger(won, _if_won(merged), orders, users, teams, min(firsts) if firsts else None)


def _if_won(live: pd.DataFrame) -> pd.DataFrame:
    """Amounts corrected as the score says: by the mean amount if won over the amount asked, both in its currency."""
    if "amount_if_won" in live:
        ratio = live["amount_if_won"].astype(float) / live["asked"].where(live["asked"] > 0)
        live = live.assign(amount=live["amount"] * ratio.fillna(1.0)).drop(columns="amount_if_won")
    return live.drop(columns="asked")


def split_booked(
    ledger: Ledger, period: Period, as_of: datetime, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Won opportunities and orders of the period, up to ``as_of``: two frames of ``owner_id``, ``amount``."""
    start, end = (_naive(moment) for moment in (period.start(settings.zone), period.end(settings.zone)))
    booked = []
    for frame, moment in ((ledger.won, "closed_at"), (ledger.orders, "ordered_at")):
        inside = (frame[moment] >= start) & (frame[moment] < end)
        booked.append(frame.loc[inside & frame["amount"].notna(), ["owner_id", "amount"]])
    return booked[0], booked[1]


def _create_deals(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> None:
    """Write ``_deals``: opportunities in force, amounts at the rate of their closing, of open ones at today's."""
    moment = sql_moment(as_of)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _known AS SELECT opportunity_id, owner_id, product_id, created_at, closed_at, "
        f"outcome, amount, amount AS asked, currency, coalesce(least(closed_at, {moment}), {moment}) AS counted_at "
        f"FROM {in_force('opportunities', as_of)}"
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


def _read_orders(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> pd.DataFrame:
    """Revenue of each order; its owner is who took it, else who owns the account."""
    create_sales(con, as_of, settings.zone, settings.reporting_currency)
    unlinked = "WHERE sales.opportunity_id IS NULL" if settings.revenue_from == "both" else ""
    orders = con.execute(
        "SELECT order_id, coalesce(min(sales.user_id), min(accounts.owner_id)) AS owner_id, "
        "min(ordered_at) AS ordered_at, CAST(sum(amount) AS DOUBLE) AS amount "
        f"FROM sales LEFT JOIN {in_force('accounts', as_of)} AS accounts USING (account_id) {unlinked} "
        "GROUP BY order_id HAVING sum(amount) IS NOT NULL ORDER BY order_id"
    ).df()
    con.execute("DROP TABLE sales")
    return orders


def _no_orders() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "order_id": pd.Series(dtype=object),
            "owner_id": pd.Series(dtype=object),
            "ordered_at": pd.Series(dtype="datetime64[us]"),
            "amount": pd.Series(dtype=float),
        }
    )


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
