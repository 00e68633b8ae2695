"""The store's reports: own definitions, schedules, and what was sent to whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import report_deliveries, report_schedules, reports
from forecast.errors import InvalidInput, UnknownEntity
from forecast.reports.schedule import Schedule

#: Own reports of one person, and schedules of a workspace.
MAX_OWN, MAX_SCHEDULES = 200, 500
#: After so many failures a delivery is given up, until somebody asks for it again.
MAX_ATTEMPTS = 5
#: What has been on its way for longer was interrupted; whether the mail went out is not known.
_INTERRUPTED_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Delivery:
    """One report to one recipient, at one moment when it was due."""

    schedule_id: int
    due_at: datetime
    recipient: str
    period: str
    status: str  # sending, sent or failed
    attempts: int
    reason: str  # of the last failure
    at: datetime


class ReportRows(StoreConnection):
    """Own reports, schedules, deliveries."""

    # Own reports

    def save_report(self, owner: str, name: str, spec: str) -> None:
        """Keep a definition (YAML) under a name of its owner, instead of the one of that name."""
        mine = reports.c.owner == owner
        row = {"spec": spec, "saved_at": self.clock.now()}
        with self._writing() as con:
            changed = con.execute(sa.update(reports).where(mine & (reports.c.name == name)).values(row)).rowcount
            if changed:
                return
            if (con.scalar(sa.select(sa.func.count()).select_from(reports).where(mine)) or 0) >= MAX_OWN:
                raise InvalidInput(f"Nobody keeps more than {MAX_OWN} own reports; delete one first.")
            con.execute(sa.insert(reports).values(row | {"owner": owner, "name": name}))

    def own_reports(self, owner: str) -> dict[str, str]:
        """Definitions (YAML) of an owner by name."""
        query = sa.select(reports.c.name, reports.c.spec).where(reports.c.owner == owner).order_by(reports.c.name)
        with self._reading() as con:
            return {str(name): str(spec) for name, spec in con.execute(query)}

    def delete_report(self, owner: str, name: str) -> None:
        """Forget a definition.

        Raises
        ------
        UnknownEntity
            If the owner has none of that name.
        """
        with self._writing() as con:
            gone = con.execute(sa.delete(reports).where((reports.c.owner == owner) & (reports.c.name == name))).rowcount
        if not gone:
            raise UnknownEntity(f"There is no own report {name!r} of this user.")

    # Schedules

    def add_schedule(self, schedule: Schedule) -> int:
        """Keep a new schedule; returns its id."""
        row = {name: getattr(schedule, name) for name in Schedule.__dataclass_fields__ if name != "id"}
        row["recipients"] = list(schedule.recipients)
        with self._writing() as con:
            n = con.scalar(sa.select(sa.func.count()).select_from(report_schedules)) or 0
            if n >= MAX_SCHEDULES:
                raise InvalidInput(f"A workspace has at most {MAX_SCHEDULES} schedules; delete one first.")
            (number,) = con.execute(sa.insert(report_schedules).values(row)).inserted_primary_key or (0,)
        return int(number)

    def schedules(self) -> list[Schedule]:
        """All schedules, oldest first."""
        with self._reading() as con:
            rows = con.execute(sa.select(report_schedules).order_by(report_schedules.c.id)).mappings().all()
        return [Schedule(**dict(row) | {"recipients": tuple(row["recipients"])}) for row in rows]

    def set_schedule_active(self, schedule_id: int, *, active: bool) -> None:
        """Stop a schedule, or let it go on.

        Raises
        ------
        UnknownEntity
            If there is no such schedule.
        """
        query = sa.update(report_schedules).where(report_schedules.c.id == schedule_id).values(is_active=active)
        with self._writing() as con:
            _one(con.execute(query).rowcount, schedule_id)

    def delete_schedule(self, schedule_id: int) -> None:
        """Forget a schedule; what it sent stays on record.

        Raises
        ------
        UnknownEntity
            If there is no such schedule.
        """
        with self._writing() as con:
            _one(
                con.execute(sa.delete(report_schedules).where(report_schedules.c.id == schedule_id)).rowcount,
                schedule_id,
            )

    # Deliveries

    def claim_delivery(self, schedule_id: int, due_at: datetime, recipient: str, period: str) -> bool:
        """Whether the caller is the one to send this now: it was not sent, is not on its way, and was not given up."""
        now = self.clock.now()
        key = _delivery(schedule_id, due_at, recipient)
        row = {"schedule_id": schedule_id, "due_at": due_at, "recipient": recipient, "period": period}
        try:
            with self._writing() as con:
                con.execute(sa.insert(report_deliveries).values(row | {"status": "sending", "attempts": 1, "at": now}))
            return True
        except IntegrityError:  # somebody tried before
            again = key & (report_deliveries.c.status == "failed") & (report_deliveries.c.attempts < MAX_ATTEMPTS)
            once_more = {"status": "sending", "attempts": report_deliveries.c.attempts + 1, "at": now}
            with self._writing() as con:
                return con.execute(sa.update(report_deliveries).where(again).values(once_more)).rowcount == 1

    def finish_delivery(self, schedule_id: int, due_at: datetime, recipient: str, *, failure: str = "") -> None:
        """Say that what was claimed is sent, or why it is not."""
        row = {"status": "failed" if failure else "sent", "reason": failure[:500], "at": self.clock.now()}
        with self._writing() as con:
            con.execute(sa.update(report_deliveries).where(_delivery(schedule_id, due_at, recipient)).values(row))

    def retry_deliveries(self) -> int:
        """Let what was given up or interrupted be tried again; returns how many."""
        column = report_deliveries.c
        interrupted = (column.status == "sending") & (column.at < self.clock.now() - _INTERRUPTED_AFTER)
        query = sa.update(report_deliveries).where((column.status == "failed") | interrupted)
        with self._writing() as con:
            return int(con.execute(query.values(status="failed", attempts=0)).rowcount)

    def deliveries(self, limit: int = 200) -> list[Delivery]:
        """What was sent, or was not, latest first."""
        query = sa.select(report_deliveries).order_by(
            report_deliveries.c.due_at.desc(), report_deliveries.c.schedule_id, report_deliveries.c.recipient
        )
        with self._reading() as con:
            rows = con.execute(query.limit(limit)).mappings().all()
        return [Delivery(**dict(row)) for row in rows]


def _delivery(schedule_id: int, due_at: datetime, recipient: str) -> Any:
    column = report_deliveries.c
    return (column.schedule_id == schedule_id) & (column.due_at == due_at) & (column.recipient == recipient)


def _one(n_rows: int, schedule_id: int) -> None:
    if not n_rows:
        raise UnknownEntity(f"There is no schedule {schedule_id}; `forecast reports schedules` shows them.")
