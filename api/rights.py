"""What a role may do, and whose rows a caller may see: the only place that decides either.

| role | rows (leads, opportunities, customers, outlook, targets) | demand | ad-hoc scores | models | target approval |
|---|---|---|---|---|---|
| rep | own | no | naming only own rows | no | no |
| manager | own, and of the own teams with all sub-teams | all | naming only visible rows | no | of all people |
| operations | none | no | no | no | no |
| engineer | none | no | naming no row | all | no |
| admin | all, also of nobody and of the company | all | all | all | yes |

Operations bring data in and look after users: events, syncs, quarantine, schedules of reports and the audit log, but no
deal and no score. An API key may be narrower than its role: its scopes name the parts that it opens.

A manager overrides outlooks of the own teams and their people, and a rep sees no override. A rep sees targets that are
approved, and no proposal; a manager proposes them for the own teams' people, out of what these alone can bring, and
approves them only where everybody who has one is in the own teams. Teams are those of today, whatever day a request
asks about.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from api.organisation import Organisation
from api.trail import Trail
from forecast.errors import InvalidInput, NotAllowed


@dataclass(frozen=True)
class Caller:
    """Who asks: the holder of an API key, or a person who logged in."""

    name: str  # of the key, or the login
    role: str  # rep, manager, operations, engineer or admin
    user_id: str | None  # the CRM user for whom the key or login acts
    actor: str = ""  # how logs name the caller: "key 7", "login 3"
    scopes: frozenset[str] | None = None  # the parts that a key opens; None for all that its role may use
    trail: Trail = field(default_factory=Trail, compare=False)  # what the present request touched


_EVERYBODY = ("rep", "manager", "operations", "engineer", "admin")

#: Roles that may use each part of the service.
PARTS = {
    "rows": ("rep", "manager", "admin"),
    "demand": ("manager", "admin"),
    "ad-hoc scores": ("rep", "manager", "engineer", "admin"),
    "models": ("engineer", "admin"),
    "promotion": ("engineer", "admin"),
    "definitions": _EVERYBODY,
    "company targets": ("manager", "admin"),
    "target approval": ("manager", "admin"),
    "overrides": ("manager", "admin"),
    "panel": ("rep", "manager", "admin"),
    "reports": ("rep", "manager", "admin"),
    "report schedules": ("operations", "admin"),
    "events": ("operations", "admin"),
    "data status": ("operations", "engineer", "admin"),
    "quarantine": ("operations", "admin"),
    "personal values": ("admin",),
    "users": ("operations", "admin"),
    "audit": ("operations", "admin"),
    "metrics": ("operations", "admin"),
}


def require(caller: Caller, part: str) -> None:
    """Raise `NotAllowed` unless the caller's role, and the scopes of its key, open this part of the service."""
    caller.trail.parts.add(part)
    if caller.role not in PARTS[part]:
        raise NotAllowed(f"A key of role {caller.role} does not open {part}; roles that do: {', '.join(PARTS[part])}.")
    if caller.scopes is not None and part not in caller.scopes:
        raise NotAllowed(f"This key does not open {part}; its scopes: {', '.join(sorted(caller.scopes))}.")


def check_scopes(role: str, scopes: Iterable[str]) -> None:
    """Raise `InvalidInput` when a key of a role cannot have one of these scopes."""
    possible = [part for part, roles in PARTS.items() if role in roles]
    wrong = [scope for scope in scopes if scope not in possible]
    if wrong:
        raise InvalidInput(f"A key of role {role!r} has the scopes {', '.join(possible)}; got {wrong[0]!r}.")


@dataclass(frozen=True)
class Rights:
    """Whose rows a caller may see.

    Attributes
    ----------
    owners : frozenset of user_id, or None for all, also rows without an owner
    teams : frozenset of team_id, or None for all
    """

    owners: frozenset[str] | None
    teams: frozenset[str] | None

    @classmethod
    def of(cls, caller: Caller, organisation: Organisation) -> "Rights":
        """Rights of a caller in the organisation of today."""
        if caller.role == "admin":
            return cls(None, None)
        if caller.user_id is None or caller.role not in PARTS["rows"]:
            return cls(frozenset(), frozenset())
        own = frozenset({caller.user_id})
        if caller.role != "manager":
            return cls(own, frozenset())
        teams = organisation.managed_by(caller.user_id)
        return cls(own | organisation.members(teams), teams)

    @property
    def is_everything(self) -> bool:
        """Whether also rows without an owner, and those of the whole company, may be seen."""
        return self.owners is None

    def owns(self, owner_id: str | None) -> bool:
        """Whether rows of this owner may be seen."""
        return self.owners is None or owner_id in self.owners

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a frame with ``owner_id`` that may be seen."""
        return frame if self.owners is None else frame[frame["owner_id"].isin(self.owners)]

    def nodes(self, frame: pd.DataFrame, kind: str, key: str) -> pd.DataFrame:
        """The rows that may be seen of a frame whose rows are people, teams or the company.

        Parameters
        ----------
        frame : DataFrame
        kind : str
            Column that says ``rep`` or ``user``, ``team`` or ``company``.
        key : str
            Column with the id.
        """
        if self.owners is None or self.teams is None:
            return frame
        own_people = frame[kind].isin(["rep", "user"]) & frame[key].isin(self.owners)
        own_teams = (frame[kind] == "team") & frame[key].isin(self.teams)
        return frame[own_people | own_teams]
