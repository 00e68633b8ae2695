"""What the core needs from outside, named as protocols; ``adapters/`` implements them, ``workspace.py`` chooses."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray


class Clock(Protocol):
    """Where the present comes from; library code never asks the system for it."""

    def now(self) -> datetime:
        """The present moment, UTC-aware."""
        ...


class Lake(Protocol):
    """The append-only history of a workspace."""

    def head(self) -> int:
        """Number of the last committed batch; 0 for an empty lake."""
        ...

    def connect(self, batch: int | None = None) -> AbstractContextManager[DuckDBPyConnection]:
        """A private DuckDB connection (time zone UTC) with every canonical table registered by `create_history`,
        ``<table>_aliases`` for accounts, contacts, leads and opportunities, and
        ``attribute_catalogue(table_name, name, type)`` with type one of text, number, boolean, timestamp;
        ``declared_fills(table_name, name, filled)`` with filled one of creation, open, closing.
        Tables without rows are there and empty. ``batch`` hides later batches; the connection never changes under
        its reader, whatever is committed meanwhile. Closed on leaving.
        """
        ...

    def table(self, name: str, as_of: datetime | None = None, batch: int | None = None) -> pd.DataFrame:
        """Rows of a canonical table in force at ``as_of`` (default: all that is known), with personal columns."""
        ...

    def append_scores(self, scores: pd.DataFrame) -> None:
        """Add to the score history; a score that is there already is left as it is."""
        ...

    def last_scores(self, entity: str, model_version: str, since: datetime, until: datetime) -> pd.DataFrame:
        """Of each entity the last score that a model gave between two moments: entity_id, probability, as_of."""
        ...


@dataclass(frozen=True)
class ModelVersion:
    """One registered model: who it is and what it may be used for."""

    name: str  # "conversion_opportunity"
    version: str  # "3"
    cutoff: datetime  # nothing recorded at or after this moment was seen in training
    batch: int
    run_id: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """``conversion_opportunity/3``: how scores name the model that made them."""
        return f"{self.name}/{self.version}"


class ModelRegistry(Protocol):
    """Registered models and their files. A registered version never changes."""

    def check(self) -> None:
        """Raise ``DataUnavailable`` unless a training run could be logged now."""
        ...

    def register(self, name: str, files: Mapping[str, bytes], run: Mapping[str, Any]) -> ModelVersion:
        """Log a training run with its model files and register the model.

        Parameters
        ----------
        name : str
            Registered model name, such as ``conversion_lead``.
        files : mapping of file name to content
            All that is needed to use the model again, and its ``card.md``.
        run : mapping
            ``cutoff`` (datetime) and ``batch`` (int), required; ``params``, ``metrics``, ``tags`` (flat mappings) and
            ``artifacts`` (file name to content: plots, tables), optional; ``example`` (input DataFrame of a few rows)
            and ``prediction`` (the model's output for it) for the signature, optional.
        """
        ...

    def files(self, name: str, version: str) -> dict[str, bytes]:
        """The files of a registered model; from the local copy when the server is gone.

        Raises ``UnknownModel`` when there is no such version.
        """
        ...

    def version(self, name: str, version: str) -> ModelVersion:
        """One registered version; raises ``UnknownModel`` when there is none."""
        ...

    def versions(self, name: str | None = None) -> Sequence[ModelVersion]:
        """Registered versions, oldest first; those known locally when the server is gone."""
        ...

    def set_champion(self, name: str, version: str) -> None:
        """Point the registry alias ``champion`` at a version."""
        ...


@dataclass(frozen=True)
class Promotion:
    """One line of the promotion ledger: who served from when, and why."""

    name: str
    version: str
    cutoff: datetime
    promoted_at: datetime
    reason: str
    author: str


@dataclass(frozen=True)
class Heartbeat:
    """When a process or a nightly step was last seen, and whether it was well."""

    at: datetime
    is_well: bool


@dataclass(frozen=True)
class ScoreState:
    """What the latest scores of one kind of entity are of; any change of theirs makes the next version."""

    entity: str
    version: int
    as_of: datetime  # of the newest score
    batch: int  # all facts up to this batch are in the scores
    model_version: str | None  # None when nothing was open
    backdated: bool
    whole_as_of: datetime  # when all were scored last, in one run
    whole_batch: int
    saved_at: datetime


@dataclass(frozen=True)
class ScoreChange:
    """One row of the latest scores that changed: ``scored``, or ``gone`` (closed, or now somebody else's)."""

    entity: str
    entity_id: str
    what: str
    as_of: datetime


@dataclass(frozen=True)
class ScoreChanges:
    """What changed since a change number: the last number, whether everything must be read anew, and what changed."""

    until: int
    reset: bool
    changes: Sequence[ScoreChange]


@dataclass(frozen=True)
class DeadEvent:
    """An event that was accepted and could not be stored, with the reason."""

    event_id: str
    table_name: str
    received_at: datetime
    failed_at: datetime
    reason: str
    content: Mapping[str, Any]


class Store(Protocol):
    """What people see and change."""

    def check(self) -> None:
        """Raise ``DataUnavailable`` unless the store answers and has the tables of this release."""
        ...

    def beat(self, name: str, *, is_well: bool = True) -> None:
        """Note that a process or step was seen now."""
        ...

    def heartbeats(self) -> Mapping[str, Heartbeat]:
        """The last beat of each name."""
        ...

    def count_dead_events(self) -> int:
        """How many events were accepted and could not be stored."""
        ...

    def scored_at(self) -> Mapping[str, datetime]:
        """The `as_of` of the newest latest score of each kind of entity."""
        ...

    def promotions(self, name: str | None = None) -> Sequence[Promotion]:
        """The ledger, oldest first; of one model name unless ``name`` is None."""
        ...

    def promote(self, promotion: Promotion) -> None:
        """Append to the ledger."""
        ...

    def save_scores(
        self,
        scores: pd.DataFrame,
        entity: str | None = None,
        *,
        as_of: datetime | None = None,
        batch: int | None = None,
    ) -> bool:
        """Replace the latest scores (of one kind of entity) by these, unless they are older; whether they were."""
        ...

    def update_scores(
        self,
        scores: pd.DataFrame,
        entity: str,
        closed_ids: Collection[str] = (),
        *,
        as_of: datetime | None = None,
        batch: int | None = None,
    ) -> None:
        """Insert or replace just these latest scores, and take away those of what closed."""
        ...

    def bury_events(self, dead: Sequence[DeadEvent]) -> None:
        """Keep events that could not be stored, each once, with the last reason."""
        ...

    def revive_events(self, event_ids: Collection[str]) -> None:
        """Forget that these events could not be stored."""
        ...

    def probabilities(self, entity: str) -> NDArray[np.float64]:
        """The probabilities of the latest scores of a kind, ascending."""
        ...

    def score_state(self, entity: str) -> ScoreState | None:
        """What the latest scores of a kind of entity are of; None when none were ever saved."""
        ...

    def share_below(self, entity: str, probability: float) -> float | None:
        """Share of the latest scores that are lower, those that are equal by half; None when there is none."""
        ...

    def latest_scores(self, entity: str | None = None, *, after: datetime | None = None) -> pd.DataFrame:
        """The scores saved last, as `forecast.usecases.score` gave them; those as of a later moment than ``after``."""
        ...

    def save_snapshot(
        self,
        period: str,
        as_of: datetime,
        batch: int,
        model_version: str,
        numbers: pd.DataFrame,
        *,
        measure: str = "revenue",
    ) -> bool:
        """Keep what was forecast for a period; False when it was there already, and nothing was changed."""
        ...

    def has_snapshot(
        self, period: str, as_of: datetime, batch: int, model_version: str, *, measure: str = "revenue"
    ) -> bool:
        """Whether this very snapshot is kept."""
        ...

    def snapshot_moments(self, *, measure: str = "revenue", before: datetime | None = None) -> pd.DataFrame:
        """Which snapshots are kept of a measure, without numbers: period, as_of, batch, model_version, saved_at."""
        ...

    def snapshots(
        self,
        period: str | None = None,
        *,
        measure: str = "revenue",
        before: datetime | None = None,
        as_of: Sequence[datetime] | None = None,
        node: tuple[str, str] | None = None,
    ) -> pd.DataFrame:
        """Kept outlooks, oldest first; of one period, saved before a moment, of some moments, of one level and id."""
        ...

    def save_override(
        self, period: str, level: str, node_id: str, amount: float, currency: str, *, author: str, reason: str
    ) -> int:
        """Append what somebody expects instead of the model; returns its number."""
        ...

    def overrides(self, period: str | None = None, *, before: datetime | None = None) -> pd.DataFrame:
        """Every override, oldest first; of one period, made before a moment."""
        ...

    def approved_targets(self, period: str | None = None, *, version: int | None = None) -> pd.DataFrame:
        """Every approved version of the targets, with approved_at, effective_from, author and basis."""
        ...

    def audit(self, actor: str, action: str, subject: str) -> None:
        """Append to the audit log."""
        ...
