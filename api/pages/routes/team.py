"""``/team``: how people and teams did, and what of it was more than luck; a rep sees the own line only."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from api.pages.charts import Chart, error_bars
from api.pages.site import Page, PageOf
from api.ranking import json_records
from api.schemas import AsOf, Batch, PeriodLabel
from api.service import Snapshot
from forecast.explain.performance import CAVEAT, render_claim, render_suggestion, step_label
from forecast.performance import CLAIM_LEVEL
from forecast.periods import past_periods, period_of

router = APIRouter()

Period = Annotated[PeriodLabel | None, Query()]
Row = dict[str, Any]

#: What results above expectation can be shown in; column, and its ends.
_UNITS = {"money": "amount_above", "deals": "wins_above"}


@router.get("/team")
def team(
    page: PageOf,
    period: Period = None,
    unit: str = "money",
    as_of: AsOf | None = None,
    batch: Batch | None = None,
) -> HTMLResponse:
    """Everybody whom the caller may see, in one period."""
    snapshot = page.view.settled(as_of, batch)
    chosen = period or _this_quarter(page, snapshot)
    unit = unit if unit in _UNITS else "money"
    lines = _named(page, json_records(page.view.performance(chosen, snapshot)))
    people = [line for line in lines if line["level"] == "user"]
    known = (
        "amount_above" if unit == "money" and any(line["amount_above"] is not None for line in people) else "wins_above"
    )
    shown = {
        "period": chosen,
        "periods": _choices(page, snapshot, chosen),
        "snapshot": snapshot,
        "unit": "money" if known == "amount_above" else "deals",
        "people": sorted(people, key=lambda line: -(line["wins_above"] or 0.0)),
        "teams": [line for line in lines if line["level"] != "user"],
        "chart": _above_chart(page, people, known),
        "caveat": CAVEAT.in_language(page.lang),
        "claim_level": CLAIM_LEVEL,
    }
    return page.render("team/team.html", shown, charts=True)


@router.get("/team/{user_id:path}")
def person(
    page: PageOf, user_id: str, period: Period = None, as_of: AsOf | None = None, batch: Batch | None = None
) -> HTMLResponse:
    """One person: the whole, step by step, and what follows from it."""
    snapshot = page.view.settled(as_of, batch)
    chosen = period or _this_quarter(page, snapshot)
    seen = page.view.person_performance(user_id, chosen, snapshot)
    (line,) = _named(page, json_records(seen.line))
    steps = [step | {"text": step_label(step["step"], page.lang)} for step in json_records(seen.steps)]
    names = page.view.people_names()
    pairs = [pair | {"label": names.get(pair["other_id"], pair["other_id"])} for pair in json_records(seen.comparisons)]
    told = [_with_names(one, names) for one in seen.suggestions]
    shown = {
        "period": chosen,
        "periods": _choices(page, snapshot, chosen),
        "snapshot": snapshot,
        "line": line,
        "claim_text": render_claim(line, page.lang),
        "steps": steps,
        "chart": _steps_chart(page, steps),
        "comparisons": sorted(pairs, key=lambda pair: -pair["p_ahead"]),
        "suggestions": [one | {"text": render_suggestion(one, page.lang)} for one in told],
        "caveat": CAVEAT.in_language(page.lang),
        "claim_level": CLAIM_LEVEL,
    }
    return page.render("team/person.html", shown, charts=True)


def _this_quarter(page: Page, snapshot: Snapshot) -> str:
    settings = page.service.workspace.settings
    today = snapshot.as_of.astimezone(settings.zone).date()
    return period_of(today, kind="quarter", fiscal_year_start=settings.fiscal_year_start).label


def _choices(page: Page, snapshot: Snapshot, chosen: str) -> list[tuple[str, str]]:
    """Periods to choose from; the present choice is always among them."""
    settings = page.service.workspace.settings
    today = snapshot.as_of.astimezone(settings.zone).date()
    labels = [period.label for period in past_periods(today, fiscal_year_start=settings.fiscal_year_start)]
    return [(label, label) for label in dict.fromkeys([*labels, chosen])]


def _named(page: Page, lines: list[Row]) -> list[Row]:
    """Lines with what people call them: persons by name, so that two of one name keep their ids."""
    names = page.view.people_names()
    called = [names.get(line["id"], line["id"]) if line["level"] == "user" else line["name"] for line in lines]
    twice = {name for name in called if called.count(name) > 1}
    return [
        line | {"label": f"{name} ({line['id']})" if name in twice else name or line["id"]}
        for line, name in zip(lines, called, strict=True)
    ]


def _with_names(suggestion: Mapping[str, Any], names: Mapping[str, str]) -> Row:
    evidence = suggestion["evidence"]
    learn_from = [names.get(person, person) for person in evidence.get("learn_from") or ()]
    return {**suggestion, "evidence": {**evidence, "learn_from": learn_from}}


def _above_chart(page: Page, people: list[Row], column: str) -> Chart | None:
    """What each person brought above expectation with its 80 % range; None where nothing could be expected."""
    known = sorted((line for line in people if line[column] is not None), key=lambda line: line[column])
    if not known:
        return None
    title = (
        page.gettext("Above expectation in money")
        if column == "amount_above"
        else page.gettext("Wins above expectation")
    )
    return _dots("above", title, [line["label"] for line in known], known, (column, f"{column}_low", f"{column}_high"))


def _steps_chart(page: Page, steps: list[Row]) -> Chart | None:
    """Each step of the funnel with its 80 % range, in cases."""
    if not steps:
        return None
    title = page.gettext("Above expectation by step, in cases")
    return _dots("steps", title, [step["text"] for step in steps][::-1], steps[::-1], ("above", "low", "high"))


def _dots(name: str, title: str, labels: list[str], rows: list[Row], columns: tuple[str, str, str]) -> Chart:
    """Dots with ranges, one row each, bottom to top."""
    middle, low, high = ([row[column] for row in rows] for column in columns)
    colours = [{"ahead": "good", "behind": "bad"}.get(row["claim"], "muted") for row in rows]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": middle,
        "y": labels,
        "marker": {"color": colours, "size": 10},
        "error_x": error_bars(middle, low, high),
    }
    layout = {
        "height": 90 + 26 * len(rows),
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": {"zeroline": True, "zerolinewidth": 2},
        "yaxis": {"type": "category"},
    }
    return Chart(name, title, [trace], layout)
