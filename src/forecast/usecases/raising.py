"""What would raise the score of one lead or opportunity, by what its owner can do."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit

from forecast.conversion import ConversionScorer
from forecast.conversion.counterfactual import Donors
from forecast.errors import UnknownEntity
from forecast.explain.counterfactual import NOTE, render_counterfactual
from forecast.features import build_features, open_entities
from forecast.ports import Lake, ModelRegistry, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import GROUP_RATE, version_serving, with_columns

STAGE = "stage__current"

#: Open cases among which others of the same stage are looked for, chosen by the hash of their id.
MAX_OTHERS = 2000


def what_would_raise(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    entity_id: str,
    *,
    model: str | None = None,
    batch: int | None = None,
    lang: str = "en",
    n_shown: int = 3,
) -> dict[str, Any]:
    """Changes that would raise a score, taken from other open cases of the same stage.

    Parameters
    ----------
    as_of : datetime, UTC-aware
    entity_id : str
        An open lead or opportunity.
    model, batch
        As in `score`. The group rate knows no activities: nothing raises it.
    lang : {"en", "zh"}
    n_shown : int

    Returns
    -------
    dict
        ``entity``, ``entity_id``, ``note`` (what the figures are not) and ``options``, largest gain first: ``codes``,
        ``text``, ``probability``, ``gain``, ``changes`` and ``follows`` (feature to (from, to)).

    Raises
    ------
    UnknownEntity
        If no open lead or opportunity of that id is known at that moment.
    """
    with lake.connect(lake.head() if batch is None else batch) as con:
        for kind in sorted(SCORED_ENTITIES):
            spine = open_entities(con, kind, as_of)
            if entity_id in set(spine["entity_id"]):
                scorer = _scorer(registry, store, kind, as_of, model)
                some = _with_others(spine, entity_id)
                features = None if scorer is None else build_features(con, some, kind, zone=settings.zone)
                break
        else:
            raise UnknownEntity(f"No open lead or opportunity {entity_id!r} is known at that moment.")
    found = [] if scorer is None or features is None else raised(scorer, features, entity_id, n_shown=n_shown)
    options = [{**asdict(one), "text": render_counterfactual(one, lang)} for one in found]
    return {"entity": kind, "entity_id": entity_id, "note": NOTE.in_language(lang), "options": options}


def raised(scorer: ConversionScorer, features: pd.DataFrame, entity_id: str, *, n_shown: int = 3) -> list[Any]:
    """Counterfactuals of one row of the feature table of all open cases, which are its donors.

    Returns
    -------
    list of Counterfactual, largest gain first
    """
    features = with_columns(features, [str(name) for name in scorer.model_.feature_names_in_])
    donors = Donors.fit(features, group=STAGE if STAGE in features else None)

    def log_odds(rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(logit(scorer.win_probability(rows)))

    return donors.find(log_odds, features[features["entity_id"] == entity_id], n_shown=n_shown)[0]


def _with_others(spine: pd.DataFrame, entity_id: str) -> pd.DataFrame:
    """The case with at most `MAX_OTHERS` others."""
    if len(spine) <= MAX_OTHERS:
        return spine
    marks = pd.util.hash_array(spine["entity_id"].to_numpy(dtype=object)).astype(float)
    marks[(spine["entity_id"] == entity_id).to_numpy()] = -1.0
    return spine.iloc[np.sort(np.argsort(marks, kind="stable")[: MAX_OTHERS + 1])]


def _scorer(
    registry: ModelRegistry, store: Store, entity: str, as_of: datetime, model: str | None
) -> ConversionScorer | None:
    """The trained scorer that serves, or None where the group rate does."""
    version = version_serving(registry, store, entity, as_of, model)
    if version is None:
        return None
    scorer = ConversionScorer.from_files(registry.files(version.name, version.version))
    return None if scorer.kind == GROUP_RATE else scorer
