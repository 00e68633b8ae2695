"""Whether the process lives, and whether it can serve. Without a key."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.auth import service_of
from api.errors import open_documented
from api.service import Service

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The answer of a process that lives."""

    status: Literal["ok", "ready"]


@router.get("/health", responses=open_documented(), summary="The process lives")
async def health() -> Health:  # async: answers even when every thread of the pool is busy
    """200 as long as the process answers at all."""
    return Health(status="ok")


@router.get("/ready", responses=open_documented(503), summary="Store, lake and models answer")
def ready(service: Annotated[Service, Depends(service_of)]) -> Health:
    """200 when requests can be served, else 503."""
    service.check()
    return Health(status="ready")
