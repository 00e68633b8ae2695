"""Targets of a period: proposals of equal difficulty, drags, approvals, and where they stand."""

from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query

from api.errors import documented
from api.lists import Listing, kept, of_team
from api.ranking import json_records
from api.service import Snapshot
from api.target_schemas import (
    Approval,
    ApprovedQuery,
    ApprovedTargets,
    AttainmentBody,
    AttainmentLine,
    AttainmentQuery,
    DraggedTarget,
    DraggedTargets,
    LevelLine,
    ProposedTarget,
    TargetLevels,
    TargetLine,
    TargetLinesQuery,
    TargetProposalBody,
    TargetQuery,
    TargetsToApprove,
    TargetToDrag,
    TargetWish,
)
from api.target_view import TargetView, TargetViewOf
from forecast.targets.constraints import Constraint, parse_constraint
from forecast.usecases.plan_targets import Wish

router = APIRouter(prefix="/targets", tags=["targets"])

#: What names a line.
_KEY = ["owner_kind", "owner_id"]


@router.get("", responses=documented(), summary="Proposed targets of a period")
def propose(view: TargetViewOf, query: Annotated[TargetQuery, Query()]) -> TargetProposalBody:
    """Everybody who is free has the same odds, and the amounts add up to the company target; with odds of each line.

    Targets rest on what a territory can bring, not on who works it (`skill`). Constraints that cannot all hold are
    answered by a smallest set of them. A key that sees a part of the people shares `company_target` among these alone.
    """
    listing = Listing("targets", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    seen = view.proposal(query.period, _asked(query), snapshot, query.currency)
    shown = listing.page(_chosen(seen.lines, query, view, snapshot), _KEY, snapshot)
    return TargetProposalBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        basis=seen.basis,
        ambition=seen.ambition,
        without_last_target=seen.without_last,
        lines=[ProposedTarget.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.get("/levels", responses=documented(), summary="Target, stretch and challenge")
def levels(view: TargetViewOf, query: Annotated[TargetQuery, Query()]) -> TargetLevels:
    """The targets that everybody who is free reaches with odds of 65, 40 and 15 %, within the constraints."""
    listing = Listing("target-levels", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    seen = view.levels(query.period, _asked(query), snapshot)
    shown = listing.page(_chosen(seen.lines, query, view, snapshot), [*_KEY, "level"], snapshot)
    return TargetLevels(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        basis=seen.basis,
        lines=[LevelLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.post("/what-if", responses=documented(400, 404), summary="Drag one target")
def drag(view: TargetViewOf, body: TargetToDrag) -> DraggedTargets:
    """Puts one person's target to an amount: the free ones share the rest, and their odds change. Nothing is stored."""
    snapshot = view.snapshot(body.as_of, body.batch)
    seen = view.drag(body.period, _wish(body), body.owner_id, body.amount, snapshot)
    return DraggedTargets(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=body.period,
        ambition=seen.ambition,
        lines=[DraggedTarget.model_validate(line) for line in json_records(seen.lines)],
    )


@router.post("/approvals", status_code=201, responses=documented(400), summary="Approve a proposal")
def approve(view: TargetViewOf, body: TargetsToApprove) -> Approval:
    """Stores the proposal as the next version of the targets: who approved it, since when it holds, and on what."""
    snapshot = view.snapshot(body.as_of, body.batch)
    version, basis = view.approve(body.period, _wish(body), snapshot, view.moment(body.effective_from))
    return Approval(period=body.period, version=version, basis=basis)


@router.get("/approvals", responses=documented(), summary="Approved targets of a period")
def approved(view: TargetViewOf, query: Annotated[ApprovedQuery, Query()]) -> ApprovedTargets:
    """The last approved version, or an earlier one."""
    lines = view.approved(query.period, query.version)
    first = None if lines.empty else lines.iloc[0]
    shown = Listing("target-approvals", query).page(_chosen(lines, query, view, view.snapshot()), _KEY)
    return ApprovedTargets(
        period=query.period,
        version=None if first is None else int(first["version"]),
        author=None if first is None else first["author"],
        effective_from=None if first is None else first["effective_from"],
        basis=None if first is None else first["basis"],
        lines=[TargetLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.get("/attainment", responses=documented(), summary="Where targets stand")
def attainment(view: TargetViewOf, query: Annotated[AttainmentQuery, Query()]) -> AttainmentBody:
    """Attainment, pace against the usual course of the period, pipeline coverage and odds of the targets in force."""
    listing = Listing("attainment", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    found, lines = view.attainment(query.period, query.measure, query.version, snapshot)
    shown = listing.page(_chosen(lines, query, view, snapshot), _KEY, snapshot)
    return AttainmentBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        measure=query.measure,
        version=found.version,
        n_past_periods=found.n_past_periods,
        lines=[AttainmentLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )


def _chosen(lines: pd.DataFrame, query: TargetLinesQuery, view: TargetView, snapshot: Snapshot) -> pd.DataFrame:
    """The lines that a request asks for, of those that may be seen."""
    named = kept(lines, owner_kind=query.level, owner_id=query.id)
    return of_team(named, query.team_id, view.organisation(snapshot), kind="owner_kind", key="owner_id")


def _asked(query: TargetQuery) -> Wish:
    constraints = tuple(parse_constraint(text) for text in query.constraint)
    return Wish(query.company_target, constraints, query.measure, query.skill, query.ramp_months, query.adjust)


def _wish(body: TargetWish) -> Wish:
    constraints = tuple(Constraint(one.owner_id, one.kind, one.value) for one in body.constraints)
    return Wish(body.company_target, constraints, body.measure, body.skill, body.ramp_months, body.adjust)
