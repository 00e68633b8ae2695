"""The store: what people see and change, in SQLite beside the workspace or in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from forecast.adapters.store_access import KeyRows
from forecast.adapters.store_answers import AnswerRows
from forecast.adapters.store_audit import AuditRows
from forecast.adapters.store_changes import ChangeRows
from forecast.adapters.store_connection import records
from forecast.adapters.store_heartbeats import HeartbeatRows
from forecast.adapters.store_logins import LoginRows
from forecast.adapters.store_outlooks import OutlookRows
from forecast.adapters.store_ranked import RankedRows
from forecast.adapters.store_reports import ReportRows
from forecast.adapters.store_tables import promotions, target_approvals
from forecast.adapters.store_tokens import TokenRows
from forecast.errors import InvalidInput
from forecast.ports import Promotion


class SqlStore(
    OutlookRows, RankedRows, KeyRows, LoginRows, AuditRows, AnswerRows, HeartbeatRows, ChangeRows, TokenRows, ReportRows
):
    """Keys, logins, latest scores, promotions, approved targets, outlook snapshots with overrides, and the audit log.

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
