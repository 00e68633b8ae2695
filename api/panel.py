"""Tokens of the embedded panel: who looks at which lead or opportunity, from which page of the CRM.

A *token* opens the panel once, within five minutes. The open panel then holds a *session*, which it sends in a header
and renews as it follows the score, for half an hour at most. Both are signed; neither opens anything but the one case,
and the rights of its user are asked anew each time.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import jwt

from api.errors import Refused
from forecast.ports import Clock
from forecast.schema import SCORED_ENTITIES

#: How long a token may wait to be used, how long a silent panel lives, and how long a panel lives at all.
TOKEN_LIFE, SESSION_LIFE, PANEL_LIFE = timedelta(minutes=5), timedelta(minutes=5), timedelta(minutes=30)

_ISSUER, _TOKEN, _SESSION = "forecast", "forecast panel", "forecast panel session"
_ALGORITHM = "HS256"
_CLAIMS = ("iss", "aud", "sub", "exp", "iat", "jti", "entity", "id", "origin", "until")


class UsedTokens(Protocol):
    """Where it is kept which tokens were used."""

    def use_token(self, token_id: str, expires_at: datetime) -> bool:
        """Note that a token is used now; False when it was used before."""
        ...


@dataclass(frozen=True)
class Pass:
    """Who may look at what, where, and until when."""

    user_id: str
    entity: str
    entity_id: str
    origin: str
    until: datetime


class PanelTokens:
    """Signs and reads tokens and sessions.

    Parameters
    ----------
    secret : bytes
        Of the workspace.
    clock : Clock
    used : UsedTokens
    """

    def __init__(self, secret: bytes, clock: Clock, used: UsedTokens) -> None:
        self._secret = secret
        self._clock = clock
        self._used = used

    def issue(self, user_id: str, entity: str, entity_id: str, origin: str) -> tuple[str, datetime]:
        """A token, and until when it can be used."""
        now = self._clock.now()
        allowed = Pass(user_id, entity, entity_id, origin, now + PANEL_LIFE)
        return self._signed(allowed, _TOKEN, now + TOKEN_LIFE), now + TOKEN_LIFE

    def admit(self, token: str, entity: str, entity_id: str) -> Pass:
        """What a token allows; it is used by this.

        Raises
        ------
        Refused
            If it is forged, over, was used before, or is for another case.
        """
        allowed, claims = self._read(token, _TOKEN, entity, entity_id)
        if not self._used.use_token(claims["jti"], datetime.fromtimestamp(claims["exp"], UTC)):
            raise Refused(403, "token_used", "This token was used before; the CRM must ask for a new one.")
        return allowed

    def session(self, allowed: Pass) -> str:
        """What an open panel sends from now on."""
        return self._signed(allowed, _SESSION, min(self._clock.now() + SESSION_LIFE, allowed.until))

    def follow(self, session: str, entity: str, entity_id: str) -> Pass:
        """What a session allows.

        Raises
        ------
        Refused
            If it is forged, over, or of another case.
        """
        return self._read(session, _SESSION, entity, entity_id)[0]

    def _signed(self, allowed: Pass, audience: str, expires_at: datetime) -> str:
        claims = {
            "iss": _ISSUER,
            "aud": audience,
            "sub": allowed.user_id,
            "iat": self._clock.now(),
            "exp": expires_at,
            "jti": secrets.token_urlsafe(18),
            "entity": allowed.entity,
            "id": allowed.entity_id,
            "origin": allowed.origin,
            "until": int(allowed.until.timestamp()),
        }
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def _read(self, text: str, audience: str, entity: str, entity_id: str) -> tuple[Pass, dict[str, Any]]:
        try:
            # The moment is compared below, by the clock of the workspace.
            claims = jwt.decode(
                text,
                self._secret,
                [_ALGORITHM],
                audience=audience,
                issuer=_ISSUER,
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise Refused(403, "token_invalid", "This token is none of ours; the CRM must ask for a new one.") from None
        if self._clock.now().timestamp() >= min(claims["exp"], claims["until"]):
            raise Refused(403, "token_expired", "This token is over; the CRM must ask for a new one.")
        if (claims["entity"], claims["id"]) != (entity, entity_id) or entity not in SCORED_ENTITIES:
            raise Refused(403, "token_of_another", "This token is for another lead or opportunity.")
        until = datetime.fromtimestamp(claims["until"], UTC)
        return Pass(claims["sub"], entity, entity_id, claims["origin"], until), claims


def may_frame(origin: str, ancestors: tuple[str, ...]) -> bool:
    """Whether pages of an origin may show the panel: it is configured, by itself or by ``https://*.example.com``."""
    if origin in ancestors:
        return True
    scheme, _, host = origin.partition("://")
    wild = (one.partition("://") for one in ancestors if "://*." in one)
    return any(scheme == its_scheme and host.endswith(its_host.removeprefix("*")) for its_scheme, _, its_host in wild)
