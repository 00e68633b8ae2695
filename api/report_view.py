"""Reports as one caller may see, keep and send them: what `api.view` is for the rest."""

from collections.abc import Mapping
from typing import Any

from api.report_rooms import ServiceRooms
from api.report_viewer import viewer_of
from api.rights import PARTS, Caller, Rights, require
from api.service import Service, Snapshot
from forecast.adapters.store_reports import Delivery
from forecast.errors import InvalidInput, UnknownEntity
from forecast.reports import Report, ReportSpec, to_yaml
from forecast.reports.schedule import Schedule


class ReportView:
    """Reports of one caller. Every method raises `NotAllowed` when the caller's role has no part in it.

    Parameters
    ----------
    service : Service
    caller : Caller
    rights : Rights
    """

    def __init__(self, service: Service, caller: Caller, rights: Rights) -> None:
        self._service, self._caller, self._rights = service, caller, rights

    @property
    def owner(self) -> str:
        """Under whom own reports are kept: the user of the CRM, for whom several keys and a login may act."""
        return f"user {self._caller.user_id}" if self._caller.user_id else f"name {self._caller.name}"

    def ready(self) -> Mapping[str, ReportSpec]:
        """Reports that come with the product."""
        require(self._caller, "reports")
        return self._service.workspace.ready_reports()

    def own(self) -> dict[str, ReportSpec]:
        """Reports that the caller keeps."""
        require(self._caller, "reports")
        workspace = self._service.workspace
        return {name: workspace.report_named(name, self.owner) for name in workspace.store.own_reports(self.owner)}

    def definition(self, name: str) -> ReportSpec:
        """A ready report or one of the own.

        Raises
        ------
        UnknownEntity
            If there is neither.
        """
        require(self._caller, "reports")
        return self._service.workspace.report_named(name, self.owner)

    def made(self, spec: ReportSpec, name: str, period: str | None, snapshot: Snapshot) -> Report:
        """A report of the rows that the caller may see."""
        viewer = viewer_of(self._caller, self._rights)
        self._caller.trail.subjects.append(f"report {name}")
        workspace = self._service.workspace
        return self._service.reports.get(
            (to_yaml(spec), name, period, snapshot, viewer, len(workspace.store.promotions())),
            lambda: workspace.report(
                spec,
                period,
                snapshot.as_of,
                snapshot.batch,
                viewer=viewer,
                rooms=ServiceRooms(self._service, snapshot),
                name=name,
            ),
        )

    def written(self, report: Report, form: str, lang: str) -> bytes:
        """A report as a file."""
        require(self._caller, "reports")
        return self._service.workspace.report_file(report, form, lang)

    def save(self, name: str, content: str | Mapping[str, Any]) -> ReportSpec:
        """Keep an own report."""
        require(self._caller, "reports")
        spec = self._service.workspace.save_report(self.owner, name, content)
        self._caller.trail.note("save report", name)
        return spec

    def delete(self, name: str) -> None:
        """Forget an own report."""
        require(self._caller, "reports")
        self._service.workspace.store.delete_report(self.owner, name)
        self._caller.trail.note("delete report", name)

    # -- schedules ----------------------------------------------------------------------------------------------------

    @property
    def keeps_schedules(self) -> bool:
        """Whether schedules are part of the role."""
        return self._caller.role in PARTS["report schedules"]

    def schedules(self) -> list[Schedule]:
        """Reports that go by mail."""
        require(self._caller, "report schedules")
        return self._service.workspace.store.schedules()

    def deliveries(self, limit: int = 200) -> list[Delivery]:
        """What was sent, or was not, latest first."""
        require(self._caller, "report schedules")
        return self._service.workspace.store.deliveries(limit)

    def recipients(self) -> list[str]:
        """Logins that a report can go to."""
        require(self._caller, "report schedules")
        logins = self._service.workspace.store.logins()
        return [login.name for login in logins if login.disabled_at is None]

    def add_schedule(self, **asked: Any) -> Schedule:
        """A new schedule, from the fields of `Schedule`.

        Raises
        ------
        InvalidInput
            If there is no such report, format, language or login.
        """
        require(self._caller, "report schedules")
        workspace = self._service.workspace
        schedule = Schedule(id=0, owner=self.owner, created_at=workspace.clock.now(), **asked)
        workspace.report_named(schedule.report, self.owner)
        unknown = sorted(set(schedule.recipients) - set(self.recipients()))
        if unknown:
            raise InvalidInput(f"There is no login {unknown[0]!r}; `forecast users list` shows them.")
        number = workspace.store.add_schedule(schedule)
        self._caller.trail.note("add report schedule", str(number))
        return next(one for one in workspace.store.schedules() if one.id == number)

    def set_schedule_active(self, schedule_id: str, *, active: bool) -> None:
        """Stop a schedule, or let it go on."""
        require(self._caller, "report schedules")
        self._service.workspace.store.set_schedule_active(_number(schedule_id), active=active)
        self._caller.trail.note("start report schedule" if active else "stop report schedule", schedule_id)

    def delete_schedule(self, schedule_id: str) -> None:
        """Forget a schedule."""
        require(self._caller, "report schedules")
        self._service.workspace.store.delete_schedule(_number(schedule_id))
        self._caller.trail.note("delete report schedule", schedule_id)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise UnknownEntity(f"There is no schedule {text[:40]!r}.")
    return int(text)
