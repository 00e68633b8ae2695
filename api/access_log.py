"""One log line per request without ids, parameters or bodies, and an answer even when a route breaks."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_of

logger = logging.getLogger("forecast.api.access")


class AccessLog:
    """ASGI middleware: ``GET /v1/leads/{entity_id}/explanation 200 12 ms``.

    An exception that no handler knows becomes a problem body here, inside the framework's own last resort, which
    would hand it on to the server and so print its message, possibly with customer data.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except Exception as error:
            response = problem_of(error)
            if status == 0:
                await response(scope, receive, watched_send)
        route = getattr(scope.get("route"), "path", "(no route)")
        logger.info("%s %s %d %.0f ms", scope["method"], route, status, 1000 * (time.perf_counter() - started))
