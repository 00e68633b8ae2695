"""Hard edges of the service: how much, how big and how long a request may be, from where, and what browsers may do."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable

from fastapi import FastAPI
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Refused, problem
from api.sessions import session_token
from forecast.settings import Settings

#: Makes of a request and its problem what a person in a browser gets; programs get the problem.
InPerson = Callable[[Request, JSONResponse], Response]


def _as_it_is(_request: Request, problem: JSONResponse) -> Response:
    """What programs get, and everybody where there are no pages."""
    return problem


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # `no-referrer` would take the origin from forms of our own pages
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_A_YEAR = "max-age=31536000"

#: Asked by machines that watch the service, and by browsers for what is the same for everybody.
_UNLIMITED = ("/health", "/ready", "/metrics", "/static/")

#: All callers from one address together, against one of them: a CRM may ask for many people.
_PER_ADDRESS = 10

#: After ten seconds a sixth of the minute's requests is free again.
_SOME_ARE_FREE_AGAIN_S = "10"


def harden(app: FastAPI, settings: Settings, in_person: InPerson) -> None:
    """Limits of requests as the settings say.

    Parameters
    ----------
    app : FastAPI
    settings : Settings
    in_person : callable
        Makes of a request and its problem what a person in a browser gets, as in `api.errors.register_handlers`.
    """
    app.add_middleware(Timeout, seconds=settings.request_timeout_s, in_person=in_person)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, in_person=in_person)
    if settings.requests_per_minute:
        app.add_middleware(RateLimit, per_minute=settings.requests_per_minute, in_person=in_person)


def protect_browsers(app: FastAPI, settings: Settings) -> None:
    """Headers of every answer; to be added last, so that no answer goes without."""
    app.add_middleware(SecurityHeaders, ancestors=settings.frame_ancestors)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "Idempotency-Key", "X-Request-ID"],
            expose_headers=["ETag", "Retry-After", "X-Request-ID", "Idempotency-Replayed"],
        )


def frame_ancestors(ancestors: Iterable[str]) -> str:
    """The directive that says which sites may show an answer in a frame."""
    return f"frame-ancestors {' '.join(ancestors) or chr(39) + 'none' + chr(39)}"


class SecurityHeaders:
    """ASGI middleware: headers that an answer does not bring itself.

    Numbers are not kept by browsers or proxies; what has an ETag may be kept and must be asked for again.

    Parameters
    ----------
    app : ASGI application
    ancestors : iterable of str
        Origins whose pages may show ours in a frame.
    """

    def __init__(self, app: ASGIApp, ancestors: Iterable[str] = ()) -> None:
        self.app = app
        self._defaults = _HEADERS | {"Content-Security-Policy": f"default-src 'none'; {frame_ancestors(ancestors)}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def completed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._defaults.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache" if "ETag" in headers else "no-store")
                if scope["scheme"] == "https":
                    headers.setdefault("Strict-Transport-Security", _A_YEAR)
            await send(message)

        await self.app(scope, receive, completed_send)


class RateLimit:
    """ASGI middleware: 429 for a key, session or address that asks too often.

    Counted in each process by itself; without key or session an address is the caller.

    Parameters
    ----------
    app : ASGI application
    per_minute : int
        Requests of one caller; ten times as many of all from one address.
    in_person : callable
    """

    def __init__(self, app: ASGIApp, per_minute: int, in_person: InPerson = _as_it_is) -> None:
        self.app = app
        self._in_person = in_person
        self._per_caller = RateLimitItemPerMinute(per_minute)
        self._per_address = RateLimitItemPerMinute(per_minute * _PER_ADDRESS)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and not scope["path"].startswith(_UNLIMITED):
            address = (scope.get("client") or ("unknown",))[0]
            for item, who in ((self._per_address, f"all@{address}"), (self._per_caller, _caller(scope, address))):
                if not self._limiter.hit(item, who):
                    await self._in_person(Request(scope), self._refused(item))(scope, receive, send)
                    return
        await self.app(scope, receive, send)

    def _refused(self, item: RateLimitItem) -> JSONResponse:
        detail = f"At most {item.amount:,} requests a minute; wait a little."
        return problem(429, "too_many_requests", detail, {"Retry-After": _SOME_ARE_FREE_AGAIN_S})


class BodyLimit:
    """ASGI middleware: 413 for a body that is too big, whether it says so or comes in pieces.

    Parameters
    ----------
    app : ASGI application
    max_bytes : int
    in_person : callable
    """

    def __init__(self, app: ASGIApp, max_bytes: int, in_person: InPerson = _as_it_is) -> None:
        self.app = app
        self._in_person = in_person
        self._max_bytes = max_bytes
        self._detail = f"A request may have at most {max_bytes:,} bytes; send it in parts."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("Content-Length", "")
        if stated.isdecimal() and int(stated) > self._max_bytes:
            # The rest is not read: the connection cannot carry another request.
            refused = problem(413, "body_too_large", self._detail, {"Connection": "close"})
            await self._in_person(Request(scope), refused)(scope, receive, send)
            return
        n_bytes = 0

        async def counted_receive() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_bytes:
                raise Refused(413, "body_too_large", self._detail)
            return message

        await self.app(scope, counted_receive, send)


class Timeout:
    """ASGI middleware: 504 when an answer has not begun in time; answers that have begun may take longer.

    What computes goes on, since a thread cannot be stopped; the same question finds it in memory later.

    Parameters
    ----------
    app : ASGI application
    seconds : float
    in_person : callable
    """

    def __init__(self, app: ASGIApp, seconds: float, in_person: InPerson = _as_it_is) -> None:
        self.app = app
        self._in_person = in_person
        self._seconds = seconds
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = is_over = False

        async def guarded_send(message: Message) -> None:
            nonlocal has_begun
            if not is_over:
                has_begun = True
                await send(message)

        async def answer() -> None:
            await self.app(scope, receive, guarded_send)

        task = asyncio.create_task(answer())
        try:
            done, _ = await asyncio.wait({task}, timeout=self._seconds)
            if not done and not has_begun:
                is_over = True
                self._late.add(task)
                task.add_done_callback(self._forget)
                detail = f"No answer within {self._seconds:g} s; ask again in a while, or for less."
                late = problem(504, "timeout", detail, {"Retry-After": "10"})
                await self._in_person(Request(scope), late)(scope, receive, send)
                return
            await task
        except asyncio.CancelledError:
            task.cancel()
            raise

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it any more


def _caller(scope: Scope, address: str) -> str:
    """Key or session of a request, as a hash; its address without either."""
    request = Request(scope)
    secret = request.headers.get("Authorization") or session_token(request)
    return hashlib.sha256(secret.encode()).hexdigest() if secret else address
