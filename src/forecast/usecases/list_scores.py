"""The ranked list of a past moment, computed anew; that of the present is kept in the store."""

from datetime import datetime

import pandas as pd

from forecast.features import open_entities
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.listed import PREVIOUS, with_facts
from forecast.usecases.score import score


def list_scores(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    entity: str,
    *,
    model: str | None = None,
    batch: int | None = None,
) -> pd.DataFrame:
    """Scores of one kind of entity with what lists show beside them, as known at ``as_of``.

    Returns
    -------
    DataFrame
        As `score` and `with_facts` give it. ``previous_probability``, ``previous_as_of`` and ``change`` are empty: what
        was said a week before is shown beside the latest scores only.
    """
    batch = lake.head() if batch is None else batch
    scores = score(lake, registry, store, settings, as_of, model=model, batch=batch, entity=entity)
    with lake.connect(batch) as con:
        rows = with_facts(con, scores, entity, settings, as_of)
    return rows.reindex(columns=[*rows.columns, *PREVIOUS, "change"])


def count_open(lake: Lake, entity: str, as_of: datetime) -> int:
    """How many leads or opportunities are open."""
    with lake.connect() as con:
        return len(open_entities(con, entity, as_of))
