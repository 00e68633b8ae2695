"""The score of one lead or deal over time, with what happened meanwhile."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from api.case_view import Row
from api.pages.charts import Chart
from api.pages.site import Page

#: Days on the axis, as each language writes them.
_DAYS = {"en": "%-d %b", "zh": "%-m月%-d日"}


def score_chart(page: Page, scores: Sequence[Row], events: Sequence[Row]) -> Chart:
    """The score with its interval; contacts below it, stage moves and new models across it.

    Parameters
    ----------
    page : Page
    scores : sequence of dict
        Oldest first, at least one.
    events : sequence of dict
        Of the timeline.
    """
    happened = [event for event in events if event["at"] >= scores[0]["as_of"] and not event["is_planned"]]
    contacts = [_local(page, event["at"]) for event in happened if event["what"] == "contact"]
    marks = [
        (_local(page, event["at"]), str(event["after"] or "").replace("_", " "))
        for event in happened
        if event["what"] == "stage"
    ]
    # Where another model began to score: a jump there is no change of the case.
    marks += [
        (_local(page, now["as_of"]), now["model_version"])
        for before, now in pairwise(scores)
        if now["model_version"] != before["model_version"]
    ]
    traces = [*_range(page, scores), _line(page, scores), _contacts(page, contacts)]
    return Chart("score-history", page.gettext("Score over time"), traces, _layout(page, marks))


def _local(page: Page, moment: Any) -> str:
    return str(moment.astimezone(page.format.zone).isoformat())


def _points(page: Page, scores: Sequence[Row], name: str) -> dict[str, Any]:
    return {
        "x": [_local(page, score["as_of"]) for score in scores],
        "y": [round(100 * score[name], 2) for score in scores],
    }


def _range(page: Page, scores: Sequence[Row]) -> list[dict[str, Any]]:
    hidden = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    filled = {"fill": "tonexty", "fillcolor": "accent-soft"}
    return [_points(page, scores, "low") | hidden, _points(page, scores, "high") | hidden | filled]


def _line(page: Page, scores: Sequence[Row]) -> dict[str, Any]:
    return _points(page, scores, "probability") | {
        "mode": "lines+markers",
        "name": page.gettext("Score, %"),
        "line": {"color": "accent", "width": 2},
        "marker": {"color": "accent", "size": 5},
    }


def _contacts(page: Page, moments: Sequence[str]) -> dict[str, Any]:
    return {
        "x": list(moments),
        "y": [0] * len(moments),
        "mode": "markers",
        "name": page.gettext("Contacts"),
        "marker": {"color": "c2", "size": 7, "symbol": "triangle-up"},
        "hoverinfo": "x+name",
        "cliponaxis": False,
    }


def _layout(page: Page, marks: Sequence[tuple[str, str]]) -> dict[str, Any]:
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"color": "muted", "width": 1, "dash": "dot"}}
    note = {"yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False, "font": {"size": 11, "color": "muted"}}
    return {
        "xaxis": {"tickformat": _DAYS[page.lang], "hoverformat": _DAYS[page.lang]},
        "yaxis": {"rangemode": "tozero", "ticksuffix": "%"},
        "shapes": [line | {"x0": moment, "x1": moment} for moment, _ in marks],
        "annotations": [note | {"x": moment, "text": text} for moment, text in marks],
        "margin": {"l": 48, "r": 12, "t": 24, "b": 40},
    }
