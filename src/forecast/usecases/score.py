"""Scores of everything that is open, or of one record that is not in the lake, as of any moment."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.conversion import ConversionScorer
from forecast.conversion.scorer import AFTER_DATES, CLOSE_DATES
from forecast.errors import InvalidInput
from forecast.features import build_features, open_entities
from forecast.history import in_force, naive_utc
from forecast.ports import Lake, ModelRegistry, Store
from forecast.schema import SCORED_ENTITIES
from forecast.settings import Settings
from forecast.usecases.champion import (
    GROUP_RATE,
    GROUP_RATE_FAMILIES,
    champion_at,
    fit_group_rate,
    named_version,
    with_columns,
)
from forecast.usecases.listed import with_facts, with_previous
from forecast.usecases.posted import add_posted
from forecast.usecases.prior import score_by_prior
from forecast.usecases.snapshots import first_known


def score(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    *,
    model: str | None = None,
    batch: int | None = None,
    entity: str | None = None,
    save: bool = False,
) -> pd.DataFrame:
    """Scores of all leads and opportunities that were open at ``as_of``, from what was known then.

    The same (as_of, model version, batch) gives the same bytes whatever is ingested, compacted or promoted later.

    Parameters
    ----------
    as_of : datetime, UTC-aware
    model : str, optional
        ``conversion_lead/3`` (scores its kind of entity only), ``3`` (that version of each kind's model) or
        ``group_rate``. Default: the champion of that day, whose training cutoff is not after ``as_of``; where there is
        none, the shrunken group rate of what was known, and with no outcome at all a stated prior.
    batch : int, optional
        Later batches are invisible; default the last one.
    entity : {"lead", "opportunity"}, optional
        Only this kind.
    save : bool
        Keep them as the latest scores and in the score history.

    Returns
    -------
    DataFrame
        ``entity``, ``entity_id``, ``owner_id``, ``as_of``, ``batch``, ``model_version``, ``probability``, ``low``,
        ``high``, ``p_30d``, ``p_60d``, ``p_90d`` (by the settings), ``predicted_close_date``,
        ``predicted_close_low``, ``predicted_close_high``, ``slip_probability``, ``amount_if_won``, ``amount_low``,
        ``amount_high`` (NaN where no date or amount is given), ``percentile``, ``grade``, ``base``, ``reasons``
        (JSON), ``backdated``: whether the model saw data from after ``as_of``, so that the score stays out of the
        public record. Sorted by ``entity``, ``entity_id``; numbers rounded to 9 decimals.

    Raises
    ------
    InvalidInput
        If ``as_of`` is before all data, the entity is unknown, or there is no such batch.
    UnknownModel
        If there is no such model version.
    """
    batch = lake.head() if batch is None else batch
    with lake.connect(batch) as con:
        _check_something_known(con, as_of)
        frames = {
            kind: score_spine(con, open_entities(con, kind, as_of), kind, chosen, settings, batch)
            for kind in _kinds(entity)
            if (chosen := choose_scorer(con, registry, store, settings, kind, as_of, model)) is not None
        }
        scores = joined_scores(list(frames.values()), settings)
        if save:
            lake.append_scores(scores)
            for kind in frames:
                listed = with_facts(con, scores[scores["entity"] == kind], kind, settings, as_of)
                store.save_scores(with_previous(lake, listed, kind), kind, as_of=as_of, batch=batch)
    return scores


def score_record(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    entity: str,
    record: Mapping[str, Any],
    as_of: datetime,
    *,
    model: str | None = None,
) -> dict[str, Any]:
    """Score of a record as if the CRM had recorded it just before ``as_of``; nothing is stored.

    Parameters
    ----------
    entity : {"lead", "opportunity"}
    record : mapping
        Columns of the canonical table, and attributes. With the id of a known lead or opportunity it is a change of
        it: what is not given stays as it is.
    as_of : datetime, UTC-aware

    Returns
    -------
    dict
        One row of `score`, ``reasons`` as a list, None for what is not known. ``percentile`` is the rank among the
        scores saved last, None when none were saved.

    Raises
    ------
    InvalidInput
        If the record has a value of the wrong kind or is closed; the message names the field.
    """
    (kind,) = _kinds(entity)
    batch = lake.head()
    with lake.connect(batch) as con:
        chosen = choose_scorer(con, registry, store, settings, kind, as_of, model)
        if chosen is None:
            raise InvalidInput(f"Model {model!r} does not score a {kind}.")
        record_id = add_posted(con, kind, record, as_of, settings)
        spine = open_entities(con, kind, as_of, [record_id])
        if spine.empty:
            raise InvalidInput(f"The {kind} is closed as given; only an open one can be scored.")
        frame = score_spine(con, spine, kind, chosen, settings, batch)
    row = {str(name): value for name, value in joined_scores([frame], settings).iloc[0].items()}
    below = store.share_below(kind, float(row["probability"]))
    unknown = {name: None for name in AFTER_DATES if pd.isna(row[name])}
    return (
        row
        | unknown
        | {
            "as_of": row["as_of"].to_pydatetime(),
            "batch": int(row["batch"]),
            "backdated": bool(row["backdated"]),
            "percentile": None if below is None else round(100 * below, 9),
            "reasons": json.loads(row["reasons"]),
        }
    )


class ChosenScorer:
    """A scorer with the name under which its scores go."""

    def __init__(self, scorer: ConversionScorer | None, label: str, *, families: Any = None, backdated: bool = False):
        self.scorer = scorer
        self.label = label
        self.families = families
        self.backdated = backdated


def choose_scorer(
    con: DuckDBPyConnection,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    entity: str,
    as_of: datetime,
    model: str | None,
) -> ChosenScorer | None:
    """The scorer that serves; None when ``model`` is one for another kind of entity."""
    if model == GROUP_RATE:
        version = None
    elif model is None:
        version = champion_at(registry, store, entity, as_of)
    else:
        version = named_version(registry, model, entity)
        if version is None:
            return None
    if version is None:
        return ChosenScorer(fit_group_rate(con, entity, as_of, settings), GROUP_RATE, families=GROUP_RATE_FAMILIES)
    scorer = ConversionScorer.from_files(registry.files(version.name, version.version))
    families = GROUP_RATE_FAMILIES if scorer.kind == GROUP_RATE else None
    return ChosenScorer(scorer, version.label, families=families, backdated=version.cutoff > as_of)


def score_spine(
    con: DuckDBPyConnection, spine: pd.DataFrame, entity: str, chosen: ChosenScorer, settings: Settings, batch: int
) -> pd.DataFrame:
    """Scores of the rows of a spine of one moment, by a scorer that was chosen before."""
    if chosen.scorer is None:
        scores = score_by_prior(entity, spine, settings)
        scores["reasons"] = [_as_json(reasons) for reasons in scores["reasons"]]
    else:
        features = build_features(con, spine, entity, chosen.families, zone=settings.zone)
        names = [str(name) for name in chosen.scorer.model_.feature_names_in_]
        scores = chosen.scorer.score(with_columns(features, names), zone=settings.zone, reasons_as_json=True)
    return scores.assign(
        owner_id=_owners(con, spine, entity),
        batch=batch,
        model_version=chosen.label,
        backdated=chosen.backdated,
    )


def _as_json(reasons: list[dict[str, Any]]) -> str:
    return json.dumps(reasons, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _owners(con: DuckDBPyConnection, spine: pd.DataFrame, entity: str) -> "pd.Series[Any] | None":
    """Owner of each row of a spine of one moment, in its order."""
    if spine.empty:
        return None
    table, key = SCORED_ENTITIES[entity]
    moment = spine["as_of"].iloc[0].to_pydatetime()
    con.register("_scored", spine[["entity_id"]])
    owners = con.sql(
        f"SELECT {key} AS id, owner_id FROM {in_force(table, moment)} WHERE {key} IN (SELECT entity_id FROM _scored)"
    ).df()
    con.unregister("_scored")
    owners = owners.set_index("id")["owner_id"]
    return spine["entity_id"].map(owners).astype(object).to_numpy()  # type: ignore[return-value]


def joined_scores(frames: list[pd.DataFrame], settings: Settings) -> pd.DataFrame:
    """All kinds in one frame: the contract's columns, sorted."""
    within = [f"p_{days}d" for days in settings.horizons_days]
    columns = ["entity", "entity_id", "owner_id", "as_of", "batch", "model_version", "probability", "low", "high"]
    columns += [*within, *CLOSE_DATES, *AFTER_DATES, "grade", "base", "reasons", "backdated"]
    filled = [frame for frame in frames if len(frame)]
    scores = pd.concat(filled) if filled else pd.DataFrame(columns=columns)
    numbers = dict.fromkeys(["probability", "low", "high", *within, *AFTER_DATES, "base"], "float64")
    types = numbers | {"as_of": "datetime64[us, UTC]", "batch": "int64", "backdated": "bool"}
    scores = scores.reindex(columns=columns).astype(types)
    return scores.sort_values(["entity", "entity_id"], ignore_index=True)


def _kinds(entity: str | None) -> list[str]:
    if entity is None:
        return sorted(SCORED_ENTITIES)
    if entity not in SCORED_ENTITIES:
        raise InvalidInput(f"`entity` must be one of {sorted(SCORED_ENTITIES)}, got {entity!r}.")
    return [entity]


def _check_something_known(con: DuckDBPyConnection, as_of: datetime) -> None:
    moments = [moment for kind in SCORED_ENTITIES if (moment := first_known(con, kind)) is not None]
    if not moments:
        raise InvalidInput(
            "There is no lead and no opportunity yet; bring some in with `forecast ingest MAPPING.yaml`."
        )
    if naive_utc(as_of) <= min(moments):
        raise InvalidInput(
            f"Nothing was known at {as_of:%Y-%m-%d %H:%M:%SZ}: the first lead or opportunity became known at "
            f"{min(moments):%Y-%m-%d %H:%M:%SZ}; ask for a later `as_of`."
        )
