"""Reports of a workspace: made as of any moment, under anybody's rights, and written as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.workspace.base import AsOf
from forecast.workspace.funnel import FunnelCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import pandas as pd

    from forecast.reports import Report, ReportSpec, Rooms, Viewer
    from forecast.reports.schedule import Schedule
    from forecast.usecases.report_schedules import Recipient


class ReportCalls(FunnelCalls):
    """Ready and own reports."""

    def report(
        self,
        spec: ReportSpec | str | Path,
        period: str | None = None,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        viewer: Viewer | None = None,
        rooms: Rooms | None = None,
        name: str = "",
    ) -> Report:
        """A report of a period.

        Parameters
        ----------
        spec : ReportSpec, str or path
            A definition, the name of a ready one, or a YAML file.
        period : str, optional
            2026Q1 and the like, or a rule such as ``last month``; default the definition's own.
        as_of, batch
            What was known; default now, the last batch.
        viewer : Viewer, optional
            Whose rows count; default everybody's.
        rooms : Rooms, optional
            Where answers of other rooms are at hand for this moment and batch.
        name : str
            What the definition is called; default the name or file that was given.
        """
        from forecast.reports import EVERYBODY
        from forecast.reports.period_rules import period_at
        from forecast.usecases.report import make_report
        from forecast.workspace.report_rooms import WorkspaceRooms

        found = self.report_spec(spec)
        moment = self.moment(as_of)
        head = self.lake.head() if batch is None else batch
        named = period_at(period or found.period, moment, self.settings.zone, self.settings.fiscal_year_start)
        return make_report(
            self.lake,
            WorkspaceRooms(self, moment, head) if rooms is None else rooms,
            self.settings,
            found,
            named,
            moment,
            name=name or (Path(spec).stem if isinstance(spec, str | Path) else "report"),
            batch=head,
            viewer=EVERYBODY if viewer is None else viewer,
            stages=self.declared_stages(head),
        )

    def report_spec(self, spec: ReportSpec | str | Path) -> ReportSpec:
        """A definition: itself, the ready one of that name, or the one in a YAML file."""
        from forecast.adapters.report_specs import READY, read_report, ready_report
        from forecast.reports import ReportSpec

        if isinstance(spec, ReportSpec):
            return spec
        if str(spec) in READY or Path(spec).suffix.lower() not in (".yaml", ".yml"):
            return ready_report(str(spec))
        return read_report(Path(spec))

    def ready_reports(self) -> Mapping[str, ReportSpec]:
        """Definitions of the ready reports by name, in the order of the gallery."""
        from forecast.adapters.report_specs import READY, ready_report

        return {name: ready_report(name) for name in READY}

    def report_named(self, name: str, owner: str) -> ReportSpec:
        """A ready report, or one of an owner's own.

        Raises
        ------
        UnknownEntity
            If there is neither.
        """
        from forecast.adapters.report_specs import READY, ready_report
        from forecast.errors import UnknownEntity
        from forecast.reports import parse_spec

        if name in READY:
            return ready_report(name)
        own = self.store.own_reports(owner)
        if name not in own:
            raise UnknownEntity(f"There is no report {name!r}; ready ones are {', '.join(READY)}.")
        return parse_spec(own[name], name)

    def save_report(self, owner: str, name: str, content: str | Mapping[str, Any]) -> ReportSpec:
        """Keep an own report under a name.

        Raises
        ------
        InvalidInput
            If the definition breaks a rule, or the name is that of a ready report.
        """
        from forecast.adapters.report_specs import READY
        from forecast.errors import InvalidInput
        from forecast.reports import parse_spec, to_yaml
        from forecast.reports.schedule import check_name

        if check_name(name) in READY:
            raise InvalidInput(f"{name!r} is a ready report; choose another name for your own.")
        spec = parse_spec(content, name)
        self.store.save_report(owner, name, to_yaml(spec))
        return spec

    def send_reports(self, viewer_of: Callable[[Recipient], Viewer], as_of: AsOf = None) -> pd.DataFrame:
        """Send by mail what is due on schedule and was not sent; see `forecast.usecases.report_schedules.send_due`.

        Parameters
        ----------
        viewer_of : callable of login to Viewer
            The rights of now.
        as_of : optional
            What was due by then; default now.
        """
        from forecast.adapters.mail import SmtpMailer
        from forecast.adapters.report_files import file_name
        from forecast.usecases.report_schedules import Press, send_due

        def make(schedule: Schedule, period: str, due: datetime, viewer: Viewer) -> Report:
            spec = self.report_named(schedule.report, schedule.owner)
            return self.report(spec, period, due, viewer=viewer, name=schedule.report)

        def write(report: Report, form: str, lang: str) -> tuple[str, bytes]:
            return file_name(report, form), self.report_file(report, form, lang)

        return send_due(
            self.store,
            SmtpMailer(self.settings, self.clock),
            Press(make, write, viewer_of),
            self.settings,
            self.moment(as_of),
            self._addresses,
        )

    def _addresses(self) -> dict[str, str]:
        users = self.lake.table("users")
        if "email" not in users:
            return {}
        known = users.loc[users["email"].notna(), ["user_id", "email"]].astype(str)
        return dict(known.itertuples(index=False, name=None))

    def report_file(self, report: Report, form: str, lang: str = "en") -> bytes:
        """A report as a file of a format: html, pdf, xlsx or csv (a zip where there are several tables)."""
        from forecast.adapters.report_files import write_report

        return write_report(report, form, lang)
