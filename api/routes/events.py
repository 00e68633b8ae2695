"""Facts that come in one by one, and those that could not be stored."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.errors import documented
from api.event_schemas import (
    DeadEventBody,
    DeadEvents,
    DeadEventsQuery,
    EventsRetried,
    EventsTaken,
    EventsToRetry,
    EventsToTake,
    EventToTake,
)
from api.lists import Listing
from api.view import ViewOf
from forecast.usecases.events import Event

router = APIRouter(prefix="/events", tags=["events"])


@router.post("", status_code=202, responses=documented(400), summary="Send facts")
def send_events(view: ViewOf, body: EventToTake | EventsToTake) -> EventsTaken:
    """Takes one fact, or up to 1,000, into a queue on the disk: 202 means that none will be lost.

    They are in the lake within a second or two, and leads and opportunities that they touch have new scores within
    seconds. A fact that breaks a rule of its table refuses the whole request and is named with its field; what breaks a
    rule only together with what the lake holds (an unknown owner) is found later, in `/v1/events/dead`. Sending the
    same ids again changes nothing.
    """
    given = [body] if isinstance(body, EventToTake) else body.events
    now = view.moment(None)
    view.events.accept([Event(one.id, one.table, one.row, now, one.recorded_at) for one in given])
    return EventsTaken(accepted=[one.id for one in given])


@router.get("/dead", responses=documented(), summary="Facts that could not be stored")
def dead_events(view: ViewOf, query: Annotated[DeadEventsQuery, Query()]) -> DeadEvents:
    """Events that were accepted and could not be stored, with the reason; oldest failure first."""
    listing = Listing("dead events", query)
    total, waiting, found = view.events.dead(
        query.limit + 1, tables=query.table, after=listing.after_moment(), newest_first=query.order == "desc"
    )
    dead = found[: query.limit]
    shown = [
        DeadEventBody(
            id=one.event_id,
            table=one.table_name,
            received_at=one.received_at,
            failed_at=one.failed_at,
            reason=one.reason,
            row=one.content["row"],
        )
        for one in dead
    ]
    more = listing.cursor(dead[-1].failed_at, dead[-1].event_id) if len(found) > query.limit else None
    return DeadEvents(total=total, waiting=waiting, dead=shown, next_cursor=more)


@router.post("/dead/retry", status_code=202, responses=documented(400), summary="Try facts again")
def retry_dead_events(view: ViewOf, body: EventsToRetry) -> EventsRetried:
    """Puts events that could not be stored into the queue again, as they were sent."""
    return EventsRetried(retried=view.events.retry(body.ids))
