"""``/report-schedules``: reports that go by mail, and what was sent."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.pages.site import Page, PageOf
from api.schemas import Text
from forecast.adapters.report_files import FORMATS
from forecast.adapters.report_specs import READY, ready_report
from forecast.errors import InvalidInput, UnknownEntity
from forecast.reports.period_rules import RULES, rule_title

router = APIRouter()


@router.get("/report-schedules")
def schedules(page: PageOf) -> HTMLResponse:
    """Schedules, a form for a new one, and deliveries."""
    return _shown(page)


@router.post("/report-schedules")
def add(
    page: PageOf,
    report: Annotated[Text, Form()],
    period: Annotated[Text, Form()],
    every: Annotated[Text, Form()],
    form: Annotated[Text, Form(alias="format")],
    lang: Annotated[Text, Form()],
    recipients: Annotated[list[Text] | None, Form()] = None,
    day: Annotated[int, Form()] = 1,
    hour: Annotated[int, Form()] = 7,
) -> Response:
    """A new schedule."""
    try:
        page.view.reports.add_schedule(
            report=report, period=period, every=every, form=form, lang=lang, day=day, hour=hour,
            recipients=tuple(dict.fromkeys(recipients or ())),
        )  # fmt: skip
    except (InvalidInput, UnknownEntity) as error:
        return _shown(page, str(error), status=422)
    return RedirectResponse("/report-schedules", 303)


@router.post("/report-schedules/{schedule_id}/stop")
def stop(page: PageOf, schedule_id: str) -> RedirectResponse:
    """Send nothing more, for now."""
    page.view.reports.set_schedule_active(schedule_id, active=False)
    return RedirectResponse("/report-schedules", 303)


@router.post("/report-schedules/{schedule_id}/start")
def start(page: PageOf, schedule_id: str) -> RedirectResponse:
    """Go on."""
    page.view.reports.set_schedule_active(schedule_id, active=True)
    return RedirectResponse("/report-schedules", 303)


@router.post("/report-schedules/{schedule_id}/delete")
def delete(page: PageOf, schedule_id: str) -> RedirectResponse:
    """Forget a schedule."""
    page.view.reports.delete_schedule(schedule_id)
    return RedirectResponse("/report-schedules", 303)


def _shown(page: Page, problem: str = "", *, status: int = 200) -> HTMLResponse:
    room = page.view.reports
    titles = {name: ready_report(name).title.text.in_language(page.lang) for name in READY}
    context = {
        "schedules": room.schedules(),
        "deliveries": room.deliveries(),
        "recipients": room.recipients(),
        "titles": titles,
        "rules": [(rule, title.in_language(page.lang)) for rule, title in RULES.items()],
        "period_title": lambda rule: rule_title(rule, page.lang),
        "formats": FORMATS,
        "can_mail": bool(page.service.workspace.settings.smtp_host),
        "problem": problem,
    }
    return page.render("reports/schedules.html", context, status=status)
