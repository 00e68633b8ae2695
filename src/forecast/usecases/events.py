"""Facts that arrive one by one: what an event is, and what is checked when it comes.

An event is one version of one row of a canonical table. What its row leaves out stays as it is, NULL is null, other
names than the table's own are attributes: as in a mapping.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.errors import InvalidInput
from forecast.history import open_connection
from forecast.mapping.queries import ROW
from forecast.mapping.source import describe
from forecast.mapping.spec import MappingSpec, suggestion
from forecast.mapping.validation import check_rows
from forecast.ports import DeadEvent
from forecast.schema import TABLES
from forecast.settings import Settings

#: The name of the source of rows that came as events.
SOURCE = "events"

#: Rows with different columns are checked in groups; nobody sends more forms than this at once.
MAX_FORMS = 100

#: When a version counts as known, in microseconds since 1970: a column of our own beside a row's.
KNOWN_US = "_known_us"

#: Names that a row cannot use: the envelope says when it became known, and the lake folds attributes into one column.
_RESERVED = ("recorded_at", "attributes", ROW, KNOWN_US)


@dataclass(frozen=True)
class Event:
    """One fact: a version of a row of a canonical table.

    Attributes
    ----------
    event_id : str
        The sender's; the same id again is the same event.
    table : str
        A canonical table.
    row : mapping of column to text, number, yes/no or None
    received_at : datetime
    recorded_at : datetime, optional
        When the source knew it; by default when it was received.
    """

    event_id: str
    table: str
    row: Mapping[str, Any]
    received_at: datetime
    recorded_at: datetime | None = None

    @property
    def known_at(self) -> datetime:
        """From when on it counts as known."""
        return (self.recorded_at or self.received_at).astimezone(UTC)

    @property
    def key(self) -> tuple[str | None, ...]:
        """Table and id of the row."""
        values = {name.lower(): value for name, value in self.row.items()}
        return self.table, *(as_text(values.get(name)) for name in TABLES[self.table].key)

    @property
    def fingerprint(self) -> str:
        """What it says, short: an id that comes again with another fingerprint is a mistake of the sender."""
        said = [self.table, dict(self.row), self.recorded_at and self.known_at.isoformat()]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.event_id,
            "table": self.table,
            "row": dict(self.row),
            "received_at": self.received_at.isoformat(),
            "recorded_at": self.recorded_at and self.recorded_at.isoformat(),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Event":
        """What `to_json` gave."""
        recorded_at = said["recorded_at"] and datetime.fromisoformat(said["recorded_at"])
        return cls(said["id"], said["table"], said["row"], datetime.fromisoformat(said["received_at"]), recorded_at)

    def dead(self, reason: str, now: datetime) -> DeadEvent:
        """As one that could not be stored."""
        return DeadEvent(self.event_id, self.table, self.received_at, now, reason, self.to_json())


def check_events(events: Sequence[Event], settings: Settings, now: datetime) -> None:
    """Refuse events that break a rule of their table by themselves.

    What depends on the lake (whether an id is known, what an earlier version says) is checked when they are stored.

    Raises
    ------
    InvalidInput
        If any event breaks a rule; the message names up to three events with their field and the rule.
    """
    broken = {place: fault for place, event in enumerate(events) if (fault := _fault(event))}
    forms: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for place, event in enumerate(events):
        if place not in broken:
            forms.setdefault((event.table, tuple(sorted(event.row))), []).append(place)
    if len(forms) > MAX_FORMS:
        raise InvalidInput(f"A batch can have rows of at most {MAX_FORMS} forms, got {len(forms)}; send it in parts.")
    with open_connection() as con:
        for (table, _), places in forms.items():
            broken |= _broken(con, table, {place: events[place] for place in places}, settings, now)
    if broken:
        told = [f"Event {events[place].event_id!r}: {broken[place]}" for place in sorted(broken)[:3]]
        more = [f"and {len(broken) - 3} more"] if len(broken) > 3 else []
        raise InvalidInput("; ".join(told + more) + ". None of the batch was taken; correct and send it again.")


def _fault(event: Event) -> str | None:
    """What is wrong with the form of an event."""
    if event.table not in TABLES:
        return f"table {event.table!r} is unknown{suggestion(event.table, tuple(TABLES))}"
    lowered = [name.lower() for name in event.row]
    if twice := [name for name in event.row if lowered.count(name.lower()) > 1]:
        return f"{event.table}.{twice[0]} is there twice, in upper and lower case"
    if reserved := [name for name in event.row if name.lower() in _RESERVED]:
        return f"{event.table}.{reserved[0]} cannot be given in a row" + (
            "; say it beside the row" if reserved[0].lower() == "recorded_at" else ""
        )
    values = dict(zip(lowered, event.row.values(), strict=True))
    missing = [key for key in TABLES[event.table].key if as_text(values.get(key)) in (None, "")]
    return f"{event.table}.{missing[0]} is missing: every row needs its key" if missing else None


def _broken(
    con: DuckDBPyConnection, table: str, events: Mapping[int, Event], settings: Settings, now: datetime
) -> dict[int, str]:
    """Events of one table and form that break a rule, by their place, with the rule."""
    rows = [
        {ROW: place, "recorded_at": event.known_at.isoformat(), **{name: as_text(v) for name, v in event.row.items()}}
        for place, event in events.items()
    ]
    columns = {
        name: pa.array([row[name] for row in rows], pa.int64() if name == ROW else pa.string()) for name in rows[0]
    }
    con.register("_given", pa.table(columns))
    spec = mapping_of(settings)
    source = describe(con, spec, table, "_given", {}, empty=False)
    check_rows(con, spec, source, now)
    broken = con.execute(f"SELECT {ROW}, reason FROM {source.rejected}").fetchall()
    con.execute(f"DROP VIEW {source.accepted}; DROP TABLE {source.checked}; DROP TABLE {source.rejected}")
    con.unregister("_given")
    return {place: f"{table}.{_rule(reason)}" for place, reason in broken}


def _rule(reason: str) -> str:
    """A reason without its advice on queries, which senders of events do not write."""
    return reason.rpartition("; ")[0] or reason


def mapping_of(settings: Settings) -> MappingSpec:
    """How rows of events are read: moments without an offset and amounts without a currency are the workspace's."""
    return MappingSpec(
        name="event",
        source=SOURCE,
        inputs={},
        tables={},
        timezone=settings.timezone,
        currency=settings.reporting_currency,
    )


def as_text(value: Any) -> str | None:
    """A value of a row as text, as a file would hold it."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else repr(value)
