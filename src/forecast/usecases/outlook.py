"""The outlook of a period: scores of what is open, then joint paths of revenue."""

from dataclasses import replace
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.history import in_force
from forecast.outlook import Outlook, simulate
from forecast.periods import Period
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.score import score


def outlook(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    period: Period,
    as_of: datetime,
    *,
    batch: int | None = None,
) -> Outlook:
    """Revenue of a period per rep, team and company, from what was known at ``as_of``.

    Open opportunities are scored by the champion of that day.

    Parameters
    ----------
    period : Period
    as_of : datetime, UTC-aware
    batch : int, optional
        Later batches are invisible; default the last one.

    Raises
    ------
    InvalidInput
        If ``as_of`` is before all data.
    DataUnavailable
        If an amount in a foreign currency has no rate.
    """
    batch = lake.head() if batch is None else batch
    with lake.connect(batch) as con:
        counts_deals = settings.revenue_from != "orders" and _has_opportunities(con, as_of)
        scores = (
            score(lake, registry, store, settings, as_of, batch=batch, entity="opportunity")
            if counts_deals
            else _no_scores(settings)
        )
        result = simulate(con, scores, period, as_of, settings, random_state=settings.random_state)
    users = lake.table("users", as_of, batch)
    names = users.loc[users["name"].notna(), ["user_id", "name"]] if "name" in users else users.iloc[:0]
    return replace(result, owner_names=dict(names.itertuples(index=False)) if len(names) else {})


def _has_opportunities(con: DuckDBPyConnection, as_of: datetime) -> bool:
    row = con.execute(f"SELECT count(*) FROM {in_force('opportunities', as_of)}").fetchone()
    return bool(row and row[0])


def _no_scores(settings: Settings) -> pd.DataFrame:
    return pd.DataFrame(columns=["entity", "entity_id", *(f"p_{days}d" for days in settings.horizons_days)])
