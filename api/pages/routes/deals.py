"""``/deals``: open deals, ranked, and each one closely."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.pages.routes import case, ranked
from api.pages.routes.ranked import DEALS, ListQuery, Moment
from api.pages.site import PageOf
from api.schemas import Text

router = APIRouter()


@router.get("/deals")
def list_deals(page: PageOf, query: Annotated[ListQuery, Query()]) -> Response:
    """The ranked list."""
    return ranked.ranked_list(page, DEALS, query)


@router.get("/deals/next-steps")
def next_steps(
    page: PageOf, ids: Annotated[list[Text], Query(alias="id", max_length=ranked.N_ROWS)], as_of: Moment = None
) -> Response:
    """The next steps of the rows of a list."""
    return ranked.next_steps(page, DEALS, ids, as_of)


@router.get("/deals/{entity_id:path}/next-step")
def next_step(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """What to do next with one deal."""
    return case.next_step(page, DEALS, entity_id, as_of)


@router.get("/deals/{entity_id:path}/history")
def history(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """What happened with one deal."""
    return case.history(page, DEALS, entity_id, as_of)


@router.get("/deals/{entity_id:path}/similar")
def similar(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """Past ones like it."""
    return case.similar(page, DEALS, entity_id, as_of)


@router.get("/deals/{entity_id:path}")
def detail(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """One deal closely."""
    return case.detail(page, DEALS, entity_id, as_of)
