"""Scores of records that need not be in the lake, or that change what is there: "what if"."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from api.errors import documented
from api.language import negotiate
from api.schemas import Reason, RecordToScore, ScoredRecord
from api.view import ViewOf
from forecast.explain import render

router = APIRouter(prefix="/scores", tags=["scores"])


@router.post("", responses=documented(400, 404), summary="Score a record")
def score_record(
    view: ViewOf,
    response: Response,
    body: RecordToScore,
    accept_language: Annotated[str | None, Header()] = None,
) -> ScoredRecord:
    """The score as if the CRM had recorded this just before `as_of`; nothing is stored.

    With the id of a lead or opportunity that the key may see, the record is a change of it: what is not given stays.
    """
    lang = negotiate(body.lang, accept_language)
    response.headers["Content-Language"] = lang
    score = view.score_record(body.entity, body.record, view.snapshot(body.as_of), body.model)
    score.pop("owner_id")
    reasons = [Reason(**reason, text=render(reason, lang)) for reason in score["reasons"]]
    return ScoredRecord.model_validate(score | {"reasons": reasons})
