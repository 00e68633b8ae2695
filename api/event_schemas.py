"""Bodies of events that come in, of those that could not be stored, and of changes that open pages follow."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.queries import ListQuery
from api.schemas import Moment, Text
from forecast.schema import TABLES

EventId = Annotated[str, Field(min_length=1, max_length=200, pattern="^[!-~]+$", examples=["crm-8812"])]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Value = Annotated[str, Field(max_length=32_768)] | int | Annotated[float, Field(allow_inf_nan=False)] | bool | None

#: Most events of one request.
MAX_EVENTS = 1_000

_EXAMPLE: dict[str, Any] = {
    "id": "crm-8812",
    "table": "interactions",
    "row": {
        "interaction_id": "I-8812",
        "at": "2026-03-31T09:00:00+02:00",
        "channel": "phone",
        "direction": "in",
        "lead_id": "L-17",
    },
}


class EventToTake(BaseModel):
    """One fact: a new version of one row of a canonical table."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    id: EventId = Field(description="Of the sender's choice; the same id again is the same event, for good.")
    table: str = Field(max_length=50, description="Canonical table.", json_schema_extra={"enum": list(TABLES)})
    row: dict[Name, Value] = Field(
        min_length=1,
        max_length=500,
        description="Columns of the table, its key at least; other names are attributes. What is left out stays as it "
        "is, null empties. Moments without an offset are in the workspace's time zone.",
    )
    recorded_at: AwareDatetime | None = Field(
        default=None, description="When the source knew it; by default the moment of receipt. Not ahead of now."
    )


class EventsToTake(BaseModel):
    """Many events, taken all or none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"events": [_EXAMPLE]}]})

    events: list[EventToTake] = Field(min_length=1, max_length=MAX_EVENTS)


class EventsTaken(BaseModel):
    """Events that are safe: they are in the lake within seconds, whatever happens meanwhile."""

    accepted: list[str] = Field(description="Ids, in the order sent.", examples=[["crm-8812"]])


class DeadEventsQuery(ListQuery):
    """Which events."""

    table: list[Text] = Field(default=[], max_length=50, description="Canonical tables.", examples=[["leads"]])
    limit: int = Field(default=100, ge=1, le=1_000, description="Rows per page.")
    sort: Literal["failed_at"] = "failed_at"
    order: Literal["desc", "asc"] | None = Field(default=None, description="Default the oldest failure first.")


class DeadEventBody(BaseModel):
    """An event that was accepted and could not be stored."""

    id: str = Field(examples=["crm-8813"])
    table: str = Field(examples=["leads"])
    received_at: Moment
    failed_at: Moment
    reason: str = Field(examples=["leads.owner_id: 'U-9' is not in users; bring in its row of users"])
    row: dict[str, Any] = Field(examples=[{"lead_id": "L-18", "owner_id": "U-9"}])


class DeadEvents(BaseModel):
    """Events that wait for somebody to look at them, oldest failure first, and how much is in the queue."""

    total: int = Field(description="All that wait, also those not shown.", examples=[1])
    waiting: int = Field(description="Accepted requests that are not in the lake yet.", examples=[0])
    dead: list[DeadEventBody]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class EventsToRetry(BaseModel):
    """Which events to try again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": ["crm-8813"]}]})

    ids: list[EventId] | None = Field(default=None, max_length=MAX_EVENTS, description="By default all.")


class EventsRetried(BaseModel):
    """How many events are in the queue again."""

    retried: int = Field(examples=[1])


#: What a mark of changes looks like.
A_MARK = "k3Yp0cQ8Zr1uT5vW7xA9bDm2Hn4Jf6Ls"


class Change(BaseModel):
    """A lead or opportunity whose latest score changed."""

    entity: Literal["lead", "opportunity"]
    id: str = Field(examples=["L-17"])
    what: Literal["scored", "gone"] = Field(description="gone: closed, or now somebody else's.")
    as_of: Moment


class Changes(BaseModel):
    """What changed among the caller's own rows since a mark."""

    until: str = Field(description="Send it as `since` next time.", examples=[A_MARK])
    reset: bool = Field(description="Everything may have changed: read the list anew.", examples=[False])
    changes: list[Change]
