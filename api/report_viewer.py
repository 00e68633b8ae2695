"""Rights of a caller as a report needs them: whose rows count, whose sums are shown."""

from collections.abc import Callable

from api.organisation import Organisation
from api.rights import PARTS, Caller, Rights, require
from forecast.reports import Viewer
from forecast.usecases.report_schedules import Recipient
from forecast.workspace import Workspace


def viewer_of(caller: Caller, rights: Rights) -> Viewer:
    """The eyes of a caller.

    Raises
    ------
    NotAllowed
        If the role has no part in reports.
    """
    require(caller, "reports")
    return Viewer(
        rights.owners,
        rights.teams,
        sees_demand=caller.role in PARTS["demand"],
        sees_overrides=caller.role in PARTS["overrides"],
    )


def viewers(workspace: Workspace) -> Callable[[Recipient], Viewer]:
    """A function from a login to what it may see now: rights and teams are read when it is asked."""

    def of(login: Recipient) -> Viewer:
        organisation = Organisation.of(workspace.table("users"), workspace.table("teams"))
        caller = Caller(login.name, login.role, login.user_id)
        return viewer_of(caller, Rights.of(caller, organisation))

    return of
