"""Figures of the Forecast page: the fan of a period by week, and what moved as a waterfall."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.pages.charts import Chart
from api.pages.site import Page

Row = Mapping[str, Any]
Trace = dict[str, Any]

#: Marks on an axis of days and of money, about.
_N_DAYS, _N_AMOUNTS = 5, 5


def fan_chart(page: Page, course: Sequence[Row], earlier: Sequence[Row], target: float | None) -> Chart:
    """What came by week, the fan of what may come, earlier forecasts of the total, and the target.

    Parameters
    ----------
    page : Page
    course : rows of `forecast.outlook.course.course_table` of one node
    earlier : rows of kept forecasts of it: ``as_of``, ``mean``, ``q0.1``, ``q0.9``
    target : float, optional
    """
    _, money = page.gettext, page.format.money
    past = [row for row in course if row["is_past"]]
    ahead = [*past[-1:], *(row for row in course if not row["is_past"])]
    data: list[Trace] = []
    if len(ahead) > 1:
        for low, high, level, colour in (("q0.1", "q0.9", 0.8, "accent-soft"), ("q0.25", "q0.75", 0.5, "accent-mid")):
            data += _band(page, ahead, (low, high), _("%(level)s range", level=page.format.percent(level)), colour)
        texts = [
            f"{money(row['mean'])} ({money(row['q0.1'])} – {money(row['q0.9'])})" if not row["is_past"] else ""
            for row in ahead
        ]
        data.append(
            _line(page, ahead, [row["mean"] for row in ahead], _("Expected"), "accent", texts) | {"mode": "lines"}
        )
        data[-1]["line"] |= {"dash": "dot"}
    if past:
        booked = [row["mean"] for row in past]
        data.append(_line(page, past, booked, _("Booked so far"), "text", [money(amount) for amount in booked]))
    if earlier:
        data.append(_earlier(page, earlier))
    if target is not None:
        ends = [course[0], course[-1]]
        data.append(_line(page, ends, [target] * 2, _("Target"), "warn", [money(target)] * 2) | {"mode": "lines"})
    amounts = [row["q0.9"] if not row["is_past"] else row["mean"] for row in course]
    amounts += [row["q0.9"] for row in earlier if row["q0.9"] is not None] + ([target] if target else [])
    layout = {"xaxis": _day_axis(page), "yaxis": amount_axis(page, amounts)}
    return Chart("fan", _("How revenue adds up until the period ends"), data, layout)


def waterfall_chart(page: Page, before: float, steps: Sequence[tuple[str, float]], after: float) -> Chart:
    """From what was expected, by steps, to what is expected now."""
    _, f = page.gettext, page.format
    names = [_("Before"), *(name for name, _amount in steps), _("Now")]
    amounts = [before, *(amount for _name, amount in steps), after]
    levels = [before]
    for _name, amount in steps:
        levels.append(levels[-1] + amount)
    low, high = min(levels), max(levels)
    margin = (high - low or abs(high) or 1.0) * 0.15
    floor = max(0.0, low - margin) if low >= 0 else low - margin
    trace: Trace = {
        "type": "waterfall",
        "orientation": "h",
        "y": names,
        "x": amounts,
        "measure": ["absolute", *["relative"] * len(steps), "total"],
        "text": [f.money_short(before), *(_signed(page, amount) for _name, amount in steps), f.money_short(after)],
        "textposition": "auto",
        "cliponaxis": False,
        "hoverinfo": "y+text",
        "increasing": {"marker": {"color": "good"}},
        "decreasing": {"marker": {"color": "bad"}},
        "totals": {"marker": {"color": "accent"}},
        "connector": {"line": {"color": "line", "width": 1}},
    }
    layout = {
        "xaxis": amount_axis(page, [high + margin], floor) | {"range": [floor, high + margin]},
        "yaxis": {"autorange": "reversed"},
        "height": 90 + 34 * len(names),
        "hovermode": "closest",
        "showlegend": False,
    }
    return Chart("waterfall", _("What moved the forecast"), [trace], layout)


def amount_axis(page: Page, amounts: Sequence[float], low: float = 0.0) -> dict[str, Any]:
    """An axis of money from ``low``, or lower, whose marks are written as the page writes money."""
    low, high = min(low, *amounts), max(*amounts, low + 1.0)
    raw = (high - low) / _N_AMOUNTS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    marks = [step * place for place in range(math.floor(low / step), math.ceil(high / step) + 1)]
    return {"tickvals": marks, "ticktext": [page.format.money_short(mark) for mark in marks]}


def _signed(page: Page, amount: float) -> str:
    return f"{'+' if amount > 0 else '−'}{page.format.money_short(abs(amount))}"


def _band(page: Page, rows: Sequence[Row], ends: tuple[str, str], name: str, colour: str) -> list[Trace]:
    bounds = [[row["mean"] if row["is_past"] else row[end] for row in rows] for end in ends]
    edge: Trace = {
        "x": _days(page, rows), "y": bounds[0], "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip",
        "showlegend": False, "legendgroup": name,
    }  # fmt: skip
    upper = edge | {
        "y": bounds[1], "fill": "tonexty", "fillcolor": colour, "name": name, "showlegend": True,
    }  # fmt: skip
    return [edge, upper]


def _line(
    page: Page, rows: Sequence[Row], amounts: Sequence[float], name: str, colour: str, texts: Sequence[str]
) -> Trace:
    return {
        "x": _days(page, rows), "y": list(amounts), "name": name, "mode": "lines+markers", "customdata": list(texts),
        "line": {"color": colour, "width": 2}, "marker": {"size": 5},
        "hovertemplate": "%{customdata}<extra>" + name + "</extra>",
    }  # fmt: skip


def _earlier(page: Page, earlier: Sequence[Row]) -> Trace:
    name, money = page.gettext("Forecast of the total, that day"), page.format.money
    texts = [f"{money(row['mean'])} ({money(row['q0.1'])} – {money(row['q0.9'])})" for row in earlier]
    trace = _line(page, [{"at": row["as_of"]} for row in earlier], [row["mean"] for row in earlier], name, "c2", texts)
    error = {
        "type": "data", "symmetric": False, "color": "c2", "thickness": 1, "width": 3,
        "array": [row["q0.9"] - row["mean"] for row in earlier],
        "arrayminus": [row["mean"] - row["q0.1"] for row in earlier],
    }  # fmt: skip
    return trace | {"mode": "markers", "marker": {"size": 7, "symbol": "diamond", "color": "c2"}, "error_y": error}


def _days(page: Page, rows: Sequence[Row]) -> list[str]:
    return [_local(page, row["at"]).strftime("%Y-%m-%dT%H:%M") for row in rows]


def _day_axis(page: Page) -> dict[str, Any]:
    """An axis of days, written without names of months where Plotly does not know the language."""
    text = "%-d %b" if page.lang == "en" else "%-m月%-d日"
    return {"type": "date", "tickformat": text, "hoverformat": text, "nticks": _N_DAYS, "tickangle": 0}


def _local(page: Page, moment: datetime) -> datetime:
    return moment.astimezone(page.format.zone)
