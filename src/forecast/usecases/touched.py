"""Whose scores new batches may change: the cases that their rows are about, and the open cases of their accounts.

| a row of | touches |
|---|---|
| leads, opportunities | itself, what the lead became, and the open cases of every account it ever had |
| interactions, feedback | its lead and opportunity, what its lead became, and the open cases of its account |
| accounts, orders, order_lines | the open cases of the account |
| products | the open opportunities that are about it |

Merged accounts, leads and opportunities stand for their survivors. What a row of an owner's other cases changes, the
owner's workload and record, reaches that owner's untouched cases at night, when everything is scored; so do the
company's win rate, the usual pace of a stage, and percentiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from duckdb import DuckDBPyConnection

from forecast.features.cases import case_versions
from forecast.history import sql_moment
from forecast.schema import SCORED_ENTITIES, TABLES

_ACCOUNTS = """
    SELECT account_id FROM accounts WHERE batch > {after}
    UNION SELECT account_id FROM leads SEMI JOIN _leads USING (lead_id)
    UNION SELECT account_id FROM opportunities SEMI JOIN _opportunities USING (opportunity_id)
    UNION SELECT account_id FROM interactions WHERE batch > {after}
    UNION SELECT account_id FROM feedback WHERE batch > {after}
    UNION SELECT account_id FROM orders WHERE batch > {after}
    UNION SELECT account_id FROM orders WHERE order_id IN (SELECT order_id FROM order_lines WHERE batch > {after})
"""
_LEADS = """
    SELECT lead_id FROM leads WHERE batch > {after}
    UNION SELECT lead_id FROM interactions WHERE batch > {after} AND lead_id IS NOT NULL
"""
_OPPORTUNITIES = """
    SELECT opportunity_id FROM opportunities WHERE batch > {after}
    UNION SELECT opportunity_id FROM interactions WHERE batch > {after} AND opportunity_id IS NOT NULL
    UNION SELECT opportunity_id FROM feedback WHERE batch > {after} AND opportunity_id IS NOT NULL
    UNION SELECT opportunity_id FROM leads SEMI JOIN _leads USING (lead_id) WHERE opportunity_id IS NOT NULL
    UNION SELECT opportunity_id FROM opportunities
        WHERE product_id IN (SELECT product_id FROM products WHERE batch > {after})
"""

_NAMED = {"leads": _LEADS, "opportunities": _OPPORTUNITIES, "accounts": _ACCOUNTS}


@dataclass(frozen=True)
class Touched:
    """Ids of one kind of entity whose scores may change.

    Attributes
    ----------
    open_ids : tuple of str
        To be scored, sorted.
    closed_ids : tuple of str
        Touched themselves and not open any more: they leave the scores.
    """

    open_ids: tuple[str, ...]
    closed_ids: tuple[str, ...]


def touched_since(con: DuckDBPyConnection, after: Mapping[str, int], as_of: datetime) -> dict[str, Touched]:
    """What later batches touched, by kind of entity.

    Parameters
    ----------
    con : DuckDB connection
        Of a lake.
    after : mapping of kind of entity to int
        The last batch that is in its scores.
    as_of : datetime
        Open is what is open at this moment.
    """
    found: dict[str, Touched] = {}
    for batch in set(after.values()):
        for table, query in _NAMED.items():  # later ones rest on those before
            _create_touched(con, table, query.format(after=int(batch)))
        found |= {kind: _cases_touched(con, kind, as_of) for kind in after if after[kind] == batch}
    return found


def _cases_touched(con: DuckDBPyConnection, entity: str, as_of: datetime) -> Touched:
    """The cases of a kind that rows of `_create_touched` reach."""
    (table, key), moment = SCORED_ENTITIES[entity], sql_moment(as_of)
    rows = con.execute(
        f"""
        WITH present AS (
            SELECT case_id, account_id, live AND event = '' AS is_open FROM {case_versions(entity)}
            WHERE known_from < {moment} AND {moment} <= known_to
        )
        SELECT case_id, is_open FROM present WHERE case_id IN (SELECT {key} FROM _{table})
        UNION SELECT case_id, is_open FROM present WHERE is_open AND account_id IN (SELECT account_id FROM _accounts)
        ORDER BY case_id
        """
    ).fetchall()
    return Touched(
        tuple(case_id for case_id, is_open in rows if is_open),
        tuple(case_id for case_id, is_open in rows if not is_open),
    )


def _create_touched(con: DuckDBPyConnection, table: str, named: str) -> None:
    """Register ``_<table>``: the ids that rows name, and those that they were merged with."""
    key = TABLES[table].key[0]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE _{table} AS WITH named AS (SELECT {key} FROM ({named}) WHERE {key} IS NOT NULL) "
        f"FROM named UNION SELECT survivor_id FROM {table}_aliases WHERE alias_id IN (FROM named) "
        f"UNION SELECT alias_id FROM {table}_aliases WHERE survivor_id IN (FROM named)"
    )
