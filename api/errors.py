"""One error form for every route: problem+json (RFC 9457) with a stable ``code``, and no word of anybody's data.

| error | status | code |
|---|---|---|
| ``InvalidInput``, a request that breaks its schema | 422 | ``invalid_input`` |
| ``NotEnoughHistory`` | 422 | ``not_enough_history`` |
| ``UnknownModel`` | 404 | ``unknown_model`` |
| ``UnknownEntity`` | 404 | ``unknown_entity`` |
| no or a wrong key | 401 | ``unauthenticated`` |
| a change without proof that it comes from our pages | 403 | ``csrf_failed`` |
| an idempotency key whose request is being answered | 409 | ``being_answered`` |
| an idempotency key of another request | 422 | ``idempotency_key_reused`` |
| a body that is too big | 413 | ``body_too_large`` |
| too many requests, or tries to log in | 429 | ``too_many_requests``, ``too_many_tries`` |
| no answer in time | 504 | ``timeout`` |
| ``NotScored`` | 409 | ``not_scored`` |
| ``NotAllowed`` | 403 | ``not_allowed`` |
| ``DataUnavailable`` | 503 | ``data_unavailable`` |
| ``LeakageDetected`` | 500 | ``leakage_detected`` |
| anything else | 500 | ``internal_error`` |
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from api.logging import place_of
from forecast.errors import (
    DataUnavailable,
    ForecastError,
    InvalidInput,
    LeakageDetected,
    NotAllowed,
    NotEnoughHistory,
    NotScored,
    UnknownEntity,
    UnknownModel,
)

MEDIA_TYPE = "application/problem+json"

#: Where the schema of the body stands in the OpenAPI document.
PROBLEM = "#/components/schemas/Problem"

logger = logging.getLogger("forecast.api")

_MAX_DETAIL = 500


class Refused(HTTPException):
    """A request that is refused for a reason of the web's, with its own code."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code


@dataclass(frozen=True)
class _Kind:
    """How one class of errors is answered; ``detail`` replaces messages that speak of the inside."""

    status: int
    code: str
    detail: str | None = None


_KINDS: dict[type[ForecastError], _Kind] = {
    InvalidInput: _Kind(422, "invalid_input"),
    NotEnoughHistory: _Kind(422, "not_enough_history"),
    UnknownModel: _Kind(404, "unknown_model"),
    UnknownEntity: _Kind(404, "unknown_entity"),
    NotScored: _Kind(409, "not_scored"),
    NotAllowed: _Kind(403, "not_allowed"),
    DataUnavailable: _Kind(503, "data_unavailable", "Something that this needs cannot be reached; try again later."),
    LeakageDetected: _Kind(500, "leakage_detected", "A feature saw the future; the number is withheld."),
}
_INTERNAL = _Kind(500, "internal_error", "The service failed; the operator finds the cause in its log.")

_NOT_FOUND = "There is nothing at this address; GET /openapi.json lists what there is."
_HTTP_CODES = {400: "bad_request", 401: "unauthenticated", 404: "not_found", 405: "method_not_allowed"}


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> JSONResponse:
    """A problem body of one line, with ``more`` members."""
    line = " ".join(detail.split())
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": line if len(line) <= _MAX_DETAIL else f"{line[: _MAX_DETAIL - 1]}…",
    }
    body |= more
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> JSONResponse:
    """The answer to any error; what is the service's own fault goes to the log, without the message's data."""
    kind = next((_KINDS[cls] for cls in type(error).__mro__ if cls in _KINDS), _INTERNAL)
    if isinstance(error, DataUnavailable):  # names a file, host or lease of ours, never a customer
        logger.error("unavailable: %s", error)
    elif kind.status >= 500:
        logger.error("%s at %s", type(error).__name__, place_of(error))
    headers = {"Retry-After": "5"} if kind.status == 503 else None
    return problem(kind.status, kind.code, kind.detail or str(error), headers)


def register_handlers(app: FastAPI, in_person: Callable[[Request, JSONResponse], Response]) -> None:
    """Answer every error of the framework and of the library in the one form.

    Parameters
    ----------
    app : FastAPI
    in_person : callable
        Makes of a request and its problem what a person in a browser gets; programs get the problem.
    """

    def on_forecast_error(request: Request, error: Exception) -> Response:
        return in_person(request, problem_of(error))

    def on_invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return in_person(request, problem(422, "invalid_input", _broken_rules(error.errors())))

    def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known = error.code if isinstance(error, Refused) else _HTTP_CODES.get(error.status_code)
        code = known or "http_error"
        detail = _NOT_FOUND if (error.status_code, error.detail) == (404, "Not Found") else str(error.detail)
        return in_person(request, problem(error.status_code, code, detail, error.headers))

    app.add_exception_handler(ForecastError, on_forecast_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route, for OpenAPI: these errors as problem+json, and those that every route has."""
    return {status: _documentation(status) for status in sorted({401, 403, 422, 429, 500, 503, 504, *statuses})}


def open_documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same for routes that need no key."""
    return {status: _documentation(status) for status in sorted({500, 504, *statuses})}


def documented_writing() -> dict[str, dict[str, Any]]:
    """What every route that changes something may answer too."""
    return {str(status): _documentation(status) for status in (409, 413)}


def _documentation(status: int) -> dict[str, Any]:
    code, detail = _EXAMPLES[status]
    phrase = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": phrase, "status": status, "code": code, "detail": detail}
    return {"description": phrase, "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM}, "example": example}}}


_EXAMPLES = {
    400: ("bad_request", "There was an error parsing the body"),
    401: ("unauthenticated", "Send a valid API key as `Authorization: Bearer <key>`."),
    403: ("not_allowed", "A key of role rep may not read models."),
    404: ("unknown_entity", "There was no open lead 'L-17' at 2026-03-31T00:00:00+00:00."),
    409: ("being_answered", "The first request with this key is being answered."),
    413: ("body_too_large", "A request may have at most 8,388,608 bytes; send it in parts."),
    422: ("invalid_input", "A date must look like 2026-03-31 or 2026-03-31T09:00:00+02:00, got 'soon'."),
    429: ("too_many_requests", "At most 1200 requests a minute; wait a little."),
    500: ("internal_error", _INTERNAL.detail),
    503: ("data_unavailable", _KINDS[DataUnavailable].detail),
    504: ("timeout", "No answer within 120 s; ask again in a while, or for less."),
}


def _broken_rules(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first broken rules in one line: where and what is asked; what came stays out, it may be personal."""
    shown = [f"{'.'.join(str(part)[:60] for part in error['loc'])}: {error['msg']}" for error in errors[:3]]
    more = [f"and {len(errors) - 3} more"] if len(errors) > 3 else []
    return "; ".join(shown + more) + "."
