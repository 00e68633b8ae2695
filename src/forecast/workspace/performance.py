"""How people and teams did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    from forecast.performance import Performance


class PerformanceCalls(WorkspaceBase):
    """Performance of people and teams."""

    def performance(self, period: str, as_of: AsOf = None, batch: int | None = None) -> Performance:
        """Figures, results above expectation, strengths and weaknesses of a period that has begun."""
        from forecast.usecases.performance import performance

        return performance(self.lake, self.store, self.settings, self.period(period), self.moment(as_of), batch=batch)
