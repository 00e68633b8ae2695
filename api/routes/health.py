"""Whether the process lives, whether it can serve, and its metrics. The first two need no key."""

import logging
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from api.auth import service_of
from api.errors import documented, open_documented, problem
from api.service import Service
from api.view import ViewOf

router = APIRouter(tags=["health"])

logger = logging.getLogger("forecast.api")


class Alive(BaseModel):
    """The answer of a process that lives."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """The answer of a process that can serve: every check by name."""

    status: Literal["ready"] = "ready"
    checks: dict[str, bool]


_NOT_READY = "The service cannot answer now; the operator finds the cause in its log and by `forecast doctor`."


@router.get("/health/live", responses=open_documented(), summary="The process lives")
@router.get("/health", responses=open_documented(), include_in_schema=False)
async def live() -> Alive:  # async: answers even when every thread of the pool is busy
    """200 as long as the process answers at all."""
    return Alive()


@router.get(
    "/health/ready",
    response_model=Ready,
    responses=open_documented(503),
    summary="Store, lake, models and disk are fit",
)
@router.get("/ready", response_model=Ready, responses=open_documented(503), include_in_schema=False)
def ready(service: Annotated[Service, Depends(service_of)]) -> Ready | Response:
    """200 when requests can be served, else 503 with the checks that failed; what is wrong stands in the log."""
    checks = service.workspace.readiness()
    passed = {check.name: check.ok for check in checks}
    if all(passed.values()):
        return Ready(checks=passed)
    for check in checks:
        if not check.ok:
            logger.warning("not ready: %s: %s", check.name, check.finding)
    return problem(503, "data_unavailable", _NOT_READY, {"Retry-After": "5"}, checks=passed)


@router.get(
    "/metrics",
    responses=documented() | {200: {"content": {CONTENT_TYPE_PLAIN_0_0_4: {"schema": {"type": "string"}}}}},
    response_class=Response,
    summary="Metrics for Prometheus",
)
def metrics(request: Request, view: ViewOf) -> Response:
    """Requests, memory, and how fresh data, scores, models and nights are, in Prometheus' text format."""
    return Response(view.metrics(request.app.state.metrics), media_type=CONTENT_TYPE_PLAIN_0_0_4)
