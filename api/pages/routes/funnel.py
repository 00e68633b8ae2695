"""``/funnel``: where deals get stuck, what that costs, what changed and why."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from api.pages.charts import Chart, error_bars
from api.pages.site import Page, PageOf
from api.ranking import json_records
from api.schemas import AsOf, Batch, PeriodLabel
from forecast.errors import InvalidInput
from forecast.funnel import Funnel, funnel_texts
from forecast.funnel.texts import stage_label
from forecast.periods import past_periods

router = APIRouter()

Row = dict[str, Any]
By = Literal["", "team", "owner", "region", "category", "channel", "month", "quarter"]

#: Segments beyond so many, by cases, are left out of the table and said to be.
_SEGMENTS = 40


@router.get("/funnel")
def funnel(
    page: PageOf,
    period: Annotated[PeriodLabel | Literal[""], Query()] = "",
    by: By = "",
    as_of: AsOf | None = None,
    batch: Batch | None = None,
) -> HTMLResponse:
    """The funnel of the leads and deals that the caller may see."""
    snapshot = page.view.settled(as_of, batch)
    settings = page.service.workspace.settings
    today = snapshot.as_of.astimezone(settings.zone).date()
    labels = [one.label for one in past_periods(today, fiscal_year_start=settings.fiscal_year_start)]
    shown: dict[str, Any] = {
        "snapshot": snapshot,
        "period": period,
        "by": by,
        "periods": list(dict.fromkeys([*labels, *([period] if period else [])])),
        "found": None,
    }
    try:
        found = page.view.funnel(snapshot, period or None, since=None, until=None, by=by or None)
    except InvalidInput as error:
        return page.render("funnel/funnel.html", shown | {"problem": str(error)}, charts=True)
    names = page.view.people_names() if by == "owner" else {}
    texts = funnel_texts(found, page.lang)
    shown |= {
        "found": found,
        "stages": _stages(page, json_records(found.table)),
        "whole": [row for row in json_records(found.whole) if row["segment"] == "all"],
        "bottlenecks": _stages(page, json_records(found.bottlenecks)),
        "changes": _stages(
            page, json_records(found.changes[found.changes["is_alarm"]] if len(found.changes) else found.changes)
        ),
        "reasons": _stages(page, json_records(found.reasons)),
        "segments": _segments(page, found, names),
        "texts": {code: [text["text"] for text in texts if text["code"] == code] for code in _CODES},
        "chart": _conversion_chart(page, _stages(page, json_records(found.table))),
    }
    return page.render("funnel/funnel.html", shown, charts=True)


_CODES = ("bottleneck", "change", "reason", "naive", "longer", "unwatched")


def _stages(page: Page, rows: list[Row]) -> list[Row]:
    """Rows with the name of their stage in the page's language."""
    return [row | {"label": stage_label(row["stage"], page.lang)} for row in rows]


def _segments(page: Page, found: Funnel, names: dict[str, str]) -> dict[str, Any] | None:
    """Conversion of every stage by segment, as a table of segments by stages; None without segments."""
    if found.by is None or found.segments.empty:
        return None
    wholes = {row["segment"]: row for row in json_records(found.whole) if row["segment"] != "all"}
    cells = {(row["segment"], row["stage"]): row for row in json_records(found.segments)}
    order = list(dict.fromkeys(found.segments["segment"]))
    if found.by not in ("month", "quarter"):
        order.sort(key=lambda segment: (-wholes.get(segment, {}).get("n_cases", 0), segment))
    kept = order[-_SEGMENTS:] if found.by in ("month", "quarter") else order[:_SEGMENTS]
    return {
        "stages": [(stage, stage_label(stage, page.lang)) for stage in found.stages],
        "rows": [(segment, names.get(segment, segment), wholes.get(segment)) for segment in kept],
        "cells": cells,
        "n_left_out": len(order) - len(kept),
    }


def _conversion_chart(page: Page, rows: list[Row]) -> Chart | None:
    """Conversion of each stage with its 80 % range, and what naive ratios would say."""
    known = [row for row in rows if row["converted"] is not None]
    if not known:
        return None
    stages = [row["label"] for row in known]
    converted, low, high = (
        [row[column] for row in known] for column in ("converted", "converted_low", "converted_high")
    )
    bars = {
        "type": "bar",
        "name": page.gettext("Moves on (open cases allowed for)"),
        "x": stages,
        "y": converted,
        "marker": {"color": "accent"},
        "error_y": error_bars(converted, low, high, "text"),
    }
    naive = {
        "type": "scatter",
        "mode": "markers",
        "name": page.gettext("Naive: of all that entered"),
        "x": stages,
        "y": [row["naive_of_entered"] for row in known],
        "marker": {"color": "c2", "symbol": "diamond", "size": 10},
    }
    ended = naive | {
        "name": page.gettext("Naive: of those that ended"),
        "y": [row["naive_of_ended"] for row in known],
        "marker": {"color": "c4", "symbol": "x", "size": 9},
    }
    layout = {
        "yaxis": {"tickformat": ".0%", "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    }
    return Chart("conversion", page.gettext("Conversion by stage"), [bars, naive, ended], layout)
