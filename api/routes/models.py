"""Registered models and who serves."""

from fastapi import APIRouter

from api.errors import documented
from api.ranking import json_records
from api.schemas import Model, ModelList
from api.view import ViewOf

router = APIRouter(prefix="/models", tags=["models"])


@router.get("", responses=documented(), summary="Registered models")
def list_models(view: ViewOf) -> ModelList:
    """Every version with its measure on later time, and which one serves."""
    return ModelList(items=[Model.model_validate(row) for row in json_records(view.models())])
