"""Who read or changed what."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.access_schemas import AuditLineBody, AuditPage, AuditQuery
from api.access_view import AccessViewOf
from api.errors import documented
from api.ranking import json_records

router = APIRouter(prefix="/audit", tags=["access"])


@router.get("", responses=documented(), summary="The audit log")
def audit_log(view: AccessViewOf, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """Every read of somebody's rows and every change; reads appear within a second."""
    found = view.audit_log(
        since=view.moment(query.since),
        actor=query.actor,
        order=query.order,
        beyond=query.cursor,
        limit=query.limit + 1,
    )
    lines = [AuditLineBody.model_validate(line) for line in json_records(found.head(query.limit))]
    return AuditPage(items=lines, next_cursor=lines[-1].id if len(found) > query.limit else None)
