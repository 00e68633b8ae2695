"""The store's outlooks: daily snapshots of what was forecast, and what managers said instead. Both only grow."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forecast.adapters.store_connection import StoreConnection, records
from forecast.adapters.store_tables import outlook_overrides, outlook_snapshots


class OutlookRows(StoreConnection):
    """Snapshots and overrides."""

    def save_snapshot(
        self,
        period: str,
        as_of: datetime,
        batch: int,
        model_version: str,
        numbers: pd.DataFrame,
        *,
        measure: str = "revenue",
    ) -> bool:
        """Keep what was forecast for a period at a moment; saving the same snapshot again changes nothing.

        Parameters
        ----------
        numbers : DataFrame
            level, id and any columns of numbers; one row per node.

        Returns
        -------
        bool
            False when it was there already, or had no rows.
        """
        identity = _identity(period, as_of, batch, model_version, measure)
        kept = identity | {"saved_at": self.clock.now()}
        rows = [kept | {"level": row.pop("level"), "id": row.pop("id"), "numbers": row} for row in records(numbers)]
        with self._writing() as con:
            if con.dialect.name == "postgresql":
                con.execute(sa.text("LOCK TABLE outlook_snapshots IN SHARE ROW EXCLUSIVE MODE"))
            if not rows or _is_kept(con, identity):
                return False
            con.execute(sa.insert(outlook_snapshots), rows)
        return True

    def has_snapshot(
        self, period: str, as_of: datetime, batch: int, model_version: str, *, measure: str = "revenue"
    ) -> bool:
        """Whether this very snapshot is kept."""
        with self._reading() as con:
            return _is_kept(con, _identity(period, as_of, batch, model_version, measure))

    def snapshot_moments(self, *, measure: str = "revenue", before: datetime | None = None) -> pd.DataFrame:
        """Which snapshots are kept of a measure, without numbers: period, as_of, batch, model_version, saved_at."""
        key = outlook_snapshots.c
        columns = [key.period, key.as_of, key.batch, key.model_version, key.saved_at]
        query = sa.select(*columns).where(key.measure == measure).distinct().order_by(*columns[:4])
        if before is not None:
            query = query.where(key.saved_at < before)
        with self._reading() as con:
            rows = con.execute(query).all()
        return pd.DataFrame([tuple(row) for row in rows], columns=[column.name for column in columns])

    def snapshots(
        self,
        period: str | None = None,
        *,
        measure: str = "revenue",
        before: datetime | None = None,
        as_of: Sequence[datetime] | None = None,
        node: tuple[str, str] | None = None,
    ) -> pd.DataFrame:
        """Kept outlooks of a measure, oldest first.

        Parameters
        ----------
        period : str, optional
            Only of this one.
        before : datetime, optional
            Only those saved before this moment.
        as_of : sequence of datetime, optional
            Only those of these moments.
        node : (level, id), optional
            Only of this one.

        Returns
        -------
        DataFrame
            period, as_of, batch, model_version, measure, level, id, saved_at (missing in rows of older releases), and
            their numbers.
        """
        key = outlook_snapshots.c
        query = (
            sa.select(outlook_snapshots)
            .where(key.measure == measure)
            .order_by(key.period, key.as_of, key.batch, key.model_version, key.level, key.id)
        )
        if period is not None:
            query = query.where(key.period == period)
        if before is not None:
            query = query.where(key.saved_at < before)
        if as_of is not None:
            query = query.where(key.as_of.in_(as_of))
        if node is not None:
            query = query.where(key.level == node[0], key.id == node[1])
        with self._reading() as con:
            rows = [dict(row) for row in con.execute(query).mappings()]
        columns = [column.name for column in key if column.name != "numbers"]
        return pd.DataFrame([row | row.pop("numbers") for row in rows], columns=None if rows else columns)

    def save_override(
        self, period: str, level: str, node_id: str, amount: float, currency: str, *, author: str, reason: str
    ) -> int:
        """Append what somebody expects instead of the model; returns its number.

        Parameters
        ----------
        period : str
        level : {"company", "team", "rep"}
        node_id : str
            ``company``, a team_id or a user_id.
        amount : float
            Revenue of the whole period, in ``currency``.
        """
        row = {
            "period": period,
            "level": level,
            "node_id": node_id,
            "amount": amount,
            "currency": currency,
            "author": author,
            "reason": reason,
            "made_at": self.clock.now(),
        }
        with self._writing() as con:
            (number,) = con.execute(sa.insert(outlook_overrides).values(row)).inserted_primary_key or (0,)
        return int(number)

    def overrides(self, period: str | None = None, *, before: datetime | None = None) -> pd.DataFrame:
        """Every override ever made, oldest first; of one period, made before a moment.

        Returns
        -------
        DataFrame
            number, period, level, node_id, amount (Decimal), currency, author, reason, made_at.
        """
        key = outlook_overrides.c
        query = sa.select(outlook_overrides).order_by(key.number)
        if period is not None:
            query = query.where(key.period == period)
        if before is not None:
            query = query.where(key.made_at < before)
        with self._reading() as con:
            rows = con.execute(query).mappings().all()
        return pd.DataFrame([dict(row) for row in rows], columns=list(key.keys()))


def _identity(period: str, as_of: datetime, batch: int, model_version: str, measure: str) -> dict[str, object]:
    """What one saving of all lines of a period is known by."""
    return {"period": period, "as_of": as_of, "batch": batch, "model_version": model_version, "measure": measure}


def _is_kept(con: Connection, identity: Mapping[str, object]) -> bool:
    same = sa.and_(*(outlook_snapshots.c[name] == value for name, value in identity.items()))
    return con.execute(sa.select(outlook_snapshots.c.id).where(same).limit(1)).first() is not None
