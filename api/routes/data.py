"""How data came in, what was rejected, and what drifts."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.data_schemas import (
    DataSource,
    DataStatus,
    Drift,
    DriftQuery,
    FeatureDrift,
    Quarantine,
    QuarantineQuery,
    RejectedRow,
    RejectedRule,
    Retried,
    RetryToMake,
)
from api.errors import documented
from api.lists import Listing, ListPage, kept
from api.ranking import json_records
from api.view import ViewOf

router = APIRouter(prefix="/data", tags=["data"])


@router.get("", responses=documented(), summary="How data came in")
def status(view: ViewOf) -> DataStatus:
    """The last commit of every source with its counts, and how many rejected rows share a rule."""
    room = view.data_room
    return DataStatus(
        sources=[DataSource.model_validate(row) for row in json_records(room.sources())],
        rejected=[RejectedRule.model_validate(row) for row in json_records(room.reasons())],
    )


@router.get("/quarantine", responses=documented(), summary="Rejected rows")
def quarantine(view: ViewOf, query: Annotated[QuarantineQuery, Query()]) -> Quarantine:
    """Rows that break a rule, with the reason, the latest batch first; what belongs to persons is masked."""
    rows = kept(view.data_room.quarantine(query.mapping), source=query.source, table_name=query.table)
    shown = Listing("quarantine", query).page(rows, ["mapping", "table_name", "row_number", "rejected_id"])
    return Quarantine(
        total=len(rows),
        rows=[RejectedRow.model_validate(row) for row in shown.rows],
        next_cursor=shown.next_cursor,
    )


@router.post("/quarantine/retries", status_code=201, responses=documented(400), summary="Try rejected rows again")
def retry(view: ViewOf, body: RetryToMake) -> Retried:
    """By the rules and references of now, without the export that they came from."""
    result = view.data_room.retry(body.mapping)
    quarantined = sum(counts["quarantined"] for counts in result.counts.values())
    read = sum(counts["read"] for counts in result.counts.values())
    return Retried(batch=result.batch, taken=read - quarantined, quarantined=quarantined)


@router.get("/drift", responses=documented(), summary="Drift of features since training")
def drift(view: ViewOf, query: Annotated[DriftQuery, Query()]) -> Drift:
    """How far today's open cases differ from those that the champion learned from: usual thresholds .1 and .25."""
    listing = Listing("drift", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    label, table = view.data_room.drift(query.entity, snapshot)
    shown = ListPage([], None)
    if table is not None:
        shown = listing.page(kept(table, verdict=query.verdict), ["feature"], snapshot)
    return Drift(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        entity=query.entity,
        model_version=label,
        features=None if table is None else [FeatureDrift.model_validate(row) for row in shown.rows],
        next_cursor=shown.next_cursor,
    )
