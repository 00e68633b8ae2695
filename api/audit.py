"""The audit log of the service: one line for every request that read somebody's rows or changed something.

What a request touched is collected where rights are asked (`api.rights.require`), so that no route has to think of it.
Changes are written before they are answered. Reads are written together within a second: a process that is killed loses
at most the lines of the last one.
"""

import logging
import threading
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access_log import route_template
from api.auth import SAFE_METHODS
from api.rights import Caller
from forecast.adapters.store_audit import AuditLine
from forecast.errors import DataUnavailable
from forecast.workspace import Workspace

logger = logging.getLogger("forecast.api")

#: Parts of the service that show nobody's rows.
_IMPERSONAL = frozenset({"definitions", "demand", "models", "data status", "metrics"})

#: Routes that open pages ask again and again; they tell only that something changed, which is then read.
_POLLED = frozenset({"/v1/changes", "/v1/changes/stream"})

#: Parameters of addresses that are ids or periods; other ones may hold what somebody typed.
_IDS = ("owner_id", "team_id", "user_id", "account_id", "entity", "id", "period", "by", "format", "actor")

_WITHIN_S = 1.0
_RETRY_S = 5.0
_LONGEST = 2000


class AuditBuffer:
    """Lines on their way to the store.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lines: list[AuditLine] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def add(self, line: AuditLine) -> None:
        """Write a line within a second."""
        with self._lock:
            self._lines.append(line)
            self._start(_WITHIN_S)

    def write(self, line: AuditLine) -> None:
        """Write a line now, after those that wait."""
        with self._lock:
            self._lines.append(line)
        self._flush()

    def flush(self) -> None:
        """Write what waits; a store that is gone gets it later."""
        try:
            self._flush()
        except DataUnavailable as error:
            logger.error("audit lines wait: %s", error)
            with self._lock:
                self._start(_RETRY_S)

    def _flush(self) -> None:
        with self._writing:
            with self._lock:
                lines, self._lines, self._timer = self._lines, [], None
            try:
                self._workspace.store.append_audit(lines)
            except DataUnavailable:
                with self._lock:
                    self._lines = lines + self._lines
                raise

    def _start(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(seconds, self.flush)
            self._timer.daemon = True
            self._timer.start()


class AuditLog:
    """ASGI middleware that writes the line of each request.

    Parameters
    ----------
    app : ASGI application
    workspace : Workspace
    buffer : AuditBuffer
    """

    def __init__(self, app: ASGIApp, workspace: Workspace, buffer: AuditBuffer) -> None:
        self.app = app
        self._workspace = workspace
        self._buffer = buffer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, message["status"])
            await send(message)

        await self.app(scope, receive, watched_send)

    async def _note(self, scope: Scope, status: int) -> None:
        caller = scope.get("state", {}).get("caller")
        if caller is None or not _is_of_interest(scope, caller, status):
            return
        line = _line(self._workspace, scope, caller, status)
        if scope["method"] in SAFE_METHODS:
            self._buffer.add(line)
        else:
            await run_in_threadpool(self._buffer.write, line)


def _is_of_interest(scope: Scope, caller: Caller, status: int) -> bool:
    if status == 403:
        return True
    if status >= 400 or route_template(scope) in _POLLED:
        return False
    if scope["method"] not in SAFE_METHODS:
        return True
    return status != 304 and bool(caller.trail.parts - _IMPERSONAL)


def _line(workspace: Workspace, scope: Scope, caller: Caller, status: int) -> AuditLine:
    state = scope["state"]
    action = caller.trail.action or f"{scope['method']} {route_template(scope)}"
    if status == 403:
        action = f"refused: {action}"
    asked = QueryParams(scope.get("query_string", b""))
    in_path = [f"{name}={unquote(str(value))}" for name, value in scope.get("path_params", {}).items()]
    in_query = [f"{name}={value}" for name in _IDS for value in asked.getlist(name)]
    subject = " ".join([*in_path, *in_query, *caller.trail.subjects])[:_LONGEST].replace("\x00", "")
    return AuditLine(workspace.clock.now(), caller.actor, action[:200], subject, caller.role, state.get("request_id"))
