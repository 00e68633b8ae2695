"""The outlook of a period: scores of what is open, then joint paths of revenue."""

from dataclasses import replace
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import in_force
from forecast.outlook import Outlook, simulate
from forecast.periods import Period
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.score import score

#: Tables that hold revenue, by the setting ``revenue_from``, and those of measures that do not depend on it.
_SOURCES = {
    "opportunities": ("opportunities",),
    "orders": ("orders",),
    "both": ("opportunities", "orders"),
    "wins": ("opportunities",),
    "units": ("orders",),
    "activities": ("interactions",),
}


def outlook(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    period: Period,
    as_of: datetime,
    *,
    batch: int | None = None,
    scores: pd.DataFrame | None = None,
    by: str = "owner",
    measure: str = "revenue",
    weekly: bool = False,
) -> Outlook:
    """Revenue of a period per rep, team and company, or per region or category, from what was known at ``as_of``.

    Open opportunities are scored by the champion of that day.

    Parameters
    ----------
    period : Period
    as_of : datetime, UTC-aware
    batch : int, optional
        Later batches are invisible; default the last one.
    scores : DataFrame, optional
        Of the opportunities open at ``as_of``, where they are at hand; else they are made.
    by : {"owner", "region", "category"}
        What is told apart: who sells (and teams), the account's region or the product's category.
    measure : {"revenue", "margin", "wins", "units", "activities"}
        What is looked ahead to; see `forecast.outlook.ledger.read_ledger`.
    weekly : bool
        Tell also how it adds up week by week.

    Raises
    ------
    InvalidInput
        If nothing that makes revenue was known at ``as_of``.
    DataUnavailable
        If an amount in a foreign currency has no rate.
    """
    batch = lake.head() if batch is None else batch
    with lake.connect(batch) as con:
        sources = _SOURCES.get(measure, _SOURCES[settings.revenue_from])
        known = [table for table in sources if _has_rows(con, table, as_of)]
        if not known:
            raise InvalidInput(
                f"No {' and no '.join(sources)} were known at {as_of:%Y-%m-%d %H:%M:%SZ}, so there is no {measure} to "
                "look ahead to; ask for a later `as_of`, or bring some in with `forecast ingest MAPPING.yaml`."
            )
        if "opportunities" not in known:
            scores = _no_scores(settings)
        elif scores is None:
            scores = score(lake, registry, store, settings, as_of, batch=batch, entity="opportunity")
        result = simulate(
            con,
            scores,
            period,
            as_of,
            settings,
            random_state=settings.random_state,
            by=by,
            measure=measure,
            weekly=weekly,
        )
    users = lake.table("users", as_of, batch)
    names = users.loc[users["name"].notna(), ["user_id", "name"]] if "name" in users else users.iloc[:0]
    scored_by = str(scores["model_version"].iloc[0]) if "model_version" in scores and len(scores) else ""
    owner_names: dict[str, str] = dict(names.itertuples(index=False)) if len(names) else {}
    return replace(result, owner_names=owner_names, model_version=scored_by)


def _has_rows(con: DuckDBPyConnection, table: str, as_of: datetime) -> bool:
    return con.execute(f"SELECT 1 FROM {in_force(table, as_of)} LIMIT 1").fetchone() is not None


def _no_scores(settings: Settings) -> pd.DataFrame:
    return pd.DataFrame(columns=["entity", "entity_id", *(f"p_{days}d" for days in settings.horizons_days)])
