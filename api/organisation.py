"""Teams, their sub-teams, managers and members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Organisation:
    """The tree of teams at one moment.

    Attributes
    ----------
    team_of : mapping of user_id to team_id
    parent_of, manager_of : mapping of team_id to team_id, and to the user_id of its manager
        Only of teams that have one.
    """

    team_of: Mapping[str, str]
    parent_of: Mapping[str, str]
    manager_of: Mapping[str, str]

    @classmethod
    def of(cls, users: pd.DataFrame, teams: pd.DataFrame) -> Organisation:
        """From the canonical tables ``users`` and ``teams``."""
        return cls(
            _mapping(users, "user_id", "team_id"),
            _mapping(teams, "team_id", "parent_team_id"),
            _mapping(teams, "team_id", "manager_id"),
        )

    def managed_by(self, user_id: str) -> frozenset[str]:
        """Teams that a user manages, with all their sub-teams."""
        return self.with_sub_teams(team for team, manager in self.manager_of.items() if manager == user_id)

    def with_sub_teams(self, teams: Iterable[str]) -> frozenset[str]:
        """These teams and all below them; a team that is its own ancestor ends the way down."""
        found: set[str] = set()
        level = set(teams)
        while level:
            found |= level
            level = {team for team, parent in self.parent_of.items() if parent in level} - found
        return frozenset(found)

    def members(self, teams: Iterable[str]) -> frozenset[str]:
        """Users of these teams themselves, without sub-teams."""
        wanted = frozenset(teams)
        return frozenset(user for user, team in self.team_of.items() if team in wanted)


def _mapping(frame: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    known = frame.dropna(subset=[key, value])
    return dict(zip(known[key].astype(str), known[value].astype(str), strict=True))
