"""Who calls: an API key in ``Authorization: Bearer <key>`` becomes a `Caller`. No cookies, hence no CSRF."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.rights import Caller
from api.service import Service

_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="An API key made by `forecast keys create`.")


def service_of(request: Request) -> Service:
    """The service that this application was created with."""
    service: Service = request.app.state.service
    return service


def authenticate(
    service: Annotated[Service, Depends(service_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The caller of this request; 401 without a key that is known, unexpired and not revoked."""
    key = service.workspace.store.find_key(credentials.credentials) if credentials else None
    if key is None:
        # RFC 6750: a request without any key gets no error code.
        error = ', error="invalid_token"' if credentials else ""
        raise HTTPException(
            401,
            "Send a valid API key as `Authorization: Bearer <key>`.",
            {"WWW-Authenticate": f'Bearer realm="forecast"{error}'},
        )
    return Caller(key.name, key.role, key.user_id)
