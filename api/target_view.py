"""Targets as one caller may see them: what `api.view` is for the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated

import pandas as pd
from fastapi import Depends

from api.auth import authenticate, service_of
from api.organisation import Organisation
from api.rights import Caller, Rights, require
from api.service import Service, Snapshot
from forecast.errors import InvalidInput, NotAllowed, UnknownEntity
from forecast.outlook import UNASSIGNED, Outlook
from forecast.periods import parse_period
from forecast.targets import ConstraintConflict, TargetOutOfReach
from forecast.usecases.attainment import Attainment
from forecast.usecases.plan_targets import Wish
from forecast.usecases.target_history import ShownTargets
from forecast.usecases.targets import TargetProposal


@dataclass(frozen=True)
class SeenTargets:
    """A proposal's lines that the caller may see.

    Attributes
    ----------
    lines : DataFrame
    ambition : float
    basis : str
    without_last : list of str
        Of those that may be seen.
    is_whole : bool
        Whether everybody who has a target may be seen, so that the caller may approve it.
    """

    lines: pd.DataFrame
    ambition: float | None
    basis: str
    without_last: list[str]
    is_whole: bool


class TargetView:
    """Targets that one caller may see and change. Every method raises `NotAllowed` when the role has no part in it."""

    def __init__(self, service: Service, caller: Caller) -> None:
        self._service = service
        self.caller = caller

    @cached_property
    def rights(self) -> Rights:
        """Whose rows the caller may see, by the teams of today."""
        return Rights.of(self.caller, self._service.organisation())

    def snapshot(self, as_of: str | None = None, batch: int | None = None) -> Snapshot:
        """The snapshot that a request names."""
        return self._service.snapshot(as_of, batch)

    def organisation(self, snapshot: Snapshot) -> Organisation:
        """Who belonged to which team: to choose among lines that the caller may see."""
        return self._service.organisation(snapshot)

    def moment(self, text: str | None) -> datetime:
        """The moment that a request names; now by default."""
        return self._service.workspace.moment(text)

    def proposal(self, period: str, wish: Wish, snapshot: Snapshot, currency: str | None = None) -> SeenTargets:
        """A proposal for everybody whom the caller may see, and of nobody else.

        A line of equal odds tells what all of these can bring together, and the company target less one's own lines is
        what the others shall bring. So a rep sees targets once they are approved, and who leads a part of the people
        shares a target among these alone.
        """
        made = self._propose(period, wish, snapshot)
        rate = 1.0
        if currency is not None:
            rate = self._service.workspace.target_rate(currency, snapshot.as_of, snapshot.batch)
        return self._seen(made, made.to_frame(currency, rate))

    def levels(self, period: str, wish: Wish, snapshot: Snapshot) -> SeenTargets:
        """Target, stretch and challenge at their stated odds."""
        made = self._propose(period, wish, snapshot)
        return self._seen(made, made.levels_frame())

    def drag(self, period: str, wish: Wish, owner: str, amount: float, snapshot: Snapshot) -> SeenTargets:
        """What putting one visible person's target to an amount does to the lines that may be seen."""
        require(self.caller, "company targets")
        self._require_visible([owner])
        made = self._propose(period, wish, snapshot)
        dragged = self._told(lambda: made.drag(owner, amount), made.outlook)
        before = made.to_frame()
        lines = dragged.to_frame().assign(amount_before=before["amount"], odds_before=before["odds"])
        return self._seen(dragged, lines)

    def approve(self, period: str, wish: Wish, snapshot: Snapshot, effective_from: datetime) -> tuple[int, str]:
        """Store a proposal as the next version of the period's targets; returns the version and what it rests on.

        Targets are approved as a whole, since they must add up: the caller must be allowed to see everybody's.
        """
        require(self.caller, "target approval")
        made = self._propose(period, wish, snapshot)
        if made.outlook.is_part:
            raise NotAllowed(
                f"Targets are approved as a whole; this key sees only {len(made.outlook.owners)} of the people that "
                "have one."
            )
        targets = made.to_frame()
        store, author = self._service.workspace.store, self.caller.user_id or self.caller.name
        version = store.approve_targets(period, targets, author=author, effective_from=effective_from, basis=made.basis)
        self.caller.trail.note("approve targets", f"{period} version {version}")
        return version, made.basis

    def approved(self, period: str, version: int | None) -> pd.DataFrame:
        """Lines of an approved version, by default the last, that the caller may see."""
        require(self.caller, "rows")
        parse_period(period)
        versions = self._service.workspace.store.approved_targets(period)
        wanted = versions["version"].max() if version is None else version
        return self.rights.nodes(versions[versions["version"] == wanted], "owner_kind", "owner_id")

    def to_show(self, period: str, snapshot: Snapshot, *, is_present: bool) -> ShownTargets | None:
        """Which targets to show at a snapshot; at present also what was approved a moment ago."""
        require(self.caller, "rows")
        at = None if is_present else snapshot.as_of
        return self._service.workspace.targets_to_show(period, at, snapshot.batch)

    def changes(self, period: str) -> pd.DataFrame:
        """Approved targets that the caller may see, beside the version before, latest first."""
        require(self.caller, "rows")
        found = self._service.workspace.target_changes(period)
        return self.rights.nodes(found, "owner_kind", "owner_id")

    def attainment(
        self, period: str, measure: str, version: int | None, snapshot: Snapshot
    ) -> tuple[Attainment, pd.DataFrame]:
        """Where targets stand, and the lines that the caller may see."""
        require(self.caller, "rows")
        found = self._service.attainment(period, measure, version, snapshot)
        return found, self.rights.nodes(found.table, "owner_kind", "owner_id")

    def _propose(self, period: str, wish: Wish, snapshot: Snapshot) -> TargetProposal:
        require(self.caller, "company targets")
        self._require_visible([constraint.owner for constraint in wish.constraints])
        whole = self._service.target_outlook(period, wish.measure, wish.skill, snapshot)
        made = whole if self._sees_all_of(whole) else whole.among(self.rights.owners or ())
        return self._told(lambda: self._service.workspace.plan_targets(made, wish, snapshot.batch), made)

    def _sees_all_of(self, made: Outlook) -> bool:
        """Whether everybody who has a target may be seen; what nobody owns is nobody's target."""
        return all(self.rights.owns(owner) for owner in made.owners if owner != UNASSIGNED)

    def _told(self, ask: Callable[[], TargetProposal], made: Outlook) -> TargetProposal:
        """The answer, or an error that tells only of what the caller may see."""
        sees_all = self.rights.is_everything or made.is_part
        try:
            return ask()
        except ConstraintConflict as conflict:
            if sees_all or all(self._sees(str(rule.node)) for rule in conflict.conflict):
                raise
            raise InvalidInput("These constraints cannot all hold beside those of others.") from None
        except TargetOutOfReach:
            if sees_all:
                raise  # it tells what the company reaches, or those who may be seen
            raise InvalidInput(
                "`company_target` is out of reach; choose one nearer to what the company expects."
            ) from None

    def _require_visible(self, owners: Sequence[str]) -> None:
        hidden = [owner for owner in owners if not self._sees(owner)]
        if hidden:
            raise UnknownEntity(f"There is no person or team {hidden[0]!r} among those of this key.")

    def _sees(self, owner: str) -> bool:
        rights = self.rights
        return rights.is_everything or rights.owns(owner) or owner in (rights.teams or ())

    def _seen(self, made: TargetProposal, lines: pd.DataFrame) -> SeenTargets:
        ambition = None if made.ambition != made.ambition else round(made.ambition, 9)
        without = [owner for owner in made.without_last if self._sees(owner)]
        seen = self.rights.nodes(lines, "owner_kind", "owner_id")
        return SeenTargets(seen, ambition, made.basis, without, not made.outlook.is_part)


def target_view_of(
    service: Annotated[Service, Depends(service_of)], caller: Annotated[Caller, Depends(authenticate)]
) -> TargetView:
    """The view of the caller of this request."""
    return TargetView(service, caller)


TargetViewOf = Annotated[TargetView, Depends(target_view_of)]
