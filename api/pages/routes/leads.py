"""``/leads``: open leads, ranked, and each one closely."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.pages.routes import case, ranked
from api.pages.routes.ranked import LEADS, ListQuery, Moment
from api.pages.site import PageOf
from api.schemas import Text

router = APIRouter()


@router.get("/leads")
def list_leads(page: PageOf, query: Annotated[ListQuery, Query()]) -> Response:
    """The ranked list."""
    return ranked.ranked_list(page, LEADS, query)


@router.get("/leads/next-steps")
def next_steps(
    page: PageOf, ids: Annotated[list[Text], Query(alias="id", max_length=ranked.N_ROWS)], as_of: Moment = None
) -> Response:
    """The next steps of the rows of a list."""
    return ranked.next_steps(page, LEADS, ids, as_of)


@router.get("/leads/{entity_id:path}/next-step")
def next_step(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """What to do next with one lead."""
    return case.next_step(page, LEADS, entity_id, as_of)


@router.get("/leads/{entity_id:path}/history")
def history(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """What happened with one lead."""
    return case.history(page, LEADS, entity_id, as_of)


@router.get("/leads/{entity_id:path}/similar")
def similar(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """Past ones like it."""
    return case.similar(page, LEADS, entity_id, as_of)


@router.get("/leads/{entity_id:path}")
def detail(page: PageOf, entity_id: str, as_of: Moment = None) -> Response:
    """One lead closely."""
    return case.detail(page, LEADS, entity_id, as_of)
