"""``/login``, ``/logout``, ``/account``: coming in, going out, and a new password."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.auth import service_of, sessions_of
from api.errors import Refused
from api.pages.site import AnyPageOf, Site
from api.service import Service
from api.sessions import (
    Sessions,
    cookie_name,
    forget_session,
    remember_session,
    require_own_page,
    session_token,
)
from forecast.adapters.store_logins import MAX_PASSWORD, MIN_PASSWORD
from forecast.errors import InvalidInput

router = APIRouter()

_MAX_NAME = 200
_MAX_PATH = 2000
Password = Annotated[str, Form(max_length=4 * MAX_PASSWORD)]


def site_of(request: Request, service: Annotated[Service, Depends(service_of)]) -> Site:
    """The site for somebody who need not be known."""
    return Site(request, service)


SiteOf = Annotated[Site, Depends(site_of)]
SessionsOf = Annotated[Sessions, Depends(sessions_of)]


@router.get("/login")
def ask_who(site: SiteOf, sessions: SessionsOf, next: str = "/") -> Response:
    """The form; who is logged in goes on at once."""
    token = session_token(site.request)
    if token and sessions.find(token):
        return RedirectResponse(local_path(next), 303)
    return _login_form(site, next)


@router.post("/login")
def log_in(
    site: SiteOf,
    sessions: SessionsOf,
    name: Annotated[str, Form(max_length=_MAX_NAME)] = "",
    password: Password = "",
    next: Annotated[str, Form(max_length=_MAX_PATH)] = "/",
) -> Response:
    """A new session for the right name and password; the one before it ends."""
    request = site.request
    require_own_page(request)
    if cookie_name(request) is None:
        return _login_form(site, next, status=403)
    try:
        token = sessions.log_in(name, password, _address(request))
    except Refused as refused:
        return _login_form(site, next, name=name, refused=refused, status=refused.status_code)
    if before := session_token(request):
        sessions.end(before)
    answer = RedirectResponse(local_path(next), 303)
    remember_session(request, answer, token)
    caller = sessions.find(token)
    if caller is not None:
        caller.trail.note("log in", "")
        request.state.caller = caller
    return answer


@router.post("/logout")
def log_out(page: AnyPageOf, sessions: SessionsOf) -> Response:
    """Ends the session."""
    page.view.caller.trail.note("log out", "")
    if token := session_token(page.request):
        sessions.end(token)
    answer = RedirectResponse("/login", 303)
    forget_session(page.request, answer)
    return answer


@router.get("/account")
def account(page: AnyPageOf) -> HTMLResponse:
    """Who one is here, a new password, the way out."""
    return _account_page(page)


@router.post("/account/password")
def change_password(
    page: AnyPageOf, sessions: SessionsOf, old: Password = "", new: Password = "", again: Password = ""
) -> Response:
    """Replaces the own password; sessions elsewhere end."""
    if session_token(page.request) is None or "Authorization" in page.request.headers:
        raise Refused(403, "not_allowed", "A key has no password; log in to change yours.")
    if new != again:
        return _account_page(page, error=page.gettext("The two new passwords differ."), status=422)
    try:
        token = sessions.set_password(page.view.caller.name, old, new, _address(page.request))
    except Refused as refused:
        return _account_page(page, error=_told(page, refused), status=refused.status_code)
    except InvalidInput:
        rule = page.gettext(
            "Choose a password of %(least)s to %(most)s characters, five of them different, without your name in it.",
            least=MIN_PASSWORD,
            most=MAX_PASSWORD,
        )
        return _account_page(page, error=rule, status=422)
    page.view.caller.trail.note("change password", "")
    answer = RedirectResponse("/account?changed=1", 303)
    remember_session(page.request, answer, token)
    return answer


def local_path(wanted: str) -> str:
    """Where to go on: a path of ours, never another host, whatever browsers make of odd slashes."""
    parts = urlsplit(wanted)
    is_odd = any(sign <= " " or sign == "\\" for sign in wanted) or len(wanted) > _MAX_PATH
    if is_odd or parts.scheme or parts.netloc or not wanted.startswith("/") or wanted.startswith(("//", "/log")):
        return "/"
    return wanted


def _login_form(
    site: Site, wanted: str, *, name: str = "", refused: Refused | None = None, status: int = 200
) -> HTMLResponse:
    shown = {
        "next": local_path(wanted),
        "name": name,
        "error": _told(site, refused) if refused else "",
        "is_secure": cookie_name(site.request) is not None,
    }
    answer = site.render("account/login.html", shown, status=status)
    answer.headers["Cache-Control"] = "no-store"
    if refused is not None:
        answer.headers.update(refused.headers or {})
    return answer


def _account_page(page: Site, *, error: str = "", status: int = 200) -> HTMLResponse:
    changed = "changed" in page.request.query_params
    return page.render("account/account.html", {"error": error, "changed": changed}, status=status)


def _told(site: Site, refused: Refused) -> str:
    if refused.code == "too_many_tries":
        return site.gettext("Too many failed logins. Try again in a quarter of an hour.")
    return site.gettext("Name or password is wrong, or the login is disabled.")


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
