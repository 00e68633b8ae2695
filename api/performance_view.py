"""One person's performance as a caller may see it: no word of a colleague who is hidden."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from api.rights import Rights
from forecast.errors import UnknownEntity
from forecast.performance import Performance


@dataclass(frozen=True)
class PersonView:
    """A person's line, steps, comparisons with visible colleagues, and suggestions that name no one else."""

    line: pd.DataFrame
    steps: pd.DataFrame
    comparisons: pd.DataFrame
    suggestions: list[dict[str, Any]]


def person_view(found: Performance, user_id: str, rights: Rights) -> PersonView:
    """What may be seen of one person.

    Raises
    ------
    UnknownEntity
        If the person has no line or is hidden.
    """
    seen = rights.nodes(found.to_frame(), "level", "id")
    people = seen[seen["level"] == "user"]
    line = people[people["id"] == user_id]
    if line.empty:
        raise UnknownEntity(
            f"Nobody with the id {user_id!r} did anything in {found.period.label} among those of this key."
        )
    visible = [str(name) for name in people["id"]]
    steps = found.steps
    return PersonView(
        line,
        steps[(steps["level"] == "user") & (steps["id"] == user_id)],
        found.comparisons(visible, of=user_id),
        found.suggestions("user", user_id, visible=visible),
    )
