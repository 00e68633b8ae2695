"""The embedded panel as the person sees it for whom a CRM asks."""

from datetime import datetime

from api.panel import PanelTokens, Pass, may_frame
from api.rights import Caller, require
from api.service import Service
from api.view import View
from forecast.errors import InvalidInput, NotAllowed

#: What a panel may open, whatever the role of its user.
_SCOPES = frozenset({"rows", "definitions"})


def tokens_of(service: Service) -> PanelTokens:
    """Tokens signed with the secret of the workspace."""
    workspace = service.workspace
    return PanelTokens(workspace.panel_secret(), workspace.clock, workspace.store)


def issue_token(
    service: Service, caller: Caller, user_id: str | None, entity: str, entity_id: str, origin: str
) -> tuple[str, datetime]:
    """A token for a person to look at a lead or opportunity on pages of an origin, and until when it can be used.

    Raises
    ------
    NotAllowed
        If the caller may not ask for that person, or pages of that origin may not show the panel.
    UnknownEntity
        If the person may not see the lead or opportunity.
    """
    require(caller, "panel")
    viewer = user_id or caller.user_id
    if viewer is None:
        raise InvalidInput("`user_id` must name the CRM user who looks at the panel: this key acts for nobody.")
    if caller.role != "admin" and viewer != caller.user_id:
        raise NotAllowed("This key asks for panels of its own user only; a key of role admin may ask for everybody.")
    _require_origin(service, origin)
    view_of_viewer(service, viewer).cases.one(entity, entity_id)
    caller.trail.note("issue panel token", f"user {viewer} {entity} {entity_id}")
    return tokens_of(service).issue(viewer, entity, entity_id, origin)


def view_of_pass(service: Service, allowed: Pass, came_from: str | None) -> View:
    """The view of the person whom a token or session names.

    Parameters
    ----------
    came_from : str or None
        Origin of the page that shows the panel, as far as the browser says.

    Raises
    ------
    NotAllowed
        If pages of its origin may not show the panel any more, or another page does.
    """
    _require_origin(service, allowed.origin)
    if came_from is not None and came_from != allowed.origin:
        raise NotAllowed("This token is for pages of another site.")
    return view_of_viewer(service, allowed.user_id)


def view_of_viewer(service: Service, user_id: str) -> View:
    """The view of a CRM user, with the rights of today."""
    if not _is_active(service, user_id):
        raise NotAllowed("The CRM knows no active user of that id.")
    role = "manager" if service.organisation().managed_by(user_id) else "rep"
    return View(service, Caller(f"panel of {user_id}", role, user_id, f"panel {user_id}", _SCOPES))


def _require_origin(service: Service, origin: str) -> None:
    if not may_frame(origin, service.workspace.settings.frame_ancestors):
        raise NotAllowed("Pages of that origin may not show the panel; name it in the setting `frame_ancestors`.")


def _is_active(service: Service, user_id: str) -> bool:
    until = service.cases.active_until().get(user_id)
    return until is not None and until > service.workspace.clock.now()
