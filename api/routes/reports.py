"""Reports: ready ones and own ones, as numbers and as files."""

from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Header, Path, Query, Response

from api.errors import documented
from api.language import Language, negotiate
from api.lists import Listing, containing, kept
from api.ranking import json_records
from api.report_schemas import (
    DefinitionBody,
    ListedMeasure,
    ListedReport,
    MeasureList,
    ReportBody,
    ReportColumn,
    ReportList,
    ReportQuery,
    ReportsQuery,
    ReportTableBody,
    ReportToSave,
)
from api.view import ViewOf
from forecast.adapters.report_files import MEDIA_TYPES, extension, file_name
from forecast.reports import Report, ReportSpec, ReportTable, to_yaml
from forecast.reports.catalogue import MEASURES, SUBJECTS
from forecast.reports.dimensions import DIMENSIONS, value_label

router = APIRouter(tags=["reports"])

#: A report as a page of its own may style itself, and do nothing else.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"

Name = Annotated[str, Path(max_length=60, description="Of the report.", examples=["sales-performance"])]
Lang = Annotated[Language | None, Query(description="Language of texts; default what Accept-Language prefers.")]


@router.get("/reports", responses=documented(), summary="Reports that there are")
def reports(
    view: ViewOf, query: Annotated[ReportsQuery, Query()], accept_language: Annotated[str | None, Header()] = None
) -> ReportList:
    """Ready ones first, then those that the caller keeps."""
    chosen = negotiate(query.lang, accept_language)
    ready = [_listed(name, spec, chosen, is_ready=True) for name, spec in view.reports.ready().items()]
    own = [_listed(name, spec, chosen, is_ready=False) for name, spec in view.reports.own().items()]
    found = pd.DataFrame([one.model_dump() for one in ready + own], columns=list(ListedReport.model_fields))
    found = containing(kept(found, is_ready=query.is_ready), query.q, "name", "title")
    shown = Listing("reports", query, lang=chosen).page(found, ["is_ready", "name"])
    return ReportList(items=[ListedReport.model_validate(row) for row in shown.rows], next_cursor=shown.next_cursor)


@router.get("/report-measures", responses=documented(), summary="What reports can be made of")
def measures(view: ViewOf, lang: Lang = None, accept_language: Annotated[str | None, Header()] = None) -> MeasureList:
    """Every measure with its meaning, what it can be told by and filtered by."""
    chosen = negotiate(lang, accept_language)
    view.reports.ready()
    return MeasureList(
        measures=[
            ListedMeasure(
                name=measure.name,
                title=measure.title.in_language(chosen),
                meaning=measure.meaning.in_language(chosen),
                unit=measure.unit,
                count=measure.count or None,
                dimensions=[sorted(known) for known in SUBJECTS[measure.subject].dimensions],
                filters=sorted(SUBJECTS[measure.subject].filters),
            )
            for measure in MEASURES.values()
        ],
        dimensions={name: title.in_language(chosen) for name, title in DIMENSIONS.items()},
    )


@router.get(
    "/reports/{name}",
    responses=documented(404)
    | {200: {"content": {media.partition(";")[0]: {} for media in MEDIA_TYPES.values()}, "description": "The report."}},
    summary="A report",
    response_model=ReportBody,
)
def report(
    view: ViewOf,
    name: Name,
    query: Annotated[ReportQuery, Query()],
    accept_language: Annotated[str | None, Header()] = None,
) -> ReportBody | Response:
    """Of the rows that the key may see: a rep's counts own rows only, a manager's those of the own teams.

    Sums of a team are shown only where all of its people's rows are.
    """
    lang = negotiate(query.lang, accept_language)
    spec = view.reports.definition(name)
    made = view.reports.made(spec, name, query.period, view.snapshot(query.as_of, query.batch))
    if query.format == "json":
        return report_body(made, lang)
    return report_file(made, view.reports.written(made, query.format, lang), query.format, lang)


@router.get("/reports/{name}/definition", responses=documented(404), summary="A report's definition")
def definition(view: ViewOf, name: Name) -> DefinitionBody:
    """To read, to change, and to keep under another name."""
    return _definition(name, view.reports.definition(name))


@router.put("/reports/{name}", responses=documented(400), summary="Keep an own report")
def save(view: ViewOf, name: Name, body: ReportToSave) -> DefinitionBody:
    """Keeps a definition under a name of the caller's, instead of the one of that name."""
    return _definition(name, view.reports.save(name, body.spec))


@router.delete("/reports/{name}", status_code=204, responses=documented(404), summary="Forget an own report")
def delete(view: ViewOf, name: Name) -> None:
    """Ready reports stay."""
    view.reports.delete(name)


def report_file(made: Report, content: bytes, form: str, lang: Language) -> Response:
    """A file to keep, or to look at in the browser."""
    shown_inside = form in ("html", "pdf")
    name = file_name(made, form)
    return Response(
        content,
        media_type=MEDIA_TYPES[extension(made, form)],
        headers={
            "Content-Disposition": f'{"inline" if shown_inside else "attachment"}; filename="{name}"',
            "Content-Security-Policy": REPORT_POLICY,
            "Content-Language": lang,
            "Cache-Control": "private, no-store",
            "Vary": "Accept-Language, Authorization",
        },
    )


def report_body(made: Report, lang: Language) -> ReportBody:
    """A report as JSON."""
    return ReportBody(
        name=made.name,
        title=made.title.in_language(lang),
        about=made.about.in_language(lang),
        period=made.period.label,
        as_of=made.as_of,
        batch=made.batch,
        currency=made.currency,
        timezone=made.timezone,
        n_people=made.n_people,
        tables=[_table(table, made, lang) for table in made.tables],
    )


def _table(table: ReportTable, made: Report, lang: Language) -> ReportTableBody:
    labelled = table.rows.copy()
    for name in table.dimensions:
        labelled[f"{name}_label"] = [value_label(name, str(key), lang, made.names) for key in labelled[name]]
    return ReportTableBody(
        title=table.title.in_language(lang),
        text=table.text.in_language(lang),
        note=table.note.in_language(lang),
        model_version=table.model_version or None,
        dimensions=list(table.dimensions),
        columns=[
            ReportColumn(name=one.name, title=one.title.in_language(lang), unit=one.unit, count=one.count or None)
            for one in table.measures
        ],
        rows=json_records(labelled),
        totals={name: None if value != value else value for name, value in table.totals.items()},
    )


def _definition(name: str, spec: ReportSpec) -> DefinitionBody:
    return DefinitionBody(name=name, spec=spec.model_dump(mode="json", exclude_defaults=True), yaml=to_yaml(spec))


def _listed(name: str, spec: ReportSpec, lang: Language, *, is_ready: bool) -> ListedReport:
    return ListedReport(
        name=name,
        title=spec.title.text.in_language(lang),
        about=spec.about.text.in_language(lang) if spec.about else "",
        period=spec.period,
        is_ready=is_ready,
        sections=len(spec.sections),
    )
