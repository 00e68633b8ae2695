"""``/embed/{lead|opportunity}/{id}``: one case in the side bar of a CRM, opened by a token; see `api.routes.panel`."""

import json
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api.auth import service_of
from api.case_view import Row, case_of
from api.errors import Refused
from api.pages.routes.ranked import DEALS, LEADS, told
from api.pages.site import Site
from api.panel import Pass
from api.panel_view import tokens_of, view_of_pass
from api.schemas import EntityKind
from api.security import frame_ancestors
from api.service import Service
from api.view import View
from forecast.errors import NotAllowed, UnknownEntity
from forecast.explain import render, shown_reasons

router = APIRouter(prefix="/embed")

#: What an open panel sends, and gets anew with each answer.
SESSION = "X-Panel-Session"

N_REASONS = 3

ServiceOf = Annotated[Service, Depends(service_of)]


class Panel(Site):
    """A page without menu that pages of one origin may frame.

    Parameters
    ----------
    origins : sequence of str
        Whose pages may show it.
    """

    def __init__(self, request: Request, service: Service, *origins: str) -> None:
        super().__init__(request, service)
        self._origins = origins

    def _security_policy(self, charts: bool) -> str:
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            f"form-action 'none'; base-uri 'none'; {frame_ancestors(self._origins)}"
        )

    def _remember(self, response: Response) -> None:
        """Nothing: a frame must not change what somebody chose for the pages."""


@router.get("/{entity}/{entity_id:path}/part")
def follow(
    request: Request,
    service: ServiceOf,
    entity: EntityKind,
    entity_id: str,
    session: Annotated[str, Header(alias=SESSION, max_length=4000)],
    seen: Annotated[str, Query(max_length=1000)] = "",
) -> Response:
    """What an open panel shows now, if it is something new, and its next session."""
    tokens = tokens_of(service)
    allowed = tokens.follow(session, entity, entity_id)
    view = _view(request, service, allowed)
    row = view.cases.one(entity, entity_id)
    panel = Panel(request, service, allowed.origin)
    if seen == _identity(panel, row):
        answer = Response(status_code=204)
    else:
        step = view.cases.next_steps([row], panel.lang)[entity_id]
        answer = panel.render("embed/part.html", _told(panel, view, row) | {"step": step})
    answer.headers[SESSION] = tokens.session(allowed)
    return _unkept(answer)


@router.get("/{entity}/{entity_id:path}")
def open_panel(
    request: Request,
    service: ServiceOf,
    entity: EntityKind,
    entity_id: str,
    token: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """The panel; what it shows is that of the person whom the token names."""
    tokens = tokens_of(service)
    try:
        allowed = tokens.admit(token, entity, entity_id)
        view = _view(request, service, allowed)
        row = view.cases.one(entity, entity_id)
    except (Refused, NotAllowed, UnknownEntity) as error:
        return _refusal(request, service, error)
    panel = Panel(request, service, allowed.origin)
    told_now = _told(panel, view, row) | {"step": None, "origin": allowed.origin, "session": tokens.session(allowed)}
    return _unkept(panel.render("embed/panel.html", told_now))


def _view(request: Request, service: Service, allowed: Pass) -> View:
    """The view of the panel's user, whom the logs name too."""
    referrer = urlsplit(request.headers.get("Referer", ""))
    shown_on = f"{referrer.scheme}://{referrer.netloc}" if referrer.netloc else None
    own = f"{request.url.scheme}://{request.url.netloc}"
    view = view_of_pass(service, allowed, None if shown_on == own else shown_on)
    request.state.caller = view.caller
    return view


def _refusal(request: Request, service: Service, error: Exception) -> Response:
    """Why there is no panel, where any configured page may show it: a refusal holds nothing of anybody."""
    panel = Panel(request, service, *service.workspace.settings.frame_ancestors)
    is_over = isinstance(error, Refused) and error.code in ("token_expired", "token_used")
    status = 404 if isinstance(error, UnknownEntity) else 403
    return _unkept(panel.render("embed/refused.html", {"is_over": is_over, "status": status}, status=status))


def _told(panel: Panel, view: View, row: Row) -> dict[str, object]:
    shown = shown_reasons(json.loads(row["reasons"]), base=row["base"], n_shown=N_REASONS)
    reasons = [
        {"points": reason["points"], "text": render(reason, panel.lang)} for reason in (*shown.raising, *shown.lowering)
    ]
    return {
        "kind": LEADS if row["entity"] == "lead" else DEALS,
        "row": row | told(row, panel.lang),
        "reasons": sorted(reasons, key=lambda reason: -abs(reason["points"])),
        "horizon": view.cases.horizon_days(row),
        "identity": _identity(panel, row),
    }


def _identity(panel: Panel, row: Row) -> str:
    """What the panel shows: other numbers, or another language, are another."""
    _, _, as_of, batch, model = case_of(row)
    return f"{as_of.isoformat()} {batch} {model} {panel.lang}"


def _unkept(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address holds a token, used though it is
    return answer
