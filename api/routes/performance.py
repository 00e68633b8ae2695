"""How people and teams did: classic figures, results above expectation, strengths, weaknesses, suggestions."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.language import Language, negotiate
from api.lists import Listing, kept, of_team
from api.performance_schemas import (
    Comparison,
    PerformanceBody,
    PerformanceLine,
    PerformanceQuery,
    PerformanceStep,
    PeriodTextQuery,
    PersonPerformance,
    Suggestion,
)
from api.ranking import json_records
from api.view import ViewOf
from forecast.explain.performance import CAVEAT, render_claim, render_suggestion, step_label

router = APIRouter(prefix="/performance", tags=["performance"])


@router.get("", responses=documented(), summary="Performance of people and teams in a period")
def performance(
    view: ViewOf,
    response: Response,
    query: Annotated[PerformanceQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> PerformanceBody:
    """A rep's key shows its own line, a manager's its teams and their people, an admin's all and the company."""
    lang = _language(query, accept_language, response)
    listing = Listing("performance", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    lines = kept(view.performance(query.period, snapshot), level=query.level, id=query.id, claim=query.claim)
    shown = listing.page(of_team(lines, query.team_id, view.organisation(snapshot)), ["level", "id"], snapshot)
    return PerformanceBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        currency=view.reporting_currency,
        caveat=CAVEAT.in_language(lang),
        lines=[PerformanceLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.get("/{user_id:path}", responses=documented(404), summary="Strengths and weaknesses of one person")
def person(
    view: ViewOf,
    response: Response,
    user_id: str,
    query: Annotated[PeriodTextQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> PersonPerformance:
    """Comparisons, and those to learn from, are of colleagues that the key may see: a rep's key sees none."""
    lang = _language(query, accept_language, response)
    snapshot = view.snapshot(query.as_of, query.batch)
    seen = view.person_performance(user_id, query.period, snapshot)
    (line,) = json_records(seen.line)
    return PersonPerformance(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        currency=view.reporting_currency,
        caveat=CAVEAT.in_language(lang),
        text=render_claim(line, lang),
        line=PerformanceLine.model_validate(line),
        steps=[
            PerformanceStep.model_validate(step | {"text": step_label(step["step"], lang)})
            for step in json_records(seen.steps)
        ],
        comparisons=[Comparison.model_validate(pair) for pair in json_records(seen.comparisons)],
        suggestions=[
            Suggestion.model_validate(one | {"text": render_suggestion(one, lang)}) for one in seen.suggestions
        ],
    )


def _language(query: PeriodTextQuery, accept_language: str | None, response: Response) -> Language:
    """The language of the answer, which also says it."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    response.headers["Vary"] = "Accept-Language, Authorization"
    return lang
