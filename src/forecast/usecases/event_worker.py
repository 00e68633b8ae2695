"""The one that brings events from the queue into the lake and keeps the scores fresh, turn by turn.

Nothing that matters is in its memory: what waits is in the queue, what came in is in the lake, what was scored is in
the store. Killed at any point, the next one goes on from there.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import duckdb
import pyarrow as pa

from forecast.errors import DataUnavailable, InvalidInput
from forecast.ports import Clock, DeadEvent, Store
from forecast.settings import Settings
from forecast.usecases.events import Event
from forecast.usecases.readiness import WORKER
from forecast.usecases.take_events import EventLake, Taken, take_events

logger = logging.getLogger("forecast.worker")

#: Events of one commit.
MAX_EVENTS = 5_000

#: Seconds from one commit to the next; and the longest pause while something cannot be reached.
INTERVAL_S, LONGEST_PAUSE_S = 1.0, 60.0

#: What an event may raise that no later attempt can mend. Disks, databases and leases mend.
_HOPELESS = (InvalidInput, duckdb.Error, pa.ArrowException, ValueError, TypeError, KeyError)


@dataclass(frozen=True)
class Delivery:
    """Events that were accepted together, with the number under which the queue knows them."""

    number: int
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Backlog:
    """What waits in the queue."""

    deliveries: int
    oldest_at: datetime | None


class Consumer(Protocol):
    """The taking end of the queue."""

    def take(self, limit: int) -> list[Delivery]:
        """The oldest deliveries."""
        ...

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Forget them."""
        ...

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Have them taken again."""
        ...


class Queue(Protocol):
    """The durable queue."""

    def consuming(self, stop: threading.Event) -> AbstractContextManager[Consumer | None]:
        """Be the one consumer."""
        ...


class WorkerLake(EventLake, Protocol):
    """A lake that takes events and merges its small files."""

    def tidy(self) -> bool:
        """Merge small files when there are many; whether it did."""
        ...


class EventWorker:
    """Takes turns until it is stopped.

    Parameters
    ----------
    queue, lake, store, settings, clock
    rescore : callable
        Scores what the lake's new batches touched; gives how many scores changed.
    """

    def __init__(
        self,
        queue: Queue,
        lake: WorkerLake,
        store: Store,
        settings: Settings,
        clock: Clock,
        rescore: Callable[[], int],
    ) -> None:
        self._queue, self._lake, self._store = queue, lake, store
        self._settings, self._clock, self._rescore = settings, clock, rescore

    def run(self, stop: threading.Event) -> None:
        """Take turns until ``stop`` is set; a turn in hand is finished."""
        failures = 0
        with self._queue.consuming(stop) as consumer:
            while consumer is not None and not stop.is_set():
                began = time.monotonic()
                try:
                    self.turn(consumer)
                    self._store.beat(WORKER)
                    failures = 0
                except (DataUnavailable, OSError) as error:
                    failures += 1
                    logger.warning("cannot go on, attempt %d: %s", failures, error)
                pause = min(LONGEST_PAUSE_S, INTERVAL_S * 2**failures) if failures else INTERVAL_S
                stop.wait(max(0.0, began + pause - time.monotonic()))

    def turn(self, consumer: Consumer) -> Taken:
        """Bring in what waits, score what it touched, and merge small files now and then."""
        taken = self.flush(consumer)
        n_scored = self._rescore()
        if taken.n_stored or taken.dead or n_scored:
            told = (taken.n_stored, taken.batch, taken.n_known, len(taken.dead), n_scored)
            logger.info("%d events in batch %d, %d known, %d dead, %d scores", *told)
        self._lake.tidy()
        return taken

    def flush(self, consumer: Consumer) -> Taken:
        """Bring what waits into the lake; it leaves the queue only when it is safe there."""
        deliveries = consumer.take(MAX_EVENTS)
        events = [event for delivery in deliveries for event in delivery.events]
        try:
            taken = self._take(events)
            if taken.n_stored and self._store.count_dead_events():  # some may have been corrected and sent again
                self._store.revive_events([event.event_id for event in events])
            if taken.dead:
                self._store.bury_events(taken.dead)
        except (DataUnavailable, OSError):
            consumer.give_back(deliveries)
            raise
        consumer.done(deliveries)
        return taken

    def _take(self, events: Sequence[Event]) -> Taken:
        """One commit; when an event is impossible, as many as it takes to find which."""
        try:
            return take_events(events, self._lake, self._settings, self._clock.now())
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise DataUnavailable(f"The lake cannot be written: {type(error).__name__}.") from error
        except _HOPELESS as error:
            logger.error("%d events cannot be stored together: %s", len(events), type(error).__name__)
            if len(events) == 1:
                return Taken(self._lake.head(), 0, 0, (self._hopeless(events[0], error),))
            half = len(events) // 2
            first, second = self._take(events[:half]), self._take(events[half:])
            return Taken(
                second.batch, first.n_stored + second.n_stored, first.n_known + second.n_known, first.dead + second.dead
            )

    def _hopeless(self, event: Event, error: Exception) -> DeadEvent:
        reason = str(error) if isinstance(error, InvalidInput) else f"cannot be stored ({type(error).__name__})"
        return event.dead(reason, self._clock.now())
