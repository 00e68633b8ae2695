"""Models at work: what scores of the past said beside what came, and how far today's cases differ from the learned."""

from datetime import datetime, timedelta
from typing import Protocol

import pandas as pd

from forecast.conversion import window_labels
from forecast.errors import InvalidInput
from forecast.features import build_features, open_entities, outcomes
from forecast.monitoring.drift import stability
from forecast.ports import Lake, ModelRegistry, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import champion_at
from forecast.usecases.evidence import kept_reference

#: Open cases that drift is measured on: their index is then known to about a hundredth.
DRIFT_CASES = 5_000

#: Moves with the calendar alone, and says nothing of the cases.
_CALENDAR = tuple(
    f"calendar__{name}" for name in ("weekday", "day_of_month", "month", "days_to_month_end", "days_to_quarter_end")
)


class ScoredLake(Lake, Protocol):
    """A lake with the scores that were given."""

    def first_scores(self, entity: str, column: str, until: datetime) -> pd.DataFrame:
        """Of each entity the first score of every month that is not backdated: entity_id, as_of, model_version,
        probability (the column asked for).
        """
        ...


def given_scores(
    lake: ScoredLake, settings: Settings, entity: str, horizon_days: int, as_of: datetime, *, batch: int | None = None
) -> pd.DataFrame:
    """Scores given in the past whose time is over, with what came.

    Of each case the first score of each month counts: daily scores of one case are no new cases. Scores that are
    ``backdated`` are left out.

    Parameters
    ----------
    entity : {"lead", "opportunity"}
    horizon_days : int
        One of ``horizons_days`` in the settings: ``probability`` is P(won within so many days), as it was said then.
    as_of : datetime, UTC-aware
        Outcomes are those known then.
    batch : int, optional
        Later batches are invisible for the outcomes.

    Returns
    -------
    DataFrame
        ``entity_id``, ``as_of``, ``model_version``, ``probability``, ``came`` (1.0: won within the horizon, 0.0: not).

    Raises
    ------
    InvalidInput
        If there is no such kind of entity or horizon.
    """
    if entity not in SCORED_ENTITIES:
        raise InvalidInput(f"`entity` must be one of {sorted(SCORED_ENTITIES)}, got {entity!r}.")
    if horizon_days not in settings.horizons_days:
        raise InvalidInput(f"`horizon` must be one of {list(settings.horizons_days)} days, got {horizon_days}.")
    end = as_of - timedelta(days=settings.reporting_delay_days)
    given = lake.first_scores(entity, f"p_{horizon_days}d", end - timedelta(days=horizon_days))
    if given.empty:
        return given.assign(came=pd.Series(dtype=float))
    with lake.connect(batch) as con:
        known = outcomes(con, given[["entity_id", "as_of"]], entity, as_of)
    came = window_labels(known, horizon_days, end)
    joined = given.merge(known.assign(came=came)[["entity_id", "as_of", "came"]], on=["entity_id", "as_of"], how="left")
    return joined.dropna(subset=["came"]).reset_index(drop=True)


def feature_drift(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    entity: str,
    as_of: datetime,
    *,
    batch: int | None = None,
) -> tuple[str | None, pd.DataFrame | None]:
    """How far the cases open at ``as_of`` differ from those that the champion of that moment learned from.

    Above `DRIFT_CASES` open cases a sample is measured, drawn by the ids alone, so that it is the same again.

    Returns
    -------
    label : str or None
        The champion's; None without one.
    drift : DataFrame or None
        From `forecast.monitoring.drift.stability`; None where the training kept nothing to compare with.
    """
    champion = champion_at(registry, store, entity, as_of)
    if champion is None:
        return None, None
    reference = kept_reference(registry.files(champion.name, champion.version))
    if reference is None:
        return champion.label, None
    names = [name for name in reference["features"] if name not in _CALENDAR]
    compared = reference | {"features": {name: reference["features"][name] for name in names}}
    with lake.connect(batch) as con:
        spine = _sample(open_entities(con, entity, as_of))
        features = build_features(
            con, spine, entity, sorted({name.split("__")[0] for name in names}), zone=settings.zone
        )
    return champion.label, stability(compared, features)


def _sample(spine: pd.DataFrame) -> pd.DataFrame:
    if len(spine) <= DRIFT_CASES:
        return spine
    order = pd.util.hash_pandas_object(spine["entity_id"], index=False).to_numpy().argsort(kind="stable")
    return spine.iloc[sorted(order[:DRIFT_CASES])].reset_index(drop=True)
