"""Targets that were approved, for every line: its own, else the sum of its people's."""

from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force, sql_moment
from forecast.performance.members import COMPANY
from forecast.performance.revenue import convert_counted
from forecast.periods import Period
from forecast.settings import Settings

#: Measures of a target that revenue attains.
REVENUE_MEASURES = ("revenue", "bookings", "sales")


def read_targets(
    con: DuckDBPyConnection,
    period: Period,
    as_of: datetime,
    settings: Settings,
    members: pd.DataFrame,
    approved: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Targets of a period as they held at a moment.

    Parameters
    ----------
    con : DuckDB connection with histories
    period : Period
        Only targets of this very period count.
    as_of : datetime
    settings : Settings
    members : DataFrame
        ``level``, ``id``, ``owner_id``.
    approved : DataFrame, optional
        Approvals of the store: ``owner_kind``, ``owner_id``, ``measure``, ``amount``, ``currency``, ``version``,
        ``approved_at``, ``effective_from``. The last version that held at ``as_of`` goes before imported targets.

    Returns
    -------
    DataFrame
        ``level``, ``id``, ``target`` (reporting currency): a team without a target of its own has the sum of its
        people's.

    Raises
    ------
    DataUnavailable
        If a target has no exchange rate.
    """
    measures = ", ".join(f"'{name}'" for name in REVENUE_MEASURES)
    imported = con.execute(
        f"SELECT owner_kind, owner_id, CAST(amount AS DOUBLE) AS amount, currency FROM {in_force('targets', as_of)} "
        f"WHERE period = ? AND measure IN ({measures}) AND amount IS NOT NULL "
        f"AND (effective_from IS NULL OR effective_from <= {sql_moment(as_of)}) "
        "QUALIFY row_number() OVER (PARTITION BY owner_kind, owner_id ORDER BY coalesce(version, 0) DESC, measure) = 1 "
        "ORDER BY owner_kind, owner_id",
        [period.label],
    ).df()
    sources = [frame for frame in (_last_approved(approved, as_of), imported) if len(frame)]
    if not sources:
        return pd.DataFrame(columns=["level", "id", "target"], dtype=object).astype({"target": float})
    own = pd.concat(sources, ignore_index=True).drop_duplicates(["owner_kind", "owner_id"])
    own = _in_reporting_currency(con, own, min(as_of, period.start(settings.zone)), as_of, settings)
    own["id"] = own["owner_id"].where(own["owner_kind"] != COMPANY, COMPANY)
    direct = own.rename(columns={"owner_kind": "level", "amount": "target"})[["level", "id", "target"]]
    users = own[own["owner_kind"] == "user"][["owner_id", "amount"]]
    sums = members.merge(users, on="owner_id").groupby(["level", "id"])["amount"].sum()
    both: pd.DataFrame = pd.concat([direct, sums.rename("target").reset_index()], ignore_index=True)
    return both.drop_duplicates(["level", "id"]).sort_values(["level", "id"], ignore_index=True)


def _last_approved(approved: pd.DataFrame | None, as_of: datetime) -> pd.DataFrame:
    columns = ["owner_kind", "owner_id", "amount", "currency"]
    if approved is None or approved.empty:
        return pd.DataFrame(columns=columns)
    moment = pd.Timestamp(as_of)
    since = [pd.to_datetime(approved[name], utc=True) for name in ("approved_at", "effective_from")]
    held = approved[(since[0] <= moment) & (since[1] <= moment) & approved["measure"].isin(REVENUE_MEASURES)]
    last = held[held["version"] == held["version"].max()]
    chosen: pd.DataFrame = last[columns].astype({"amount": float})
    return chosen.sort_values(["owner_kind", "owner_id"])


def _in_reporting_currency(
    con: DuckDBPyConnection, own: pd.DataFrame, day: datetime, as_of: datetime, settings: Settings
) -> pd.DataFrame:
    con.register("_own", own)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE _known AS SELECT CAST(owner_kind AS VARCHAR) AS owner_kind, "
        "CAST(owner_id AS VARCHAR) AS owner_id, CAST(amount AS DOUBLE) AS amount, "
        f"CAST(currency AS VARCHAR) AS currency, {sql_moment(day)} AS counted_at FROM _own"
    )
    con.unregister("_own")
    convert_counted(con, into="_targets", as_of=as_of, settings=settings)
    frame: pd.DataFrame = con.sql(
        "SELECT owner_kind, owner_id, CAST(amount AS DOUBLE) AS amount FROM _targets ORDER BY owner_kind, owner_id"
    ).df()
    con.execute("DROP TABLE _targets")
    return frame
