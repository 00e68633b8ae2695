"""Answers that did not change are not sent again: a strong ETag on every GET of data, and 304 for who has it.

Lists and explanations by the latest scores know their ETag before anything is read: it is made of the version of the
scores, the rights of the caller, the question and the language. Other answers get theirs from their bytes: that spares
the way to the client, not the work.
"""

import hashlib
import json
from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Headers of a 304, as the answer in full would have them (RFC 9110, section 15.4.5).
_KEPT = ("etag", "vary", "cache-control", "content-location", "content-language")

_PREFIX = "/v1/"


class NotModified(Exception):
    """The client has this answer already."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


def etag_of(*identity: Any) -> str:
    """The ETag of an answer with this identity: all that decides its bytes, and the release that makes them."""
    text = json.dumps([_release(), *identity], sort_keys=True, default=_sorted_text)
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def answer_unless_known(request: Request, response: Response, etag: str) -> None:
    """Give the answer this ETag; to a client that has it already, say no more than that.

    Raises
    ------
    NotModified
        Which is answered with 304.
    """
    response.headers["ETag"] = etag
    if _is_known(request.headers.get("If-None-Match"), etag):
        raise NotModified({name: value for name, value in response.headers.items() if name.lower() in _KEPT})


def register_not_modified(app: FastAPI) -> None:
    """Answer `NotModified` with 304."""

    def on_not_modified(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotModified)
        return Response(status_code=304, headers=error.headers)

    app.add_exception_handler(NotModified, on_not_modified)


class Conditional:
    """ASGI middleware: an ETag for each whole answer to a GET of data that brings none, and 304 for who has it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_PREFIX):
            await self.app(scope, receive, send)
            return
        known = Headers(scope=scope).get("If-None-Match")
        held: Message | None = None

        async def tagged_send(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _may_be_tagged(message):
                held = message  # its headers wait for the body
                return
            if held is not None:
                start, held = held, None
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    message = _tag(start, message, known)
                await send(start)
            await send(message)

        await self.app(scope, receive, tagged_send)


def _may_be_tagged(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == 200 and "ETag" not in headers and headers.get("Content-Type") == "application/json"


def _tag(start: Message, body: Message, known: str | None) -> Message:
    """Give an answer the ETag of its bytes; the body to send, empty when the client has it."""
    headers = MutableHeaders(raw=start["headers"])
    headers["ETag"] = etag = f'"{hashlib.blake2b(body.get("body", b""), digest_size=12).hexdigest()}"'
    if not _is_known(known, etag):
        return body
    start["status"] = 304
    for name in [name for name in headers if name.lower() not in _KEPT]:
        del headers[name]
    return {"type": "http.response.body", "body": b""}


def _is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client named this ETag; weak comparison, as RFC 9110 has it for this header."""
    if if_none_match is None:
        return False
    named = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in named or named == ["*"]


@cache
def _release() -> str:
    return version("forecast")


def _sorted_text(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
