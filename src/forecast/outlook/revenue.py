"""Revenue (or another measure) that came, as known at a moment: by owner, region or category, and their sums."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force
from forecast.outlook.ledger import Ledger, read_ledger
from forecast.outlook.outlook import NO_TEAM, UNASSIGNED, level_of
from forecast.outlook.units import COLUMNS
from forecast.settings import Settings


@dataclass(frozen=True)
class Revenue:
    """What was booked of a measure, as known at ``as_of``.

    Attributes
    ----------
    rows : DataFrame
        ``owner_id``, ``region``, ``category`` (``(unassigned)`` for none), ``at`` (UTC, naive), ``amount``: of money in
        the reporting currency.
    open : DataFrame
        Open opportunities, as `Ledger.open` has them.
    """

    rows: pd.DataFrame
    open: pd.DataFrame

    @property
    def first(self) -> pd.Timestamp | None:
        """When the first revenue came (UTC, naive): before, nothing says that there was none."""
        return None if self.rows.empty else pd.Timestamp(self.rows["at"].min())

    def between(self, start: datetime, end: datetime, by: str = "owner") -> pd.Series:
        """Revenue of each owner (region, category) in ``[start, end)``; only those with some."""
        inside = (self.rows["at"] >= naive(start)) & (self.rows["at"] < naive(end))
        return self.rows[inside].groupby(COLUMNS[by])["amount"].sum()


def read_revenue(con: DuckDBPyConnection, as_of: datetime, settings: Settings, measure: str = "revenue") -> Revenue:
    """Opportunities won and orders that count, by the setting ``revenue_from``; or what came of another measure.

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    InvalidInput
        If there is no such measure.
    """
    ledger = read_ledger(con, _open_unscored(con, as_of, settings), as_of, settings, measure)
    return Revenue(_booked_rows(ledger), ledger.open)


def _booked_rows(ledger: Ledger) -> pd.DataFrame:
    units = [*COLUMNS.values()]
    parts = [
        frame[[*units, moment, "amount"]].rename(columns={moment: "at"})
        for frame, moment in ((ledger.won, "closed_at"), (ledger.orders, "ordered_at"))
        if len(frame)
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*units, "at", "amount"])
    rows = rows[rows["amount"].notna()].astype({"amount": float})
    rows[units] = rows[units].astype(object).where(rows[units].notna(), UNASSIGNED)
    return rows.assign(at=pd.to_datetime(rows["at"])).reset_index(drop=True)


def _open_unscored(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> pd.DataFrame:
    """Whatever is open, as if scored: an order that names one of these opportunities must not count as well."""
    frame = con.execute(
        "SELECT 'opportunity' AS entity, opportunity_id AS entity_id "
        f"FROM {in_force('opportunities', as_of)} WHERE outcome IS NULL AND closed_at IS NULL ORDER BY opportunity_id"
    ).df()
    return frame.assign(**{f"p_{days}d": 0.0 for days in settings.horizons_days})


@dataclass(frozen=True)
class Teams:
    """Who belongs where.

    Attributes
    ----------
    of : mapping of owner to team
        Only of owners that have one.
    parents : mapping of team to parent team
        Only of teams that have one.
    """

    of: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)

    def above(self, owner: str) -> list[str]:
        """The owner's team and all above it; a circle is cut."""
        chain = [self.of.get(owner, NO_TEAM)]
        while (parent := self.parents.get(chain[-1], "")) and parent not in chain:
            chain.append(parent)
        return chain


def read_teams(con: DuckDBPyConnection, at: datetime, known_at: datetime) -> Teams:
    """Teams at a moment; of users and teams that were not known then, as known at ``known_at``."""
    of: dict[str, str] = {}
    parents: dict[str, str] = {}
    for moment in (known_at, min(at, known_at)):
        of |= _pairs(con, "users", "user_id", "team_id", moment)
        parents |= _pairs(con, "teams", "team_id", "parent_team_id", moment)
    return Teams(of, parents)


def _pairs(con: DuckDBPyConnection, table: str, key: str, value: str, moment: datetime) -> dict[str, str]:
    rows = con.execute(f"SELECT {key}, {value} FROM {in_force(table, moment)} WHERE {value} IS NOT NULL ORDER BY {key}")
    return dict(rows.fetchall())


def to_nodes(by_owner: pd.DataFrame, teams: Teams, by: str = "owner") -> pd.DataFrame:
    """Sums of owners' numbers for the company, each team with its sub-teams, and each rep (region, category).

    Parameters
    ----------
    by_owner : DataFrame
        Index: owner ids (regions, categories); columns of numbers. A column without any number stays without.
    teams : Teams
        Owners without a team count as ``(no team)`` where others have one; without any, no team has a row.
    by : {"owner", "region", "category"}

    Returns
    -------
    DataFrame
        ``level`` (company, team, rep; region or category by these), ``id`` and the columns.
    """
    owners, level = [str(owner) for owner in by_owner.index], level_of(by)
    places = [("company", "company", owner) for owner in owners] + [(level, owner, owner) for owner in owners]
    if teams.of:
        places += [("team", team, owner) for owner in owners for team in teams.above(owner)]
    table = pd.DataFrame(places, columns=["level", "id", "owner"])
    values = by_owner.set_axis(owners).loc[table["owner"]].reset_index(drop=True)
    sums = values.groupby([table["level"], table["id"]]).sum(min_count=1).reset_index()
    order = sums["level"].map({"company": 0, "team": 1, level: 2})
    return sums.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def naive(moment: datetime) -> pd.Timestamp:
    """The moment as DuckDB gives it: UTC without a zone."""
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
