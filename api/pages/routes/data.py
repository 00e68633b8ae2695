"""``/data``: how data came in, what was rejected and why, what waits, and what drifts."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse

from api.pages.site import PageOf
from api.ranking import json_records
from api.schemas import Text
from forecast.monitoring.drift import LARGE, MODERATE

router = APIRouter()

#: Rejected rows and dead events that are shown; counts are of all.
_ROWS = 50
_FEATURES = 30


@router.get("/data")
def data(page: PageOf, mapping: str = "", retried: int | None = None) -> HTMLResponse:
    """Sources, quarantine, events and health."""
    room = page.view.data_room
    shown: dict[str, Any] = {
        "sources": json_records(room.sources()),
        "reasons": json_records(room.reasons()),
        "mapping": mapping,
        "retried": retried,
        "rows": None,
        "events": None,
        "health": room.health(),
        "snapshot": page.view.settled(),
    }
    if room.sees_quarantine:
        rows = room.quarantine(mapping or None)
        shown |= {
            "rows": json_records(rows.tail(_ROWS).iloc[::-1]),
            "n_rows": len(rows),
            "masked": not room.sees_values,
        }
        total, waiting, dead = page.view.events.dead(_ROWS)
        shown["events"] = {"total": total, "waiting": waiting, "dead": dead}
    return page.render("data/data.html", shown)


@router.get("/data/drift")
def drift(page: PageOf, entity: Literal["opportunity", "lead"] = "opportunity") -> HTMLResponse:
    """How far the open cases of now differ from those that the champion learned from."""
    snapshot = page.view.settled()
    label, table = page.view.data_room.drift(entity, snapshot)
    rows = [] if table is None else json_records(table)
    shown = {
        "entity": entity,
        "label": label,
        "table": None if table is None else rows[:_FEATURES],
        "n_features": len(rows),
        "counts": {
            verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("large", "moderate", "stable")
        },
        "moderate": MODERATE,
        "large": LARGE,
        "most": max([LARGE * 2, *(row["psi"] for row in rows)]),
        "snapshot": snapshot,
    }
    return page.render("data/drift_part.html" if page.is_partial else "data/drift.html", shown)


@router.post("/data/retry")
def retry(page: PageOf, mapping: Annotated[Text, Form()]) -> RedirectResponse:
    """Try the rejected rows of a mapping again."""
    result = page.view.data_room.retry(mapping)
    taken = sum(counts["read"] - counts["quarantined"] for counts in result.counts.values())
    return RedirectResponse(f"/data?retried={taken}", 303)


@router.post("/data/events/retry")
def retry_events(page: PageOf) -> RedirectResponse:
    """Put all events that could not be stored into the queue again."""
    page.view.events.retry(None)
    return RedirectResponse("/data", 303)
