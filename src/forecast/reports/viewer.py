"""For whose eyes a report is made: the rights that its numbers are counted under."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Viewer:
    """Whose rows may be counted.

    Attributes
    ----------
    owners : frozenset of user_id, or None for all, also rows of nobody
    teams : frozenset of team_id, or None for all
        Teams whose sums may be shown.
    sees_demand, sees_overrides : bool
    """

    owners: frozenset[str] | None = None
    teams: frozenset[str] | None = None
    sees_demand: bool = True
    sees_overrides: bool = True

    @property
    def is_everything(self) -> bool:
        """Whether also rows of nobody, and sums of the company, may be seen."""
        return self.owners is None

    def owns(self, owner_id: str) -> bool:
        """Whether rows of this owner count."""
        return self.owners is None or owner_id in self.owners

    def among(self, people: Collection[str]) -> "Viewer":
        """The same, of the rows of these people only."""
        chosen = frozenset(people)
        return replace(self, owners=chosen if self.owners is None else self.owners & chosen)

    def whole_teams(self, team_of: Mapping[str, str]) -> frozenset[str] | None:
        """Teams that may be named with their sums: all of whose people's rows count. None: all.

        Parameters
        ----------
        team_of : mapping of user_id to team_id
            As known at the moment of the report; the rights may be of another day.
        """
        if self.owners is None:
            return None
        torn = {team for user, team in team_of.items() if user not in self.owners}
        named = set(team_of.values()) if self.teams is None else self.teams
        return frozenset(named) - torn


#: Sees all.
EVERYBODY = Viewer()
