"""What all requests share: the workspace, and memories of what costs seconds.

Nothing here knows who asks; `api.view` restricts what it hands on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from api.cache import Cache
from api.organisation import Organisation
from forecast.errors import InvalidInput
from forecast.schema import SCORED_ENTITIES
from forecast.usecases.expected_value import expected_value
from forecast.workspace import Workspace

if TYPE_CHECKING:
    from forecast.outlook import Outlook

#: Columns beside the scores that a list shows; none that names a person.
_FACTS = {
    "lead": {"status": "stage"},
    "opportunity": {"stage": "stage", "amount": "amount", "currency": "currency"},
}

#: How long lists without `as_of` share one present moment, as long as no new batch arrives.
_PRESENT = timedelta(seconds=60)


@dataclass(frozen=True)
class Snapshot:
    """What was known before ``as_of``, of the batches up to ``batch``."""

    as_of: datetime
    batch: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for cursors."""
        return {"as_of": self.as_of.isoformat(), "batch": self.batch}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Snapshot:
        """What `to_json` gave."""
        return cls(datetime.fromisoformat(values["as_of"]), values["batch"])


@dataclass(frozen=True)
class Scored:
    """All scores of one kind of entity at a snapshot, with the facts that lists show.

    ``rows`` has the columns of `Workspace.score` and ``stage``, ``amount``, ``currency`` and ``expected_value``.
    """

    snapshot: Snapshot
    model_version: str | None  # None when there was nothing to score
    rows: pd.DataFrame


class Service:
    """A workspace behind the API.

    Parameters
    ----------
    workspace : Workspace
    cache_size : int
        Scored snapshots, outlooks and demand forecasts kept in memory, of each.
    """

    def __init__(self, workspace: Workspace, *, cache_size: int = 8) -> None:
        self.workspace = workspace
        self._scored: Cache[Scored] = Cache(cache_size)
        self._outlooks: Cache[Outlook] = Cache(cache_size)
        self._demand: Cache[pd.DataFrame] = Cache(cache_size)
        self._organisations: Cache[Organisation] = Cache(cache_size)
        self._present: Snapshot | None = None
        self._lock = threading.Lock()

    def snapshot(self, as_of: str | None = None, batch: int | None = None) -> Snapshot:
        """The snapshot that a request names; now, and the last batch, by default.

        Raises
        ------
        InvalidInput
            If ``as_of`` is no date or lies ahead, or there is no such batch.
        """
        head = self.workspace.lake.head()
        if batch is not None and not 1 <= batch <= head:
            raise InvalidInput(f"`batch` must be between 1 and {head}, the last one, got {batch}.")
        now = self.workspace.clock.now()
        if as_of is None:
            return self._current(now, head if batch is None else batch)
        moment = self.workspace.moment(as_of)
        if moment > now:
            raise InvalidInput(f"`as_of` must not lie ahead: it is {now:%Y-%m-%dT%H:%M:%SZ}, got {as_of!r}.")
        return Snapshot(moment, head if batch is None else batch)

    def _current(self, now: datetime, batch: int) -> Snapshot:
        """The present, shared for a while: else no list would ever be found in memory."""
        with self._lock:
            last = self._present
            if last is None or last.batch != batch or not timedelta() <= now - last.as_of < _PRESENT:
                self._present = last = Snapshot(now, batch)
            return last

    def scored(self, entity: str, snapshot: Snapshot, model: str | None = None) -> Scored:
        """Scores of all open entities of a kind; without ``model`` by the champion of that day."""
        # A promotion may change who is champion; a named version never changes.
        ledger = len(self.workspace.store.promotions()) if model is None else 0
        return self._scored.get((entity, snapshot, model, ledger), lambda: self._score(entity, snapshot, model))

    def _score(self, entity: str, snapshot: Snapshot, model: str | None) -> Scored:
        scores = self.workspace.score(snapshot.as_of, model=model, batch=snapshot.batch, entity=entity)
        table, key = SCORED_ENTITIES[entity]
        facts = self.workspace.table(table, snapshot.as_of, snapshot.batch)[[key, *_FACTS[entity]]]
        facts = facts.rename(columns={key: "entity_id", **_FACTS[entity]})
        rows = scores.merge(facts, on="entity_id", how="left", validate="one_to_one")
        rows = rows.reindex(columns=[*scores.columns, "stage", "amount", "currency"])
        rows["expected_value"] = expected_value(
            rows,
            self.workspace.table("fx_rates", snapshot.as_of, snapshot.batch),
            reporting_currency=self.workspace.settings.reporting_currency,
            as_of=snapshot.as_of,
        )
        versions = rows["model_version"].unique()
        return Scored(snapshot, versions[0] if len(versions) else None, rows)

    def outlook(self, period: str, snapshot: Snapshot) -> Outlook:
        """Revenue distribution of a period."""
        return self._outlooks.get(
            (period, snapshot), lambda: self.workspace.outlook(period, snapshot.as_of, snapshot.batch)
        )

    def demand(self, snapshot: Snapshot, horizon: int | None) -> pd.DataFrame:
        """Forecasts of all series."""
        return self._demand.get(
            (snapshot, horizon), lambda: self.workspace.forecast_demand(snapshot.as_of, horizon, snapshot.batch)
        )

    def organisation(self, snapshot: Snapshot | None = None) -> Organisation:
        """Who belongs to which team: as known at a snapshot, by default now (rights follow today's teams)."""
        batch = self.workspace.lake.head() if snapshot is None else snapshot.batch
        as_of = None if snapshot is None else snapshot.as_of
        return self._organisations.get(
            (as_of, batch),
            lambda: Organisation.of(
                self.workspace.table("users", as_of, batch), self.workspace.table("teams", as_of, batch)
            ),
        )

    def check(self) -> None:
        """Do nothing when store, lake and models answer.

        Raises
        ------
        DataUnavailable
            If one of them does not.
        """
        self.workspace.store.check()
        self.workspace.lake.head()
        self.workspace.registry.versions()
