"""Memories of what is told of single leads and opportunities and costs more than a glance; knows no caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from api.cache import Cache
from api.language import Language
from forecast.conversion import ConversionScorer
from forecast.schema import FOREVER
from forecast.usecases.champion import GROUP_RATE
from forecast.workspace import Workspace

if TYPE_CHECKING:
    from forecast.usecases.similar import PastCases

#: One score: kind, id, and the three that identify its numbers.
Case = tuple[str, str, datetime, int, str]


class CaseMemory:
    """Next steps, what would raise a score, and similar cases, each computed once for a score.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._steps: Cache[pd.DataFrame | None] = Cache(20_000)
        self._raising: Cache[dict[str, Any]] = Cache(2_000)
        self._timelines: Cache[pd.DataFrame] = Cache(1_000)
        self._histories: Cache[pd.DataFrame] = Cache(1_000)
        self._past: Cache[PastCases | None] = Cache(400, weigh=lambda past: 1 if past is None else past.weight)
        self._similar: Cache[pd.DataFrame | None] = Cache(2_000)
        self._horizons: Cache[int | None] = Cache(16)
        self._stages: Cache[list[str]] = Cache(4)
        self._teams: Cache[Mapping[str, str]] = Cache(4)
        self._users: Cache[Mapping[str, datetime]] = Cache(4)

    def next_steps(self, cases: Sequence[Case]) -> dict[str, pd.DataFrame | None]:
        """The suggested action of each of some cases of one kind, by id; None where the model knows no effects."""
        known: dict[str, pd.DataFrame | None] = {}
        missing: dict[tuple[str, datetime, int, str], list[str]] = {}
        for kind, entity_id, as_of, batch, model in cases:
            missing.setdefault((kind, as_of, batch, model), []).append(entity_id)
        for (kind, as_of, batch, model), ids in missing.items():
            asked = tuple(sorted(ids))
            ask = partial(self._workspace.next_steps, kind, as_of, model, batch, asked)
            known |= dict.fromkeys(ids, self._steps.get((kind, as_of, batch, model, asked), ask))
        return known

    def raising(self, case: Case, lang: Language) -> dict[str, Any]:
        """What would raise a score."""
        _, entity_id, as_of, batch, model = case
        return self._raising.get(
            (case, lang), lambda: self._workspace.what_would_raise(entity_id, as_of, model, batch, lang)
        )

    def timeline(self, case: Case) -> pd.DataFrame:
        """What happened with a case."""
        kind, entity_id, as_of, batch, _ = case
        return self._timelines.get(case, lambda: self._workspace.timeline(kind, entity_id, as_of, batch))

    def score_history(self, case: Case) -> pd.DataFrame:
        """How the score of a case moved."""
        kind, entity_id, as_of, batch, _ = case
        return self._histories.get(case, lambda: self._workspace.score_history(kind, entity_id, as_of, batch))

    def similar(self, case: Case) -> pd.DataFrame | None:
        """The past cases most like one, among those that had ended when all were scored; None without a model."""
        kind, entity_id, as_of, batch, model = case
        since = self._whole_before(kind, as_of, batch)
        past = self._past.get(
            (kind, *since, model), lambda: self._workspace.past_cases(kind, since[0], model, since[1])
        )
        if past is None:
            return None
        return self._similar.get(
            (case, since), lambda: self._workspace.similar_cases(past, kind, entity_id, as_of, batch)
        )

    def _whole_before(self, kind: str, as_of: datetime, batch: int) -> tuple[datetime, int]:
        """When all of a kind were scored last, so that scores of one by one share what they are compared with."""
        state = self._workspace.store.score_state(kind)
        if state is None or state.whole_as_of > as_of or state.whole_batch > batch:
            return as_of, batch
        return state.whole_as_of, state.whole_batch

    def active_until(self) -> Mapping[str, datetime]:
        """The CRM's users with the moment at which each one left; the end of time for who is there."""
        batch = self._workspace.lake.head()

        def read() -> Mapping[str, datetime]:
            users = self._workspace.table("users", None, batch)
            ends = [FOREVER.replace(tzinfo=UTC) if end != end else end for end in users["active_to"].astype(object)]
            return dict(zip(users["user_id"], ends, strict=True))

        return self._users.get(batch, read)

    def teams(self) -> Mapping[str, str]:
        """What each team is called; by its id where it has no name."""
        batch = self._workspace.lake.head()

        def read() -> Mapping[str, str]:
            teams = self._workspace.table("teams", None, batch)
            return dict(zip(teams["team_id"], teams["name"].fillna(teams["team_id"]).astype(str), strict=True))

        return self._teams.get(batch, read)

    def stages(self, kind: str) -> list[str]:
        """The stages that a list can be filtered by; a new one is there when all of a kind were scored again."""
        state = self._workspace.store.score_state(kind)
        whole = None if state is None else state.whole_as_of
        return self._stages.get((kind, whole), lambda: self._workspace.store.listed_stages(kind))

    def horizon_days(self, model_version: str) -> int | None:
        """Within how many days the probability of a model says that a case is won; None where none is registered."""
        if model_version == GROUP_RATE or "/" not in model_version:
            return None
        name, _, version = model_version.rpartition("/")
        registry = self._workspace.registry
        return self._horizons.get(
            model_version, lambda: ConversionScorer.from_files(registry.files(name, version)).horizon_days
        )
