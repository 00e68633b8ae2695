"""``/targets``: where targets stand, what would be fair ones, and every version that was approved."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.pages.periods import period_choices, period_text, this_quarter
from api.pages.site import Page, PageOf
from api.pages.tree import Line, Tree
from api.pages.wishes import OWN, Asked, read_wish
from api.ranking import json_records
from api.rights import PARTS
from api.schemas import AsOf, Batch, PeriodLabel, Text
from api.service import Snapshot
from forecast.errors import InvalidInput, NotEnoughHistory, UnknownEntity
from forecast.outlook import UNASSIGNED
from forecast.targets import LEVEL_ODDS, ConstraintConflict, TargetOutOfReach

router = APIRouter(prefix="/targets")

Period = Annotated[PeriodLabel | None, Query()]

#: A slider of an amount reaches from and to so many times what is expected.
_LEAST, _MOST = 0.5, 1.8


@router.get("")
def targets(
    page: PageOf,
    period: Period = None,
    node: Annotated[Text | None, Query(description="`company:company`, `team:ID` or `user:ID`.")] = None,
    as_of: AsOf | None = None,
    batch: Batch | None = None,
) -> HTMLResponse:
    """Where targets stand, with a proposal and the history for those who lead others."""
    snapshot = page.view.settled(as_of, batch)
    chosen = page.service.workspace.period(period or this_quarter(page, snapshot)).label
    leads = page.view.caller.role in PARTS["company targets"]
    shown: dict[str, Any] = _frame(page, chosen, snapshot) | {
        "periods": period_choices(page, snapshot, chosen),
        "leads": leads,
        "held": None,
        "line": None,
        "approved": page.request.query_params.get("approved"),
        "history": _history(page, chosen, snapshot) if leads else [],
    }
    shown |= _standing(page, chosen, node, snapshot, is_present=as_of is None)
    query = page.request.query_params
    asked = read_wish(query)
    if leads and (asked.values or "propose" in query):
        shown |= _proposal(page, chosen, snapshot, asked) | {"is_proposed": True}
    else:
        shown |= {"is_proposed": False}
    return page.render("targets/targets.html", shown)


@router.get("/proposal")
def proposal(page: PageOf, period: PeriodLabel, as_of: AsOf | None = None, batch: Batch | None = None) -> HTMLResponse:
    """The form of a proposal with what it gives: the part of the page that takes a moment."""
    snapshot = page.view.settled(as_of, batch)
    asked = read_wish(page.request.query_params)
    shown = _frame(page, period, snapshot) | _proposal(page, period, snapshot, asked)
    return page.render("targets/proposal.html", shown)


@router.get("/odds")
def odds(page: PageOf, period: PeriodLabel, as_of: AsOf | None = None, batch: Batch | None = None) -> HTMLResponse:
    """What the form gives now: asked for again whenever a control moves."""
    snapshot = page.view.settled(as_of, batch)
    asked = read_wish(page.request.query_params)
    shown = _frame(page, period, snapshot) | _proposed(page, period, snapshot, asked)
    answer = page.render("targets/odds.html", shown)
    answer.headers["HX-Replace-Url"] = f"/targets?{page.request.url.query}"  # the address gives the same again
    return answer


@router.get("/levels")
def levels(page: PageOf, period: PeriodLabel, as_of: AsOf | None = None, batch: Batch | None = None) -> HTMLResponse:
    """Target, stretch and challenge at their stated odds, within the same constraints."""
    snapshot = page.view.settled(as_of, batch)
    asked = read_wish(page.request.query_params)
    seen = page.view.targets.levels(period, asked.wish, snapshot)
    by_level = {
        level: {(line["owner_kind"], line["owner_id"]): line for line in json_records(lines)}
        for level, lines in seen.lines.groupby("level")
    }
    first = [line for line in json_records(seen.lines) if line["level"] == next(iter(LEVEL_ODDS))]
    shown = _frame(page, period, snapshot) | {
        "lines": _tree(page, first, snapshot).walk(),
        "levels": LEVEL_ODDS,
        "by_level": by_level,
    }
    return page.render("targets/levels_part.html" if page.is_partial else "targets/levels.html", shown)


async def _sent(request: Request) -> dict[str, str]:
    """The fields of the form that was sent."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


@router.post("/approvals")
def approve(
    page: PageOf,
    sent: Annotated[dict[str, str], Depends(_sent)],
    period: Annotated[PeriodLabel, Form()],
    as_of: Annotated[AsOf, Form()],
    batch: Annotated[Batch, Form()],
    effective_from: Annotated[AsOf, Form()],
    sure: Annotated[bool, Form()] = False,
) -> Response:
    """Stores the proposal that was looked at as the next version of the period's targets."""
    if not sure:
        raise InvalidInput("Targets are approved only with the box ticked that says so; tick it and try again.")
    targets = page.view.targets
    snapshot = targets.snapshot(as_of, batch)
    version, _basis = targets.approve(period, read_wish(sent).wish, snapshot, targets.moment(effective_from))
    kept = {"as_of": sent["asked_as_of"]} if sent.get("asked_as_of") else {}
    return RedirectResponse(f"/targets?{urlencode({'period': period, **kept, 'approved': version})}#history", 303)


def _frame(page: Page, period: str, snapshot: Snapshot) -> dict[str, Any]:
    """What every part of the page knows."""
    query = page.request.query_params
    return {
        "period": period,
        "period_text": period_text(page, period),
        "snapshot": snapshot,
        "kept": {name: query[name] for name in ("as_of", "batch") if query.get(name)},
        "query": page.request.url.query,
    }


def _standing(page: Page, period: str, node: str | None, snapshot: Snapshot, *, is_present: bool) -> dict[str, Any]:
    """Where the targets of a node stand, and of what adds up to it: those in force, or else approved since."""
    held = page.view.targets.to_show(period, snapshot, is_present=is_present)
    if held is None:
        return {}
    try:
        found, table = page.view.targets.attainment(period, "revenue", held.version, snapshot)
    except (InvalidInput, NotEnoughHistory):  # no outlook to hold them against
        return {}
    tree = _tree(page, json_records(table), snapshot)
    line = tree.find(node)
    if line is None and node is not None:
        raise UnknownEntity(f"There is no target of {node!r} in this period among what you may see.")
    if line is None:
        return {}
    return {
        "held": held,
        "line": line,
        "way": tree.way(line),
        "roots": tree.roots,
        "below": tree.below(line),
        "n_past_periods": found.n_past_periods,
    }


def _proposal(page: Page, period: str, snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """The form and what it gives; the form's sliders reach around what is expected."""
    shown = _proposed(page, period, snapshot, asked)
    plain = shown if not asked.values else _proposed(page, period, snapshot, read_wish({}))
    lines = plain["lines"]
    top = next((line for line in lines if line["level"] == "company"), None)
    people = [line | _reach(line) for line in lines if line["level"] == "user" and line["id"] != UNASSIGNED]
    return shown | {
        "asked": asked,
        "own_kinds": OWN,
        "top": None if top is None else top | _reach(top),
        "people": people,
        "tried": next((line for line in people if line["id"] == asked.owner), None),
        "is_during": snapshot.as_of < page.service.workspace.period(period).end(page.format.zone),
    }


def _proposed(page: Page, period: str, snapshot: Snapshot, asked: Asked) -> dict[str, Any]:
    """The proposal that was asked for, or what is in its way."""
    none: dict[str, Any] = {"asked": asked, "lines": [], "conflict": [], "reach": None, "problem": "", "seen": None}
    view = page.view.targets
    try:
        seen = view.proposal(period, asked.wish, snapshot)
        before = seen if asked.owner is None else view.proposal(period, asked.before, snapshot)
    except ConstraintConflict as conflict:
        people, teams = page.view.people_names(), page.view.forecast.team_names(snapshot)
        rules = [
            {
                "kind": rule.kind,
                "amount": rule.amount,
                "who": people.get(str(rule.node)) or teams.get(str(rule.node)) or rule.node,
            }
            for rule in conflict.conflict
        ]
        return none | {"conflict": rules}
    except TargetOutOfReach as error:
        return none | {"reach": error.reach, "problem": str(error)}
    except (InvalidInput, NotEnoughHistory) as error:
        return none | {"problem": str(error)}
    earlier = {(line["owner_kind"], line["owner_id"]): line for line in json_records(before.lines)}
    lines = [
        line | {"before": earlier.get((line["owner_kind"], line["owner_id"]))} for line in json_records(seen.lines)
    ]
    return none | {"lines": _tree(page, lines, snapshot).walk(), "seen": seen}


def _reach(line: Line) -> dict[str, Any]:
    """Ends and step of a slider, in round numbers."""
    scale = max(line["expected"], line["amount"], 1.0)
    step = 10.0 ** (len(str(int(scale))) - 3)
    least = _LEAST * scale if line["level"] == "company" else 0.0
    return {"least": least // step * step, "most": (_MOST * scale) // step * step + step, "step": max(step, 1.0)}


def _history(page: Page, period: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every approved version, the latest first, with what it changed."""
    versions: dict[int, dict[str, Any]] = {}
    for row in json_records(page.view.targets.changes(period)):
        version = versions.setdefault(row["version"], {**row, "basis": basis_text(page, row["basis"]), "lines": []})
        version["lines"].append(row | {"parent": ""})
    names = page.view.people_names()
    for version in versions.values():
        version["by"] = names.get(version["author"], version["author"])
        lines = _tree(page, version["lines"], snapshot).lines
        version["is_first"] = all(line["before"] is None for line in lines)
        version["lines"] = [line for line in lines if line["change"] != 0.0]
        version["total"] = next((line["amount"] for line in lines if line["level"] == "company"), None)
    return list(versions.values())


def basis_text(page: Page, basis: str | None) -> str:
    """What a proposal rests on, in the language of the page; as it was kept where it is not of our making."""
    found = re.fullmatch(
        r"(?:adjusted during the period, from (?P<origin>[^;]+); )?equal odds on the outlook of "
        r"(?P<of>territories|persons) as of (?P<as_of>\S+), batch (?P<batch>\d+)",
        basis or "",
    )
    if found is None:
        return basis or ""
    of = page.gettext("territories") if found["of"] == "territories" else page.gettext("persons")
    moment = page.format.moment(page.service.workspace.moment(found["as_of"]))
    text = page.gettext("equal odds on the outlook of %(of)s, as of %(moment)s, batch %(batch)s",
                        of=of, moment=moment, batch=found["batch"])  # fmt: skip
    adjusted = page.gettext("adjusted during the period")
    return text if found["origin"] is None else f"{adjusted}; {text}"


def _tree(page: Page, lines: Sequence[Mapping[str, Any]], snapshot: Snapshot) -> Tree:
    """Targets as a tree: people by what their team is called, the largest first."""
    teams = page.view.forecast.team_names(snapshot)
    named = [
        {
            **line,
            "level": line["owner_kind"],
            "id": line["owner_id"],
            "name": teams.get(line["owner_id"]),
            "node": f"{line['owner_kind']}:{line['owner_id']}",
        }
        for line in lines
    ]
    named.sort(key=lambda line: -float(line.get("amount") or line.get("target") or 0.0))
    return Tree.of(page, named)
