"""``/models``: who serves, how good each version was on later time, whether what was said came true."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from api.pages.charts import Chart, error_bars
from api.pages.markdown import html_of
from api.pages.site import Page, PageOf
from api.ranking import json_records
from api.schemas import Text
from forecast.monitoring.live import ALL, live_curve, live_record
from forecast.schema import SCORED_ENTITIES
from forecast.usecases.evidence import EVALUATION, IMPORTANCE, MONTH, Reliability, kept_table
from forecast.usecases.models import CARD

router = APIRouter()

Entity = Literal["opportunity", "lead"]

#: Rows of the importance that are shown.
_IMPORTANT = 20
_SHOWN = {
    "log_loss", "log_loss_low", "log_loss_high", "brier_loss", "roc_auc", "calibration_slope", "calibration_error",
    "skill", "rmsse", "mase", "wape", "bias", "coverage_80", "coverage_80_pit", "auc", "rmse",
}  # fmt: skip


@router.get("/models")
def models(page: PageOf, entity: Entity = "opportunity", horizon: int | None = None) -> HTMLResponse:
    """Champion and challengers of every registered model, and the ledger."""
    room = page.view.models_room
    versions = json_records(room.versions())
    names = list(dict.fromkeys(version["name"] for version in versions))
    families = [
        {
            "name": name,
            "champion": next((one for one in versions if one["name"] == name and one["champion"]), None),
            "versions": [one for one in reversed(versions) if one["name"] == name],
            "promotions": len(room.ledger(name)),
        }
        for name in names
    ]
    shown = {
        "families": families,
        "ledger": room.ledger()[:50],
        "entity": entity,
        "horizon": _horizon(page, horizon),
        "horizons": page.service.workspace.settings.horizons_days,
        "snapshot": page.view.settled(),
    }
    return page.render("models/models.html", shown, charts=True)


@router.get("/models/record")
def record(page: PageOf, entity: Entity = "opportunity", horizon: int | None = None) -> HTMLResponse:
    """The live record: what scores of the past said, and what came."""
    snapshot = page.view.settled()
    days = _horizon(page, horizon)
    room = page.view.models_room
    given = room.given(entity, days, snapshot)
    table = json_records(live_record(given))
    shown = {
        "entity": entity,
        "entities": sorted(SCORED_ENTITIES),
        "horizon": days,
        "horizons": page.service.workspace.settings.horizons_days,
        "record": table,
        "versions": sorted(given["model_version"].unique()) if len(given) else [],
        "months": _months_chart(page, table),
        "curve": _curve_chart(page, "live-curve", json_records(live_curve(given))) if len(given) else None,
        "outlook": json_records(room.outlook_record(snapshot)),
        "snapshot": snapshot,
    }
    template = "models/record_part.html" if page.is_partial else "models/record.html"
    return page.render(template, shown, charts=True)


@router.get("/models/{name}/{version}")
def version(page: PageOf, name: str, version: str, by: str = MONTH, group: str = "") -> HTMLResponse:
    """One version: metrics, reliability by segment and month, importance, card."""
    room, model = page.view.models_room, f"{name}/{version}"
    line = {name: None if value != value else value for name, value in room.version(model).items()}
    files = room.files(model)
    found = room.reliability(model, by, group)
    importance = kept_table(files, IMPORTANCE)
    shown = {
        "line": line,
        "model": model,
        "evaluation": _metrics(files),
        "reliability": found,
        "groups": [] if found is None else json_records(found.groups),
        "points": [] if found is None else json_records(found.curve),
        "curve": None if found is None else _curve_chart(page, "curve", json_records(found.curve)),
        "over_time": None if found is None else _groups_chart(page, found),
        "importance": [] if importance is None else _most_important(json_records(importance)),
        "card": html_of(files[CARD].decode()) if CARD in files else "",
        "ledger": [entry for entry in room.ledger(name) if entry.version == version],
        "mlflow": _mlflow_address(page, name, version),
    }
    return page.render("models/version.html", shown, charts=True)


@router.post("/models/promote")
def promote(page: PageOf, model: Annotated[Text, Form()], reason: Annotated[Text, Form()]) -> RedirectResponse:
    """Make a version the champion."""
    page.view.models_room.promote(model, reason)
    return RedirectResponse(f"/models/{model}", 303)


@router.post("/models/rollback")
def rollback(page: PageOf, name: Annotated[Text, Form()], reason: Annotated[Text, Form()]) -> RedirectResponse:
    """Return to the champion before the present one."""
    label = page.view.models_room.rollback(name, reason)
    return RedirectResponse(f"/models/{label}", 303)


def _horizon(page: Page, asked: int | None) -> int:
    """One of the horizons of the settings: the one asked for, else the shortest, whose record is the longest."""
    horizons = page.service.workspace.settings.horizons_days
    return asked if asked in horizons else horizons[0]


def _metrics(files: dict[str, bytes]) -> dict[str, Any] | None:
    table = kept_table(files, EVALUATION)
    if table is None:
        return None
    columns = [str(name) for name in table.columns if name in _SHOWN]
    return {"columns": columns, "rows": json_records(table[["model", *columns]])}


def _most_important(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The strongest reasons, or features where no reasons were kept."""
    reasons = [row for row in rows if row.get("of") == "reason"] or rows
    return reasons[:_IMPORTANT]


def _mlflow_address(page: Page, name: str, version: str) -> str:
    base = page.service.workspace.settings.mlflow_ui_url.rstrip("/")
    return f"{base}/#/models/{name}/versions/{version}" if base else ""


def _curve_chart(page: Page, name: str, points: list[dict[str, Any]]) -> Chart | None:
    """Observed against said, with 95 % intervals, beside the diagonal."""
    if not points:
        return None
    most = min(1.0, 1.05 * max(max(point["high"], point["predicted"]) for point in points))
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, most],
        "y": [0, most],
        "line": {"color": "muted", "dash": "dot", "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    came = [point["observed"] for point in points]
    observed = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [point["predicted"] for point in points],
        "y": came,
        "line": {"color": "accent", "width": 2},
        "marker": {"color": "accent", "size": 8},
        "error_y": error_bars(came, [point["low"] for point in points], [point["high"] for point in points]),
        "showlegend": False,
    }
    axis = {"tickformat": ".0%", "range": [0, most], "rangemode": "tozero"}
    layout = {
        "xaxis": axis | {"title": {"text": page.gettext("said")}},
        "yaxis": axis | {"title": {"text": page.gettext("came true")}},
        "hovermode": "closest",
    }
    return Chart(name, page.gettext("Reliability: said against came true"), [diagonal, observed], layout)


def _rates_chart(
    page: Page,
    name: str,
    labels: list[str],
    said: list[float],
    came: list[float],
    ends: tuple[list[float], list[float]],
) -> Chart:
    """Rates said and come, one pair per label, with the interval of what came."""
    low, high = ends
    observed = {
        "type": "scatter",
        "mode": "markers",
        "name": page.gettext("came true"),
        "x": labels,
        "y": came,
        "marker": {"color": "accent", "size": 9},
        "error_y": error_bars(came, low, high),
    }
    told = {
        "type": "scatter",
        "mode": "markers",
        "name": page.gettext("said"),
        "x": labels,
        "y": said,
        "marker": {"color": "c2", "symbol": "line-ew-open", "size": 16, "line": {"width": 3}},
    }
    layout = {"yaxis": {"tickformat": ".0%", "rangemode": "tozero"}, "xaxis": {"type": "category"}}
    return Chart(name, page.gettext("Said and come true"), [observed, told], layout)


def _months_chart(page: Page, record: list[dict[str, Any]]) -> Chart | None:
    months = [row for row in record if row["month"] != ALL][::-1]
    if not months:
        return None
    labels, said, came = ([row[name] for row in months] for name in ("month", "said", "rate"))
    return _rates_chart(page, "months", labels, said, came, _ends(months, "rate"))


def _groups_chart(page: Page, found: Reliability) -> Chart:
    rows = json_records(found.groups)
    labels, said, came = ([row[name] for row in rows] for name in ("group", "mean_probability", "win_rate"))
    return _rates_chart(page, "groups", labels, said, came, _ends(rows, "win_rate"))


def _ends(rows: list[dict[str, Any]], rate: str) -> tuple[list[float], list[float]]:
    """Ends of the intervals of rates: those of their gaps, moved; 0 and 1 where one case has none."""
    low, high = (
        [min(1.0, max(0.0, row[rate] - row["gap"] + row[end])) for row in rows] for end in ("gap_low", "gap_high")
    )
    return low, high
