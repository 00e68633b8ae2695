"""Open opportunities, ranked by their probability of being won or by expected value."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from api.errors import documented
from api.queries import RankedQuery, ScoreQuery
from api.routes.ranked import explanation, language_of, ranked_page
from api.schemas import Explanation, ScoredPage
from api.view import ViewOf

router = APIRouter(prefix="/opportunities", tags=["opportunities"])


@router.get("", responses=documented(404, 409), summary="Ranked opportunities")
def list_opportunities(
    view: ViewOf,
    request: Request,
    response: Response,
    query: Annotated[RankedQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> ScoredPage:
    """Open opportunities that the key may see, by the latest scores, likeliest first unless `sort` says otherwise.

    With `as_of`, `batch` or `model` the scores of that moment, batch or model are computed. Pages of the latest scores
    go on in what is latest then; a row that was scored anew in between may be met twice or not at all.
    """
    lang = language_of(query, accept_language, response)
    return ranked_page(view, "opportunity", query, lang, request, response)


@router.get(
    "/{opportunity_id:path}/explanation", responses=documented(404, 409), summary="Why an opportunity has its score"
)
def explain_opportunity(
    view: ViewOf,
    request: Request,
    response: Response,
    opportunity_id: str,
    query: Annotated[ScoreQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> Explanation:
    """Every reason: `base` and all `points` add up to `probability`."""
    lang = language_of(query, accept_language, response)
    return explanation(view, "opportunity", opportunity_id, query, lang, request, response)
