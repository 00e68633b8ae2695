"""Who owns what: owners of an outlook, their teams, and since when they are there."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from forecast.history import in_force, sql_moment
from forecast.outlook.ledger import MEMORY_DAYS, Ledger
from forecast.outlook.outlook import UNASSIGNED

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class People:
    """Owners of an outlook: parallel arrays of shape (n_owners,).

    Attributes
    ----------
    owners : list of str
        Sorted.
    teams : list of str
        Team id of each; empty text for none.
    first_days, last_days : array
        When each came and left, in days from ``as_of``; infinite while unknown or not left.
    parents : dict of team to parent team
    """

    owners: list[str]
    teams: list[str]
    first_days: Floats
    last_days: Floats
    parents: dict[str, str]

    @property
    def team(self) -> Codes:
        """Number of each owner's team."""
        if not self.owners:
            return np.empty(0, dtype=np.int64)
        return np.unique(np.array(self.teams, dtype=str), return_inverse=True)[1].astype(np.int64)

    def is_there(self, at: float) -> NDArray[np.bool_]:
        """Who can win something at a moment: somebody who had come and not left."""
        somebody = np.array([owner != UNASSIGNED for owner in self.owners], dtype=bool)
        return np.asarray((self.first_days <= at) & (self.last_days > at) & somebody)

    def present(self, at: float, first_days: float, memory_days: float) -> Floats:
        """Share of the remembered time before a moment in which each owner was there, at least a tenth."""
        begin = max(first_days, at - memory_days)
        return np.clip((at - np.maximum(self.first_days, begin)) / max(at - begin, 1e-9), 0.1, 1.0)

    def codes(self, owner_id: pd.Series) -> Codes:
        """Number of each row's owner; -1 for one that is no owner here."""
        names = owner_id.astype(object).where(owner_id.notna(), UNASSIGNED)
        return np.asarray(pd.Index(self.owners, dtype=object).get_indexer(pd.Index(names)), dtype=np.int64)


def read_people(con: DuckDBPyConnection, ledger: Ledger, booked: pd.DataFrame, as_of: datetime) -> People:
    """Everybody who owns an open opportunity, or earned something in the period or in the time that is remembered."""
    owners = _owners(ledger, booked, as_of)
    now = sql_moment(as_of)
    known = con.execute(
        f"""
        SELECT user_id, team_id, date_diff('second', {now}, active_from) / 86400.0 AS first_days,
               date_diff('second', {now}, active_to) / 86400.0 AS last_days
        FROM {in_force("users", as_of)} ORDER BY user_id
        """
    ).df()
    deals = con.execute(
        f"SELECT owner_id, date_diff('second', {now}, min(created_at)) / 86400.0 AS first_days "
        f"FROM {in_force('opportunities', as_of)} WHERE owner_id IS NOT NULL GROUP BY owner_id ORDER BY owner_id"
    ).df()
    of_team = con.execute(
        f"SELECT team_id, parent_team_id FROM {in_force('teams', as_of)} WHERE parent_team_id IS NOT NULL "
        "ORDER BY team_id"
    ).df()
    users = known.set_index("user_id").reindex(owners)
    first_deal = deals.set_index("owner_id")["first_days"].reindex(owners).to_numpy(dtype=float)
    came = np.fmin(users["first_days"].to_numpy(dtype=float), np.nan_to_num(first_deal, nan=np.inf))
    left = users["last_days"].to_numpy(dtype=float)
    return People(
        owners,
        ["" if pd.isna(team) else str(team) for team in users["team_id"]],
        np.where(np.isfinite(came), came, -np.inf),
        np.where(np.isnan(left), np.inf, left),
        dict(of_team.itertuples(index=False, name=None)),
    )


def _owners(ledger: Ledger, booked: pd.DataFrame, as_of: datetime) -> list[str]:
    since = pd.Timestamp(as_of).tz_convert("UTC").tz_localize(None) - pd.Timedelta(days=MEMORY_DAYS)
    recent = [booked["owner_id"], ledger.won.loc[ledger.won["closed_at"] >= since, "owner_id"]]
    recent += [ledger.orders.loc[ledger.orders["ordered_at"] >= since, "owner_id"], ledger.open["owner_id"]]
    names = pd.concat([column.astype(object) for column in recent])
    return sorted({UNASSIGNED if pd.isna(owner) else str(owner) for owner in names.unique()})
