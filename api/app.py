"""The application: routes, errors, log and OpenAPI document around one workspace."""

from typing import Any

from fastapi import Depends, FastAPI

from api.access_log import AccessLog
from api.audit import AuditBuffer, AuditLog
from api.auth import SAFE_METHODS
from api.change_stream import ChangeStreams
from api.conditional import Conditional, register_not_modified
from api.documentation import complete, operation_id
from api.errors import documented_writing, register_handlers
from api.idempotency import PARAMETER, AnswerKeeper, answer_once, register_answer_handler
from api.lifespan import Stopping, lifespan
from api.metrics import Metrics
from api.pages import add_pages
from api.pages.errors import in_person
from api.routes import (
    audit,
    changes,
    customers,
    data,
    definitions,
    demand,
    events,
    exports,
    funnel,
    health,
    leads,
    models,
    moved,
    opportunities,
    outlook,
    panel,
    performance,
    records,
    report_schedules,
    reports,
    scoring,
    targets,
    users,
)
from api.schemas import Problem
from api.security import harden, protect_browsers
from api.service import Service
from api.sessions import Sessions
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
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if path.startswith("/v1/") and method.upper() not in SAFE_METHODS:
                    _document_writing(operation)
        complete(document)
        return document


def _document_writing(operation: dict[str, Any]) -> None:
    """Say of a route that changes something how to send it twice, and what it may answer too. Safe to repeat."""
    parameters = operation.setdefault("parameters", [])
    if PARAMETER not in parameters:
        parameters.append(PARAMETER)
    operation["responses"] = documented_writing() | operation["responses"]


def create_app(workspace: Workspace) -> FastAPI:
    """An ASGI application that serves a workspace under ``/v1``.

    Parameters
    ----------
    workspace : Workspace
        Shared by all requests; they run in a pool of threads.
    """
    # The interactive pages would load their scripts from outside hosts.
    app = _Application(
        title="forecast",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=operation_id,
    )
    app.state.service = Service(workspace)
    app.state.metrics = Metrics(app.state.service)
    app.state.stopping = Stopping()
    app.state.changes = ChangeStreams(workspace, app.state.stopping)
    register_handlers(app, in_person)
    app.include_router(health.router)
    for noun in (
        leads,
        opportunities,
        customers,
        exports,
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
        data,
        reports,
        report_schedules,
        events,
        changes,
        audit,
        users,
        panel,
    ):
        app.include_router(noun.router, prefix="/v1", dependencies=[Depends(answer_once)])
    add_pages(app)
    app.state.sessions = Sessions(workspace)
    app.state.audit = AuditBuffer(workspace)
    register_answer_handler(app)
    register_not_modified(app)
    app.add_middleware(Conditional)
    app.add_middleware(AnswerKeeper, workspace=workspace)
    app.add_middleware(AuditLog, workspace=workspace, buffer=app.state.audit)
    harden(app, workspace.settings, in_person)
    app.add_middleware(AccessLog, metrics=app.state.metrics, in_person=in_person)  # the last one added is the outermost
    protect_browsers(app, workspace.settings)
    return app
