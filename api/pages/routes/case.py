"""One lead or deal closely: what its score means and rests on, what to do, what happened, and cases like it."""

import json
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import Response

from api.case_view import Row
from api.pages.case_chart import score_chart
from api.pages.routes.ranked import DEALS, Kind, told
from api.pages.site import Page
from forecast.explain.way import way

#: Numbers of the page whose definitions are one tap away.
_DEFINED = (
    "probability", "low", "p_{h}d", "grade", "base", "reasons", "rate", "effect", "gain", "predicted_close_date",
)  # fmt: skip
_DEFINED_OF_DEALS = ("slip_probability", "amount_if_won", "expected_value")

#: Contacts and changes that are shown at first; the others are folded away.
N_FIRST = 10


def detail(page: Page, kind: Kind, entity_id: str, as_of: str | None) -> Response:
    """The page of one case; what takes longer comes after it."""
    since = page.view.events.last_change()  # before the row is read: nothing falls between
    cases = page.view.cases
    row = cases.one(kind.entity, entity_id, as_of)
    reasons = json.loads(row["reasons"])
    steps = way(reasons, base=row["base"], probability=row["probability"], lang=page.lang)
    horizons = sorted((int(name[2:-1]), row[name]) for name in row if name.startswith("p_") and name.endswith("d"))
    context = {
        "horizon": cases.horizon_days(row),
        "horizons": horizons,
        "steps": steps,
        "scale": _scale(row["base"], [step.end for step in steps]),
        "definitions": _definitions(page, kind),
        "owner": cases.owner_name(row["owner_id"]),
        "since": since,
        "moment": urlencode({} if as_of is None else {"as_of": as_of}),
    }
    return page.render("case/detail.html", _about(page, kind, row) | context, charts=True)


def next_step(page: Page, kind: Kind, entity_id: str, as_of: str | None) -> Response:
    """What to do next, and what would raise the score."""
    cases = page.view.cases
    row = cases.one(kind.entity, entity_id, as_of)
    step = cases.next_steps([row], page.lang)[entity_id]
    return _part(page, kind, row, "case/next_step.html", {"step": step, "raising": cases.raising(row, page.lang)})


def history(page: Page, kind: Kind, entity_id: str, as_of: str | None) -> Response:
    """What happened, and how the score moved meanwhile."""
    cases = page.view.cases
    row = cases.one(kind.entity, entity_id, as_of)
    events = [_named(page, event) for event in cases.timeline(row)]
    scores = cases.score_history(row)
    chart = score_chart(page, scores, events) if len(scores) > 1 else None
    shown = {"events": events, "n_first": N_FIRST, "scores": scores, "chart": chart}
    return _part(page, kind, row, "case/history.html", shown)


def similar(page: Page, kind: Kind, entity_id: str, as_of: str | None) -> Response:
    """Past cases that the model saw as it sees this one."""
    row = page.view.cases.one(kind.entity, entity_id, as_of)
    return _part(page, kind, row, "case/similar.html", {"similar": page.view.cases.similar(row)})


def _about(page: Page, kind: Kind, row: Row) -> dict[str, Any]:
    return {"kind": kind, "row": row | told(row, page.lang)}


def _part(page: Page, kind: Kind, row: Row, template: str, context: dict[str, Any]) -> Response:
    """A part for htmx, or the same as a page of its own where there is no script."""
    whole = _about(page, kind, row) | context | {"part": template}
    return page.render(template if page.is_partial else "case/part.html", whole, charts=True)


def _scale(base: float, ends: list[float]) -> float:
    """The probability at the right end of the bars: a round one above all."""
    most = max([base, *ends])
    return next(limit for limit in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0) if most <= limit or limit == 1.0)


def _definitions(page: Page, kind: Kind) -> list[dict[str, Any]]:
    known = {record["name"]: record for record in page.view.definitions(page.lang)}
    return [known[name] for name in (*_DEFINED, *(_DEFINED_OF_DEALS if kind is DEALS else ()))]


def _named(page: Page, event: Row) -> Row:
    """An event with days as days, and people by name where the caller may see them."""
    sides = {side: event[side] for side in ("before", "after")}
    if event["what"] == "owner":
        return event | {side: page.view.cases.owner_name(value) for side, value in sides.items()}
    if event["what"] == "expected_close":
        return event | {side: date.fromisoformat(value) if value else None for side, value in sides.items()}
    return event
