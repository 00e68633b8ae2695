"""What to do next with open leads and opportunities: the action that raises the chance most, its effect and cost."""

import math
from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd

from forecast.conversion.next_step import UNKNOWN, NextStepModel
from forecast.errors import UnknownEntity
from forecast.explain.next_step import render_next_step
from forecast.features import build_features, open_entities
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.champion import version_serving, with_columns

#: What is said where no effects were learned.
NO_MODEL = {
    "action": UNKNOWN,
    "effect": math.nan,
    "low": math.nan,
    "high": math.nan,
    "cost_minutes": math.nan,
    "n": 0,
    "reason": "no_model",
}


def next_steps(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    entity: str,
    *,
    model: str | None = None,
    batch: int | None = None,
    entity_ids: Collection[str] | None = None,
) -> pd.DataFrame | None:
    """The suggested action for each open case, from the effects stored beside the model that scores it.

    The same ``as_of``, ``batch`` and ``model`` give the same answer.

    Parameters
    ----------
    as_of : datetime, UTC-aware
    entity : {"lead", "opportunity"}
    model, batch
        As in `score`.
    entity_ids : collection of str, optional
        Only these.

    Returns
    -------
    DataFrame or None
        As `NextStepModel.suggest` gives it. None where no effects were learned: by the group rate, and by models that
        were stored before there were next steps.
    """
    version = version_serving(registry, store, entity, as_of, model)
    learned = None if version is None else NextStepModel.from_files(registry.files(version.name, version.version))
    if learned is None:
        return None
    with lake.connect(lake.head() if batch is None else batch) as con:
        spine = open_entities(con, entity, as_of, entity_ids)
        features = build_features(con, spine, entity, zone=settings.zone)
    return learned.suggest(with_columns(features, [str(name) for name in learned.feature_names_in_]))


def told_step(steps: pd.DataFrame | None, entity_id: str, lang: str = "en") -> dict[str, Any]:
    """The next step of one case, in words.

    Parameters
    ----------
    steps : DataFrame or None
        Of `next_steps`.
    entity_id : str
    lang : {"en", "zh"}

    Returns
    -------
    dict
        ``action`` (None when there is none to suggest), ``effect``, ``low``, ``high`` (change of the probability and
        its 95 % interval among comparable cases), ``cost_minutes`` (usual length of the action), ``n`` (rows compared),
        ``reason`` (why there is none, a stable code; None when there is one) and ``text``. Numbers that are not known
        are None, others rounded to 9 decimals.

    Raises
    ------
    UnknownEntity
        If no open case of that id is among the steps.
    """
    if steps is None:
        return _answer(NO_MODEL, lang)
    rows = steps[steps["entity_id"] == entity_id].to_dict("records")
    if not rows:
        raise UnknownEntity(f"No open case {entity_id!r} is known at that moment.")
    return _answer({str(name): value for name, value in rows[0].items()}, lang)


def _answer(row: dict[str, Any], lang: str) -> dict[str, Any]:
    """One row of `NextStepModel.suggest` as plain values with its sentence."""
    known = not row["reason"]
    return {
        "action": row["action"] if known else None,
        **{name: _number(row[name]) for name in ("effect", "low", "high", "cost_minutes")},
        "n": int(row["n"]),
        "reason": None if known else row["reason"],
        "text": render_next_step(row, lang),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 9)
