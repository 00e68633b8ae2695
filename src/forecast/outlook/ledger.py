"""What an outlook is made of, as it was known: booked amounts, open opportunities, past wins, past orders."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import in_force, sql_moment
from forecast.outlook.ledger_rows import create_accounts, create_deals, read_activities, read_orders
from forecast.periods import Period
from forecast.settings import Settings

#: Past revenue older than this says little about what will arrive.
MEMORY_DAYS = 365

#: What can be looked ahead to. The first two are money of the reporting currency, the others are counted.
MEASURES = ("revenue", "margin", "wins", "units", "activities")
_MONEY = ("revenue", "margin")


@dataclass(frozen=True)
class Ledger:
    """Rows behind an outlook; sorted by id, each with ``owner_id``, ``region`` and ``category`` (missing if unknown).

    ``region`` is the account's (of the account that it was merged into), for orders else the order's own.
    ``category`` is the product's. ``currency`` is the one of the source, before amounts were converted.

    Attributes
    ----------
    won : DataFrame
        Opportunities won by ``as_of``: ``opportunity_id``, ``product_id``, ``created_at``, ``closed_at``, ``amount``
        (NaN when unknown).
    open : DataFrame
        Scored opportunities: ``entity_id``, ``product_id``, ``amount`` (what they bring if won, where the score says
        it, else as asked), ``asked``, and the score's ``p_…d``.
    orders : DataFrame
        What is sold, or done, without an opportunity: ``order_id``, ``ordered_at``, ``amount``; an order has one row
        for each category of its lines. Empty where orders do not count.
    users : DataFrame
        ``user_id``, ``team_id``, ``is_active``.
    teams : DataFrame
        ``team_id``, ``name``.
    first : Timestamp or None
        When the first row that counts came to be.
    measure : str
        What ``amount`` is, one of `MEASURES`.
    currency : str
        Of the amounts; empty for what is counted.
    """

    won: pd.DataFrame
    open: pd.DataFrame
    orders: pd.DataFrame
    users: pd.DataFrame
    teams: pd.DataFrame
    first: pd.Timestamp | None
    measure: str = "revenue"
    currency: str = ""

    @property
    def n_unknown(self) -> int:
        """How many rows count but have no known amount: no price, or, for a margin, no known cost."""
        return int(sum(frame["amount"].isna().sum() for frame in (self.won, self.open, self.orders)))


def counts_deals(measure: str, settings: Settings) -> bool:
    """Whether opportunities bring something of a measure."""
    return measure == "wins" or (measure in _MONEY and settings.revenue_from != "orders")


def measure_currency(measure: str, settings: Settings) -> str:
    """Currency of a measure's amounts: the reporting one, or empty text for what is counted.

    Raises
    ------
    InvalidInput
        If there is no such measure.
    """
    if measure not in MEASURES:
        raise InvalidInput(f"`measure` must be one of {', '.join(MEASURES)}, got {measure!r}.")
    return settings.reporting_currency if measure in _MONEY else ""


def read_ledger(
    con: DuckDBPyConnection, scores: pd.DataFrame, as_of: datetime, settings: Settings, measure: str = "revenue"
) -> Ledger:
    """Read everything that was known at ``as_of``.

    *Revenue* is in the reporting currency, at the rate of the day of the win or order (of open ones: today's). With
    ``revenue_from`` ``orders`` opportunities do not count, with ``opportunities`` orders do not. With ``both`` nothing
    counts twice: an order that names an opportunity that counts (won with a known amount, or open and scored) does not
    count. It does when that opportunity is not known, was lost or deleted, or has no known amount.

    *Margin* is that revenue less cost: of an order line, quantity times cost of the product; of an opportunity, which
    has no quantity, the cost of as many at list price as make up its amount. An order with a line of unknown cost and
    an opportunity whose product lacks cost or list price have none (NaN).

    *Wins* are won opportunities, 1 each. *Units* are quantities of all order lines; opportunities have none.
    *Activities* are interactions that a user did (not those that came in), 1 each. These three do not depend on
    ``revenue_from``.

    Parameters
    ----------
    con : DuckDB connection
        With the histories of the canonical tables.
    scores : DataFrame
        ``entity``, ``entity_id``, the probabilities ``p_30d``, ``p_60d``, ``p_90d`` (by the settings' horizons) of
        what is open, and optionally ``amount_if_won`` in the opportunity's own currency.
    as_of : datetime, UTC-aware
    settings : Settings
    measure : {"revenue", "margin", "wins", "units", "activities"}

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    InvalidInput
        If there is no such measure.
    """
    currency = measure_currency(measure, settings)
    with_deals = counts_deals(measure, settings)
    counts_orders = measure == "units" or (measure in _MONEY and settings.revenue_from != "opportunities")
    create_accounts(con, as_of)
    create_deals(con, as_of, settings)
    chances = _chances(scores, settings)
    won, live = _read_deals(con, measure, with_deals), _read_open(con, chances, measure, with_deals)
    if measure == "activities":
        orders = read_activities(con, as_of)
    else:
        counted = _replacing(won, live) if with_deals else None
        orders = read_orders(con, as_of, settings, measure, counted, none=not counts_orders)
    users = con.execute(
        f"SELECT user_id, team_id, coalesce(active_to > {sql_moment(as_of)}, true) AS is_active "
        f"FROM {in_force('users', as_of)} ORDER BY user_id"
    ).df()
    teams = con.execute(f"SELECT team_id, name FROM {in_force('teams', as_of)} ORDER BY team_id").df()
    first = con.execute("SELECT min(created_at) FROM _deals").fetchone()
    con.execute("DROP TABLE _deals; DROP TABLE _accounts")
    firsts = [pd.Timestamp(first[0])] if first and first[0] and with_deals else []
    firsts += [orders["ordered_at"].min()] if len(orders) else []
    return Ledger(won, live, orders, users, teams, min(firsts) if firsts else None, measure, currency)


def split_booked(
    ledger: Ledger, period: Period, as_of: datetime, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Won opportunities and orders of the period, up to ``as_of``, whose amount is known.

    Two frames of ``owner_id``, ``region``, ``category``, ``amount`` and ``at``, when it was won or ordered.
    """
    start, end = (_naive(moment) for moment in (period.start(settings.zone), period.end(settings.zone)))
    booked = []
    for frame, moment in ((ledger.won, "closed_at"), (ledger.orders, "ordered_at")):
        inside = (frame[moment] >= start) & (frame[moment] < end)
        columns = ["owner_id", "region", "category", "amount", moment]
        booked.append(frame.loc[inside & frame["amount"].notna(), columns].rename(columns={moment: "at"}))
    return booked[0], booked[1]


def _chances(scores: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """What the scores say of opportunities."""
    within = [f"p_{days}d" for days in settings.horizons_days]
    said = [*within, *(["amount_if_won"] if "amount_if_won" in scores else [])]
    return scores.loc[scores["entity"] == "opportunity", ["entity_id", *said]]


def _read_deals(con: DuckDBPyConnection, measure: str, counts: bool) -> pd.DataFrame:
    amount = {"wins": "1.0", "margin": "CAST(amount AS DOUBLE) * margin_rate"}.get(measure, "amount")
    return con.execute(
        "SELECT opportunity_id, owner_id, region, category, product_id, currency, created_at, closed_at, "
        f"CAST({amount} AS DOUBLE) AS amount "
        f"FROM _deals WHERE outcome = 'won' AND closed_at IS NOT NULL AND {counts} ORDER BY opportunity_id"
    ).df()


def _read_open(con: DuckDBPyConnection, chances: pd.DataFrame, measure: str, counts: bool) -> pd.DataFrame:
    """Scored opportunities, amounts corrected as the score says: by the mean amount if won over the amount asked."""
    live = con.execute(
        "SELECT opportunity_id AS entity_id, owner_id, region, category, product_id, currency, "
        "CAST(amount AS DOUBLE) AS asked, CAST(asked AS DOUBLE) AS asked_there, margin_rate "
        f"FROM _deals WHERE outcome IS NULL AND closed_at IS NULL AND {counts} ORDER BY opportunity_id"
    ).df()
    live = live.merge(chances, on="entity_id", how="inner").sort_values("entity_id", ignore_index=True)
    asked, won = live["asked"], live["asked"]
    if "amount_if_won" in live:  # in the currency of the opportunity, as what was asked there
        there = live["asked_there"]
        won = asked * (live["amount_if_won"].astype(float) / there.where(there > 0)).fillna(1.0)
    if measure == "wins":
        asked = won = pd.Series(1.0, index=live.index)
    if measure == "margin":
        asked, won = (amount * live["margin_rate"].astype(float) for amount in (asked, won))
    kept = live.drop(columns=["asked_there", "margin_rate", "amount_if_won"], errors="ignore")
    return kept.assign(amount=won, asked=asked)


def _replacing(won: pd.DataFrame, live: pd.DataFrame) -> pd.Series:
    """Opportunities that count, so that orders that name them do not."""
    known = won.loc[won["amount"].notna(), "opportunity_id"]
    return pd.Series([*known, *live["entity_id"]], dtype=object)


def _naive(moment: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
