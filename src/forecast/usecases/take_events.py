"""Events into the lake: many at once as one commit, each once for good.

The lake keeps the id of every event with the batch that brought it, so that an event which is delivered again, however
late, changes nothing: neither a lost answer nor a killed process makes two facts of one.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd
import pyarrow as pa

from forecast.ports import DeadEvent
from forecast.settings import Settings
from forecast.usecases.event_rows import rows_of
from forecast.usecases.events import SOURCE, Event, mapping_of
from forecast.usecases.ingest import Findings, Writer, examine

#: An event may be rejected only because it rests on another rejected one; it is tried again without, so many times.
_ROUNDS = 20

#: What `examine` wants to know of rows that were rejected before: those of events wait elsewhere.
_NO_QUARANTINE = pd.DataFrame(
    {name: pd.Series(dtype="string") for name in ("rejected_id", "source", "table_name", "content", "mapping")}
    | {name: pd.Series(dtype="int64") for name in ("row_number", "batch")}
)


class EventWriter(Writer, Protocol):
    """One commit in the making, which also notes the events that it brings."""

    def stored_events(self) -> str:
        """Relation with event_id and fingerprint of every event that came in."""
        ...

    def note_events(self, events: pa.Table) -> None:
        """Note the events, given by event_id and fingerprint."""
        ...


class EventLake(Protocol):
    """A lake that takes events."""

    def head(self) -> int:
        """Last batch."""
        ...

    def writing(self) -> AbstractContextManager[EventWriter]:
        """Make one commit, or none when left without."""
        ...


@dataclass(frozen=True)
class Taken:
    """What became of events that were brought to the lake.

    Attributes
    ----------
    batch : int
        The batch that brought them; the last one when none was new.
    n_stored, n_known : int
        New ones, and those that were there already.
    dead : tuple of DeadEvent
        Those that break a rule together with what the lake holds.
    """

    batch: int
    n_stored: int
    n_known: int
    dead: tuple[DeadEvent, ...]


def take_events(events: Sequence[Event], lake: EventLake, settings: Settings, now: datetime) -> Taken:
    """Bring events into the lake as one commit, in the order in which they came.

    Parameters
    ----------
    events : sequence of Event
        Passed `check_events` when they came.
    lake : EventLake
    settings : Settings
    now : datetime
        Nothing can have been recorded later.

    Raises
    ------
    DataUnavailable
        If another writer holds the lake.
    """
    if not events:
        return Taken(lake.head(), 0, 0, ())
    with lake.writing() as writer:
        fresh, clashing = _unknown(events, writer)
        n_known = len(events) - len(fresh) - len(clashing)
        taken, findings, rejected = _sift(fresh, writer, settings, now)
        dead = [event.dead(reason, now) for event, reason in (*clashing, *rejected)]
        if not taken:
            return Taken(writer.batch - 1, 0, n_known, tuple(dead))
        findings.append_to(writer)
        named = {"event_id": [event.event_id for event in taken], "fingerprint": [event.fingerprint for event in taken]}
        writer.note_events(pa.table(named))
        summary = {"source": SOURCE, "events": len(taken), "counts": findings.counts}
        return Taken(writer.commit(summary), len(taken), n_known, tuple(dead))


_CLASH = "the id was used before for something else; give every event an id of its own"


def _unknown(events: Sequence[Event], writer: EventWriter) -> tuple[list[Event], list[tuple[Event, str]]]:
    """Events that the lake does not have, each once; and those whose id says something else there."""
    writer.con.register("_asked", pa.table({"event_id": pa.array([event.event_id for event in events])}))
    stored = f"SELECT event_id, fingerprint FROM {writer.stored_events()} SEMI JOIN _asked USING (event_id)"
    known: dict[str, str] = dict(writer.con.execute(stored).fetchall())
    writer.con.unregister("_asked")
    fresh, clashing = [], []
    for event in events:
        if event.event_id not in known:
            fresh.append(event)
            known[event.event_id] = event.fingerprint
        elif known[event.event_id] != event.fingerprint:
            clashing.append((event, _CLASH))
    return fresh, clashing


def _sift(
    events: Sequence[Event], writer: EventWriter, settings: Settings, now: datetime
) -> tuple[list[Event], Findings, list[tuple[Event, str]]]:
    """Events that can be stored, their new versions, and the other events with the reason.

    A row that an event leaves in part is completed by earlier events of the same id, and one of these may be wrong. So
    of each id only the first rejected event is given up, and the others are tried again without it.
    """
    rejected: dict[int, str] = {}
    for round_ in range(_ROUNDS + 1):
        kept = [place for place in range(len(events)) if place not in rejected]
        findings = examine(mapping_of(settings), _by_table(events, kept, writer), writer, _NO_QUARANTINE, now)
        found = _rejected(findings)
        if not found:
            break
        rejected |= found if round_ == _ROUNDS - 1 else _first_of_each(events, found)
    return [events[place] for place in kept], findings, [(events[place], rejected[place]) for place in sorted(rejected)]


def _by_table(events: Sequence[Event], places: Sequence[int], writer: EventWriter) -> dict[str, pa.Table]:
    """Rows of these events by table; a row is numbered by the place of its event."""
    chosen: dict[str, dict[int, Event]] = {}
    for place in places:
        chosen.setdefault(events[place].table, {})[place] = events[place]
    return {table: rows_of(table, rows, writer) for table, rows in chosen.items()}


def _rejected(findings: Findings) -> dict[int, str]:
    """Reasons by the place of the event."""
    return {
        place: f"{table}.{reason}"
        for table, rows in findings.rejected.items()
        for place, reason in zip(rows["row_number"].to_pylist(), rows["reason"].to_pylist(), strict=True)
    }


def _first_of_each(events: Sequence[Event], found: Mapping[int, str]) -> dict[int, str]:
    """Of the rejected events of each id the one that counts first."""
    first: dict[object, int] = {}
    for place in sorted(found, key=lambda place: (events[place].known_at, place)):
        first.setdefault(events[place].key, place)
    return {place: found[place] for place in first.values()}
