"""``/demand``: what customers will ask for, series by series, why, and what if."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from api.pages.charts import Chart
from api.pages.site import Page, PageOf
from api.ranking import json_records
from api.schemas import AsOf, Batch, Text
from api.service import Snapshot
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.usecases.demand import FALLBACK
from forecast.usecases.demand_explanation import explain_demand, what_if_demand
from forecast.usecases.demand_run import GROUP, TOTAL, DemandRun, levels_of, search_series, series_of

router = APIRouter()

_ROWS = 50
_SORTS = ("mean", "change", "unique_id")
#: Parts of a forecast as colours, in the order in which they are told.
_LAYOUT = {
    "yaxis": {"rangemode": "tozero"},
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
}
_COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")


@router.get("/demand")
def demand(
    page: PageOf,
    q: Annotated[str, Query(max_length=200)] = "",
    level: Annotated[str, Query(max_length=200)] = "",
    node: Annotated[str, Query(max_length=300)] = "",
    sort: str = "mean",
    at: Annotated[int, Query(ge=1, le=100_000)] = 1,
    as_of: AsOf | None = None,
    batch: Batch | None = None,
) -> HTMLResponse:
    """Search of series, and the sums that they add up to."""
    snapshot = _snapshot(page, as_of, batch)
    asked: dict[str, Any] = {"q": q, "level": level, "node": node, "sort": sort if sort in _SORTS else "mean"}
    try:
        run = page.view.demand_run(snapshot)
    except NotEnoughHistory as error:
        return page.render("demand/demand.html", asked | {"run": None, "problem": str(error)})
    found = search_series(run, q.strip(), group=level, node=node, sort=asked["sort"])
    n_pages = max(1, -(-len(found) // _ROWS))
    at = min(at, n_pages)
    shown = asked | {
        "run": run.about,
        "rows": json_records(found.iloc[(at - 1) * _ROWS : at * _ROWS]),
        "n_found": len(found),
        "n_series": len(run.series),
        "at": at,
        "n_pages": n_pages,
        "levels": _levels(page, run),
        "total": json_records(run.nodes[run.nodes["level"] == TOTAL])[0],
        "most": max([1e-9, *found["mean"].iloc[(at - 1) * _ROWS : at * _ROWS]]),
        "is_fallback": run.about.model_version == FALLBACK,
        "measure": _measure(page, run),
    }
    return page.render("demand/list_part.html" if page.is_partial else "demand/demand.html", shown)


@router.get("/demand/series/{unique_id:path}")
def series(page: PageOf, unique_id: str, as_of: AsOf | None = None, batch: Batch | None = None) -> HTMLResponse:
    """One series: history, forecast with its range, and how accurate series of its kind were forecast."""
    snapshot = _snapshot(page, as_of, batch)
    run = page.view.demand_run(snapshot)
    line = series_of(run, unique_id)
    history, points = run.history(unique_id), run.forecast(unique_id)
    came = _came_later(page, unique_id, history) if snapshot is not None else history.iloc[:0]
    nodes = [
        {"level": name, "node": line[GROUP + name]} for name in levels_of(run.series) if pd.notna(line[GROUP + name])
    ]
    shown = {
        "run": run.about,
        "line": line,
        "chart": _fan_chart(page, history, points, came),
        "points": json_records(points.merge(came.rename(columns={"y": "came"}), on="ds", how="left")),
        "has_actual": len(came) > 0,
        "nodes": nodes,
        "accuracy": _accuracy(page, run, str(line["class"])),
        "is_fallback": run.about.model_version == FALLBACK,
        "measure": _measure(page, run),
        "query": page.request.url.query,
    }
    return page.render("demand/series.html", shown, charts=True)


@router.get("/demand/parts/{unique_id:path}")
def parts(
    page: PageOf,
    unique_id: str,
    change: Annotated[list[Text] | None, Query(max_length=20)] = None,
    as_of: AsOf | None = None,
    batch: Batch | None = None,
) -> HTMLResponse:
    """What the forecast of one series is made of, and what it would be under other drivers."""
    run = page.view.demand_run(_snapshot(page, as_of, batch))
    served = page.view.served_demand(Snapshot(run.about.as_of, run.about.batch))
    told = explain_demand(served, unique_id, lang=page.lang)
    asked = [one for one in change or () if one.partition("=")[2].strip()]
    names = served.driver_names
    shown: dict[str, Any] = {
        "run": run.about,
        "unique_id": unique_id,
        "told": told,
        "chart": _parts_chart(page, told["points"]),
        "drivers": names,
        "change": dict(one.partition("=")[::2] for one in asked),
        "what_if": None,
        "problem": "",
        "query": page.request.query_params,
    }
    if asked:
        try:
            shown["what_if"] = what_if_demand(served, unique_id, asked, lang=page.lang)
        except InvalidInput as error:
            shown["problem"] = str(error)
    template = "demand/parts_part.html" if page.is_partial else "demand/parts.html"
    return page.render(template, shown, charts=True)


def _snapshot(page: Page, as_of: str | None, batch: int | None) -> Snapshot | None:
    """The snapshot that the address names; None for the forecast of the last night."""
    return None if as_of is None and batch is None else page.view.snapshot(as_of, batch)


def _came_later(page: Page, unique_id: str, known: pd.DataFrame) -> pd.DataFrame:
    """What came after the end of a history, as known now."""
    now = page.view.demand_run(None).history(unique_id)
    return now[now["ds"] > known["ds"].max()] if len(known) else now


def _measure(page: Page, run: DemandRun) -> str:
    return page.gettext("units") if run.about.measure == "quantity" else page.format.currency


def _levels(page: Page, run: DemandRun) -> list[dict[str, Any]]:
    """The sums by every level, the largest first."""
    return [
        {
            "name": name,
            "nodes": json_records(run.nodes[run.nodes["level"] == name].sort_values("mean", ascending=False)),
        }
        for name in levels_of(run.series)
    ]


def _accuracy(page: Page, run: DemandRun, kind: str) -> list[dict[str, Any]]:
    """How well models did on past folds on series of a class; empty where that was not kept."""
    if "/" not in run.about.model_version:
        return []
    table = page.view.demand_classes(run.about.model_version)
    return [] if table is None else json_records(table[table["class"] == kind])


def _fan_chart(page: Page, history: pd.DataFrame, points: pd.DataFrame, came: pd.DataFrame) -> Chart:
    """What was sold, and the forecast with its 80 % range; what came after it where that is known."""
    days, ahead = [str(day)[:10] for day in history["ds"]], [str(day)[:10] for day in points["ds"]]
    low, high = points["q0.1"].tolist(), points["q0.9"].tolist()
    data = [
        _line(page.gettext("sold"), days, history["y"].tolist(), "text"),
        _line("", ahead, low, "accent-soft", width=0) | {"showlegend": False, "hoverinfo": "skip"},
        _line(page.gettext("%(level)s range", level="80%"), ahead, high, "accent-soft", width=0)
        | {"fill": "tonexty", "fillcolor": "accent-soft"},
        _line(page.gettext("forecast"), ahead, points["mean"].tolist(), "accent", width=3),
        _line(page.gettext("median"), ahead, points["q0.5"].tolist(), "accent")
        | {"line": {"color": "accent", "dash": "dot", "width": 1}},
    ]
    if len(came):
        after = [str(day)[:10] for day in came["ds"]]
        data.append(_line(page.gettext("then sold"), after, came["y"].tolist(), "c2") | {"mode": "lines+markers"})
    return Chart("fan", page.gettext("Forecast against what was sold"), data, _LAYOUT)


def _line(name: str, x: list[str], y: list[float], colour: str, width: float = 2) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": {"color": colour, "width": width}}


def _parts_chart(page: Page, points: list[dict[str, Any]]) -> Chart:
    """Stacked parts of every period, and the forecast that they add up to."""
    days = [str(point["ds"]) for point in points]
    names = list(dict.fromkeys(part["text"] for point in points for part in point["parts"]))
    data: list[dict[str, Any]] = []
    for index, name in enumerate(names):
        values = [sum(part["points"] for part in point["parts"] if part["text"] == name) for point in points]
        colour = _COLOURS[index % len(_COLOURS)]
        data.append({"type": "bar", "name": name, "x": days, "y": values, "marker": {"color": colour}})
    data.append(_line(page.gettext("forecast"), days, [point["mean"] for point in points], "text"))
    layout = {"barmode": "relative", "xaxis": {"type": "category"}}
    return Chart("parts", page.gettext("What the forecast is made of"), data, layout)
