"""What all requests share: the workspace, and memories of what costs seconds.

Nothing here knows who asks; `api.view` restricts what it hands on.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from api.cache import Cache
from api.case_memory import CaseMemory
from api.change_marks import ChangeMarks
from api.organisation import Organisation
from api.references import links
from forecast.errors import InvalidInput, NotScored
from forecast.ports import ScoreState
from forecast.usecases.champion import model_name
from forecast.usecases.outlook_lines import baseline_nodes, outlook_lines
from forecast.workspace import Workspace

if TYPE_CHECKING:
    from api.watch import Watch
    from forecast.funnel import Funnel
    from forecast.outlook import Outlook
    from forecast.outlook.moved import Moved
    from forecast.performance import Performance
    from forecast.reports import Report
    from forecast.usecases.attainment import Attainment
    from forecast.usecases.demand import ServedDemand

#: How long lists without `as_of` share one present moment, as long as no new batch arrives; also how far the clocks of
#: two machines that answer in turn may differ.
_PRESENT = timedelta(seconds=60)

#: Rows of scores of past moments kept in memory; each takes about 7 kB, nearly all of it reasons.
_SCORED_ROWS = 30_000

#: Next steps kept in memory, a few hundred bytes each.
_NEXT_STEPS = 10_000

#: So many open leads or opportunities are scored while a request waits, if nobody scored them before.
_SCORED_AT_ONCE = 5_000


@dataclass(frozen=True)
class Snapshot:
    """What was known before ``as_of``, of the batches up to ``batch``."""

    as_of: datetime
    batch: int


@dataclass(frozen=True)
class Scored:
    """All scores of one kind of entity at a snapshot, with the facts that lists show.

    ``rows`` has the columns of `Workspace.list_scores`.
    """

    snapshot: Snapshot
    model_version: str | None  # None when there was nothing to score
    backdated: bool  # whether the model saw data from after the snapshot
    rows: pd.DataFrame


class Service:
    """A workspace behind the API.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        workspace.lake.hold()
        self.workspace = workspace
        self._scored: Cache[Scored] = Cache(_SCORED_ROWS, weigh=lambda scored: len(scored.rows) + 1)
        self._next_steps: Cache[pd.DataFrame | None] = Cache(
            _NEXT_STEPS, weigh=lambda steps: 1 if steps is None else len(steps) + 1
        )
        self._outlooks: Cache[Outlook] = Cache(16)
        self._open_parts: Cache[pd.DataFrame] = Cache(8)
        self._attainments: Cache[Attainment] = Cache(16)
        self._moved: Cache[Moved] = Cache(8)
        self._performances: Cache[Performance] = Cache(8)
        self._funnels: Cache[Funnel] = Cache(32)
        self._known: Cache[pd.DataFrame] = Cache(16)
        self._n_open: Cache[int] = Cache(4)
        self._records: Cache[tuple[pd.DataFrame, pd.DataFrame]] = Cache(4)
        self._demand: Cache[pd.DataFrame] = Cache(4)
        self._served_demand: Cache[ServedDemand] = Cache(2)
        self._customers: Cache[pd.DataFrame] = Cache(4)
        self.reports: Cache[Report] = Cache(32)
        self._organisations: Cache[Organisation] = Cache(16)
        self._links: Cache[pd.DataFrame] = Cache(1)
        #: Held while a record is scored: one alone keeps a processor busy, several only get in each other's way.
        self.scoring = threading.Lock()
        self._present: Snapshot | None = None
        self._lock = threading.Lock()

    @cached_property
    def marks(self) -> ChangeMarks:
        """What callers see of numbers of changes."""
        return ChangeMarks(self.workspace.panel_secret())

    @cached_property
    def cases(self) -> CaseMemory:
        """Memories of what is told of single leads and opportunities."""
        return CaseMemory(self.workspace)

    @cached_property
    def watch(self) -> Watch:
        """Memories of what watches data and models at work."""
        from api.watch import Watch

        return Watch(self.workspace)

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
        if moment > now + _PRESENT:
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
        served = None if model is not None else self._ledger()  # a named version never changes
        return self._scored.get((entity, snapshot, model, served), lambda: self._score(entity, snapshot, model))

    def _ledger(self) -> int:
        """Length of the promotion ledger: what was computed by the champion of a day holds until it grows."""
        return len(self.workspace.store.promotions())

    def _score(self, entity: str, snapshot: Snapshot, model: str | None) -> Scored:
        if model is not None and "/" in model and model.rpartition("/")[0] != model_name(entity):
            raise InvalidInput(f"`model` must look like {model_name(entity)}/3 or be group_rate, got {model!r}.")
        rows = self.workspace.list_scores(entity, snapshot.as_of, model, snapshot.batch)
        if rows.empty:
            return Scored(snapshot, None, False, rows)
        return Scored(snapshot, rows["model_version"].iloc[0], bool(rows["backdated"].iloc[0]), rows)

    def next_steps(
        self, entity: str, snapshot: Snapshot, model: str, entity_ids: tuple[str, ...]
    ) -> pd.DataFrame | None:
        """Next steps of some open entities of a kind, by the model version that scored them."""
        key = (entity, snapshot, model, entity_ids)
        return self._next_steps.get(
            key, lambda: self.workspace.next_steps(entity, snapshot.as_of, model, snapshot.batch, entity_ids)
        )

    def latest(self, entity: str) -> ScoreState | None:
        """What the latest scores of a kind of entity are of; None when they are computed for each request.

        Raises
        ------
        NotScored
            If nothing was ever scored and there is too much for a request to wait for.
        """
        state = self.workspace.store.score_state(entity)
        if state is None:
            n_open = self._n_open.get((entity, self.workspace.lake.head()), lambda: self.workspace.count_open(entity))
            if n_open > _SCORED_AT_ONCE:
                raise NotScored(
                    f"Nothing was scored yet, and {n_open:,} are open; run `forecast score` once, and `forecast "
                    "nightly` every night."
                )
        return state

    def is_stale(self, state: ScoreState) -> bool:
        """Whether batches arrived that the latest scores do not know."""
        return state.batch < self.workspace.lake.head()

    def outlook(self, period: str, snapshot: Snapshot, by: str = "owner", measure: str = "revenue") -> Outlook:
        """Distribution of what a period brings; of owners' revenue also week by week."""
        weekly = (by, measure) == ("owner", "revenue")
        return self._outlooks.get(
            (period, snapshot, by, measure, self._ledger()),
            lambda: self.workspace.outlook(
                period, snapshot.as_of, snapshot.batch, by=by, measure=measure, weekly=weekly
            ),
        )

    def open_part(self, period: str, snapshot: Snapshot) -> pd.DataFrame:
        """The deals behind the open part of an outlook."""
        return self._open_parts.get(
            (period, snapshot, self._ledger()),
            lambda: self.workspace.open_part(self.outlook(period, snapshot), snapshot.batch),
        )

    def earlier_snapshot(self, since: str, batch: int | None, later: Snapshot) -> Snapshot:
        """The snapshot at ``since``; without ``batch`` with the last one, up to the later's, that was in by then."""
        earlier = self.snapshot(since, later.batch if batch is None else batch)
        return earlier if batch else Snapshot(earlier.as_of, self.workspace.batch_at(earlier.as_of, later.batch))

    def moved(self, period: str, since: Snapshot, snapshot: Snapshot) -> Moved:
        """What moved the outlook of a period between two snapshots."""
        return self._moved.get(
            (period, since, snapshot, self._ledger()),
            lambda: self.workspace.what_moved(period, since.as_of, snapshot.as_of, since.batch, snapshot.batch),
        )

    def target_outlook(self, period: str, measure: str, skill: bool, snapshot: Snapshot) -> Outlook:
        """What targets of a period rest on."""
        if skill:
            return self.outlook(period, snapshot, "owner", measure)
        return self._outlooks.get(
            ("territory", period, snapshot, measure, self._ledger()),
            lambda: self.workspace.target_outlook(period, snapshot.as_of, snapshot.batch, measure=measure),
        )

    def attainment(self, period: str, measure: str, version: int | None, snapshot: Snapshot) -> Attainment:
        """Where the targets of a period stand."""
        approved = self.workspace.store.approved_targets(period)
        n_versions = approved["version"].nunique()
        made = self.outlook(period, snapshot, "owner", measure)
        return self._attainments.get(
            (period, measure, version, n_versions, snapshot, self._ledger()),
            lambda: self.workspace.attainment_of(made, snapshot.batch, version),
        )

    def performance(self, period: str, snapshot: Snapshot) -> Performance:
        """What people and teams did in a period."""
        return self._performances.get(
            (period, snapshot), lambda: self.workspace.performance(period, snapshot.as_of, snapshot.batch)
        )

    def funnel(
        self, snapshot: Snapshot, owners: frozenset[str] | None, period: str | None, **asked: str | None
    ) -> Funnel:
        """The funnel of the leads and deals of these owners, all without."""
        return self._funnels.get(
            (snapshot, owners, period, tuple(sorted(asked.items()))),
            lambda: self.workspace.funnel(period, snapshot.as_of, snapshot.batch, owners=owners, **asked),
        )

    def outlook_lines(self, made: Outlook, snapshot: Snapshot) -> pd.DataFrame:
        """Lines of an outlook beside what users know; of the present one with overrides made a moment ago."""
        workspace, period = self.workspace, made.period
        known = self._known.get(
            (period, snapshot, made.by, made.measure),
            lambda: baseline_nodes(
                workspace.lake,
                workspace.settings,
                period,
                snapshot.as_of,
                batch=snapshot.batch,
                by=made.by,
                measure=made.measure,
            ),
        )
        return outlook_lines(
            workspace.lake,
            workspace.store,
            workspace.settings,
            made,
            batch=snapshot.batch,
            known=known,
            record=self.records(snapshot, made.measure)[0],
            overrides_before=(
                workspace.clock.now() + timedelta.resolution
                if snapshot in (self._present, self.watch.settled())
                else None
            ),
        )

    def records(self, snapshot: Snapshot, measure: str = "revenue") -> tuple[pd.DataFrame, pd.DataFrame]:
        """How often stated ranges came true, and the accuracy of model, baselines and overrides."""
        asked, workspace = (snapshot.as_of, snapshot.batch), self.workspace
        return self._records.get(
            (snapshot, measure),
            lambda: (
                workspace.outlook_record(*asked, measure=measure),
                workspace.outlook_accuracy(*asked, measure=measure),
            ),
        )

    def demand(self, snapshot: Snapshot, horizon: int | None) -> pd.DataFrame:
        """Forecasts of all series."""
        return self._demand.get(
            (snapshot, horizon, self._ledger()),
            lambda: self.workspace.forecast_demand(snapshot.as_of, horizon, snapshot.batch),
        )

    def served_demand(self, snapshot: Snapshot) -> ServedDemand:
        """The demand model of a snapshot with its history."""
        return self._served_demand.get(
            (snapshot, self._ledger()), lambda: self.workspace.served_demand(snapshot.as_of, snapshot.batch)
        )

    def customers(self, snapshot: Snapshot, model: str | None = None) -> pd.DataFrame:
        """Every account that had ordered; without ``model`` by the champion of that day."""
        served = None if model is not None else self._ledger()
        return self._customers.get(
            (snapshot, model, served), lambda: self.workspace.customers(snapshot.as_of, model, snapshot.batch)
        )

    def organisation(self, snapshot: Snapshot | None = None) -> Organisation:
        """Who belongs to which team: as known at a snapshot, by default now (rights follow today's teams)."""
        lake, batch = self.workspace.lake, None if snapshot is None else snapshot.batch
        as_of = None if snapshot is None else snapshot.as_of
        return self._organisations.get(
            # Batches come every second, and hardly any changes a team.
            lake.versions("users", "teams") if snapshot is None else (as_of, batch),
            lambda: Organisation.of(
                self.workspace.table("users", as_of, batch), self.workspace.table("teams", as_of, batch)
            ),
        )

    def links(self) -> pd.DataFrame:
        """Who is connected to which account, contact, lead and opportunity, by all that is known."""
        batch = self.workspace.lake.head()
        return self._links.get(batch, lambda: links(lambda table: self.workspace.table(table, None, batch)))

    def cache_weights(self) -> dict[str, int]:
        """What each memory of answers weighs now, by its name."""
        return {name.strip("_"): kept.weight for name, kept in vars(self).items() if isinstance(kept, Cache)}
