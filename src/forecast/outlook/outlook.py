"""The outlook of a period: joint paths per owner, and what adds up of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.money import minor_digits
from forecast.outlook.timing import Window
from forecast.periods import Period

Floats = NDArray[np.float64]

#: Parts of the revenue of a period, in the order in which they become certain.
PARTS = ("booked", "open", "arriving", "repeat")
#: Owner of revenue that nobody owns.
UNASSIGNED = "(unassigned)"
#: Team of owners that have none, where others have one.
NO_TEAM = "(no team)"


#: Decimals of what is counted, not paid: quantities may be fractions.
COUNT_DIGITS = 2


@dataclass(frozen=True)
class Outlook:
    """Revenue of a period as it was known at ``as_of``.

    Attributes
    ----------
    period : Period
    as_of : datetime
    currency : str
        Of all amounts: the reporting currency; empty for what is counted.
    owners : tuple of str
        User ids (regions, categories), sorted; ``(unassigned)`` for revenue without one.
    teams : tuple of str
        Team of each owner; empty text for none.
    parts : mapping of part to array of shape (n_owners,)
        Mean of ``booked``, ``open``, ``arriving`` and ``repeat``, exact in the smallest unit: means add, over parts,
        owners and teams.
    paths : array of shape (n_paths, n_owners)
        Joint sample paths of the revenue, in the smallest unit's steps. Quantiles, odds and sums follow from these.
    team_names, owner_names : mapping of id to name
    team_parents : mapping of team to parent team
        Of teams that have one; parents need no owners of their own.
    by : {"owner", "region", "category"}
        What ``owners`` are.
    measure : str
        What is counted; see `forecast.outlook.ledger.MEASURES`.
    open_deals : DataFrame
        Open opportunities: ``entity_id``, ``chance`` to be won in the period, ``mean`` amount if won, and ``value``:
        expected, in whole smallest units. Their values add up to the part ``open``.
    window : Window or None
        How chances in the period follow from scores.
    model_version : str
        That scored what is open; empty where nothing was.
    course : DataFrame
        How it adds up week by week, of every node; see `forecast.outlook.course.course_table`. Empty unless asked for.
    is_part : bool
        Whether it is of some owners only; what stands for the company is their sum then.
    """

    period: Period
    as_of: datetime
    currency: str
    owners: tuple[str, ...]
    teams: tuple[str, ...]
    parts: Mapping[str, Floats]
    paths: Floats
    team_names: Mapping[str, str] = field(default_factory=dict)
    owner_names: Mapping[str, str] = field(default_factory=dict)
    team_parents: Mapping[str, str] = field(default_factory=dict)
    by: str = "owner"
    measure: str = "revenue"
    open_deals: pd.DataFrame = field(default_factory=pd.DataFrame)
    window: Window | None = None
    model_version: str = ""
    course: pd.DataFrame = field(default_factory=pd.DataFrame)
    is_part: bool = False

    def among(self, owners: Collection[str]) -> "Outlook":
        """The same of some owners only: without anybody else's paths, deals and weeks."""
        kept = [place for place, owner in enumerate(self.owners) if owner in owners]
        return replace(
            self,
            owners=tuple(self.owners[place] for place in kept),
            teams=tuple(self.teams[place] for place in kept),
            parts={part: np.asarray(means)[kept] for part, means in self.parts.items()},
            paths=self.paths[:, kept],
            owner_names={owner: name for owner, name in self.owner_names.items() if owner in owners},
            open_deals=self.open_deals.iloc[:0],
            course=self.course.iloc[:0],
            is_part=True,
        )

    @property
    def company_paths(self) -> Floats:
        """Paths of the company's revenue, shape (n_paths,)."""
        return self.summed(np.ones(len(self.owners), dtype=bool))

    def summed(self, members: NDArray[np.bool_]) -> Floats:
        """Paths of the sum over some owners, exact in the smallest unit, shape (n_paths,)."""
        scale = 10 ** digits_of(self.currency)
        return np.asarray(np.rint(self.paths[:, members].sum(axis=1) * scale) / scale)

    @property
    def team_of(self) -> tuple[str, ...]:
        """Team of each owner, ``(no team)`` for none."""
        return tuple(team or NO_TEAM for team in self.teams)

    def nodes(self) -> list["Node"]:
        """The tree: company, teams (each before its sub-teams), and last the owners. Without teams none of them."""
        everybody = np.ones(len(self.owners), dtype=bool)
        each = np.eye(len(self.owners), dtype=bool)
        found = [Node("company", "company", None, "", everybody)]
        if any(self.teams):
            found += self._team_nodes()
        inside = self.team_of if any(self.teams) else ("company",) * len(self.owners)
        return found + [
            Node(level_of(self.by), owner, self.owner_names.get(owner), inside[index], each[index])
            for index, owner in enumerate(self.owners)
        ]

    def _team_nodes(self) -> list["Node"]:
        above = {team: self._above(team) for team in dict.fromkeys(self.team_of)}
        paths = {team: chain for chain in above.values() for end in range(len(chain)) for team in [chain[end]]}
        places = {team: chain[: chain.index(team) + 1] for team, chain in paths.items()}
        of_owner = [set(above[team]) for team in self.team_of]
        return [
            Node(
                "team",
                team,
                self.team_names.get(team),
                place[-2] if len(place) > 1 else "company",
                np.array([team in teams for teams in of_owner], dtype=bool),
            )
            for team, place in sorted(places.items(), key=lambda item: item[1])
        ]

    def _above(self, team: str) -> tuple[str, ...]:
        """A team and all above it, from the top; a circle is cut."""
        chain = [team]
        while (parent := self.team_parents.get(chain[0], "")) and parent not in chain:
            chain.insert(0, parent)
        return tuple(chain)

    def team_paths(self) -> dict[str, Floats]:
        """Paths of each team, of sub-teams too: sums over owners within each path. Empty without teams."""
        return {node.id: self.summed(node.members) for node in self.nodes() if node.level == "team"}

    def to_frame(self, quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)) -> pd.DataFrame:
        """One row for the company, each team and each rep (region, category).

        Returns
        -------
        DataFrame
            ``level`` (company, team, rep; region or category by these), ``id``, ``name``, ``parent`` (id of the row
            to which it adds: a team, ``company``, or empty for the company itself), the four parts, their sum
            ``mean``, the quantiles (``q0.1`` …), ``currency``. The means of the rows with one parent add up to it
            exactly; quantiles do not.
        """
        return pd.DataFrame([self._row(node, quantiles) for node in self.nodes()])

    def _row(self, node: "Node", quantiles: tuple[float, ...]) -> dict[str, object]:
        digits = digits_of(self.currency)
        parts = {part: round(float(self.parts[part][node.members].sum()), digits) for part in PARTS}
        paths = self.summed(node.members)
        values = np.quantile(paths, quantiles) if quantiles else np.empty(0)
        bounds = {f"q{q:g}": round(float(value), digits) for q, value in zip(quantiles, values, strict=True)}
        mean = round(sum(parts.values()), digits)
        return {
            "level": node.level, "id": node.id, "name": node.name, "parent": node.parent, **parts, "mean": mean,
            **bounds, "currency": self.currency,
        }  # fmt: skip


@dataclass(frozen=True)
class Node:
    """A place in the tree of an outlook: what it is, where it adds to, and whose paths it sums."""

    level: str
    id: str
    name: str | None
    parent: str
    members: NDArray[np.bool_]


def level_of(by: str) -> str:
    """Level of the lines of what is told apart: ``rep`` of owners, ``region``, ``category``."""
    return "rep" if by == "owner" else by


def digits_of(currency: str) -> int:
    """Decimals of the smallest step of an amount; an empty currency is that of what is counted."""
    return minor_digits(currency) if currency else COUNT_DIGITS
