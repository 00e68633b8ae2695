"""Plans of a workspace: the outlook of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

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
        weekly: bool = False,
    ) -> Outlook:
        """Distribution of what a period brings, per rep, team and company, or by region or category.

        Parameters
        ----------
        by : {"owner", "region", "category"}
        measure : {"revenue", "margin", "wins", "units", "activities"}
        weekly : bool
            Tell also how it adds up week by week (``course``).
        """
        from forecast.usecases.outlook import outlook

        wiring, moment = (self.lake, self.registry, self.store, self.settings), self.moment(as_of)
        return outlook(*wiring, self.period(period), moment, batch=batch, by=by, measure=measure, weekly=weekly)

    def open_part(self, made: Outlook, batch: int | None = None) -> pd.DataFrame:
        """The open opportunities that an outlook expects something of, with what each is expected to bring."""
        from forecast.usecases.open_part import open_part

        return open_part(self.lake, made, batch=batch)
