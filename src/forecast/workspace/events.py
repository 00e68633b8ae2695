"""Facts that arrive one by one, the worker that brings them in, and what open pages hear of it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from forecast.workspace.base import WorkspaceBase

if TYPE_CHECKING:
    from forecast.adapters.event_queue import EventQueue
    from forecast.ports import DeadEvent, ScoreChanges
    from forecast.usecases.event_worker import Backlog, EventWorker
    from forecast.usecases.events import Event


class EventCalls(WorkspaceBase):
    """Events, from their acceptance to the scores that they change."""

    @cached_property
    def event_queue(self) -> EventQueue:
        """What was accepted and is not in the lake yet."""
        from forecast.adapters.event_queue import EventQueue

        return EventQueue(self.path / "events")

    def accept_events(self, events: Sequence[Event]) -> None:
        """Check events and put them into the queue, all or none; they are on the disk when this returns.

        Raises
        ------
        InvalidInput
            If one breaks a rule of its table; the message names event and field.
        """
        from forecast.usecases.events import check_events

        check_events(events, self.settings, self.clock.now())
        self.event_queue.put(events)

    def event_backlog(self) -> Backlog:
        """What waits in the queue, and since when."""
        return self.event_queue.backlog()

    def event_worker(self) -> EventWorker:
        """The one that brings events into the lake and rescores what they touch."""
        from forecast.usecases.event_worker import EventWorker
        from forecast.usecases.rescore_touched import TouchedScorer

        self.lake.hold()
        rescore = TouchedScorer(self.lake, self.registry, self.store, self.settings, self.clock)
        return EventWorker(self.event_queue, self.lake, self.store, self.settings, self.clock, rescore)

    def work(self, stop: threading.Event) -> None:
        """Bring in events and keep scores fresh until ``stop`` is set; stands by while another worker does."""
        self.event_worker().run(stop)

    def dead_events(self, limit: int = 1_000) -> list[DeadEvent]:
        """Events that were accepted and could not be stored, oldest failure first."""
        return self.store.dead_events(limit=limit)

    def retry_dead_events(self, event_ids: Collection[str] | None = None) -> int:
        """Put events that could not be stored into the queue again, of these ids or the 10,000 oldest; how many."""
        from forecast.usecases.events import Event

        dead = self.store.dead_events(event_ids, limit=10_000)
        self.event_queue.put([Event.from_json(event.content) for event in dead])
        self.store.revive_events([event.event_id for event in dead])
        return len(dead)

    def score_changes(self, since: int, owner_ids: Collection[str] | None = None) -> ScoreChanges:
        """What changed among the latest scores after a change number, of these owners or all."""
        return self.store.score_changes(since, owner_ids=owner_ids)

    def last_score_change(self) -> int:
        """Number of the last change of the latest scores."""
        return self.store.last_change()
