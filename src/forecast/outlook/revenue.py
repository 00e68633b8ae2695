"""Revenue that came, as it was known at a moment: by owner and span, summed to teams and company."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force
from forecast.outlook.ledger import read_ledger
from forecast.outlook.outlook import NO_TEAM, UNASSIGNED
from forecast.settings import Settings


@dataclass(frozen=True)
class Revenue:
    """What was booked, as known at ``as_of``.

    Attributes
    ----------
    rows : DataFrame
        ``owner_id`` (``(unassigned)`` for none), ``at`` (UTC, naive), ``amount`` in the reporting currency.
    first : Timestamp or None
        When the first opportunity or order that is known came to be (UTC, naive).
    """

    rows: pd.DataFrame
    first: pd.Timestamp | None

    def between(self, start: datetime, end: datetime) -> pd.Series:
        """Revenue of each owner in ``[start, end)``; only owners with some."""
        inside = (self.rows["at"] >= naive(start)) & (self.rows["at"] < naive(end))
        return self.rows[inside].groupby("owner_id")["amount"].sum()


def read_revenue(con: DuckDBPyConnection, as_of: datetime, settings: Settings) -> Revenue:
    """Opportunities won and orders that count, by the setting ``revenue_from``.

    Raises
    ------
    DataUnavailable
        If an amount has no exchange rate.
    """
    no_scores = pd.DataFrame(columns=["entity", "entity_id", *(f"p_{days}d" for days in settings.horizons_days)])
    ledger = read_ledger(con, no_scores, as_of, settings)
    parts = [
        frame[["owner_id", moment, "amount"]].rename(columns={moment: "at"})
        for frame, moment in ((ledger.won, "closed_at"), (ledger.orders, "ordered_at"))
        if len(frame)
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["owner_id", "at", "amount"])
    rows = rows[rows["amount"].notna()].astype({"amount": float})
    rows["owner_id"] = rows["owner_id"].fillna(UNASSIGNED).astype(object)
    return Revenue(rows.assign(at=pd.to_datetime(rows["at"])).reset_index(drop=True), ledger.first)


def team_of(con: DuckDBPyConnection, at: datetime, known_at: datetime) -> dict[str, str]:
    """Team of each user at a moment; of a user who was not known then, the one known at ``known_at``.

    Only users who have a team.
    """
    teams: dict[str, str] = {}
    for moment in (known_at, min(at, known_at)):
        members = con.execute(
            f"SELECT user_id, team_id FROM {in_force('users', moment)} WHERE team_id IS NOT NULL ORDER BY user_id"
        ).fetchall()
        teams |= dict(members)
    return teams


def to_nodes(by_owner: pd.DataFrame, teams: Mapping[str, str]) -> pd.DataFrame:
    """Sums of owners' numbers for the company, each team and each rep.

    Parameters
    ----------
    by_owner : DataFrame
        Index: owner ids; columns of numbers. A column without any number stays without.
    teams : mapping of owner to team
        Owners that are missing count as ``(no team)`` where others have one; without any, no team has a row.

    Returns
    -------
    DataFrame
        ``level`` (company, team, rep), ``id`` and the columns.
    """
    owners = by_owner.index.astype(object)
    ids = {"company": ["company"] * len(owners), "rep": list(owners)}
    if teams:
        ids["team"] = [teams.get(owner, NO_TEAM) for owner in owners]
    sums = [
        by_owner.groupby(pd.Index(ids[level], dtype=object, name="id")).sum(min_count=1).reset_index()
        for level in ("company", "team", "rep")
        if level in ids
    ]
    levels = [level for level in ("company", "team", "rep") if level in ids]
    return pd.concat([frame.assign(level=level) for level, frame in zip(levels, sums, strict=True)], ignore_index=True)[
        ["level", "id", *by_owner.columns]
    ]


def naive(moment: datetime) -> pd.Timestamp:
    """The moment as DuckDB gives it: UTC without a zone."""
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
