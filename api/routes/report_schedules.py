"""Reports that go by mail on schedule."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path

from api.errors import documented
from api.report_schemas import DeliveryBody, ScheduleBody, ScheduleChange, ScheduleList, ScheduleToMake
from api.view import ViewOf
from forecast.reports.schedule import Schedule

router = APIRouter(prefix="/report-schedules", tags=["reports"])

ScheduleId = Annotated[str, Path(max_length=20, description="Number of the schedule.", examples=["7"])]


@router.get("", responses=documented(), summary="Schedules and what they sent")
def schedules(view: ViewOf) -> ScheduleList:
    """A delivery that failed says why; the next run tries it again, five times in all."""
    return ScheduleList(
        schedules=[_body(one) for one in view.reports.schedules()],
        deliveries=[DeliveryBody.model_validate(asdict(one)) for one in view.reports.deliveries()],
    )


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
