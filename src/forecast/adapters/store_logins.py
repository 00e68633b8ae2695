"""The store's logins: people with a password, and the sessions in which they use the pages."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.engine import Connection

from forecast.adapters.store_access import check_role, token_hash
from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import logins, sessions
from forecast.errors import InvalidInput

#: NIST SP 800-63B-4: length is what counts, and a password that stands alone has at least 15 characters; 12 with
#: throttled tries. The upper end keeps a request from making the hash work for long.
MIN_PASSWORD, MAX_PASSWORD = 12, 256

#: A session's last use is written down at most this often, so that reading pages writes nothing.
_SEEN_EVERY = timedelta(minutes=1)

#: Argon2id with the parameters of RFC 9106's second choice (64 MiB), which the library follows.
_hasher = PasswordHasher()


@dataclass(frozen=True)
class Login:
    """A person who may use the pages; the password is kept only as an argon2id hash."""

    id: int
    name: str
    role: str
    user_id: str | None  # the user of the CRM whose rows the person sees
    email: str | None
    lang: str | None  # en or zh; None for the browser's
    created_at: datetime
    disabled_at: datetime | None
    last_login_at: datetime | None


class LoginRows(StoreConnection):
    """Logins and their sessions."""

    # Logins

    def add_login(
        self,
        name: str,
        role: str,
        password: str,
        user_id: str | None = None,
        email: str | None = None,
        lang: str | None = None,
    ) -> Login:
        """A new login.

        Raises
        ------
        InvalidInput
            If the name is taken or empty, the role needs a CRM user, or the password is too short.
        """
        check_role(role, user_id)
        known_as = _login_name(name)
        row = {
            "name": known_as,
            "role": role,
            "user_id": user_id,
            "email": email,
            "lang": lang,
            "password_hash": _hashed(password, known_as),
            "created_at": self.clock.now(),
        }
        with self._writing() as con:
            if _row(con, known_as) is not None:
                raise InvalidInput(f"There is a login {known_as!r} already; `forecast users list` shows them.")
            con.execute(sa.insert(logins).values(row))
            return _login(_row(con, known_as))

    def logins(self) -> list[Login]:
        """All logins by name, the disabled ones too."""
        with self._reading() as con:
            return [_login(row) for row in con.execute(sa.select(logins).order_by(logins.c.name)).mappings()]

    def login(self, name: str) -> Login:
        """The login of that name.

        Raises
        ------
        InvalidInput
            If there is none.
        """
        with self._reading() as con:
            return _login(_known(con, name))

    def check_password(self, name: str, password: str) -> Login | None:
        """The login, unless it is unknown, disabled or the password is another; each takes the same time.

        A hash with weaker parameters than those of today is replaced.
        """
        with self._reading() as con:
            row = _row(con, _login_name(name)) if name.strip() else None
        stored = _unknown_hash() if row is None else row["password_hash"]
        if not _matches(stored, password) or row is None or row["disabled_at"] is not None:
            return None
        if _hasher.check_needs_rehash(stored):
            with self._writing() as con:
                fresh = sa.update(logins).where(logins.c.id == row["id"], logins.c.password_hash == stored)
                con.execute(fresh.values(password_hash=_hasher.hash(password)))
        return _login(row)

    def set_password(self, name: str, password: str) -> None:
        """Replace a login's password; all its sessions end."""
        with self._writing() as con:
            row = _known(con, name)
            hashed = _hashed(password, row["name"])
            con.execute(sa.update(logins).where(logins.c.id == row["id"]).values(password_hash=hashed))
            con.execute(sa.delete(sessions).where(sessions.c.login_id == row["id"]))

    def set_role(self, name: str, role: str, user_id: str | None = None) -> None:
        """Give a login another role, and optionally another CRM user; its sessions end."""
        with self._writing() as con:
            row = _known(con, name)
            acts_for = user_id or row["user_id"]
            check_role(role, acts_for)
            con.execute(sa.update(logins).where(logins.c.id == row["id"]).values(role=role, user_id=acts_for))
            con.execute(sa.delete(sessions).where(sessions.c.login_id == row["id"]))

    def disable_login(self, name: str, *, disabled: bool = True) -> None:
        """Let a login in no more, and end its sessions; or let it in again."""
        with self._writing() as con:
            row = _known(con, name)
            since = (row["disabled_at"] or self.clock.now()) if disabled else None
            con.execute(sa.update(logins).where(logins.c.id == row["id"]).values(disabled_at=since))
            con.execute(sa.delete(sessions).where(sessions.c.login_id == row["id"]))

    # Sessions

    def open_session(self, login: Login, lifetime: timedelta) -> str:
        """The token of a new session of a login that proved who it is; it can be read only now."""
        token, now = secrets.token_urlsafe(32), self.clock.now()
        row = {
            "token_hash": token_hash(token),
            "login_id": login.id,
            "created_at": now,
            "seen_at": now,
            "expires_at": now + lifetime,
        }
        with self._writing() as con:
            con.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))
            con.execute(sa.insert(sessions).values(row))
            con.execute(sa.update(logins).where(logins.c.id == login.id).values(last_login_at=now))
        return token

    def session_login(self, token: str, idle: timedelta) -> Login | None:
        """Whose session this is; None when it is unknown, over, unused for ``idle``, or its login disabled."""
        now, mine = self.clock.now(), sessions.c.token_hash == token_hash(token)
        query = sa.select(logins, sessions.c.seen_at).join(sessions, sessions.c.login_id == logins.c.id)
        in_force = mine & (sessions.c.expires_at > now) & (sessions.c.seen_at > now - idle)
        with self._reading() as con:
            row = con.execute(query.where(in_force, logins.c.disabled_at.is_(None))).mappings().first()
        if row is None:
            return None
        if now - row["seen_at"] >= _SEEN_EVERY:
            with self._writing() as con:
                con.execute(sa.update(sessions).where(mine).values(seen_at=now))
        return _login(row)

    def end_session(self, token: str) -> None:
        """Make a session open nothing from now on."""
        with self._writing() as con:
            con.execute(sa.delete(sessions).where(sessions.c.token_hash == token_hash(token)))


def _login_name(name: str) -> str:
    """Names differ by more than case or spaces around them."""
    known_as = name.strip().casefold()
    if not known_as or len(known_as) > 200 or not known_as.isprintable():
        raise InvalidInput(f"A login needs a name of 1 to 200 printable characters, got {len(known_as)}.")
    return known_as


def _hashed(password: str, name: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInput(
            f"A password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters, got {len(password)}; a few unrelated "
            "words make a good one."
        )
    if len(set(password)) < 5 or name in password.casefold():
        raise InvalidInput("A password must have 5 different characters and not hold the login's name.")
    return _hasher.hash(password)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password[: MAX_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False


_unknown: list[str] = []


def _unknown_hash() -> str:
    """A hash that nobody's password has, so that an unknown name takes as long as a known one."""
    if not _unknown:
        _unknown.append(_hasher.hash(secrets.token_urlsafe(32)))
    return _unknown[0]


def _row(con: Connection, name: str) -> Any:
    return con.execute(sa.select(logins).where(logins.c.name == name)).mappings().first()


def _known(con: Connection, name: str) -> Any:
    row = _row(con, _login_name(name))
    if row is None:
        raise InvalidInput(f"There is no login {name!r}; `forecast users list` shows them.")
    return row


def _login(row: Any) -> Login:
    return Login(**{name: row[name] for name in Login.__dataclass_fields__})
