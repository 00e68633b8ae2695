"""``/reports``: the gallery, one report with its files, a form for own ones."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.pages.report_form import ReportForm, blank_form, form_of
from api.pages.site import Page, PageOf
from api.report_schemas import PeriodRule, ReportFormat
from api.routes.reports import report_file
from forecast.errors import InvalidInput
from forecast.reports import Report, ReportSpec, to_yaml
from forecast.reports.charts import chart_svg
from forecast.reports.document import document
from forecast.reports.period_rules import RULES

router = APIRouter()

#: Reads on light and on dark: a picture does not know the colours of the page around it.
_INK = "#7b8692"
_PREVIEW = (6.0, 2.6)
_EMPTY = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 260" width="600" height="260"><text x="300" y="135" '
    f'text-anchor="middle" font-family="system-ui, sans-serif" font-size="18" fill="{_INK}">{{}}</text></svg>'
)
Period = Annotated[PeriodRule | None, Query()]


@router.get("/reports")
def gallery(page: PageOf) -> HTMLResponse:
    """Ready reports and own ones, each with a picture."""
    room = page.view.reports
    shown = {
        "ready": _cards(page, room.ready()),
        "own": _cards(page, room.own()),
        "keeps_schedules": room.keeps_schedules,
    }
    return page.render("reports/gallery.html", shown)


@router.get("/reports/new")
def new(page: PageOf) -> HTMLResponse:
    """The form of an own report."""
    page.view.reports.ready()
    return page.render("reports/form.html", {"form": blank_form(page.lang)} | _empty_preview())


@router.get("/reports/preview")
def preview(page: PageOf, form: Annotated[ReportForm, Depends(form_of)]) -> HTMLResponse:
    """What the form makes of it, while it is filled in."""
    shown: dict[str, Any] = _empty_preview()
    try:
        spec = form.spec()
        made = page.view.reports.made(spec, "preview", None, page.view.snapshot())
        shown = {"problem": "", "shown": document(made, page.lang), "chart": "", "yaml": to_yaml(spec)}
    except InvalidInput as error:
        page.view.reports.ready()  # rights come before rules
        shown["problem"] = str(error)
    return page.render("reports/preview.html", shown)


@router.post("/reports/own")
def save(page: PageOf, form: Annotated[ReportForm, Depends(form_of)]) -> Response:
    """Keep what the form says."""
    page.view.reports.ready()  # rights come before rules
    try:
        page.view.reports.save(form.name, form.spec().model_dump(mode="json", exclude_defaults=True))
    except InvalidInput as error:
        shown = {"form": form.in_language(page.lang)} | _empty_preview() | {"problem": str(error)}
        return page.render("reports/form.html", shown, status=422)
    return RedirectResponse(f"/reports/{form.name}", 303)


@router.get("/reports/{name}")
def report(page: PageOf, name: str, period: Period = None) -> HTMLResponse:
    """One report of a period, with its files."""
    room = page.view.reports
    spec = room.definition(name)
    made = _made(page, name, spec, period)
    shown = {
        "name": name,
        "shown": document(made, page.lang),
        "made": made,
        "charts_of": [bool(table.chart) and len(table.rows) > 0 for table in made.tables],
        "period": period or spec.period,
        "rules": [(rule, title.in_language(page.lang)) for rule, title in RULES.items()],
        "is_own": name not in room.ready(),
        "yaml": to_yaml(spec),
        "problem": "",
    }
    return page.render("reports/report.html", shown)


@router.post("/reports/{name}/definition")
def change(page: PageOf, name: str, definition: Annotated[str, Form(max_length=20_000)]) -> RedirectResponse:
    """Keep a changed definition."""
    page.view.reports.save(name, definition)
    return RedirectResponse(f"/reports/{name}", 303)


@router.post("/reports/{name}/delete")
def delete(page: PageOf, name: str) -> RedirectResponse:
    """Forget an own report."""
    page.view.reports.delete(name)
    return RedirectResponse("/reports", 303)


@router.get("/reports/{name}/file")
def file(
    page: PageOf, name: str, form: Annotated[ReportFormat, Query(alias="format")], period: Period = None
) -> Response:
    """The report as a file."""
    made = _made(page, name, page.view.reports.definition(name), period)
    return report_file(made, page.view.reports.written(made, form, page.lang), form, page.lang)


@router.get("/reports/{name}/chart/{number}")
def chart(page: PageOf, name: str, number: int, period: Period = None) -> Response:
    """The picture of one section."""
    made = _made(page, name, page.view.reports.definition(name), period)
    return _picture(page, made, number if 0 <= number < len(made.tables) else 0)


@router.get("/reports/{name}/preview")
def picture(page: PageOf, name: str) -> Response:
    """A small picture of a report: its first section that has one, and no more is counted for it."""
    spec = page.view.reports.definition(name)
    section = next((one for one in spec.sections if one.chart), None)
    if section is None:
        return Response(status_code=204)
    made = _made(page, name, spec.model_copy(update={"sections": (section,)}), None)
    return _picture(page, made, 0, size=_PREVIEW)


def _made(page: Page, name: str, spec: ReportSpec, period: str | None) -> Report:
    return page.view.reports.made(spec, name, period, page.view.settled())


def _picture(page: Page, made: Report, number: int, size: tuple[float, float] = (8.0, 3.4)) -> Response:
    svg = chart_svg(
        made.tables[number], made.names, currency=made.currency, lang=page.lang, ink=_INK, outlines=True, size=size
    )
    if not svg:
        svg = _EMPTY.format(page.gettext("Nothing to draw yet"))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    headers = {"Cache-Control": "private, max-age=60", "Content-Security-Policy": policy, "Vary": "Cookie"}
    return Response(svg, media_type="image/svg+xml", headers=headers)


def _cards(page: Page, specs: Mapping[str, ReportSpec]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": spec.title.text.in_language(page.lang),
            "about": spec.about.text.in_language(page.lang) if spec.about else "",
            "has_picture": any(section.chart for section in spec.sections),
        }
        for name, spec in specs.items()
    ]


def _empty_preview() -> dict[str, Any]:
    return {"problem": "", "shown": None, "chart": "", "yaml": ""}
