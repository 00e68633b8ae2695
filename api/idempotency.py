"""Writes that can be sent twice: with ``Idempotency-Key`` a repeated request changes nothing and gets the first answer.

A client that lost the answer sends the same request with the same key again, within 24 hours. Another request under the
same key is a mistake (422), and a second one while the first is being answered has to wait (409).
"""

import hashlib
import re
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import SAFE_METHODS, authenticate, service_of
from api.errors import Refused
from api.rights import Caller
from api.service import Service
from forecast.adapters.store_answers import GivenAnswer
from forecast.errors import InvalidInput
from forecast.workspace import Workspace

HEADER = "Idempotency-Key"

#: How each write is documented to take the header.
PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of the client's choice, new for each change, such as a UUID. The same request with the "
    "same key changes nothing more and gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "example": "5f1d6a0e-8f0b-4a57-9e0c-0d0f2f6f7d11",
}

_KEY = re.compile(r"[!-~]{1,200}")


class AnsweredBefore(Exception):
    """This very request was answered already."""

    def __init__(self, answer: GivenAnswer) -> None:
        self.answer = answer


async def answer_once(
    request: Request,
    caller: Annotated[Caller, Depends(authenticate)],
    service: Annotated[Service, Depends(service_of)],
) -> None:
    """Go on with a request, unless its idempotency key was used before.

    Raises
    ------
    AnsweredBefore
        If the same request was answered.
    Refused
        If the key belongs to another request, or to one that is being answered.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method in SAFE_METHODS:
        return
    if not _KEY.fullmatch(key):
        raise InvalidInput(f"`{HEADER}` must have 1 to 200 printable ASCII characters without blanks, got {len(key)}.")
    address = f"{request.method} {request.url.path}?{request.url.query}\n"
    fingerprint = hashlib.sha256(address.encode() + await request.body()).hexdigest()
    store = service.workspace.store
    found = await run_in_threadpool(store.claim_answer, caller.actor, key, fingerprint)
    if found is None:
        request.state.claimed = (caller.actor, key)
    elif found.fingerprint != fingerprint:
        raise Refused(422, "idempotency_key_reused", f"This `{HEADER}` belongs to another request; use a new one.")
    elif found.status is None:
        raise Refused(409, "being_answered", "The first request with this key is being answered.", {"Retry-After": "1"})
    else:
        raise AnsweredBefore(found)


def register_answer_handler(app: FastAPI) -> None:
    """Give the first answer again where a request repeats."""

    def on_answered(request: Request, error: Exception) -> Response:
        assert isinstance(error, AnsweredBefore)
        answer = error.answer
        headers = {"Idempotency-Replayed": "true"}
        return Response(answer.body, answer.status or 200, headers=headers, media_type=answer.media_type)

    app.add_exception_handler(AnsweredBefore, on_answered)


class AnswerKeeper:
    """ASGI middleware that keeps the answers to requests with an idempotency key.

    Failures of the service (5xx) are not kept: the request may be sent again.
    """

    def __init__(self, app: ASGIApp, workspace: Workspace) -> None:
        self.app = app
        self._store = workspace.store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        start: Message = {}
        body = bytearray()

        async def watched_send(message: Message) -> None:
            if "claimed" in state:
                if message["type"] == "http.response.start":
                    start.update(message)
                elif message["type"] == "http.response.body":
                    body.extend(message.get("body", b""))
                    if not message.get("more_body", False) and start["status"] < 500:
                        await self._keep(state.pop("claimed"), start, bytes(body))
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        finally:
            if "claimed" in state:
                await run_in_threadpool(self._store.release_answer, *state.pop("claimed"))

    async def _keep(self, claimed: tuple[str, str], start: Message, body: bytes) -> None:
        media_type = dict(start.get("headers", [])).get(b"content-type", b"").decode("latin-1")
        await run_in_threadpool(self._store.keep_answer, *claimed, start["status"], media_type or None, body)
