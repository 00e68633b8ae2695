"""Changes sent to open pages as they happen: server-sent events, few questions to the store however many listen."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from api.errors import Refused
from api.event_view import EventView
from api.lifespan import Stopping
from forecast.workspace import Workspace

#: Streams that one process holds open, and those of one caller among them.
MAX_STREAMS, MAX_OF_CALLER = 500, 10

#: How often the store is asked for the last change; a silent stream says that it lives; a stream ends, and its page
#: opens another one with the rights and keys of then.
_LOOK_S, _HEARTBEAT_S, _LIFETIME_S = 1.0, 15.0, 600.0

#: What a page waits before it opens a lost stream again.
_RETRY_MS = 3_000


class ChangeStreams:
    """All open streams of one process.

    Parameters
    ----------
    workspace : Workspace
    stopping : Stopping
        Streams end when the process shall.
    """

    def __init__(self, workspace: Workspace, stopping: Stopping) -> None:
        self._workspace = workspace
        self._stopping = stopping
        self._lock = asyncio.Lock()
        self._looked_at, self._last = 0.0, 0
        self._open: Counter[str] = Counter()

    def admit(self, who: str) -> None:
        """Refuse a stream that is one too many.

        Raises
        ------
        Refused
            With the time after which to try again; polling works meanwhile.
        """
        if self._open.total() >= MAX_STREAMS or self._open[who] >= MAX_OF_CALLER:
            detail = (
                f"At most {MAX_OF_CALLER} streams of one caller and {MAX_STREAMS} of all; poll /v1/changes instead."
            )
            raise Refused(429, "too_many_streams", detail, {"Retry-After": "30"})

    async def follow(self, view: EventView, who: str, since: str | None) -> AsyncIterator[str]:
        """The text of one stream, from the mark ``since`` on, by default from now on."""
        self._open[who] += 1
        try:
            began = spoke = time.monotonic()
            until = view.mark(await self._last_change()) if since is None else since
            yield f"retry: {_RETRY_MS}\nid: {until}\n\n"
            while not self._stopping.is_set and time.monotonic() - began < _LIFETIME_S:
                if view.mark(await self._last_change()) != until:
                    found = await run_in_threadpool(view.changes, until)
                    until = found.until
                    if found.reset or found.changes:
                        spoke = time.monotonic()
                        yield f"id: {until}\nevent: changes\ndata: {found.model_dump_json()}\n\n"
                if time.monotonic() - spoke >= _HEARTBEAT_S:
                    spoke = time.monotonic()
                    yield f"id: {until}\n: still here\n\n"
                await asyncio.sleep(_LOOK_S)
        finally:
            self._open[who] -= 1

    async def _last_change(self) -> int:
        """Number of the last change, asked for once a second for all streams together."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= _LOOK_S:
                self._last = await run_in_threadpool(self._workspace.last_score_change)
                self._looked_at = time.monotonic()
            return self._last
