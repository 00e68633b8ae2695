"""Targets of a workspace: proposals, approvals, and where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.outlook import Outlook
    from forecast.targets.constraints import Constraint
    from forecast.usecases.attainment import Attainment
    from forecast.usecases.plan_targets import Wish
    from forecast.usecases.target_history import ShownTargets
    from forecast.usecases.targets import TargetProposal


class TargetCalls(WorkspaceBase):
    """Targets of equal difficulty, their versions and attainment."""

    def targets(
        self,
        period: str,
        company_target: float | None = None,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        constraints: Sequence[Constraint] = (),
        measure: str = "revenue",
        skill: bool = False,
        ramp_months: float | None = None,
        adjust: bool = False,
    ) -> TargetProposal:
        """Equal-difficulty proposal of a period's targets; without ``company_target`` at even odds of the company.

        Parameters
        ----------
        constraints : sequence of Constraint
            On people, teams, or ``*``.
        measure : {"revenue", "margin", "wins", "units", "activities"}
        skill : bool
            Rest on the person's outlook instead of the territory's.
        ramp_months : float, optional
            After so many months a newcomer carries a full target.
        adjust : bool
            Propose again during the period: keep the company's target in force, share it from here.
        """
        from forecast.usecases.plan_targets import Wish

        wish = Wish(company_target, tuple(constraints), measure, skill, ramp_months, adjust)
        made = self.target_outlook(period, as_of, batch, measure=measure, skill=skill)
        return self.plan_targets(made, wish, batch)

    def target_outlook(
        self,
        period: str,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        measure: str = "revenue",
        skill: bool = False,
    ) -> Outlook:
        """What targets rest on: the outlook of the territories, or with ``skill`` that of the persons."""
        from forecast.usecases.plan_targets import target_outlook

        return target_outlook(
            self.lake,
            self.registry,
            self.store,
            self.settings,
            self.period(period),
            self.moment(as_of),
            measure=measure,
            skill=skill,
            batch=batch,
        )

    def plan_targets(self, made: Outlook, wish: Wish, batch: int | None = None) -> TargetProposal:
        """The proposal that a wish asks for, on an outlook that is at hand."""
        from forecast.usecases.plan_targets import plan_targets

        return plan_targets(self.lake, self.store, self.settings, made, wish, batch=batch)

    def target_rate(self, currency: str, as_of: AsOf = None, batch: int | None = None) -> float:
        """Units of a currency for one of the reporting currency, by the last rate known."""
        from forecast.usecases.plan_targets import target_rate

        return target_rate(
            self.lake, self.settings, currency, self.moment(as_of), self.lake.head() if batch is None else batch
        )

    def approve_targets(
        self,
        period: str,
        author: str,
        company_target: float | None = None,
        as_of: AsOf = None,
        *,
        proposal: TargetProposal | None = None,
        effective_from: AsOf = None,
        mix: Mapping[str, float] | None = None,
    ) -> int:
        """Approve a proposal as the next version of the period's targets; returns the version.

        Parameters
        ----------
        proposal : TargetProposal, optional
            What is approved; default the proposal for ``company_target``.
        effective_from : date or moment, optional
            From when it holds; default now.
        mix : mapping of part to share or amount, optional
            Also approve the parts of every target, as measure ``revenue:PART``.
        """
        import pandas as pd

        made = self.targets(period, company_target, as_of) if proposal is None else proposal
        frames = [made.to_frame(), *([made.mix_frame(mix)] if mix else [])]
        return self.store.approve_targets(
            period,
            pd.concat(frames, ignore_index=True),
            author=author,
            effective_from=self.moment(effective_from),
            basis=made.basis,
        )

    def approved_targets(self, period: str) -> pd.DataFrame:
        """Every approved version of a period's targets."""
        self.period(period)
        return self.store.approved_targets(period)

    def targets_to_show(
        self, period: str, as_of: AsOf = None, batch: int | None = None, *, measure: str = "revenue"
    ) -> ShownTargets | None:
        """Which version of a period's targets to show as of a moment; None without any."""
        from forecast.usecases.target_history import targets_to_show

        return targets_to_show(self.lake, self.store, self.period(period), self.moment(as_of), measure, batch=batch)

    def target_changes(self, period: str, measure: str = "revenue") -> pd.DataFrame:
        """Every approved target of a period beside the one of the version before, latest version first."""
        from forecast.usecases.target_history import version_changes

        return version_changes(self.approved_targets(period), measure)

    def attainment(
        self,
        period: str,
        as_of: AsOf = None,
        batch: int | None = None,
        *,
        measure: str = "revenue",
        version: int | None = None,
    ) -> Attainment:
        """Attainment, pace, pipeline coverage and odds of the targets in force, or of one version."""
        made = self.target_outlook(period, as_of, batch, measure=measure, skill=True)
        return self.attainment_of(made, batch, version)

    def attainment_of(self, made: Outlook, batch: int | None = None, version: int | None = None) -> Attainment:
        """The same on an outlook that is at hand."""
        from forecast.usecases.attainment import attainment

        return attainment(self.lake, self.store, self.settings, made, version=version, batch=batch)
