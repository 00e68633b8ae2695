"""What a role may do, and whose rows a caller may see: the only place that decides either.

| role | rows (leads, opportunities, customers, outlook, targets) | demand | ad-hoc scores | models | target approval |
|---|---|---|---|---|---|
| rep | own | no | naming only own rows | no | no |
| manager | own, and of the own teams with all sub-teams | all | naming only visible rows | no | of all people |
| engineer | none | no | naming no row | all | no |
| admin | all, also of nobody and of the company | all | all | all | yes |

A manager overrides outlooks of the own teams and their people, and a rep sees no override. A rep cannot try company
targets; a manager approves targets only where everybody who has one is in the own teams. Teams are those of today,
whatever day a request asks about.
"""

from dataclasses import dataclass

import pandas as pd

from api.organisation import Organisation
from forecast.errors import NotAllowed


@dataclass(frozen=True)
class Caller:
    """The holder of a key."""

    name: str  # of the key, for the audit log
    role: str  # rep, manager, engineer or admin
    user_id: str | None  # the CRM user for whom the key acts


#: Roles that may use each part of the service.
PARTS = {
    "rows": ("rep", "manager", "admin"),
    "demand": ("manager", "admin"),
    "ad-hoc scores": ("rep", "manager", "engineer", "admin"),
    "models": ("engineer", "admin"),
    "definitions": ("rep", "manager", "engineer", "admin"),
    "company targets": ("manager", "admin"),
    "target approval": ("manager", "admin"),
    "overrides": ("manager", "admin"),
}


def require(caller: Caller, part: str) -> None:
    """Raise `NotAllowed` unless the caller's role may use this part of the service."""
    if caller.role not in PARTS[part]:
        raise NotAllowed(f"A key of role {caller.role} does not open {part}; roles that do: {', '.join(PARTS[part])}.")


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
