"""Revenue of a period: what is booked, open and to come, with its range."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import documented
from api.lists import Listing, kept, of_team
from api.queries import OutlookQuery
from api.schemas import OutlookBody, OutlookLine
from api.view import ViewOf

router = APIRouter(prefix="/outlook", tags=["outlook"])


@router.get("", responses=documented(), summary="Revenue outlook of a period")
def outlook(view: ViewOf, query: Annotated[OutlookQuery, Query()]) -> OutlookBody:
    """A rep's key shows its own line, a manager's its teams and their people, an admin's all and the company.

    Lines by region or category are sums over everybody's: only an admin's key shows them.
    """
    listing = Listing("outlook", query)
    snapshot = view.snapshot(*listing.moment(query.as_of, query.batch))
    currency, lines = view.outlook(query.period, snapshot, query.by, query.measure)
    lines = of_team(kept(lines, level=query.level, id=query.id), query.team_id, view.organisation(snapshot))
    shown = listing.page(lines, ["level", "id"], snapshot)
    return OutlookBody(
        as_of=snapshot.as_of,
        batch=snapshot.batch,
        period=query.period,
        by=query.by,
        measure=query.measure,
        currency=currency,
        lines=[OutlookLine.model_validate(line) for line in shown.rows],
        next_cursor=shown.next_cursor,
    )
