"""Plans of a workspace: the outlook of a period and its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.outlook import Outlook
    from forecast.usecases.targets import TargetProposal


class PlanCalls(WorkspaceBase):
    """Outlook and targets."""

    def outlook(self, period: str, as_of: AsOf = None, batch: int | None = None) -> Outlook:
        """Revenue distribution of a period per rep, team and company."""
        from forecast.usecases.outlook import outlook

        return outlook(
            self.lake, self.registry, self.store, self.settings, self.period(period), self.moment(as_of), batch=batch
        )

    def targets(
        self, period: str, company_target: float | None = None, as_of: AsOf = None, batch: int | None = None
    ) -> TargetProposal:
        """Equal-difficulty proposal of a period's targets; without ``company_target`` at even odds of the company."""
        from forecast.usecases.targets import propose_targets

        return propose_targets(self.outlook(period, as_of, batch), company_target)

    def approve_targets(self, period: str, author: str, company_target: float | None = None, as_of: AsOf = None) -> int:
        """Approve the proposal as the next version of the period's targets; returns the version."""
        proposal = self.targets(period, company_target, as_of)
        return self.store.approve_targets(period, proposal.to_frame(), author=author)

    def approved_targets(self, period: str) -> pd.DataFrame:
        """Every approved version of a period's targets."""
        self.period(period)
        return self.store.approved_targets(period)
