"""Registered models, how they do, and who serves."""

from dataclasses import asdict
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query

from api.errors import documented
from api.lists import Listing, kept
from api.model_schemas import (
    Champion,
    Importance,
    Ledger,
    LedgerLine,
    LedgerQuery,
    LiveRecord,
    ModelDetail,
    ModelsQuery,
    PromotionToMake,
    RecordMonth,
    RecordQuery,
    ReliabilityBody,
    ReliabilityGroup,
    ReliabilityPoint,
    ReliabilityQuery,
    RollbackToMake,
)
from api.ranking import json_records
from api.schemas import Model, ModelList
from api.view import ViewOf
from forecast.errors import UnknownModel
from forecast.monitoring.live import live_curve, live_record
from forecast.usecases.evidence import EVALUATION, IMPORTANCE, kept_table
from forecast.usecases.models import CARD

router = APIRouter(prefix="/models", tags=["models"])

#: More than a ledger ever holds.
_MOST_PROMOTIONS = 10**9


@router.get("", responses=documented(), summary="Registered models")
def list_models(view: ViewOf, query: Annotated[ModelsQuery, Query()]) -> ModelList:
    """Every version with its measure on later time, and which one serves."""
    found = kept(view.models(), name=query.name, champion=query.champion, gate=query.gate)
    numbered = found.assign(_number=found["version"].astype(int))  # "10" after "9"
    shown = Listing("models", query).page(numbered, ["name", "_number"])
    return ModelList(items=[Model.model_validate(row) for row in shown.rows], next_cursor=shown.next_cursor)


@router.get("/ledger", responses=documented(), summary="Who served when")
def ledger(view: ViewOf, query: Annotated[LedgerQuery, Query()]) -> Ledger:
    """Every promotion, by the gate or by hand, with its reason."""
    found = pd.DataFrame([asdict(line) for line in view.models_room.ledger()], columns=list(LedgerLine.model_fields))
    found["promoted_at"] = pd.to_datetime(found["promoted_at"], utc=True)
    found["_rank"] = range(_MOST_PROMOTIONS - len(found), _MOST_PROMOTIONS)  # later ones are before those of the moment
    found = kept(found, name=query.name, author=query.author)
    shown = Listing("ledger", query).page(found, ["_rank"])
    return Ledger(items=[LedgerLine.model_validate(line) for line in shown.rows], next_cursor=shown.next_cursor)


@router.get("/record", responses=documented(), summary="Scores of the past against what came")
def record(view: ViewOf, query: Annotated[RecordQuery, Query()]) -> LiveRecord:
    """By the month in which they were given; scores whose model knew their future are left out."""
    snapshot = view.snapshot(query.as_of, query.batch)
    horizon = query.horizon or view.service.workspace.settings.horizons_days[0]
    given = view.models_room.given(query.entity, horizon, snapshot)
    curve = json_records(live_curve(given)) if len(given) else []
    return LiveRecord(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        entity=query.entity,
        horizon_days=horizon,
        months=[RecordMonth.model_validate(row) for row in json_records(live_record(given))],
        curve=[ReliabilityPoint.model_validate(point) for point in curve],
    )


@router.post("/promotions", status_code=201, responses=documented(400, 404), summary="Make a version the champion")
def promote(view: ViewOf, body: PromotionToMake) -> Champion:
    """By hand; the ledger and the audit log keep who did it and why."""
    view.models_room.promote(body.model, body.reason)
    return Champion(champion=body.model)


@router.post("/rollbacks", status_code=201, responses=documented(400, 404), summary="Return to the champion before")
def rollback(view: ViewOf, body: RollbackToMake) -> Champion:
    """The champion before the present one serves again from now on."""
    return Champion(champion=view.models_room.rollback(body.name, body.reason))


@router.get("/{name}/{version}", responses=documented(404), summary="One version")
def one_version(view: ViewOf, name: str, version: str) -> ModelDetail:
    """Its card, its metrics beside those of its rivals, and what moves its scores."""
    room, label = view.models_room, f"{name}/{version}"
    line = room.version(label)
    files = room.files(label)
    evaluation, importance = kept_table(files, EVALUATION), kept_table(files, IMPORTANCE)
    metrics = (
        {}
        if evaluation is None
        else {
            str(row.pop("model")): row
            for row in json_records(evaluation.select_dtypes("number").assign(model=evaluation["model"]))
        }
    )
    return ModelDetail(
        model=Model.model_validate({key: None if value != value else value for key, value in line.items()}),
        card=files[CARD].decode() if CARD in files else "",
        metrics=metrics,
        importance=[] if importance is None else [Importance.model_validate(row) for row in json_records(importance)],
    )


@router.get("/{name}/{version}/reliability", responses=documented(404), summary="How right a version was")
def reliability(view: ViewOf, name: str, version: str, query: Annotated[ReliabilityQuery, Query()]) -> ReliabilityBody:
    """On later time than its training, by month or segment, from predictions that were kept with it."""
    room, label = view.models_room, f"{name}/{version}"
    room.version(label)
    found = room.reliability(label, query.by, query.group or "")
    if found is None:
        raise UnknownModel(f"{label} kept no predictions on later time; the next training keeps them.")
    return ReliabilityBody(
        by=found.by,
        ways=list(found.ways),
        groups=[ReliabilityGroup.model_validate(row) for row in json_records(found.groups)],
        group=found.group,
        curve=[ReliabilityPoint.model_validate(row) for row in json_records(found.curve)],
    )
