"""Scores as files."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.errors import documented
from api.exports import MEDIA_TYPES, ExportQuery, exported
from api.view import ViewOf

router = APIRouter(prefix="/scores", tags=["scores"])

_EXAMPLE = (
    "entity,entity_id,owner_id,as_of,batch,model_version,probability\n"
    'opportunity,006A1,U7,2026-03-31 00:00:00.000000Z,12,"conversion_opportunity/3",0.72\n'
)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE},
            MEDIA_TYPES["parquet"]: {
                "schema": {"type": "string", "format": "binary"},
                "example": "PAR1…",
            },
        },
    }
}


@router.get(
    "/export",
    responses=_FILE | documented(404, 409),
    response_class=StreamingResponse,
    summary="Every score ever given, as a file",
)
def export(view: ViewOf, query: Annotated[ExportQuery, Query()]) -> StreamingResponse:
    """One row for each score with its `as_of`, `batch`, `model_version` and all reasons (JSON), in no stated order.

    Only rows are in it whose owner, when the score was given, is somebody whose rows the key may see today. With
    `latest=true` it is the present list, by id, with what lists show beside each score. In CSV, a text that a
    spreadsheet would run as a formula begins with an apostrophe.
    """
    return exported(view, query)
