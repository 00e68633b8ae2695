"""One log line per request without ids, parameters or bodies, its measure, and an answer even when a route breaks."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.errors import problem_of
from api.metrics import Metrics

logger = logging.getLogger("forecast.api.access")

REQUEST_ID = "X-Request-ID"

#: An id from outside is taken over when it looks like one; anything else could smuggle text into the log.
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

NO_ROUTE = "(no route)"


class AccessLog:
    """ASGI middleware, the outermost: names each request, logs and measures it.

    ``X-Request-ID`` of the caller, or a new one, stands in the answer, in ``scope["state"]["request_id"]`` and in every
    log line that the request causes. An exception that no handler knows becomes a problem body here, inside the
    framework's own last resort, which would hand it on to the server and so print its message, possibly with
    customer data.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    in_person : callable
        Makes of a request and its problem what a person in a browser gets, as in `api.errors.register_handlers`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, in_person: Callable[[Request, JSONResponse], Response]) -> None:
        self.app = app
        self.metrics = metrics
        self.in_person = in_person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        request_id = _request_id(Headers(scope=scope).get(REQUEST_ID))
        scope.setdefault("state", {})["request_id"] = request_id

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, watched_send)
            except Exception as error:
                problem = problem_of(error)
                if status == 0:
                    response = self.in_person(Request(scope), problem)
                    await response(scope, receive, watched_send)
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = scope["method"], route_template(scope)
        self.metrics.observe(method, route, status, seconds)
        caller = scope["state"].get("caller")
        fields: dict[str, object] = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 1)}
        if caller is not None:
            fields |= {"role": caller.role, "caller": caller.actor}
        logger.info("request", extra=fields)


def route_template(scope: Scope) -> str:
    """The route that answered, with its parameters' names for their values."""
    context = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    if context is not None:
        return str(context.path_format)
    # A mounted application, such as the static files, leaves only its own root.
    return f"{scope['root_path']}/…" if scope.get("root_path") else NO_ROUTE


def _request_id(given: str | None) -> str:
    return given if given and _SANE_ID.fullmatch(given) else uuid.uuid4().hex
