"""Targets of a period: proposals of equal difficulty, their approval, and what was approved."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import documented
from api.queries import ApprovedQuery, TargetQuery
from api.ranking import json_records
from api.schemas import Approval, ApprovedTargets, ProposedTarget, TargetLine, TargetProposalBody, TargetsToApprove
from api.view import ViewOf

router = APIRouter(prefix="/targets", tags=["targets"])


@router.get("", responses=documented(), summary="Proposed targets of a period")
def propose(view: ViewOf, query: Annotated[TargetQuery, Query()]) -> TargetProposalBody:
    """Everybody has the same odds, and the amounts add up to the company target; with the odds of each line."""
    snapshot = view.snapshot(query.as_of, query.batch)
    ambition, lines = view.targets(query.period, query.company_target, snapshot)
    return TargetProposalBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        ambition=ambition,
        lines=[ProposedTarget.model_validate(line) for line in json_records(lines)],
    )


@router.post("/approvals", status_code=201, responses=documented(400), summary="Approve a proposal")
def approve(view: ViewOf, body: TargetsToApprove) -> Approval:
    """Stores the proposal as the next version of the period's targets, with who approved it and since when it holds."""
    snapshot = view.snapshot(body.as_of, body.batch)
    version = view.approve_targets(body.period, body.company_target, snapshot, view.moment(body.effective_from))
    return Approval(period=body.period, version=version)


@router.get("/approvals", responses=documented(), summary="Approved targets of a period")
def approved(view: ViewOf, query: Annotated[ApprovedQuery, Query()]) -> ApprovedTargets:
    """The last approved version."""
    lines = view.approved_targets(query.period)
    first = None if lines.empty else lines.iloc[0]
    return ApprovedTargets(
        period=query.period,
        version=None if first is None else int(first["version"]),
        author=None if first is None else first["author"],
        effective_from=None if first is None else first["effective_from"],
        lines=[TargetLine.model_validate(line) for line in json_records(lines)],
    )
