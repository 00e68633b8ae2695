"""The store: what people see and change, in SQLite beside the workspace or in PostgreSQL."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from forecast.adapters.store_connection import records
from forecast.adapters.store_outlooks import OutlookRows
from forecast.adapters.store_tables import api_keys, audit_log, latest_scores, promotions, target_approvals
from forecast.errors import InvalidInput
from forecast.ports import Promotion

ROLES = ("rep", "manager", "engineer", "admin")


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

    def valid_at(self, moment: datetime) -> bool:
        """Whether the key opens anything at ``moment``."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


class SqlStore(OutlookRows):
    """Keys, latest scores, promotions, approved targets, outlook snapshots with overrides, and the audit log.

    Parameters
    ----------
    url : str
        ``sqlite:///path/store.db`` or ``postgresql://user:password@host/database``.
    clock : Clock

    Notes
    -----
    Promotions, approvals, snapshots, overrides and the audit log only grow: there is no method that changes a row of
    theirs. Every method raises `DataUnavailable` when the database cannot be reached or was never migrated.
    """

    # Keys

    def create_key(self, name: str, role: str, user_id: str | None = None, expires_at: datetime | None = None) -> str:
        """A new API key; this is the only time it can be read.

        Parameters
        ----------
        name : str
            What it is for.
        role : {"rep", "manager", "engineer", "admin"}
        user_id : str, optional
            The CRM user whose rows a rep or manager key opens; required for these two roles.
        expires_at : datetime, optional
            First moment at which it opens nothing.
        """
        if role not in ROLES:
            raise InvalidInput(f"`role` must be one of {', '.join(ROLES)}, got {role!r}.")
        if role in ("rep", "manager") and not user_id:
            raise InvalidInput(f"A key of role {role!r} needs `user_id`, the CRM user whose rows it opens.")
        plaintext = f"fck_{secrets.token_urlsafe(32)}"
        row = {
            "name": name,
            "role": role,
            "user_id": user_id,
            "prefix": plaintext[:10],
            "key_hash": _hash(plaintext),
            "created_at": self.clock.now(),
            "expires_at": expires_at,
        }
        with self._writing() as con:
            con.execute(sa.insert(api_keys).values(row))
        return plaintext

    def find_key(self, plaintext: str) -> ApiKey | None:
        """The key, unless it is unknown, expired or revoked."""
        wanted = _hash(plaintext)
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

    # Scores

    def save_scores(self, scores: pd.DataFrame, entity: str | None = None) -> bool:
        """Replace the latest scores by these; scores older than those there are left out.

        Parameters
        ----------
        scores : DataFrame
            Columns as `forecast.usecases.score` gives them, of one (as_of, batch).
        entity : {"lead", "opportunity"}, optional
            Replace only the scores of this kind.

        Returns
        -------
        bool
            False when the store holds scores of a later moment (or batch), and nothing was replaced.
        """
        mine = latest_scores.c.entity == entity if entity else sa.true()
        rows = _score_rows(scores)
        with self._writing() as con:
            newest = con.execute(sa.select(latest_scores.c.as_of, latest_scores.c.batch).where(mine).limit(1)).first()
            if newest and rows and (rows[0]["as_of"], rows[0]["batch"]) < tuple(newest):
                return False
            con.execute(sa.delete(latest_scores).where(mine))
            if rows:
                con.execute(sa.insert(latest_scores), rows)
        return True

    def latest_scores(self, entity: str | None = None, owner_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """The scores saved last, likeliest first within each kind of entity."""
        query = sa.select(latest_scores).order_by(
            latest_scores.c.entity, latest_scores.c.probability.desc(), latest_scores.c.entity_id
        )
        if entity is not None:
            query = query.where(latest_scores.c.entity == entity)
        if owner_ids is not None:
            query = query.where(latest_scores.c.owner_id.in_(owner_ids))
        with self._reading() as con:
            rows = con.execute(query).mappings().all()
        return _score_frame([dict(row) for row in rows])

    # Promotions

    def promotions(self, name: str | None = None) -> list[Promotion]:
        """The ledger, oldest first; of one model name unless ``name`` is None."""
        query = sa.select(*(promotions.c[field] for field in Promotion.__dataclass_fields__)).order_by(promotions.c.id)
        if name is not None:
            query = query.where(promotions.c.name == name)
        with self._reading() as con:
            return [Promotion(**row) for row in con.execute(query).mappings()]

    def promote(self, promotion: Promotion) -> None:
        """Append to the ledger."""
        with self._writing() as con:
            con.execute(sa.insert(promotions).values(asdict(promotion)))

    # Targets

    def approve_targets(
        self,
        period: str,
        targets: pd.DataFrame,
        *,
        author: str,
        effective_from: datetime | None = None,
        basis: str = "",
    ) -> int:
        """Append a new version of the approved targets of a period.

        Parameters
        ----------
        targets : DataFrame
            owner_kind, owner_id, measure, amount, currency; optionally odds (0–1).
        effective_from : datetime, optional
            From when they hold; now by default.
        basis : str
            What the targets rest on, for who reads them later.

        Returns
        -------
        int
            The version: 1 for the first approval of the period.
        """
        columns = ["owner_kind", "owner_id", "measure", "amount", "currency"] + ["odds"] * ("odds" in targets)
        missing = sorted(set(columns) - set(targets.columns))
        if missing or targets.empty:
            raise InvalidInput(f"Targets to approve need rows with columns {columns}; missing {missing}.")
        approved = {
            "period": period,
            "author": author,
            "effective_from": effective_from or self.clock.now(),
            "approved_at": self.clock.now(),
            "basis": basis,
        }
        of_period = target_approvals.c.period == period
        with self._writing() as con:
            if con.dialect.name == "postgresql":
                con.execute(sa.text("LOCK TABLE target_approvals IN SHARE ROW EXCLUSIVE MODE"))
            version = (con.scalar(sa.select(sa.func.max(target_approvals.c.version)).where(of_period)) or 0) + 1
            rows = [row | approved | {"version": version} for row in records(targets[columns])]
            con.execute(sa.insert(target_approvals), rows)
        return version

    def approved_targets(self, period: str | None = None, *, version: int | None = None) -> pd.DataFrame:
        """Every approved version of the targets, sorted by period, version, owner and measure."""
        key = target_approvals.c
        query = sa.select(target_approvals).order_by(key.period, key.version, key.owner_kind, key.owner_id, key.measure)
        if period is not None:
            query = query.where(key.period == period)
        if version is not None:
            query = query.where(key.version == version)
        with self._reading() as con:
            rows = con.execute(query).mappings().all()
        return pd.DataFrame([dict(row) for row in rows], columns=list(key.keys()))

    # Audit

    def audit(self, actor: str, action: str, subject: str) -> None:
        """Append to the audit log."""
        with self._writing() as con:
            row = {"at": self.clock.now(), "actor": actor, "action": action, "subject": subject}
            con.execute(sa.insert(audit_log).values(row))

    def audit_log(self) -> pd.DataFrame:
        """The audit log, oldest first: at, actor, action, subject."""
        columns = ["at", "actor", "action", "subject"]
        with self._reading() as con:
            rows = con.execute(sa.select(*(audit_log.c[name] for name in columns)).order_by(audit_log.c.id)).all()
        return pd.DataFrame([tuple(row) for row in rows], columns=columns)


def _hash(plaintext: str) -> str:
    # Keys are 256 random bits, so a fast hash without salt is as safe as a slow one.
    return hashlib.sha256(plaintext.encode()).hexdigest()


def _api_key(row: Any) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.__dataclass_fields__})


def _within_columns(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name.startswith("p_")]


def _score_rows(scores: pd.DataFrame) -> list[dict[str, Any]]:
    within = _within_columns(list(scores.columns))
    rows = records(scores)
    return [{n: v for n, v in row.items() if n not in within} | {"within": {n: row[n] for n in within}} for row in rows]


def _score_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = list(latest_scores.c.keys())
    at = columns.index("within")
    within = list(rows[0]["within"]) if rows else []
    frame = pd.DataFrame([row | row["within"] for row in rows], columns=columns[:at] + within + columns[at + 1 :])
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).dt.as_unit("us")
    return frame
