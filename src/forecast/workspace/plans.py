"""Plans of a workspace: the outlook of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    from forecast.outlook import Outlook


class PlanCalls(WorkspaceBase):
    """Outlook."""

    def outlook(
        self,
        period: str,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        by: str = "owner",
        measure: str = "revenue",
    ) -> Outlook:
        """Distribution of what a period brings, per rep, team and company, or by region or category.

        Parameters
        ----------
        by : {"owner", "region", "category"}
        measure : {"revenue", "margin", "wins", "units", "activities"}
        """
        from forecast.usecases.outlook import outlook

        wiring = self.lake, self.registry, self.store, self.settings
        return outlook(*wiring, self.period(period), self.moment(as_of), batch=batch, by=by, measure=measure)
