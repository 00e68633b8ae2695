"""Where deals get stuck: stage conversion and durations, the bottleneck in money, changes and their reasons."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.funnel_schemas import (
    FunnelBody,
    FunnelBottleneck,
    FunnelChange,
    FunnelQuery,
    FunnelReason,
    FunnelStage,
    FunnelText,
    FunnelWhole,
)
from api.language import negotiate
from api.ranking import json_records
from api.view import ViewOf
from forecast.funnel import funnel_texts

router = APIRouter(prefix="/funnel", tags=["funnel"])


@router.get("", responses=documented(), summary="Where deals get stuck, and what that costs")
def funnel(
    view: ViewOf,
    response: Response,
    query: Annotated[FunnelQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> FunnelBody:
    """Everything is estimated from the leads and deals that the key may see, and from no other.

    A rep's key sees its own, a manager's those of its teams' people, an admin's all. Leads and deals belong to their
    owner as known at `as_of`.
    """
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    snapshot = view.snapshot(query.as_of, query.batch)
    found = view.funnel(snapshot, query.period, since=query.since, until=query.until, by=query.by)
    return FunnelBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        currency=found.currency,
        stages=list(found.stages),
        n_cases=found.n_cases,
        n_unwatched=found.n_unwatched,
        texts=[FunnelText.model_validate(text) for text in funnel_texts(found, lang)],
        table=[FunnelStage.model_validate(row) for row in json_records(found.to_frame())],
        whole=[FunnelWhole.model_validate(row) for row in json_records(found.whole)],
        bottlenecks=[FunnelBottleneck.model_validate(row) for row in json_records(found.bottlenecks)],
        changes=[FunnelChange.model_validate(row) for row in json_records(found.changes)],
        reasons=[FunnelReason.model_validate(row) for row in json_records(found.reasons)],
    )
