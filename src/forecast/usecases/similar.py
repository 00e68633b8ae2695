"""Past cases that the model saw as it sees one open case now, for the same reasons, and what became of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from forecast.conversion import ConversionScorer
from forecast.conversion.group_rate import REMAINDER
from forecast.conversion.reasons import grouped_points
from forecast.features import build_features, open_entities, outcomes, snapshot_spine
from forecast.history import in_force
from forecast.ports import Lake, ModelRegistry, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import version_serving, with_columns

#: Older cases ended in another time.
_PAST = timedelta(days=730)

#: Snapshots that are compared; chosen by the hash of their case and moment, so that a replay has the same ones.
MAX_SNAPSHOTS = 1500

#: Cases that are called similar.
N_SIMILAR = 20

_PAST_COLUMNS = ["entity_id", "owner_id", "title", "as_of", "probability", "event", "days"]


@dataclass(frozen=True)
class PastCases:
    """Snapshots of cases that ended before a moment, as one model version reads them.

    Attributes
    ----------
    cases : DataFrame
        ``entity_id``, ``owner_id`` (at the end), ``title``, ``as_of`` (of the snapshot), ``probability`` (what the
        model says of the snapshot), ``event`` (``won``, ``lost``), ``days`` (from the snapshot to the end).
    effects : DataFrame
        What each reason adds to the log-odds; same rows.
    scorer : ConversionScorer
    """

    cases: pd.DataFrame
    effects: pd.DataFrame
    scorer: ConversionScorer

    @cached_property
    def weight(self) -> int:
        """Numbers held, in thousands."""
        return 1 + self.effects.size // 1000

    def nearest(self, features: pd.DataFrame, n: int = N_SIMILAR) -> pd.DataFrame:
        """The cases that are most similar to one row of the feature table: nearest by what each reason adds.

        Parameters
        ----------
        features : DataFrame of shape (1, k)
            With ``entity_id``, whose own past does not count.
        n : int

        Returns
        -------
        DataFrame
            At most ``n`` rows of ``cases``, each case once by its nearest snapshot, with ``distance`` (in log-odds);
            nearest first.
        """
        own = _effects(self.scorer, features)[self.effects.columns].to_numpy()[0]
        distance = np.sqrt(((self.effects.to_numpy() - own) ** 2).sum(axis=1)).round(9)
        found = self.cases.assign(distance=distance)
        found = found[found["entity_id"] != str(features["entity_id"].iloc[0])]
        found = found.sort_values(["distance", "as_of", "entity_id"], ascending=[True, False, True], kind="stable")
        return found.drop_duplicates("entity_id").head(n).reset_index(drop=True)


def past_cases(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    entity: str,
    *,
    model: str | None = None,
    batch: int | None = None,
) -> PastCases | None:
    """Weekly snapshots of cases whose end was known before ``as_of``.

    The same ``as_of``, ``batch`` and ``model`` give the same answer.

    Parameters
    ----------
    as_of : datetime, UTC-aware
    entity : {"lead", "opportunity"}
    model, batch
        As in `score`.

    Returns
    -------
    PastCases or None
        None where nothing has ended, and where the group rate serves that is fitted on the fly: it tells cases apart by
        their stage alone.
    """
    version = version_serving(registry, store, entity, as_of, model)
    if version is None:
        return None
    scorer = ConversionScorer.from_files(registry.files(version.name, version.version))
    with lake.connect(lake.head() if batch is None else batch) as con:
        first = as_of - _PAST
        spine = snapshot_spine(
            con, entity, first=first, cutoff=as_of, step_days=settings.snapshot_days, zone=settings.zone
        )
        fate = outcomes(con, spine, entity, as_of)
        ended = _chosen(fate[fate["event"].isin(["won", "lost"])])
        if ended.empty:
            return None
        features = build_features(con, ended[["entity_id", "as_of"]], entity, zone=settings.zone)
        table, key = SCORED_ENTITIES[entity]
        title = "name" if entity == "opportunity" else "CAST(NULL AS VARCHAR)"
        owners = con.sql(f"SELECT {key} AS entity_id, owner_id, {title} AS title FROM {in_force(table, as_of)}").df()
    features = with_columns(features, [str(name) for name in scorer.model_.feature_names_in_])
    cases = features[["entity_id", "as_of"]].merge(ended, on=["entity_id", "as_of"])
    cases = cases.merge(owners, on="entity_id", how="left")
    probability = np.round(scorer.win_probability(features), 9)
    return PastCases(cases.assign(probability=probability)[_PAST_COLUMNS], _effects(scorer, features), scorer)


def similar_cases(
    lake: Lake, settings: Settings, past: PastCases, entity: str, entity_id: str, as_of: datetime, batch: int
) -> pd.DataFrame:
    """The past cases nearest to an open one; see `PastCases.nearest`. Empty when it was not open."""
    with lake.connect(batch) as con:
        spine = open_entities(con, entity, as_of, [entity_id])
        if spine.empty:
            return past.cases.head(0).assign(distance=pd.Series(dtype=float))
        features = build_features(con, spine, entity, zone=settings.zone)
    return past.nearest(with_columns(features, [str(name) for name in past.scorer.model_.feature_names_in_]))


def _chosen(ended: pd.DataFrame) -> pd.DataFrame:
    """At most `MAX_SNAPSHOTS`, all cases alike likely."""
    if len(ended) <= MAX_SNAPSHOTS:
        return ended
    marks = [
        hashlib.blake2b(f"{one}{moment.isoformat()}".encode(), digest_size=8).digest()
        for one, moment in zip(ended["entity_id"], ended["as_of"], strict=True)
    ]
    return ended.assign(mark=marks).sort_values("mark").head(MAX_SNAPSHOTS).drop(columns="mark").sort_index()


def _effects(scorer: ConversionScorer, features: pd.DataFrame) -> pd.DataFrame:
    """What each reason adds to the log-odds of each row."""
    effects = scorer.model_.log_odds_contributions(features)[0]
    sums, _, codes = grouped_points(effects.drop(columns=REMAINDER))
    return pd.DataFrame(sums, columns=codes)
