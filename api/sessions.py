"""Sessions of people who logged in: the cookie that carries one, and what proves that a form came from our pages."""

import hashlib
import hmac
from datetime import timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.errors import Refused
from api.rights import Caller
from forecast.adapters.store_logins import Login
from forecast.workspace import Workspace

#: Failed tries in 15 minutes: of one name from one address, of one name from anywhere, from one address with any name.
_MINUTES = 15
_TRIES = tuple(RateLimitItemPerMinute(n_tries, _MINUTES) for n_tries in (10, 50, 100))

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WRONG = "Name or password is wrong, or the login is disabled."


class Sessions:
    """Who is logged in.

    Parameters
    ----------
    workspace : Workspace
        Its settings say how long a session lasts, its store keeps them.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._lifetime = timedelta(days=workspace.settings.session_days)
        self._idle = timedelta(minutes=workspace.settings.session_idle_minutes)
        self._tries = MovingWindowRateLimiter(MemoryStorage())

    def log_in(self, name: str, password: str, address: str) -> str:
        """The token of a new session.

        Raises
        ------
        Refused
            If name or password is wrong (the answer does not tell which), or there were too many tries.
        """
        keys = _try_keys(name.strip().casefold(), address)
        # Taken before the password is looked at: tries at the same moment count too.
        if not all(self._tries.hit(item, key) for item, key in zip(_TRIES, keys, strict=True)):
            wait = {"Retry-After": str(60 * _MINUTES)}
            raise Refused(429, "too_many_tries", f"Too many failed logins; try again in {_MINUTES} minutes.", wait)
        login = self._store.check_password(name, password)
        if login is None:
            self._store.audit("nobody", "refused: log in", f"from {address}")
            raise Refused(401, "wrong_password", _WRONG)
        self._tries.storage.clear(_TRIES[0].key_for(keys[0]))
        return self._store.open_session(login, self._lifetime)

    def admit(self, name: str) -> str:
        """The token of a new session for somebody whom another system has identified: single sign-on begins here.

        Parameters
        ----------
        name : str
            Of the login that belongs to the verified identity.
        """
        login = self._store.login(name)
        if login.disabled_at is not None:
            raise Refused(401, "wrong_password", _WRONG)
        return self._store.open_session(login, self._lifetime)

    def find(self, token: str) -> Caller | None:
        """Who is logged in by a session; None when it is over."""
        login = self._store.session_login(token, self._idle)
        return None if login is None else caller_of(login)

    def end(self, token: str) -> None:
        """Log out."""
        self._store.end_session(token)

    def set_password(self, name: str, old: str, new: str, address: str) -> str:
        """Replace somebody's own password: every session ends, and a new one begins."""
        self.end(self.log_in(name, old, address))  # the same limit of tries as at the door
        self._store.set_password(name, new)
        return self.admit(name)


def caller_of(login: Login) -> Caller:
    """A person who logged in, as a caller."""
    return Caller(login.name, login.role, login.user_id, f"login {login.id}")


def cookie_name(request: Request) -> str | None:
    """The session cookie of a connection; None where a cookie could be read on the way: plain http from elsewhere."""
    if request.url.scheme == "https":
        return "__Host-forecast"
    return "forecast" if request.url.hostname in _LOOPBACK else None


def session_token(request: Request) -> str | None:
    """The session token that a request brings."""
    name = cookie_name(request)
    return request.cookies.get(name) if name else None


def remember_session(request: Request, response: Response, token: str) -> None:
    """Let the browser send the session from now on, until it is closed."""
    name = cookie_name(request)
    if name is None:
        raise Refused(403, "insecure", "Passwords are taken over https, or on the machine itself, only.")
    secure = request.url.scheme == "https"
    response.set_cookie(name, token, path="/", secure=secure, httponly=True, samesite="lax")


def forget_session(request: Request, response: Response) -> None:
    """Take the session out of the browser."""
    if name := cookie_name(request):
        secure = request.url.scheme == "https"
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


def csrf_token(session: str) -> str:
    """What forms of a session carry: only who knows the session can make it, and it tells nothing of the session."""
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()


def require_own_page(request: Request) -> None:
    """Raise `Refused` unless a change was sent from a page of ours, as far as the browser says where from."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    own = (request.url.scheme, request.url.netloc)
    foreign = urlsplit(origin)[:2] != own if origin is not None else site not in ("same-origin", "none")
    if foreign:
        raise Refused(
            403, "csrf_failed", "This came from a page of another site; open the form here and send it again."
        )


def require_csrf(request: Request, session: str, sent: str | None) -> None:
    """Raise `Refused` unless a change by cookie carries the session's token and comes from a page of ours."""
    require_own_page(request)
    if not hmac.compare_digest((sent or "").encode(), csrf_token(session).encode()):
        raise Refused(
            403,
            "csrf_failed",
            "Send the session's token as form field `csrf` or header `X-CSRF-Token`; reload the page.",
        )


def _try_keys(name: str, address: str) -> tuple[str, str, str]:
    hashed = hashlib.sha256(name.encode()).hexdigest()  # names may be as long as a request
    return f"{hashed}@{address}", hashed, address
