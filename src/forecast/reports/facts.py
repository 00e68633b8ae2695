"""Rows that measures of the lake are counted from: each with its owner, team, customer, product, channel and day.

Every table holds only rows that the viewer may see: nothing else is read into it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand.sales import create_local_days, create_sales
from forecast.history import in_force, sql_moment
from forecast.performance.follow_up import create_contacts, create_inquiries
from forecast.performance.revenue import create_deals
from forecast.performance.satisfaction import create_feedback
from forecast.reports.lake_measures import IDLE_DAYS
from forecast.reports.viewer import Viewer
from forecast.settings import Settings

#: Columns that every table of facts has beside its values.
PLACE = ("owner_id", "team_id", "account_id", "region", "industry", "category", "channel", "source", "stage")


def create_people(con: DuckDBPyConnection, as_of: datetime, viewer: Viewer) -> None:
    """Write ``_people(owner_id, team_id)``, ``_visible(owner_id)`` where not all may be seen, and
    ``_named_teams(team_id)``: those whose sums may be shown.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _people AS SELECT user_id AS owner_id, team_id "
        f"FROM {in_force('users', as_of)} WHERE team_id IS NOT NULL"
    )
    team_of = dict(con.execute("SELECT owner_id, team_id FROM _people ORDER BY owner_id").fetchall())
    whole = viewer.whole_teams(team_of)
    lists = {
        "_visible": ("owner_id", viewer.owners or ()),
        "_named_teams": ("team_id", set(team_of.values()) if whole is None else whole),
    }
    for table, (column, values) in lists.items():
        con.register("_list", pd.DataFrame({column: pd.Series(sorted(values), dtype=object)}))
        con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT CAST({column} AS VARCHAR) AS {column} FROM _list")
        con.unregister("_list")


def create_places(con: DuckDBPyConnection, as_of: datetime) -> None:
    """Write what rows are told apart by: ``_accounts`` (under every id they ever had), ``_products``, ``_channels``."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _accounts AS SELECT alias_id, min(survivor_id) AS account_id, "
        "min(owner_id) AS account_owner, min(region) AS region, min(industry) AS industry "
        f"FROM accounts_aliases AS aliases JOIN {in_force('accounts', as_of)} AS accounts "
        f"ON accounts.account_id = survivor_id WHERE aliases.known_from < {sql_moment(as_of)} GROUP BY alias_id"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _products AS SELECT product_id, category "
        f"FROM {in_force('products', as_of, with_removed=True)}"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _channels AS SELECT opportunity_id, min(channel) AS channel "
        f"FROM {in_force('leads', as_of)} WHERE opportunity_id IS NOT NULL GROUP BY opportunity_id"
    )


def create_facts(
    con: DuckDBPyConnection,
    subject: str,
    as_of: datetime,
    settings: Settings,
    viewer: Viewer,
    probabilities: Callable[[], pd.DataFrame],
) -> None:
    """Write ``facts_<subject>`` with `PLACE`, ``happened_at``, ``day`` and its values; after `create_places`.

    Parameters
    ----------
    subject : str
        One of the lake's.
    probabilities : callable
        Gives ``entity_id``, ``probability`` of the open opportunities; asked for the pipeline only.

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    """
    rows = _READERS[subject](con, as_of, settings)
    if subject == "pipeline":
        con.register("_scores", probabilities()[["entity_id", "probability"]])
        rows = f"(SELECT r.*, s.probability FROM {rows} r LEFT JOIN _scores s ON s.entity_id = r.opportunity_id)"
    seen = "" if viewer.is_everything else "WHERE coalesce(r.owner_id, '') IN (SELECT owner_id FROM _visible)"
    taken = ", ".join(("owner_id", "account_id", "region", "category", "channel", "source", "stage"))
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _placed AS
        SELECT r.* EXCLUDE ({taken}), coalesce(r.owner_id, '') AS owner_id, coalesce(p.team_id, '') AS team_id,
            coalesce(a.account_id, r.account_id, '') AS account_id, coalesce(a.region, r.region, '') AS region,
            coalesce(a.industry, '') AS industry, coalesce(r.category, '') AS category,
            coalesce(r.channel, '') AS channel, coalesce(r.source, '') AS source, coalesce(r.stage, '') AS stage
        FROM {rows} r LEFT JOIN _people p ON p.owner_id = r.owner_id
        LEFT JOIN _accounts a ON a.alias_id = r.account_id {seen}
        """
    )
    create_local_days(con, "_placed", "happened_at", settings.zone)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE facts_{subject} AS SELECT _placed.*, local_days.day AS local_day FROM _placed "
        "LEFT JOIN local_days ON local_days.moment = time_bucket(INTERVAL 15 MINUTE, _placed.happened_at)"
    )
    con.execute("DROP TABLE local_days; DROP TABLE _placed")
    if subject == "pipeline":
        con.unregister("_scores")


def _sales(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    """What counts as revenue, by the rule of `forecast.performance.revenue.create_earned`, line by line."""
    parts = []
    if settings.revenue_from != "orders":
        deals = _deals(con, as_of, settings)
        parts.append(
            "SELECT 'o' || opportunity_id AS sale_id, owner_id, account_id, region, category, channel, source, stage, "
            f"closed_at AS happened_at, amount FROM {deals} "
            "WHERE outcome = 'won' AND closed_at IS NOT NULL AND amount IS NOT NULL"
        )
    if settings.revenue_from != "opportunities":
        create_sales(con, as_of, settings.zone, settings.reporting_currency)
        unlinked = "WHERE s.opportunity_id IS NULL" if settings.revenue_from == "both" else ""
        parts.append(
            "SELECT 's' || s.order_id, coalesce(s.user_id, a.account_owner), s.account_id, s.region, p.category, "
            "c.channel, o.source, NULL, s.ordered_at, s.amount "
            f"FROM sales s JOIN {in_force('orders', as_of)} o USING (order_id) "
            "LEFT JOIN _accounts a ON a.alias_id = s.account_id LEFT JOIN _products p ON p.product_id = s.product_id "
            f"LEFT JOIN _channels c ON c.opportunity_id = s.opportunity_id {unlinked}"
        )
    return f"({' UNION ALL '.join(parts)})"


def _deals(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    """Opportunities with amounts in the reporting currency."""
    create_deals(con, as_of, settings, into="_report_deals")
    return (
        "(SELECT d.opportunity_id, d.owner_id, d.created_at, d.closed_at, d.outcome, d.amount, o.account_id, "
        "NULL::VARCHAR AS region, p.category, c.channel, o.source, o.stage, o.expected_close_date "
        f"FROM _report_deals d JOIN {in_force('opportunities', as_of)} o USING (opportunity_id) "
        "LEFT JOIN _products p ON p.product_id = o.product_id "
        "LEFT JOIN _channels c ON c.opportunity_id = d.opportunity_id)"
    )


def _closed(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    return f"(SELECT *, closed_at AS happened_at FROM {_deals(con, as_of, settings)} WHERE closed_at IS NOT NULL)"


def _created(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    return f"(SELECT *, created_at AS happened_at FROM {_deals(con, as_of, settings)})"


def _pipeline(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    create_contacts(con, as_of, into="_report_contacts")
    moment, since = sql_moment(as_of), sql_moment(as_of - timedelta(days=IDLE_DAYS))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _busy AS SELECT DISTINCT thread FROM _report_contacts "
        f"WHERE is_done AND happened_at >= {since} AND thread LIKE 'o%'"
    )
    return (
        f"(SELECT d.*, d.created_at AS happened_at, (epoch_us({moment}) - epoch_us(created_at)) / 86400e6 AS age_days, "
        f"created_at < {since} AND NOT EXISTS (SELECT 1 FROM _busy WHERE thread = 'o' || opportunity_id) AS is_idle "
        f"FROM {_deals(con, as_of, settings)} d WHERE outcome IS NULL AND closed_at IS NULL)"
    )


def _leads(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    return (
        "(SELECT owner_id, account_id, NULL::VARCHAR AS region, NULL::VARCHAR AS category, channel, source, "
        f"status AS stage, created_at AS happened_at FROM {in_force('leads', as_of)})"
    )


def _contacts(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    create_contacts(con, as_of, into="_report_contacts")
    return (
        "(SELECT owner_id, account_id, NULL::VARCHAR AS region, NULL::VARCHAR AS category, channel, source, "
        "NULL::VARCHAR AS stage, happened_at, direction, is_done FROM _report_contacts)"
    )


def _inquiries(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    create_contacts(con, as_of)
    create_inquiries(con, into="_report_inquiries")
    return (
        "(SELECT owner_id, account_id, NULL::VARCHAR AS region, NULL::VARCHAR AS category, channel, source, "
        "NULL::VARCHAR AS stage, happened_at, answered_at FROM _report_inquiries)"
    )


def _feedback(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> str:
    create_feedback(con, as_of, into="_report_feedback")
    return (
        "(SELECT owner_id, account_id, NULL::VARCHAR AS region, NULL::VARCHAR AS category, NULL::VARCHAR AS channel, "
        "source, NULL::VARCHAR AS stage, happened_at, kind, share FROM _report_feedback)"
    )


_READERS: Mapping[str, Callable[[DuckDBPyConnection, datetime, Settings], str]] = {
    "sales": _sales,
    "closed": _closed,
    "created": _created,
    "pipeline": _pipeline,
    "leads": _leads,
    "contacts": _contacts,
    "inquiries": _inquiries,
    "feedback": _feedback,
}
