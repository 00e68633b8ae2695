"""Open leads, ranked by their probability of being converted."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from api.errors import documented
from api.queries import RankedQuery, ScoreQuery
from api.routes.ranked import explanation, language_of, ranked_page
from api.schemas import Explanation, ScoredPage
from api.view import ViewOf

router = APIRouter(prefix="/leads", tags=["leads"])


@router.get("", responses=documented(404, 409), summary="Ranked leads")
def list_leads(
    view: ViewOf,
    request: Request,
    response: Response,
    query: Annotated[RankedQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> ScoredPage:
    """Open leads that the key may see, by the latest scores, likeliest first unless `sort` says otherwise.

    With `as_of`, `batch` or `model` the scores of that moment, batch or model are computed. Pages of the latest scores
    go on in what is latest then; a row that was scored anew in between may be met twice or not at all.
    """
    lang = language_of(query, accept_language, response)
    return ranked_page(view, "lead", query, lang, request, response)


@router.get("/{lead_id:path}/explanation", responses=documented(404, 409), summary="Why a lead has its score")
def explain_lead(
    view: ViewOf,
    request: Request,
    response: Response,
    lead_id: str,
    query: Annotated[ScoreQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> Explanation:
    """Every reason: `base` and all `points` add up to `probability`."""
    lang = language_of(query, accept_language, response)
    return explanation(view, "lead", lead_id, query, lang, request, response)
