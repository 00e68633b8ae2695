"""Events that were accepted and are not in the lake yet, on the disk of the workspace.

The queue is ``persist-queue``'s `SQLiteAckQueue`: what was put is on the disk when `put` returns (SQLite in WAL mode
with full synchronisation), any number of processes may put at once, and what was taken stays there until it is
acknowledged, so a consumer killed at any point gets it again. ``huey``, the other library at hand, deletes a task when
it hands it out: an event would die with its worker. Events are delivered at least once; that none comes in twice is the
lake's part, which keeps their ids. There is one consumer at a time, by a lock: a second one would take for forgotten
what the first one has in hand. The queue belongs to one machine, or to one volume with working locks, as the lake does.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from persistqueue import Empty, SQLiteAckQueue

from forecast.usecases.event_worker import Backlog, Delivery
from forecast.usecases.events import Event

_FILE = "queue.db"
_NAME = "events"
#: Seconds that a process waits for another one's write.
_WAIT_S = 30.0
#: How often a second worker looks whether the first one is gone.
_STANDBY_S = 1.0


class _Json:
    """How the library writes an item: plain JSON, which no release of ours fails to read and which runs no code."""

    @staticmethod
    def dumps(item: Any) -> bytes:
        return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()

    @staticmethod
    def loads(content: bytes) -> Any:
        return json.loads(content)


class EventQueue:
    """The durable queue of one workspace.

    Parameters
    ----------
    folder : path
        Made when first used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _queue(self) -> SQLiteAckQueue:
        # Only the one consumer may take up again what was in hand: see `consuming`.
        return self._open(auto_resume=False)

    def put(self, events: Sequence[Event]) -> None:
        """Accept events, all or none; they are on the disk when this returns."""
        if events:
            self._queue.put([event.to_json() for event in events])

    def backlog(self) -> Backlog:
        """How many deliveries wait, and since when the oldest does."""
        file = self._folder / _FILE
        if not file.is_file():
            return Backlog(0, None)
        with closing(sqlite3.connect(file, timeout=_WAIT_S)) as con:
            table = f"ack_queue_{_NAME}"
            if not con.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
                return Backlog(0, None)
            waiting, oldest = con.execute(f"SELECT count(*), min(timestamp) FROM {table} WHERE status < 5").fetchone()
        return Backlog(waiting, None if oldest is None else datetime.fromtimestamp(oldest, UTC))

    @contextmanager
    def consuming(self, stop: threading.Event) -> Iterator["Consumer | None"]:
        """Be the one consumer, once no other is; None when stopped before.

        What a killed consumer had in hand is delivered again.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "consumer.lock", is_singleton=False)
        while not stop.is_set():
            try:
                lock.acquire(timeout=0)
            except Timeout:
                stop.wait(_STANDBY_S)
                continue
            try:
                yield Consumer(self._open(auto_resume=True))
                return
            finally:
                lock.release()
        yield None

    def _open(self, *, auto_resume: bool) -> SQLiteAckQueue:
        return SQLiteAckQueue(
            str(self._folder),
            auto_resume=auto_resume,
            name=_NAME,
            db_file_name=_FILE,
            multithreading=True,
            timeout=_WAIT_S,
            serializer=_Json,
        )


@dataclass(frozen=True)
class Consumer:
    """The one that takes from the queue; comes from `EventQueue.consuming`."""

    queue: SQLiteAckQueue

    def take(self, limit: int) -> list[Delivery]:
        """The oldest deliveries, with together about so many events; they stay on the disk until they are `done`."""
        deliveries: list[Delivery] = []
        count = 0
        while count < limit:
            try:
                item = self.queue.get(block=False, raw=True)
            except Empty:
                break
            events = tuple(Event.from_json(said) for said in item["data"])
            deliveries.append(Delivery(item["pqid"], events))
            count += len(events)
        return deliveries

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Forget deliveries: their events are safe elsewhere."""
        for delivery in deliveries:
            self.queue.ack(id=delivery.number)
        if deliveries:
            self.queue.clear_acked_data(max_delete=len(deliveries) + 1_000, keep_latest=0)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Have deliveries taken again, in their order."""
        for delivery in deliveries:
            self.queue.nack(id=delivery.number)
