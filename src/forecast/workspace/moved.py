"""What moved the outlook of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    from datetime import datetime

    from forecast.outlook.moved import Moved


class MovedCalls(WorkspaceBase):
    """What moved between two days."""

    def what_moved(
        self,
        period: str,
        from_as_of: AsOf,
        to_as_of: AsOf = None,
        from_batch: int | None = None,
        to_batch: int | None = None,
    ) -> Moved:
        """The change of a period's expected revenue between two moments, step by step, exact to the cent.

        ``to_batch`` is by default the last one, ``from_batch`` the last one that was in at ``from_as_of``, so that what
        later imports told of that moment counts as corrected data.
        """
        from forecast.usecases.what_moved import what_moved

        earlier, later = self.moment(from_as_of), self.moment(to_as_of)
        to_batch = self.lake.head() if to_batch is None else to_batch
        return what_moved(
            self.lake,
            self.registry,
            self.store,
            self.settings,
            self.period(period),
            earlier,
            later,
            from_batch=self.batch_at(earlier, to_batch) if from_batch is None else from_batch,
            to_batch=to_batch,
        )

    def batch_at(self, moment: datetime, last: int) -> int:
        """The last batch, up to ``last``, that had been committed at a moment; ``last`` itself when none had."""
        commits = self.lake.commits()
        batches = commits.loc[(commits["committed_at"] <= moment) & (commits["batch"] <= last), "batch"]
        return int(batches.max()) if len(batches) else last
