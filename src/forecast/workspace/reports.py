"""Reports of a workspace: made as of any moment, under anybody's rights, and written as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf
from forecast.workspace.funnel import FunnelCalls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecast.reports import Report, ReportSpec, Rooms, Viewer


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

    def report_file(self, report: Report, form: str, lang: str = "en") -> bytes:
        """A report as a file of a format: html, pdf, xlsx or csv (a zip where there are several tables)."""
        from forecast.adapters.report_files import write_report

        return write_report(report, form, lang)


