"""Open opportunities, ranked by their probability of being won or by expected value."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.queries import OpportunityQuery, ScoreQuery
from api.routes.ranked import explanation, ranked_page
from api.schemas import Explanation, ScoredPage
from api.view import ViewOf

router = APIRouter(prefix="/opportunities", tags=["opportunities"])


@router.get("", responses=documented(404), summary="Ranked opportunities")
def list_opportunities(
    view: ViewOf,
    response: Response,
    query: Annotated[OpportunityQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> ScoredPage:
    """Open opportunities that the key may see, likeliest (or of the highest expected value) first."""
    return ranked_page(view, "opportunity", query, accept_language, response, sort=query.sort)


@router.get("/{opportunity_id:path}/explanation", responses=documented(404), summary="Why an opportunity has its score")
def explain_opportunity(
    view: ViewOf,
    response: Response,
    opportunity_id: str,
    query: Annotated[ScoreQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> Explanation:
    """Every reason: `base` and all `points` add up to `probability`."""
    return explanation(view, "opportunity", opportunity_id, query, accept_language, response)
