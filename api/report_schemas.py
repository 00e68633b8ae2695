"""Bodies of reports: what there is, what was made, what goes by mail."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.language import Language
from api.queries import LISTED, ListQuery, SnapshotQuery, TextListQuery
from api.schemas import Text
from forecast.reports.schedule import MAX_RECIPIENTS

_SPEC: Any = {
    "title": {"en": "Wins by team", "zh": "各团队赢单"},
    "period": "last quarter",
    "sections": [{"measures": ["won", "win_rate"], "dimensions": ["team"], "chart": {"kind": "bar"}}],
}
PeriodRule = Annotated[
    str,
    Field(
        max_length=20,
        description="2026Q1, 2026-03, FY2026 or 2026-W07, or a rule such as `last month` or `this quarter`.",
        examples=["last quarter"],
    ),
]
ReportFormat = Literal["html", "pdf", "xlsx", "csv"]


class ReportQuery(SnapshotQuery):
    """Which report, and how it is written."""

    period: PeriodRule | None = Field(default=None, description="Default the definition's own.")
    format: Literal["json", "html", "pdf", "xlsx", "csv"] = Field(
        default="json", description="`csv` is a zip where the report has several tables."
    )
    lang: Language | None = Field(
        default=None, description="Language of texts; default what Accept-Language prefers, else English."
    )


class ListedReport(BaseModel):
    """A report that there is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "sales-performance",
                    "title": "Sales performance",
                    "about": "What was sold, by whom, against targets.",
                    "period": "last quarter",
                    "is_ready": True,
                    "sections": 8,
                }
            ]
        }
    )

    name: str
    title: str
    about: str
    period: str
    is_ready: bool = Field(description="Whether it comes with the product; else it is the caller's own.")
    sections: int


class ReportsQuery(TextListQuery):
    """Which reports."""

    is_ready: bool | None = Field(default=None, description="Only ready ones, or only the caller's own.")
    q: Text | None = Field(default=None, description="Only whose name or title contains this.")
    sort: Literal["listed", "name", "title"] = Field(default=LISTED, description="`listed`: ready ones first.")


class ReportList(BaseModel):
    """All reports of a caller."""

    items: list[ListedReport]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class ListedMeasure(BaseModel):
    """A measure that reports can have."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "win_rate",
                    "title": "Win rate",
                    "meaning": "Won over won and lost; deals still open are not in it.",
                    "unit": "share",
                    "count": "decided",
                    "dimensions": [["month", "rep", "team"]],
                    "filters": ["rep", "team"],
                }
            ]
        }
    )

    name: str
    title: str
    meaning: str
    unit: str
    count: str | None = Field(description="Measure with the number of cases behind it; it always stands beside.")
    dimensions: list[list[str]] = Field(description="It can be told by any of one of these lists together.")
    filters: list[str]


class MeasureList(BaseModel):
    """What a definition can be made of."""

    measures: list[ListedMeasure]
    dimensions: dict[str, str] = Field(description="Name and title.", examples=[{"team": "Team"}])


class ReportColumn(BaseModel):
    """A column of numbers."""

    name: str
    title: str
    unit: str
    count: str | None


class ReportTableBody(BaseModel):
    """A section."""

    title: str
    text: str
    note: str = Field(description="Why there are no rows, or what to know.")
    model_version: str | None
    dimensions: list[str]
    columns: list[ReportColumn]
    rows: list[dict[str, Any]] = Field(description="By dimension the key, `<dimension>_label` its name; then numbers.")
    totals: dict[str, float | None] = Field(description="Sums of the rows, or the same figure over all of them.")


class ReportBody(BaseModel):
    """A report of the rows that the caller may see."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "wins",
                    "title": "Wins by team",
                    "about": "",
                    "period": "2026Q1",
                    "as_of": "2026-04-01T00:00:00Z",
                    "batch": 7,
                    "currency": "EUR",
                    "timezone": "Europe/Amsterdam",
                    "n_people": 6,
                    "tables": [
                        {
                            "title": "Won by team",
                            "text": "",
                            "note": "",
                            "model_version": None,
                            "dimensions": ["team"],
                            "columns": [{"name": "won", "title": "Won", "unit": "count", "count": None}],
                            "rows": [{"team": "T1", "team_label": "North", "won": 12.0}],
                            "totals": {"won": 12.0},
                        }
                    ],
                }
            ]
        }
    )

    name: str
    title: str
    about: str
    period: str
    as_of: datetime
    batch: int
    currency: str
    timezone: str
    n_people: int | None = Field(description="Of how many people rows are counted; null for everybody.")
    tables: list[ReportTableBody]


class DefinitionBody(BaseModel):
    """A definition."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "wins", "spec": _SPEC, "yaml": "title: Wins\n"}]}
    )

    name: str
    spec: dict[str, Any]
    yaml: str = Field(description="The same, as `forecast report` reads it.")


class ReportToSave(BaseModel):
    """A definition to keep: as an object, or as YAML."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"spec": _SPEC}]})

    spec: Annotated[dict[str, Any], Field(max_length=50)] | Annotated[str, Field(max_length=20_000)]


class ScheduleToMake(BaseModel):
    """A report that goes by mail again and again, to each recipient under the own rights."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "report": "sales-performance",
                    "format": "pdf",
                    "lang": "zh",
                    "period": "last month",
                    "every": "month",
                    "day": 2,
                    "hour": 7,
                    "recipients": ["ann"],
                }
            ]
        },
    )

    report: str = Field(max_length=60, description="A ready report, or one of the caller's own.")
    format: ReportFormat = "pdf"
    lang: Language = "en"
    period: PeriodRule
    every: Literal["day", "week", "month", "quarter"]
    day: int = Field(default=1, ge=1, le=28, description="Of the week (1 is Monday), month, or quarter's first month.")
    hour: int = Field(default=7, ge=0, le=23, description="Of the workspace's time zone.")
    recipients: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=MAX_RECIPIENTS, description="Names of logins."
    )


class ScheduleBody(ScheduleToMake):
    """A schedule."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    id: int
    created_at: datetime
    is_active: bool


class DeliveryBody(BaseModel):
    """One mail."""

    schedule_id: int
    due_at: datetime
    recipient: str
    period: str
    status: Literal["sending", "sent", "failed"]
    attempts: int
    reason: str
    at: datetime


class DeliveriesQuery(ListQuery):
    """Which mails."""

    schedule_id: int | None = Field(default=None, ge=1, le=2**53)
    recipient: Text | None = None
    status: list[Literal["sending", "sent", "failed"]] = Field(default=[], max_length=3)
    sort: Literal["due_at", "at", "recipient", "status", "attempts"] = "due_at"


class DeliveryPage(BaseModel):
    """What was sent, or was not."""

    items: list[DeliveryBody]
    next_cursor: str | None = Field(default=None, description="Of the next page; null on the last one.")


class SchedulesQuery(ListQuery):
    """Which schedules."""

    report: Text | None = None
    is_active: bool | None = Field(default=None, description="Only those that send, or only those that are stopped.")
    sort: Literal["id", "report", "created_at"] = "id"


class ScheduleList(BaseModel):
    """Schedules, and what they sent last."""

    schedules: list[ScheduleBody]
    deliveries: list[DeliveryBody] = Field(
        description="The last 200, latest first; all are in `/v1/report-schedules/deliveries`."
    )
    next_cursor: str | None = Field(default=None, description="Of the next page of `schedules`; null on the last one.")


class ScheduleChange(BaseModel):
    """Whether a schedule goes on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"is_active": False}]})

    is_active: bool
