"""The store's audit log: who read or changed what, and when. It only grows; the database refuses anything else."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import audit_log

_COLUMNS = ("id", "at", "actor", "role", "action", "subject", "request_id")


@dataclass(frozen=True)
class AuditLine:
    """One read or change; ids only, never what stands behind them."""

    at: datetime
    actor: str
    action: str
    subject: str
    role: str | None = None
    request_id: str | None = None


class AuditRows(StoreConnection):
    """The audit log."""

    def audit(self, actor: str, action: str, subject: str) -> None:
        """Append one line of now."""
        self.append_audit([AuditLine(self.clock.now(), actor, action, subject)])

    def append_audit(self, lines: Sequence[AuditLine]) -> None:
        """Append lines in one transaction."""
        if lines:
            with self._writing() as con:
                con.execute(sa.insert(audit_log), [asdict(line) for line in lines])

    def audit_log(
        self,
        *,
        since: datetime | None = None,
        actor: str | None = None,
        before_id: int | None = None,
        last: int | None = None,
        after_id: int | None = None,
        first: int | None = None,
    ) -> pd.DataFrame:
        """The audit log, oldest first: id, at, actor, role, action, subject, request_id.

        Parameters
        ----------
        since : datetime, optional
        actor : str, optional
            Such as ``key 7`` or ``user ann``.
        before_id, last : int, optional
            Only the ``last`` lines, of those with a smaller id than ``before_id``.
        after_id, first : int, optional
            Only the ``first`` lines, of those with a larger id than ``after_id``.
        """
        place = audit_log.c.id
        query = sa.select(*(audit_log.c[name] for name in _COLUMNS)).order_by(place if last is None else place.desc())
        if since is not None:
            query = query.where(audit_log.c.at >= since)
        if actor is not None:
            query = query.where(audit_log.c.actor == actor)
        if before_id is not None:
            query = query.where(place < before_id)
        if after_id is not None:
            query = query.where(place > after_id)
        with self._reading() as con:
            rows = con.execute(query.limit(first if last is None else last)).all()
        return pd.DataFrame([tuple(row) for row in rows], columns=list(_COLUMNS)).sort_values("id", ignore_index=True)
