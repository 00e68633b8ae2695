"""The outlook of a period: joint paths per owner, and what adds up of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.money import minor_digits
from forecast.periods import Period

Floats = NDArray[np.float64]

#: Parts of the revenue of a period, in the order in which they become certain.
PARTS = ("booked", "open", "arriving", "repeat")
#: Owner of revenue that nobody owns.
UNASSIGNED = "(unassigned)"
#: Team of owners that have none, where others have one.
NO_TEAM = "(no team)"


@dataclass(frozen=True)
class Outlook:
    """Revenue of a period as it was known at ``as_of``.

    Attributes
    ----------
    period : Period
    as_of : datetime
    currency : str
        Of all amounts: the reporting currency.
    owners : tuple of str
        User ids, sorted; ``(unassigned)`` for revenue without an owner.
    teams : tuple of str
        Team of each owner; empty text for none.
    parts : mapping of part to array of shape (n_owners,)
        Mean of ``booked``, ``open``, ``arriving`` and ``repeat``, exact in the smallest unit: means add, over parts,
        owners and teams.
    paths : array of shape (n_paths, n_owners)
        Joint sample paths of the revenue, in the smallest unit's steps. Quantiles, odds and sums follow from these.
    team_names, owner_names : mapping of id to name
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

    @property
    def company_paths(self) -> Floats:
        """Paths of the company's revenue, shape (n_paths,)."""
        return np.asarray(self.paths.sum(axis=1))

    @property
    def team_of(self) -> tuple[str, ...]:
        """Team of each owner, ``(no team)`` for none."""
        return tuple(team or NO_TEAM for team in self.teams)

    def team_paths(self) -> dict[str, Floats]:
        """Paths of each team, sorted by id: sums over its owners within each path. Empty without teams."""
        if not any(self.teams):
            return {}
        of_owner = np.array(self.team_of)
        return {team: self.paths[:, of_owner == team].sum(axis=1) for team in sorted(set(of_owner))}

    def to_frame(self, quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)) -> pd.DataFrame:
        """One row for the company, each team and each rep.

        Returns
        -------
        DataFrame
            ``level`` (company, team, rep), ``id``, ``name``, the four parts, their sum ``mean``, the quantiles
            (``q0.1`` …), ``currency``. Means add up exactly, quantiles do not.
        """
        teams = self.team_paths()
        of_owner = np.array(self.team_of, dtype=object)
        everybody, names = np.ones(len(self.owners), dtype=bool), self.owner_names
        each = np.eye(len(self.owners), dtype=bool)
        nodes: list[tuple[str, str, str | None, NDArray[np.bool_]]] = [("company", "company", None, everybody)]
        nodes += [("team", team, self.team_names.get(team), of_owner == team) for team in teams]
        nodes += [("rep", owner, names.get(owner), each[index]) for index, owner in enumerate(self.owners)]
        return pd.DataFrame([self._row(*node, quantiles) for node in nodes])

    def _row(
        self, level: str, name_id: str, name: str | None, members: NDArray[np.bool_], quantiles: tuple[float, ...]
    ) -> dict[str, object]:
        digits = minor_digits(self.currency)
        parts = {part: round(float(self.parts[part][members].sum()), digits) for part in PARTS}
        paths = self.paths[:, members].sum(axis=1)
        bounds = {f"q{quantile:g}": round(float(np.quantile(paths, quantile)), digits) for quantile in quantiles}
        mean = round(sum(parts.values()), digits)
        return {
            "level": level, "id": name_id, "name": name, **parts, "mean": mean, **bounds, "currency": self.currency
        }  # fmt: skip
