"""Who calls: an API key in ``Authorization: Bearer <key>``, or the session of a person who logged in, is a `Caller`.

A browser sends its session along whoever made it ask: what changes something then needs the session's CSRF token too.
"""

from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.rights import Caller
from api.service import Service
from api.sessions import Sessions, csrf_token, require_csrf, session_token

#: Methods that change nothing.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key made by `forecast keys create`.")


def service_of(request: Request) -> Service:
    """The service that this application was created with."""
    service: Service = request.app.state.service
    return service


def sessions_of(request: Request) -> Sessions:
    """The sessions of this application."""
    sessions: Sessions = request.app.state.sessions
    return sessions


async def csrf_sent(request: Request) -> str | None:
    """The CSRF token that a change by cookie brings, in its header or its form."""
    if request.method in SAFE_METHODS or "Authorization" in request.headers:
        return None
    if token := request.headers.get("X-CSRF-Token"):
        return token
    if request.headers.get("Content-Type", "").startswith(_FORMS):
        field = (await request.form()).get("csrf")
        return field if isinstance(field, str) else None
    return None


def authenticate(
    request: Request,
    service: Annotated[Service, Depends(service_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    csrf: Annotated[str | None, Depends(csrf_sent)],
) -> Caller:
    """The caller of this request; 401 without a key or session that is known, unexpired and not revoked."""
    by_key = "Authorization" in request.headers
    caller = _by_key(service, credentials) if by_key else _by_session(request, csrf)
    if caller is None:
        # RFC 6750: a request without any key gets no error code.
        error = ', error="invalid_token"' if credentials else ""
        raise HTTPException(
            401,
            "Send a valid API key as `Authorization: Bearer <key>`.",
            {"WWW-Authenticate": f'Bearer realm="forecast"{error}'},
        )
    request.state.caller = caller
    return caller


def _by_key(service: Service, credentials: HTTPAuthorizationCredentials | None) -> Caller | None:
    key = service.workspace.store.find_key(credentials.credentials) if credentials else None
    return None if key is None else Caller(key.name, key.role, key.user_id, f"key {key.id}", key.scopes)


def _by_session(request: Request, csrf: str | None) -> Caller | None:
    session = session_token(request)
    caller = sessions_of(request).find(session) if session else None
    if session is None or caller is None:
        return None
    if request.method not in SAFE_METHODS:
        require_csrf(request, session, csrf)
    request.state.csrf = csrf_token(session)
    return caller
