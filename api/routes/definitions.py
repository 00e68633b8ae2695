"""What every published number means."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.errors import documented
from api.language import negotiate
from api.queries import DefinitionQuery
from api.schemas import DefinedNumber, DefinitionList
from api.view import ViewOf

router = APIRouter(prefix="/definitions", tags=["definitions"])


@router.get("", responses=documented(), summary="What the numbers mean")
def list_definitions(
    view: ViewOf,
    response: Response,
    query: Annotated[DefinitionQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> DefinitionList:
    """Population, horizon, conditioning, unit, direction and formula of every published number."""
    lang = negotiate(query.lang, accept_language)
    response.headers["Content-Language"] = lang
    return DefinitionList(items=[DefinedNumber.model_validate(record) for record in view.definitions(lang)])
