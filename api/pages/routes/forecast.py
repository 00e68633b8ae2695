"""``/forecast``: how a period will end, for the company, a team or a person; with what moved and how right it was."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import pandas as pd
from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.pages.forecast_figures import fan_chart, waterfall_chart
from api.pages.periods import period_choices, period_text, this_quarter
from api.pages.site import Page, PageOf
from api.pages.tree import Line, Tree, node_name
from api.ranking import json_records
from api.rights import PARTS
from api.schemas import AsOf, Batch, PeriodLabel, Text
from api.service import Snapshot
from forecast.errors import InvalidInput, NotEnoughHistory, UnknownEntity
from forecast.explain.moved import STEPS, event_text, step_meaning, step_title
from forecast.outlook import PARTS as REVENUE_PARTS
from forecast.outlook.baselines import BASELINES
from forecast.outlook.record import HORIZONS
from forecast.periods import start_of_day

router = APIRouter(prefix="/forecast")

Period = Annotated[PeriodLabel | None, Query()]
NodeName = Annotated[Text | None, Query(description="`company:company`, `team:ID` or `rep:ID`.")]

#: A week ago is what people compare with unless they say otherwise.
_SINCE = timedelta(days=7)
#: Deals named in each step of what moved.
_N_DEALS = 20


@router.get("")
def forecast(
    page: PageOf, period: Period = None, node: NodeName = None, as_of: AsOf | None = None, batch: Batch | None = None
) -> HTMLResponse:
    """One period of one node, and what adds up to it."""
    snapshot = page.view.settled(as_of, batch)
    chosen = page.service.workspace.period(period or this_quarter(page, snapshot)).label
    shown: dict[str, Any] = {
        "period": chosen,
        "period_text": period_text(page, chosen),
        "periods": period_choices(page, snapshot, chosen),
        "snapshot": snapshot,
        "asked": _asked(page),
    }
    try:
        tree, found = _tree(page, chosen, snapshot, is_present=as_of is None)
    except (InvalidInput, NotEnoughHistory) as error:
        return page.render("forecast/nothing.html", shown | {"reason": str(error)})
    line = tree.find(node)
    if line is None and node is not None:
        raise UnknownEntity(f"There is no {node!r} in this period among what you may see.")
    if line is None:
        return page.render("forecast/nothing.html", shown | {"reason": ""})
    shown |= found | _of_node(page, tree, line, chosen, snapshot)
    return page.render("forecast/forecast.html", shown, charts=True)


@router.get("/moved")
def moved(
    page: PageOf,
    period: PeriodLabel,
    node: Text,
    since: AsOf | None = None,
    as_of: AsOf | None = None,
    batch: Batch | None = None,
) -> HTMLResponse:
    """What moved the forecast of a node since a day: a part of the page, or a page of its own without scripts."""
    snapshot = page.view.settled(as_of, batch)
    zone = page.format.zone
    week_ago = start_of_day((snapshot.as_of - _SINCE).astimezone(zone).date(), zone)
    earlier = page.view.earlier_snapshot(since or week_ago.isoformat(), None, snapshot)
    level, _, node_id = node.partition(":")
    lines, deals = page.view.forecast.moved(period, earlier, snapshot, level, node_id)
    shown: dict[str, Any] = {
        "period": period,
        "node": node,
        "since": earlier.as_of.astimezone(zone).date(),
        "earlier": earlier,
        "snapshot": snapshot,
        "asked": _asked(page),
        "line": None,
    }
    for line in json_records(lines):
        steps = [_step(page, step, line[step], deals[deals["step"] == step]) for step in STEPS if line[step]]
        chart = waterfall_chart(page, line["before"], [(one["name"], one["amount"]) for one in steps], line["after"])
        shown |= {"line": line, "steps": steps, "chart": chart, "names": page.view.people_names()}
    return page.render("forecast/moved_part.html" if page.is_partial else "forecast/moved.html", shown, charts=True)


@router.get("/accuracy")
def accuracy(page: PageOf, as_of: AsOf | None = None, batch: Batch | None = None) -> HTMLResponse:
    """How right forecasts of finished periods were, by person and horizon, with sign."""
    snapshot = page.view.settled(as_of, batch)
    teams = page.view.forecast.team_names(snapshot)
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in json_records(page.view.records.accuracy(snapshot)):
        key = level, node_id, horizon = row["level"], row["id"], row["horizon"]
        node = {"level": level, "id": node_id, "horizon": horizon, "name": teams.get(node_id), "by": {}}
        rows.setdefault(key, node)["by"][row["forecaster"]] = row
    shown = {
        "rows": [line for line in Tree.of(page, list(rows.values())).lines if "model" in line["by"]],
        "record": json_records(page.view.records.record(snapshot)),
        "horizons": list(HORIZONS),
        "snapshot": snapshot,
        "sees_overrides": page.view.caller.role in PARTS["overrides"],
    }
    return page.render("forecast/accuracy_part.html" if page.is_partial else "forecast/accuracy.html", shown)


@router.post("/overrides")
def override(
    page: PageOf,
    period: Annotated[PeriodLabel, Form()],
    node: Annotated[Text, Form()],
    amount: Annotated[float, Form(ge=-1e14, le=1e14, allow_inf_nan=False)],
    reason: Annotated[Text, Form()],
    as_of: Annotated[AsOf, Form()] = "",
) -> Response:
    """Says what is expected of a node instead of the model, and shows it."""
    level, _, node_id = node.partition(":")
    page.view.records.override(period, level, node_id, amount, reason)
    asked = {"period": period, "node": node} | ({"as_of": as_of} if as_of else {})
    return RedirectResponse(f"/forecast?{urlencode(asked)}#overrides", 303)


def _step(page: Page, step: str, amount: float, deals: pd.DataFrame) -> dict[str, Any]:
    """One step of what moved, with the deals that moved most in it."""
    named = [deal | {"text": event_text(deal["what"], page.lang)} for deal in json_records(deals.head(_N_DEALS))]
    return {
        "name": step_title(step, page.lang),
        "meaning": step_meaning(step, page.lang),
        "amount": amount,
        "deals": named,
        "n_deals": deals["opportunity_id"].nunique(),
        "n_more": len(deals) - len(named),
    }


def _asked(page: Page) -> dict[str, str]:
    """What links and forms of the page keep of its address."""
    query = page.request.query_params
    return {name: query[name] for name in ("as_of", "batch") if query.get(name)}


def _tree(page: Page, period: str, snapshot: Snapshot, *, is_present: bool) -> tuple[Tree, dict[str, Any]]:
    """The lines of an outlook with the targets of each, and which targets these are."""
    _currency, lines = page.view.outlook(period, snapshot)
    held = page.view.targets.to_show(period, snapshot, is_present=is_present)
    goals = {}
    if held is not None:
        _found, table = page.view.targets.attainment(period, "revenue", held.version, snapshot)
        goals = {
            ({"user": "rep"}.get(row["owner_kind"], row["owner_kind"]), row["owner_id"]): row
            for row in json_records(table)
        }
    found = [
        line | {"goal": goals.get((line["level"], line["id"])), "node": node_name(line)} for line in json_records(lines)
    ]
    found.sort(key=lambda line: -line["mean"])
    return Tree.of(page, found), {"held": held}


def _of_node(page: Page, tree: Tree, line: Line, period: str, snapshot: Snapshot) -> dict[str, Any]:
    """What is shown of one node."""
    view, is_person = page.view, line["level"] == "rep"
    courses = view.forecast.course(period, snapshot)
    course = json_records(courses[(courses["level"] == line["level"]) & (courses["id"] == line["id"])])
    earlier = json_records(view.forecast.earlier(period, line["level"], line["id"], snapshot))
    target = line["goal"]["target"] if line["goal"] else None
    below = tree.below(line)
    may_override = view.caller.role in PARTS["overrides"]
    return {
        "line": line,
        "way": tree.way(line),
        "roots": tree.roots,
        "below": below,
        "most": max([max(one["mean"], one["q0.9"], 0.0) for one in (below or [line])], default=0.0),
        "parts": [part for part in REVENUE_PARTS if any(one[part] for one in [line, *below])],
        "baselines": [name for name in BASELINES if line[name] is not None],
        "course": course,
        "earlier": earlier,
        "chart": fan_chart(page, course, earlier, target),
        "deals": json_records(view.forecast.deals(period, snapshot, line["id"])) if is_person else None,
        "may_override": may_override,
        "overrides": _overrides(page, tree, period) if may_override else [],
        "names": view.people_names(),
        "model_version": view.forecast.model_version(period, snapshot),
    }


def _overrides(page: Page, tree: Tree, period: str) -> list[dict[str, Any]]:
    """Latest first, each with what its node is called."""
    labels = {(line["level"], line["id"]): line["label"] for line in tree.lines}
    made = json_records(page.view.records.overrides(period))
    return [row | {"label": labels.get((row["level"], row["id"]), row["id"])} for row in reversed(made)]
