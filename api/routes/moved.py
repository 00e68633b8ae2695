"""What moved the outlook of a period between two days."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.language import negotiate
from api.moved_schemas import MovedBody, MovedDeal, MovedLine, MovedQuery, MovedStep, StepMeaning
from api.ranking import json_records
from api.view import ViewOf
from forecast.explain.moved import STEPS, event_text, moved_sentence, step_meaning, step_title

router = APIRouter(prefix="/outlook/moved", tags=["outlook"])


@router.get("", responses=documented(), summary="What moved the outlook of a period")
def moved(
    view: ViewOf,
    response: Response,
    query: Annotated[MovedQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> MovedBody:
    """A rep's key shows its own line, a manager's its teams and their people, an admin's all and the company."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    snapshot = view.snapshot(query.as_of, query.batch)
    since = view.earlier_snapshot(query.since, query.since_batch, snapshot)
    lines, deals = view.moved(query.period, since, snapshot, query.deals)
    return MovedBody(
        since=since.as_of,
        since_batch=since.batch,
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        currency=view.reporting_currency,
        steps=[
            StepMeaning(step=step, title=step_title(step, lang), meaning=step_meaning(step, lang)) for step in STEPS
        ],
        lines=[_line(line, lang) for line in json_records(lines)],
        deals=[
            MovedDeal.model_validate(deal | {"text": event_text(deal["what"], lang)}) for deal in json_records(deals)
        ],
    )


def _line(line: dict[str, Any], lang: str) -> MovedLine:
    steps = [MovedStep(step=step, title=step_title(step, lang), amount=line[step]) for step in STEPS]
    return MovedLine.model_validate(line | {"steps": steps, "text": moved_sentence(line, lang)})
