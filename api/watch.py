"""Memories of what watches data and models at work: computed once in a while, never for each request."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pandas as pd

from api.cache import Cache
from api.service import Snapshot

if TYPE_CHECKING:
    from forecast.usecases.demand_run import DemandRun
    from forecast.usecases.evidence import Reliability
    from forecast.workspace import Workspace

#: Pages whose numbers take seconds share one moment for so long, though batches arrive meanwhile.
_SETTLED_S = 300

#: Versions that other machines registered are seen after so long.
_LISTED_S = 30


class Watch:
    """What pages of managers, engineers and operations share; nothing here knows who asks.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._files: Cache[dict[str, bytes]] = Cache(4)
        self._reliability: Cache[Reliability | None] = Cache(32)
        self._given: Cache[pd.DataFrame] = Cache(8)
        self._drift: Cache[tuple[str | None, pd.DataFrame | None]] = Cache(8)
        self._versions: Cache[pd.DataFrame] = Cache(1)
        self._runs: Cache[DemandRun] = Cache(3)
        self._names: Cache[dict[str, str]] = Cache(1)
        self._settled: tuple[float, Snapshot] | None = None
        self._lock = threading.Lock()

    def settled(self) -> Snapshot:
        """What was known a moment ago; the same for some minutes, so that what is computed from it is found again."""
        with self._lock:
            now, head, last = self._workspace.clock.now(), self._workspace.lake.head(), self._settled
            zone = self._workspace.settings.zone
            # Without a new batch only another day tells something new.
            is_old = last is not None and (
                now.astimezone(zone).date() != last[1].as_of.astimezone(zone).date()
                or (head != last[1].batch and time.monotonic() - last[0] > _SETTLED_S)
            )
            if last is None or is_old:
                self._settled = last = (time.monotonic(), Snapshot(now, head))
            return last[1]

    def names(self) -> dict[str, str]:
        """Names of all users by their id."""
        head = self._workspace.lake.head()
        return self._names.get(head, self._read_names)

    def _read_names(self) -> dict[str, str]:
        users = self._workspace.table("users").dropna(subset=["name"])
        return dict(zip(users["user_id"].astype(str), users["name"].astype(str), strict=True))

    def versions(self) -> pd.DataFrame:
        """Registered models, as `Workspace.models` gives them."""
        ledger = len(self._workspace.store.promotions())
        return self._versions.get((ledger, int(time.monotonic() / _LISTED_S)), self._workspace.models)

    def files(self, model: str) -> dict[str, bytes]:
        """The files of a registered version, which never change."""
        return self._files.get(model, lambda: self._workspace.model_files(model))

    def reliability(self, model: str, by: str, group: str) -> Reliability | None:
        """How right a version was on later time."""
        from forecast.usecases.evidence import reliability_of

        return self._reliability.get((model, by, group), lambda: reliability_of(self.files(model), by, group))

    def given(self, entity: str, horizon_days: int, snapshot: Snapshot) -> pd.DataFrame:
        """Scores of the past with what came."""
        return self._given.get(
            (entity, horizon_days, snapshot),
            lambda: self._workspace.given_scores(entity, horizon_days, snapshot.as_of, snapshot.batch),
        )

    def drift(self, entity: str, snapshot: Snapshot) -> tuple[str | None, pd.DataFrame | None]:
        """The champion and the drift of its features."""
        ledger = len(self._workspace.store.promotions())
        return self._drift.get(
            (entity, snapshot, ledger),
            lambda: self._workspace.feature_drift(entity, snapshot.as_of, snapshot.batch),
        )

    def demand_run(self, snapshot: Snapshot | None) -> DemandRun:
        """The forecast of all series: that of the last night, or of a snapshot; made now where no night made one."""
        kept = self._workspace.kept_demand() if snapshot is None else None
        if kept is not None:
            return self._runs.get(kept.folder, lambda: kept)
        asked = snapshot or self.settled()
        ledger = len(self._workspace.store.promotions("demand"))
        return self._runs.get(
            (asked.as_of, asked.batch, ledger), lambda: self._workspace.run_demand(asked.as_of, asked.batch)
        )
