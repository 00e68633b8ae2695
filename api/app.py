"""The application: routes, errors, log and OpenAPI document around one workspace."""

from typing import Any

from fastapi import FastAPI

from api.access_log import AccessLog
from api.errors import register_handlers
from api.pages import add_pages
from api.pages.errors import in_person
from api.routes import (
    customers,
    definitions,
    demand,
    funnel,
    health,
    leads,
    models,
    moved,
    opportunities,
    outlook,
    performance,
    records,
    scoring,
    targets,
)
from api.schemas import Problem
from api.service import Service
from forecast.workspace import Workspace

_DESCRIPTION = """Calibrated scores of leads and opportunities with their reasons, demand forecasts, revenue outlook \
and targets.

Every number is identified by (`as_of`, model version, `batch`); asking again with the same three gives the same bytes.
Errors are `application/problem+json` with a stable `code`."""


class _Application(FastAPI):
    """FastAPI, whose OpenAPI document also holds the one error form."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return document


def create_app(workspace: Workspace) -> FastAPI:
    """An ASGI application that serves a workspace under ``/v1``.

    Parameters
    ----------
    workspace : Workspace
        Shared by all requests; they run in a pool of threads.
    """
    # The interactive pages would load their scripts from outside hosts.
    app = _Application(title="forecast", version="1", description=_DESCRIPTION, docs_url=None, redoc_url=None)
    app.state.service = Service(workspace)
    app.add_middleware(AccessLog)
    register_handlers(app, in_person)
    app.include_router(health.router)
    for noun in (
        leads,
        opportunities,
        customers,
        scoring,
        definitions,
        models,
        demand,
        outlook,
        moved,
        records,
        targets,
        performance,
        funnel,
    ):
        app.include_router(noun.router, prefix="/v1")
    add_pages(app)
    return app
