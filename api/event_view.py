"""Events as one caller may send them, and changes as one caller may hear of them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from api.event_schemas import Change, Changes
from api.rights import Caller, Rights, require
from api.service import Service
from forecast.ports import DeadEvent
from forecast.usecases.events import Event


class EventView:
    """What comes in through the door of one caller.

    Parameters
    ----------
    service : Service
    caller : Caller
    """

    def __init__(self, service: Service, caller: Caller) -> None:
        self._service = service
        self._caller = caller

    def accept(self, events: Sequence[Event]) -> None:
        """Take events into the queue, all or none."""
        require(self._caller, "events")
        self._service.workspace.accept_events(events)
        self._caller.trail.note("accept events", f"n={len(events)}")

    def dead(
        self,
        limit: int,
        *,
        tables: Collection[str] = (),
        after: tuple[datetime, str] | None = None,
        newest_first: bool = False,
    ) -> tuple[int, int, list[DeadEvent]]:
        """How many could not be stored, how many requests wait in the queue, and some of the former.

        These are the oldest, or the next ones after a moment of failure and an id.
        """
        require(self._caller, "events")
        workspace = self._service.workspace
        return (
            workspace.store.count_dead_events(),
            workspace.event_backlog().deliveries,
            workspace.store.dead_events(tables=tables, after=after, newest_first=newest_first, limit=limit),
        )

    def retry(self, event_ids: Collection[str] | None) -> int:
        """Put events that could not be stored into the queue again."""
        require(self._caller, "events")
        return self._service.workspace.retry_dead_events(event_ids)

    def changes(self, since: str) -> Changes:
        """What changed since a mark among the rows that the caller may see now, by the teams of this moment.

        Raises
        ------
        InvalidInput
            If the mark is none that this service gave.
        """
        require(self._caller, "rows")
        rights, marks = Rights.of(self._caller, self._service.organisation()), self._service.marks
        found = self._service.workspace.score_changes(marks.number(since), rights.owners)
        changes = [
            Change.model_validate({"entity": one.entity, "id": one.entity_id, "what": one.what, "as_of": one.as_of})
            for one in found.changes
        ]
        return Changes(until=marks.mark(found.until), reset=found.reset, changes=changes)

    def check(self, since: str) -> None:
        """Raise `InvalidInput` unless this service gave the mark."""
        self._service.marks.number(since)

    def may_follow(self) -> None:
        """Raise `NotAllowed` unless the caller may hear of changes."""
        require(self._caller, "rows")

    def last_change(self) -> str:
        """Mark of the last change of anybody's rows, which tells nothing of them."""
        require(self._caller, "rows")
        return self.mark(self._service.workspace.last_score_change())

    def mark(self, number: int) -> str:
        """The mark of a change."""
        return self._service.marks.mark(number)
