"""What a serving process does beside answering: it notices that it shall end, and keeps its gauges up to date."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import FrameType

from fastapi import FastAPI

#: How often memory, caches and connections are measured.
_REFRESH_S = 10


class Stopping:
    """Whether the process was told to end. Endless streams ask it: the server waits for open answers, not for ever."""

    def __init__(self) -> None:
        self.is_set = False

    def watch(self) -> None:
        """Notice the signals that end the server, before the server does what it does with them."""
        if threading.current_thread() is not threading.main_thread():
            return  # signals reach the main thread only; a test's server runs in another
        for number in (signal.SIGTERM, signal.SIGINT):
            self._precede(number)

    def _precede(self, number: signal.Signals) -> None:
        before = signal.getsignal(number)
        if not callable(before):
            return
        go_on = before

        def note(number: int, frame: FrameType | None) -> None:
            self.is_set = True
            go_on(number, frame)

        signal.signal(number, note)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Around all requests of a process."""
    app.state.stopping.watch()
    refreshing = asyncio.create_task(_refresh(app))
    try:
        yield
    finally:
        app.state.audit.flush()
        refreshing.cancel()
        with suppress(asyncio.CancelledError):
            await refreshing
        app.state.metrics.forget()
        app.state.service.workspace.store.close()


async def _refresh(app: FastAPI) -> None:
    while True:
        app.state.metrics.refresh()
        await asyncio.sleep(_REFRESH_S)
