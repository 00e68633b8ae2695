"""The store's API keys: who may ask the service, for which parts of it, and until when."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import api_keys
from forecast.errors import InvalidInput

ROLES = ("rep", "manager", "operations", "engineer", "admin")


@dataclass(frozen=True)
class ApiKey:
    """Who a key belongs to and what it allows. The key itself is not stored, only its SHA-256."""

    id: int
    name: str
    role: str  # one of ROLES
    user_id: str | None  # the user of the CRM for whom it acts
    prefix: str  # first characters of the key, to recognise it by
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    scopes: frozenset[str] | None = None  # the parts of the service that it opens; None for all of its role

    def valid_at(self, moment: datetime) -> bool:
        """Whether the key opens anything at ``moment``."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


class KeyRows(StoreConnection):
    """API keys."""

    def create_key(
        self,
        name: str,
        role: str,
        user_id: str | None = None,
        expires_at: datetime | None = None,
        scopes: Collection[str] | None = None,
    ) -> str:
        """A new API key; this is the only time it can be read.

        Parameters
        ----------
        name : str
            What it is for.
        role : {"rep", "manager", "operations", "engineer", "admin"}
        user_id : str, optional
            The CRM user whose rows a rep or manager key opens; required for these two roles.
        expires_at : datetime, optional
            First moment at which it opens nothing.
        scopes : collection of str, optional
            The parts of the service that it opens, at least one; by default all that its role may use.
        """
        check_role(role, user_id)
        if scopes is not None and not scopes:
            raise InvalidInput("`scopes` must name at least one part of the service, got none; leave it out for all.")
        plaintext = f"fck_{secrets.token_urlsafe(32)}"
        row = {
            "name": name,
            "role": role,
            "user_id": user_id,
            "prefix": plaintext[:10],
            "key_hash": token_hash(plaintext),
            "created_at": self.clock.now(),
            "expires_at": expires_at,
            "scopes": None if scopes is None else sorted(scopes),
        }
        with self._writing() as con:
            con.execute(sa.insert(api_keys).values(row))
        return plaintext

    def find_key(self, plaintext: str) -> ApiKey | None:
        """The key, unless it is unknown, expired or revoked."""
        wanted = token_hash(plaintext)
        with self._reading() as con:
            row = con.execute(sa.select(api_keys).where(api_keys.c.key_hash == wanted)).mappings().first()
        if row is None or not hmac.compare_digest(row["key_hash"], wanted):
            return None
        key = _api_key(row)
        return key if key.valid_at(self.clock.now()) else None

    def revoke_key(self, key_id: int) -> None:
        """Make a key open nothing from now on.

        Raises
        ------
        InvalidInput
            If there is no such key.
        """
        unrevoked = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        with self._writing() as con:
            if con.execute(sa.select(api_keys.c.id).where(api_keys.c.id == key_id)).first() is None:
                raise InvalidInput(f"There is no key {key_id}; `forecast keys list` shows them.")
            con.execute(sa.update(api_keys).where(unrevoked).values(revoked_at=self.clock.now()))

    def keys(self) -> list[ApiKey]:
        """All keys ever made, oldest first."""
        with self._reading() as con:
            return [_api_key(row) for row in con.execute(sa.select(api_keys).order_by(api_keys.c.id)).mappings()]


def check_role(role: str, user_id: str | None) -> None:
    """Raise `InvalidInput` for an unknown role, and for one with rows of its own but without a CRM user."""
    if role not in ROLES:
        raise InvalidInput(f"`role` must be one of {', '.join(ROLES)}, got {role!r}.")
    if role in ("rep", "manager") and not user_id:
        raise InvalidInput(f"A key or login of role {role!r} needs `user_id`, the CRM user whose rows it opens.")


def token_hash(plaintext: str) -> str:
    """How a key or session token is kept: of 256 random bits, a fast hash without salt is as safe as a slow one."""
    return hashlib.sha256(plaintext.encode()).hexdigest()


def _api_key(row: Any) -> ApiKey:
    fields = {name: row[name] for name in ApiKey.__dataclass_fields__}
    return ApiKey(**fields | {"scopes": None if row["scopes"] is None else frozenset(row["scopes"])})
