"""A report as of a moment, under somebody's rights, from the lake and what other rooms say."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force
from forecast.periods import Period
from forecast.ports import Lake
from forecast.reports import EVERYBODY, Report, ReportMaker, ReportSpec, Rooms, Viewer
from forecast.reports.report import ReportTable
from forecast.settings import Settings


def make_report(
    lake: Lake,
    rooms: Rooms,
    settings: Settings,
    spec: ReportSpec,
    period: Period,
    as_of: datetime,
    *,
    name: str,
    batch: int | None = None,
    viewer: Viewer = EVERYBODY,
    stages: Sequence[str] = (),
) -> Report:
    """The tables of a definition. The same (as_of, batch, model versions) and rights give the same report.

    Parameters
    ----------
    rooms : Rooms
        Of the same moment and batch.
    name : str
        What the definition is called.
    batch : int, optional
        Later batches are invisible; default the last one.
    viewer : Viewer
        Whose rows count.
    stages : sequence of str
        Open stages in their order, where one is declared.

    Raises
    ------
    DataUnavailable
        If an amount in a foreign currency has no rate.
    """
    batch = lake.head() if batch is None else batch
    with lake.connect(batch) as con:
        maker = ReportMaker(con, rooms, settings, period, as_of, viewer, stages)
        tables = maker.tables(spec)
        names = _names(con, as_of, tables)
    users = lake.table("users", as_of, batch)
    if "name" in users:
        known = users.loc[users["name"].notna(), ["user_id", "name"]]
        names["rep"] = dict(known.astype(str).itertuples(index=False, name=None))
    return Report(
        name=name,
        spec=spec,
        period=period,
        as_of=as_of,
        batch=batch,
        currency=settings.reporting_currency,
        timezone=settings.timezone,
        n_people=None if viewer.is_everything else len(viewer.owners or ()),
        tables=tables,
        names=names,
    )


def _names(con: DuckDBPyConnection, as_of: datetime, tables: Sequence[ReportTable]) -> dict[str, Mapping[str, str]]:
    """Names of the teams and accounts that the tables show."""
    shown = [table.rows["account"] for table in tables if "account" in table.rows]
    accounts = pd.DataFrame({"account_id": pd.concat(shown).drop_duplicates() if shown else []}, dtype=object)
    con.register("_shown_accounts", accounts)
    rows = {
        "team": f"SELECT team_id, name FROM {in_force('teams', as_of)} WHERE name IS NOT NULL ORDER BY team_id",
        "account": f"SELECT account_id, name FROM {in_force('accounts', as_of)} WHERE name IS NOT NULL "
        "AND account_id IN (SELECT CAST(account_id AS VARCHAR) FROM _shown_accounts) ORDER BY account_id",
    }
    return {dimension: dict(con.execute(query).fetchall()) for dimension, query in rows.items()}
