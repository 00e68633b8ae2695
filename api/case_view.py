"""One lead or opportunity as its owner and their managers look at it: what to do, what happened, and ones like it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from api.case_memory import Case
from api.language import Language
from api.ranking import json_records
from api.rights import require
from forecast.errors import UnknownEntity
from forecast.usecases.next_step import told_step

if TYPE_CHECKING:
    from api.view import View

Row = dict[str, Any]


@dataclass(frozen=True)
class SimilarCases:
    """The past cases most like an open one.

    Attributes
    ----------
    n, n_won : int
        How many there are, and how many of them were won.
    days_to_win : float or None
        Median days from the moment at which they were like it to the win.
    named : list of dict
        Those that the caller may see, nearest first: ``entity_id``, ``title``, ``as_of``, ``probability``, ``event``,
        ``days``.
    """

    n: int
    n_won: int
    days_to_win: float | None
    named: list[Row]


class CaseView:
    """What one caller may see of single leads and opportunities.

    Parameters
    ----------
    view : View
        Of the caller.
    """

    def __init__(self, view: "View") -> None:
        self._view = view
        self._memory = view.service.cases

    def one(self, entity: str, entity_id: str, as_of: str | None = None) -> Row:
        """The row of one lead or opportunity as it was scored last, or as of a moment.

        Raises
        ------
        UnknownEntity
            If it is not open, does not exist or belongs to somebody else: the answer does not tell which.
        """
        row = self._view.lists.latest_one(entity, entity_id) if as_of is None else None
        if row is None:
            row = self._view.scored_one(entity, entity_id, self._view.snapshot(as_of), None)
        return json_records(row)[0]

    def visible(self, entity: str, ids: Sequence[str], as_of: str | None = None) -> list[Row]:
        """The rows of those of some ids that the caller may see."""
        found = []
        for one in ids:
            with suppress(UnknownEntity):
                found.append(self.one(entity, one, as_of))
        return found

    def next_steps(self, rows: Sequence[Row], lang: Language) -> dict[str, Row]:
        """What to do next with some cases of one kind that the caller sees, by id."""
        steps = self._memory.next_steps([case_of(row) for row in rows])
        return {entity_id: told_step(found, entity_id, lang) for entity_id, found in steps.items()}

    def raising(self, row: Row, lang: Language) -> Row:
        """What would raise the score of a case that the caller sees."""
        return self._memory.raising(case_of(row), lang)

    def timeline(self, row: Row) -> list[Row]:
        """What happened with a case that the caller sees, newest first, as known when it was scored."""
        return json_records(self._memory.timeline(case_of(row)))

    def score_history(self, row: Row) -> list[Row]:
        """The scores that a case that the caller sees was given, oldest first."""
        return json_records(self._memory.score_history(case_of(row)))

    def similar(self, row: Row) -> SimilarCases | None:
        """Past cases most like a case that the caller sees; only the caller's own are named. None without a model."""
        found = self._memory.similar(case_of(row))
        if found is None:
            return None
        won = found["event"] == "won"
        days = found.loc[won, "days"].median()
        return SimilarCases(
            n=len(found),
            n_won=int(won.sum()),
            days_to_win=None if pd.isna(days) else float(days),
            named=json_records(self._view.rights.rows(found).drop(columns="distance")),
        )

    def horizon_days(self, row: Row) -> int | None:
        """Within how many days the probability says that a case is won."""
        return self._memory.horizon_days(row["model_version"])

    def teams(self) -> Mapping[str, str]:
        """What the teams that the caller may see as a whole are called."""
        require(self._view.caller, "rows")
        seen = self._view.rights.teams
        return {team: name for team, name in self._memory.teams().items() if seen is None or team in seen}

    def stages(self, entity: str) -> list[str]:
        """The stages that a list can be filtered by."""
        require(self._view.caller, "rows")
        return self._memory.stages(entity)

    def owner_name(self, owner_id: str | None) -> str | None:
        """What to call an owner: by name where the caller may see their rows."""
        return None if owner_id is None else self._view.people_names().get(owner_id, owner_id)


def case_of(row: Mapping[str, Any]) -> Case:
    """The identity of a row's numbers."""
    as_of: datetime = row["as_of"]
    return row["entity"], row["entity_id"], as_of, int(row["batch"]), row["model_version"]
