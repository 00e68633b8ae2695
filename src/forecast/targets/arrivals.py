"""What territories have to work with, read from the history: arrivals, open opportunities and wins by class of case.

A case's class is where it came from (a lead, nowhere else, an order) and how large its account is: facts that no rep
types to please a forecast. Neither the expected close, nor the category, stage, amount asked or product is read.
"""

from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.history import in_force, sql_moment
from forecast.outlook.ledger import MEMORY_DAYS

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Accounts are told apart by thirds of their size; the last band is of unknown size.
N_BANDS = 4
#: Classes: opportunities from leads and others, by band; orders last.
ORDERS = 2 * N_BANDS
N_CLASSES = ORDERS + 1
#: A class with fewer wins takes the amounts of all classes of its kind.
MIN_AMOUNTS = 20


def read_classes(con: DuckDBPyConnection, as_of: datetime) -> "pd.Series[int]":
    """Class of every opportunity in force, by its id."""
    _create_cases(con, as_of)
    rows = con.execute("SELECT case_id, code FROM _cases WHERE is_deal ORDER BY case_id").df()
    return rows.set_index("case_id")["code"]


def read_arrivals(con: DuckDBPyConnection, owners: tuple[str, ...], as_of: datetime) -> Codes:
    """How many leads, opportunities without a lead, and ordering accounts each owner got in the time remembered.

    Returns
    -------
    int array of shape (n_owners, N_CLASSES)
    """
    _create_cases(con, as_of)
    since = f"{sql_moment(as_of)} - INTERVAL {MEMORY_DAYS} DAY"
    counts = con.execute(
        f"""
        SELECT owner_id, code, count(*) AS n FROM _cases
        WHERE arrives AND created_at >= {since} AND created_at < {sql_moment(as_of)} AND owner_id IS NOT NULL
        GROUP BY ALL
        UNION ALL
        SELECT coalesce(orders.user_id, accounts.owner_id) AS owner_id, {ORDERS}, count(DISTINCT account_id)
        FROM {in_force("orders", as_of)} AS orders JOIN {in_force("accounts", as_of)} AS accounts USING (account_id)
        WHERE ordered_at >= {since} AND ordered_at < {sql_moment(as_of)}
        GROUP BY ALL
        """
    ).df()
    arrivals = np.zeros((len(owners), N_CLASSES), dtype=np.int64)
    place = pd.Index(owners, dtype=object).get_indexer(pd.Index(counts["owner_id"]))
    known = place >= 0
    np.add.at(arrivals, (place[known], counts["code"].to_numpy()[known].astype(int)), counts["n"].to_numpy()[known])
    return arrivals


def read_days_there(con: DuckDBPyConnection, owners: tuple[str, ...], as_of: datetime) -> Floats:
    """For how many days each owner has been there, at least 1; infinite where it is not known."""
    since = con.execute(
        f"SELECT user_id, date_diff('second', active_from, {sql_moment(as_of)}) / 86400.0 AS days "
        f"FROM {in_force('users', as_of)} WHERE active_from IS NOT NULL"
    ).df()
    days = since.set_index("user_id")["days"].reindex(list(owners)).to_numpy(dtype=float)
    return np.maximum(np.where(np.isnan(days), np.inf, days), 1.0)


def amounts_by_class(code: Codes, amount: Floats) -> tuple[Floats, ...]:
    """Known amounts of the wins of each class; of all of its kind where they are few, of everything where still few."""
    known = ~np.isnan(amount)
    code, amount = code[known], amount[known]
    pools = []
    for wanted in range(N_CLASSES):
        first = wanted // N_BANDS * N_BANDS
        kind = range(first, min(first + N_BANDS, N_CLASSES))
        pool = amount[code == wanted]
        for wider in (np.isin(code, list(kind)), np.ones(len(code), dtype=bool)):
            pool = amount[wider] if len(pool) < MIN_AMOUNTS else pool
        pools.append(pool)
    return tuple(pools)


def _create_cases(con: DuckDBPyConnection, as_of: datetime) -> None:
    """Write ``_cases``: leads and opportunities in force with class, owner, creation, and whether they are an arrival.

    A lead is one; an opportunity only when no lead brought it.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE _cases AS
        WITH accounts_now AS (SELECT account_id, size FROM {in_force("accounts", as_of)}),
        limits AS (SELECT quantile_cont(TRY_CAST(size AS DOUBLE), [1/3, 2/3]) AS cuts FROM accounts_now),
        bands AS (
            SELECT aliases.alias_id AS account_id, CASE WHEN min(TRY_CAST(size AS DOUBLE)) IS NULL THEN {N_BANDS - 1}
                   ELSE (min(TRY_CAST(size AS DOUBLE)) > any_value(cuts[1]))::INT
                        + (min(TRY_CAST(size AS DOUBLE)) > any_value(cuts[2]))::INT END AS band
            FROM accounts_aliases AS aliases JOIN accounts_now ON accounts_now.account_id = survivor_id, limits
            WHERE aliases.known_from < {sql_moment(as_of)} GROUP BY aliases.alias_id
        ), from_leads AS (
            SELECT DISTINCT opportunity_id FROM {in_force("leads", as_of)} WHERE opportunity_id IS NOT NULL
        )
        SELECT lead_id AS case_id, false AS is_deal, true AS arrives, owner_id, created_at,
               coalesce(band, {N_BANDS - 1}) AS code
        FROM {in_force("leads", as_of)} LEFT JOIN bands USING (account_id)
        UNION ALL
        SELECT opportunity_id, true, from_leads.opportunity_id IS NULL, owner_id, created_at,
               coalesce(band, {N_BANDS - 1}) + CASE WHEN from_leads.opportunity_id IS NULL THEN {N_BANDS} ELSE 0 END
        FROM {in_force("opportunities", as_of)} AS deals LEFT JOIN bands USING (account_id)
        LEFT JOIN from_leads USING (opportunity_id)
        """
    )
