"""Who serves: the champion of a day, and the shrunken group rate where there is none."""

from datetime import datetime
from typing import Final

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.conversion import ConversionScorer, window_labels
from forecast.conversion.scorer import Kind
from forecast.errors import InvalidInput
from forecast.features import build_features
from forecast.ports import ModelRegistry, ModelVersion, Promotion, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.snapshots import Snapshots, take_snapshots

#: Author of the promotions that the gate made by itself.
GATE = "gate"

#: How scores name the group rate that was fitted on the fly, without a registered model.
GROUP_RATE: Final = "group_rate"

#: The only features that the group rate looks at.
GROUP_RATE_FAMILIES = ("stage",)


def model_name(entity: str) -> str:
    """Registered model name of a kind of entity: ``conversion_lead``, ``conversion_opportunity``."""
    return f"conversion_{entity}"


def serving(promotions: list[Promotion], as_of: datetime) -> Promotion | None:
    """The line of the ledger that serves scores of ``as_of``: the last one whose training cutoff is not after it.

    A promotion by the gate takes effect at its training cutoff, so that training for a past day does not dethrone
    the champion of today; one by hand (a rollback) takes effect when it was made.
    """
    able = [promotion for promotion in promotions if promotion.cutoff <= as_of]
    return sorted(able, key=_effective_from)[-1] if able else None


def _effective_from(promotion: Promotion) -> datetime:
    return promotion.cutoff if promotion.author == GATE else promotion.promoted_at


def champion_at(registry: ModelRegistry, store: Store, entity: str, as_of: datetime) -> ModelVersion | None:
    """The champion of a moment, or None when nothing had been promoted that knew only what came before it."""
    promotion = serving(list(store.promotions(model_name(entity))), as_of)
    return None if promotion is None else registry.version(promotion.name, promotion.version)


def named_version(registry: ModelRegistry, model: str, entity: str) -> ModelVersion | None:
    """The registered version that ``model`` names for a kind of entity; None when it is another kind's model.

    Parameters
    ----------
    model : str
        ``conversion_lead/3``, or ``3``: version 3 of each kind's model.

    Raises
    ------
    UnknownModel
        If there is no such version.
    InvalidInput
        If it names no conversion model.
    """
    name, _, version = model.rpartition("/")
    known = [model_name(kind) for kind in SCORED_ENTITIES]
    if name not in (*known, "") or not version:
        raise InvalidInput(f"`model` must look like {known[0]}/3, or be {GROUP_RATE!r}, got {model!r}.")
    return registry.version(model_name(entity), version) if name in (model_name(entity), "") else None


def version_serving(
    registry: ModelRegistry, store: Store, entity: str, as_of: datetime, model: str | None
) -> ModelVersion | None:
    """The registered version that scores a kind of entity: the one that ``model`` names, or that day's champion.

    None where the group rate serves that is fitted on the fly, or where ``model`` is of another kind.
    """
    if model == GROUP_RATE:
        return None
    return champion_at(registry, store, entity, as_of) if model is None else named_version(registry, model, entity)


def fit_group_rate(
    con: DuckDBPyConnection, entity: str, cutoff: datetime, settings: Settings
) -> ConversionScorer | None:
    """The shrunken group rate of what was known before ``cutoff``; None when no case was followed for any horizon."""
    snapshots = take_snapshots(con, entity, cutoff, settings)
    labelled = window_labels(snapshots.outcomes, snapshots.horizon_days, snapshots.end).notna()
    if not labelled.any():
        return None
    features = build_features(con, snapshots.spine, entity, GROUP_RATE_FAMILIES, zone=settings.zone)
    return new_scorer(snapshots, settings, kind=GROUP_RATE).fit(features, snapshots.outcomes, cutoff=snapshots.end)


def new_scorer(
    snapshots: Snapshots, settings: Settings, *, kind: Kind, params: dict[str, object] | None = None
) -> ConversionScorer:
    """An unfitted scorer for these snapshots."""
    return ConversionScorer(
        snapshots.entity,
        snapshots.horizon_days,
        settings.horizons_days,
        kind=kind,
        params=params,
        random_state=settings.random_state,
    )


def with_columns(features: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Features with every column that a model was trained on; one that is not there is missing in every row."""
    absent = [name for name in names if name not in features.columns]
    if not absent:
        return features
    return pd.concat([features, pd.DataFrame(dict.fromkeys(absent), index=features.index)], axis=1)
