"""What changed among the caller's own leads and opportunities, for pages that stay open.

A page follows with a few lines of script, without a library::

    const stream = new EventSource("/v1/changes/stream");
    stream.addEventListener("changes", message => {
        const {reset, changes} = JSON.parse(message.data);   // changes: [{entity, id, what, as_of}]
        if (reset || changes.some(change => change.entity === "lead")) htmx.trigger(document.body, "scores-changed");
    });

and its list or detail has ``hx-trigger="scores-changed from:body"``. The browser opens a lost stream again by itself
and goes on where it was (``Last-Event-ID``). A page rendered from scores up to a change passes its mark as ``since``
(``view.events.last_change()`` before it reads), so that nothing falls between reading and listening. Who cannot hold a
stream polls ``GET /v1/changes?since=…`` every few seconds: it reads two rows of an index when nothing happened.
"""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.change_marks import MARK_PATTERN
from api.change_stream import ChangeStreams
from api.errors import documented
from api.event_schemas import A_MARK, Changes
from api.view import ViewOf

router = APIRouter(prefix="/changes", tags=["changes"])

Since = Annotated[str, Query(pattern=MARK_PATTERN, description="The `until` of the last answer.")]

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An endless stream. Each event `changes` has the body of `GET /v1/changes`; its id goes on.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": f"id: {A_MARK}\nevent: changes\n…"}},
    }
}


@router.get("", responses=documented(), summary="What changed")
def changes(view: ViewOf, since: Since | None = None) -> Changes:
    """Which of the caller's own rows have a new score since a mark; without one, the mark to begin with."""
    if since is None:
        return Changes(until=view.events.last_change(), reset=True, changes=[])
    return view.events.changes(since)


@router.get(
    "/stream", responses=documented(429) | _STREAM, summary="Follow what changes", response_class=StreamingResponse
)
async def stream(
    request: Request,
    view: ViewOf,
    since: Since | None = None,
    last_event_id: Annotated[str | None, Header(max_length=32)] = None,
) -> StreamingResponse:
    """The same as server-sent events, as they happen, of rows that are the caller's own at that moment.

    A comment comes every 15 seconds; after ten minutes the stream ends and the browser opens the next one.
    """
    streams: ChangeStreams = request.app.state.changes
    view.events.may_follow()
    streams.admit(view.caller.actor)
    start = last_event_id if last_event_id and re.fullmatch(MARK_PATTERN, last_event_id) else since
    if start is not None:
        view.events.check(start)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # proxies must not wait for the end
    text = streams.follow(view.events, view.caller.actor, start)
    return StreamingResponse(text, media_type="text/event-stream", headers=headers)
