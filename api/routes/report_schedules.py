"""Reports that go by mail on schedule."""

from dataclasses import asdict
from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Path, Query

from api.errors import documented
from api.lists import Listing, kept
from api.report_schemas import (
    DeliveriesQuery,
    DeliveryBody,
    DeliveryPage,
    ScheduleBody,
    ScheduleChange,
    ScheduleList,
    SchedulesQuery,
    ScheduleToMake,
)
from api.view import ViewOf
from forecast.reports.schedule import Schedule

router = APIRouter(prefix="/report-schedules", tags=["reports"])

#: More mails than a company sends in years.
_ALL = 100_000

ScheduleId = Annotated[str, Path(max_length=20, description="Number of the schedule.", examples=["7"])]


@router.get("", responses=documented(), summary="Schedules and what they sent")
def schedules(view: ViewOf, query: Annotated[SchedulesQuery, Query()]) -> ScheduleList:
    """A delivery that failed says why; the next run tries it again, five times in all."""
    there = {one.id: one for one in view.reports.schedules()}
    names = ["id", "report", "created_at", "is_active"]
    found = pd.DataFrame([{name: getattr(one, name) for name in names} for one in there.values()], columns=names)
    found["created_at"] = pd.to_datetime(found["created_at"], utc=True)
    found = kept(found, report=query.report, is_active=query.is_active)
    shown = Listing("schedules", query).page(found, ["id"])
    return ScheduleList(
        schedules=[_body(there[row["id"]]) for row in shown.rows],
        deliveries=[DeliveryBody.model_validate(asdict(one)) for one in view.reports.deliveries()],
        next_cursor=shown.next_cursor,
    )


@router.get("/deliveries", responses=documented(), summary="What schedules sent")
def deliveries(view: ViewOf, query: Annotated[DeliveriesQuery, Query()]) -> DeliveryPage:
    """Every mail that was due: sent, being sent, or why not."""
    sent = [asdict(one) for one in view.reports.deliveries(_ALL)]
    found = pd.DataFrame(sent, columns=list(DeliveryBody.model_fields))
    for name in ("due_at", "at"):
        found[name] = pd.to_datetime(found[name], utc=True)
    found = kept(found, schedule_id=query.schedule_id, recipient=query.recipient, status=query.status)
    shown = Listing("deliveries", query).page(found, ["schedule_id", "due_at", "recipient"])
    return DeliveryPage(items=[DeliveryBody.model_validate(row) for row in shown.rows], next_cursor=shown.next_cursor)


@router.post("", status_code=201, responses=documented(400, 404), summary="Send a report on schedule")
def add(view: ViewOf, body: ScheduleToMake) -> ScheduleBody:
    """Each recipient gets the report under the own rights of that moment; nothing is sent twice."""
    asked = body.model_dump()
    return _body(
        view.reports.add_schedule(
            form=asked.pop("format"), recipients=tuple(dict.fromkeys(asked.pop("recipients"))), **asked
        )
    )


@router.put("/{schedule_id}", status_code=204, responses=documented(400, 404), summary="Stop or start a schedule")
def change(view: ViewOf, schedule_id: ScheduleId, body: ScheduleChange) -> None:
    """A schedule that is stopped sends nothing; what was due meanwhile but for the last time is not made up for."""
    view.reports.set_schedule_active(schedule_id, active=body.is_active)


@router.delete("/{schedule_id}", status_code=204, responses=documented(404), summary="Forget a schedule")
def delete(view: ViewOf, schedule_id: ScheduleId) -> None:
    """What it sent stays on record."""
    view.reports.delete_schedule(schedule_id)


def _body(schedule: Schedule) -> ScheduleBody:
    fields = asdict(schedule)
    return ScheduleBody.model_validate(fields | {"format": fields["form"], "recipients": list(schedule.recipients)})
