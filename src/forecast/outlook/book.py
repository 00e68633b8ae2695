"""An outlook's mean taken apart: every opportunity, every order, and what is yet to come, in whole smallest units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.history import in_force
from forecast.outlook.deals import expected_minor
from forecast.outlook.ledger import Ledger, read_ledger
from forecast.outlook.outlook import UNASSIGNED, Outlook, digits_of
from forecast.outlook.timing import Window
from forecast.settings import Settings

Floats = NDArray[np.float64]
Units = NDArray[np.int64]


@dataclass(frozen=True)
class Book:
    """All that the mean of an outlook is the sum of.

    Attributes
    ----------
    outlook : Outlook
    window : Window
        The rest of the period, as its open opportunities are weighed.
    deals : DataFrame
        On the id of the opportunity: those that are open, or won in the period. ``kind`` (``open``, ``won``),
        ``owner_id``, ``value`` (expected, or booked; whole smallest units), ``mean`` (amount if won), ``asked``
        (NaN when unknown), both in the reporting currency, ``currency``, ``day`` of the rate, and ``p_…d``.
    orders : DataFrame
        On order and category: orders of the period, with ``owner_id``, ``value``, ``amount``, ``currency``, ``day``.
    facts : DataFrame
        On the id of every opportunity that was ever known: ``amount``, ``currency``, ``expected_close_date``,
        ``state`` (``open``, ``won``, ``lost``, ``closed``, ``deleted``, ``merged``).
    to_come : DataFrame
        On the owner: ``arriving``, ``repeat``, in whole smallest units.
    teams, parents : mapping
        Team of each user that has one, and of each team the one above it.
    rates : DataFrame
        ``currency``, ``day``, ``rate`` as they were known.
    """

    outlook: Outlook
    window: Window
    deals: pd.DataFrame
    orders: pd.DataFrame
    facts: pd.DataFrame
    to_come: pd.DataFrame
    teams: Mapping[str, str]
    parents: Mapping[str, str]
    rates: pd.DataFrame


def read_book(con: DuckDBPyConnection, outlook: Outlook, scores: pd.DataFrame, settings: Settings) -> Book:
    """The parts of an outlook of owners' revenue, from the connection and the scores that it was made of.

    Raises
    ------
    InvalidInput
        If the outlook is not one of revenue by owner.
    """
    if outlook.by != "owner" or outlook.measure != "revenue" or outlook.window is None:
        raise InvalidInput(
            f"What moved can be told of revenue by owner, got {outlook.measure} by {outlook.by}; leave both out."
        )
    as_of, zone = outlook.as_of, settings.zone
    ledger = read_ledger(con, scores, as_of, settings)
    users = con.execute(f"SELECT user_id, team_id FROM {in_force('users', as_of)} WHERE team_id IS NOT NULL").fetchall()
    above = con.execute(
        f"SELECT team_id, parent_team_id FROM {in_force('teams', as_of)} WHERE parent_team_id IS NOT NULL"
    ).fetchall()
    return Book(
        outlook=outlook,
        window=outlook.window,
        deals=_deals(ledger, outlook, settings),
        orders=_orders(ledger, outlook, zone),
        facts=_facts(con, as_of),
        to_come=pd.DataFrame(
            {part: _minor(outlook.parts[part], outlook.currency) for part in ("arriving", "repeat")},
            index=pd.Index(outlook.owners, name="owner_id", dtype=object),
        ),
        teams=dict(users),
        parents=dict(above),
        rates=con.execute(
            f"SELECT currency, CAST(date AS TIMESTAMP) AS day, rate FROM {in_force('fx_rates', as_of)} "
            "WHERE rate > 0 ORDER BY day, currency"
        ).df(),
    )


def _deals(ledger: Ledger, outlook: Outlook, settings: Settings) -> pd.DataFrame:
    within = [f"p_{days}d" for days in settings.horizons_days]
    known = outlook.open_deals.set_index("entity_id").reindex(ledger.open["entity_id"])
    opened = ledger.open.set_index("entity_id")[["owner_id", "asked", "currency", *within]].assign(
        kind="open", value=known["value"], mean=known["mean"], day=_days(pd.Series([outlook.as_of]), settings.zone)[0]
    )
    won = ledger.won[_inside(ledger.won["closed_at"], outlook, settings.zone)].set_index("opportunity_id")
    won = won[["owner_id", "currency"]].assign(
        kind="won",
        value=_minor(won["amount"], outlook.currency),
        mean=won["amount"],
        asked=won["amount"],
        day=_days(won["closed_at"], settings.zone),
    )
    deals = pd.concat([frame for frame in (opened, won) if len(frame)] or [opened]).sort_index()
    deals["owner_id"] = owner_names(deals["owner_id"])
    return deals.rename_axis("opportunity_id").astype({"value": np.int64, "mean": float, "asked": float})


def _orders(ledger: Ledger, outlook: Outlook, zone: ZoneInfo) -> pd.DataFrame:
    inside = _inside(ledger.orders["ordered_at"], outlook, zone) & ledger.orders["amount"].notna()
    orders = ledger.orders[inside]
    orders = orders.assign(
        owner_id=owner_names(orders["owner_id"]),
        category=orders["category"].astype(object).where(orders["category"].notna(), ""),
        value=_minor(orders["amount"], outlook.currency),
        day=_days(orders["ordered_at"], zone),
    )
    return orders.set_index(["order_id", "category"])[["owner_id", "value", "amount", "currency", "day"]]


def _facts(con: DuckDBPyConnection, as_of: datetime) -> pd.DataFrame:
    return (
        con.execute(
            f"""
        SELECT opportunity_id, CAST(amount AS DOUBLE) AS amount, currency,
               CAST(expected_close_date AS TIMESTAMP) AS expected_close_date, owner_id,
               CASE WHEN merged_into IS NOT NULL THEN 'merged' WHEN deleted_at IS NOT NULL THEN 'deleted'
                    WHEN outcome = 'won' AND closed_at IS NOT NULL THEN 'won' WHEN outcome = 'lost' THEN 'lost'
                    WHEN outcome IS NULL AND closed_at IS NULL THEN 'open' ELSE 'closed' END AS state
        FROM {in_force("opportunities", as_of, with_removed=True)} ORDER BY opportunity_id
        """
        )
        .df()
        .set_index("opportunity_id")
    )


def owner_names(owner_id: "pd.Series[str]") -> "pd.Series[str]":
    """Owners as an outlook names them."""
    return owner_id.astype(object).where(owner_id.notna(), UNASSIGNED)


def _inside(moments: "pd.Series[pd.Timestamp]", outlook: Outlook, zone: ZoneInfo) -> "pd.Series[bool]":
    start, end = (
        pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
        for moment in (outlook.period.start(zone), outlook.period.end(zone))
    )
    return (moments >= start) & (moments < end)


def _days(moments: "pd.Series[pd.Timestamp]", zone: ZoneInfo) -> NDArray[np.datetime64]:
    """Midnight of each moment's day in the zone, without a zone."""
    index = pd.DatetimeIndex(moments)
    index = index.tz_localize("UTC") if index.tz is None else index
    return np.asarray(index.tz_convert(zone).tz_localize(None).normalize().astype("datetime64[us]"))


def _minor(amounts: "pd.Series[float] | Floats", currency: str) -> Units:
    return expected_minor(np.ones(len(amounts)), np.asarray(amounts, dtype=float), currency)


def at_rates(rows: pd.DataFrame, rates: pd.DataFrame, reporting_currency: str) -> Floats:
    """Rate of each row: of its ``currency``, the last one up to its ``day``; NaN where there is none.

    Parameters
    ----------
    rows : DataFrame
        ``currency``, ``day``.
    rates : DataFrame
        ``currency``, ``day``, ``rate``, by day.
    """
    currency, day = rows["currency"].to_numpy(dtype=object), rows["day"].to_numpy(dtype="datetime64[us]")
    own = pd.isna(currency) | (currency == reporting_currency)
    found = np.where(own, 1.0, np.nan)
    for name in set(currency[~own]):
        asked, known = currency == name, rates[rates["currency"] == name]
        place = np.searchsorted(known["day"].to_numpy(dtype="datetime64[us]"), day[asked], side="right")
        found[asked] = np.concatenate([[np.nan], known["rate"].to_numpy(dtype=float)])[place]
    return found


def earlier_rates(known: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Rates as known before, and of what had none then the later ones: every rate found later has one here."""
    first = known.groupby("currency")["day"].min()
    had_none = later["currency"].map(first).fillna(pd.Timestamp.max) > later["day"]
    joined = [frame for frame in (known, later[had_none]) if len(frame)]
    return pd.concat(joined).sort_values("day", kind="stable", ignore_index=True) if joined else known


def scale_of(currency: str) -> int:
    """Smallest units in one unit of a currency."""
    return int(10 ** digits_of(currency))
