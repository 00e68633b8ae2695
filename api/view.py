"""The workspace as one caller may see it: the only door between routes and data, so that no route forgets rights."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

import pandas as pd
from fastapi import Depends

from api.auth import authenticate, service_of
from api.case_view import CaseView
from api.data_view import DataView
from api.event_view import EventView
from api.forecast_view import ForecastView
from api.language import Language
from api.metrics import Metrics
from api.models_view import ModelsView
from api.organisation import Organisation
from api.performance_view import PersonView, person_view
from api.ranked_view import RankedView, unknown
from api.records_view import RecordsView
from api.references import require_visible
from api.report_view import ReportView
from api.rights import Caller, Rights, require
from api.service import Scored, Service, Snapshot
from api.target_view import TargetView
from forecast.errors import NotAllowed, UnknownEntity
from forecast.explain.definitions import PARTS, definition_records
from forecast.funnel import Funnel
from forecast.outlook.ledger import measure_currency
from forecast.usecases.demand import ServedDemand
from forecast.usecases.demand_run import DemandRun
from forecast.usecases.evidence import CLASSES, kept_table
from forecast.usecases.next_step import told_step


class View:
    """What one caller may see and do. Every method raises `NotAllowed` when the caller's role has no part in it."""

    def __init__(self, service: Service, caller: Caller) -> None:
        self._service = service
        self.caller = caller

    @property
    def service(self) -> Service:
        """The workspace behind; pages take settings and the clock from it, never rows."""
        return self._service

    @cached_property
    def rights(self) -> Rights:
        """Whose rows the caller may see, by the teams of today."""
        return Rights.of(self.caller, self._service.organisation())

    @property
    def events(self) -> EventView:
        """Facts that come in, and what changes."""
        return EventView(self._service, self.caller)

    @property
    def records(self) -> RecordsView:
        """The public record: overrides, forecast against actual, accuracy."""
        return RecordsView(self._service, self.caller, self.rights)

    @property
    def forecast(self) -> ForecastView:
        """What the Forecast page shows beside the outlook."""
        return ForecastView(self._service, self.caller, self.rights)

    @property
    def targets(self) -> TargetView:
        """Targets: proposals, approvals, and where they stand."""
        return TargetView(self._service, self.caller)

    @property
    def cases(self) -> CaseView:
        """Single leads and opportunities."""
        return CaseView(self)

    @property
    def models_room(self) -> ModelsView:
        """Models, how they do, and who serves."""
        return ModelsView(self._service, self.caller)

    @property
    def data_room(self) -> DataView:
        """How data came in, what was rejected, and what drifts."""
        return DataView(self._service, self.caller)

    @property
    def reports(self) -> ReportView:
        """Reports: made, kept, and sent on schedule."""
        return ReportView(self._service, self.caller, self.rights)

    def settled(self, as_of: str | None = None, batch: int | None = None) -> Snapshot:
        """The snapshot that a page asks for; without one that of a moment ago, the same for some minutes."""
        return self._service.watch.settled() if as_of is None and batch is None else self.snapshot(as_of, batch)

    @property
    def lists(self) -> RankedView:
        """Pages of the ranked lists."""
        return RankedView(self._service, self.caller, self.rights)

    @property
    def reporting_currency(self) -> str:
        """Of the workspace."""
        return self._service.workspace.settings.reporting_currency

    def currency_of(self, measure: str) -> str:
        """Currency of a measure's amounts; empty of what is counted."""
        return measure_currency(measure, self._service.workspace.settings)

    def snapshot(self, as_of: str | None = None, batch: int | None = None) -> Snapshot:
        """The snapshot that a request names."""
        return self._service.snapshot(as_of, batch)

    def organisation(self, snapshot: Snapshot) -> Organisation:
        """Who belonged to which team: to choose among lines that the caller may see."""
        return self._service.organisation(snapshot)

    def moment(self, text: str | None) -> datetime:
        """The moment that a request names; now by default."""
        return self._service.workspace.moment(text)

    # -- leads and opportunities --------------------------------------------------------------------------------------

    def scored(self, entity: str, snapshot: Snapshot, model: str | None) -> Scored:
        """Scores of the open entities of a kind that the caller may see."""
        require(self.caller, "rows")
        scored = self._service.scored(entity, snapshot, model)
        return replace(scored, rows=self.rights.rows(scored.rows))

    def scored_one(self, entity: str, entity_id: str, snapshot: Snapshot, model: str | None) -> pd.DataFrame:
        """The one row of an entity.

        Raises
        ------
        UnknownEntity
            If it was not open then, does not exist or belongs to somebody else: the answer does not tell which.
        """
        rows = self.scored(entity, snapshot, model).rows
        row = rows[rows["entity_id"] == entity_id]
        if row.empty:
            raise unknown(entity, entity_id, snapshot.as_of)
        return row

    def next_step(self, entity: str, entity_id: str, snapshot: Snapshot, model: str, lang: Language) -> dict[str, Any]:
        """What to do next with an entity that the caller may see: ask `scored_one` first."""
        require(self.caller, "rows")
        return told_step(self._service.next_steps(entity, snapshot, model, (entity_id,)), entity_id, lang)

    def members(self, team_id: str, snapshot: Snapshot | None = None) -> frozenset[str]:
        """Users of a team and its sub-teams as known at a snapshot, by default now."""
        require(self.caller, "rows")
        organisation = self._service.organisation(snapshot)
        return organisation.members(organisation.with_sub_teams({team_id}))

    def score_record(
        self, entity: str, record: Mapping[str, Any], snapshot: Snapshot, model: str | None
    ) -> dict[str, Any]:
        """Score of a record that names nothing that the caller may not see."""
        require(self.caller, "ad-hoc scores")
        require_visible(record, self.rights, self._service.links)
        with self._service.scoring:
            return self._service.workspace.score_record(entity, record, snapshot.as_of, model)

    # -- customers ----------------------------------------------------------------------------------------------------

    def customers(self, snapshot: Snapshot, model: str | None) -> pd.DataFrame:
        """Accounts that had ordered and that the caller may see."""
        require(self.caller, "rows")
        return self.rights.rows(self._service.customers(snapshot, model))

    def customer(self, account_id: str, snapshot: Snapshot, model: str | None) -> pd.DataFrame:
        """The one row of an account.

        Raises
        ------
        UnknownEntity
            If it had not ordered then, does not exist or belongs to somebody else: the answer does not tell which.
        """
        rows = self.customers(snapshot, model)
        row = rows[rows["account_id"] == account_id]
        if row.empty:
            raise UnknownEntity(
                f"No account {account_id!r} had ordered at {snapshot.as_of.isoformat()} among those of this key."
            )
        return row

    # -- outlook ------------------------------------------------------------------------------------------------------

    def outlook(
        self, period: str, snapshot: Snapshot, by: str = "owner", measure: str = "revenue"
    ) -> tuple[str, pd.DataFrame]:
        """Currency and lines of the outlook that the caller may see; persons without their names.

        Raises
        ------
        NotAllowed
            If lines are asked for that sum over owners whose rows the caller may not see.
        """
        require(self.caller, "rows")
        if by != "owner" and not self.rights.is_everything:
            raise NotAllowed(f"Lines by {by} sum over everybody's rows; this key sees its own. Leave out `by`.")
        made = self._service.outlook(period, snapshot, by, measure)
        lines = self.records.lines(made, snapshot)
        return made.currency, lines.assign(name=lines["name"].where(lines["level"] == "team"))

    def earlier_snapshot(self, since: str, batch: int | None, later: Snapshot) -> Snapshot:
        """The snapshot from which on to tell what moved; by default with the last batch that was in by then."""
        return self._service.earlier_snapshot(since, batch, later)

    def moved(
        self, period: str, since: Snapshot, snapshot: Snapshot, n_deals: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What moved: the lines, and the opportunities that moved most in each step, that the caller may see."""
        require(self.caller, "rows")
        found = self._service.moved(period, since, snapshot)
        lines = self.rights.nodes(found.to_frame(), "level", "id")
        deals = self.moved_deals(period, since, snapshot).groupby("step", sort=False).head(n_deals)
        return lines.assign(name=lines["name"].where(lines["level"] == "team")), deals

    def moved_deals(self, period: str, since: Snapshot, snapshot: Snapshot) -> pd.DataFrame:
        """Every opportunity that moved and that the caller may see, those that moved most first."""
        require(self.caller, "rows")
        return self.rights.rows(self._service.moved(period, since, snapshot).deals())

    # -- performance --------------------------------------------------------------------------------------------------

    def performance(self, period: str, snapshot: Snapshot) -> pd.DataFrame:
        """Lines of the performance table that the caller may see."""
        require(self.caller, "rows")
        return self.rights.nodes(self._service.performance(period, snapshot).to_frame(), "level", "id")

    def person_performance(self, user_id: str, period: str, snapshot: Snapshot) -> PersonView:
        """One person, among the colleagues that the caller may see: a rep's key sees nobody else.

        Raises
        ------
        UnknownEntity
            If the person did nothing in the period, does not exist or is hidden: the answer does not tell which.
        """
        require(self.caller, "rows")
        found = self._service.performance(period, snapshot)
        return person_view(found, user_id, self.rights)

    def people_names(self) -> dict[str, str]:
        """Names of the people whom the caller may see, by user id."""
        require(self.caller, "rows")
        return {user: name for user, name in self._service.watch.names().items() if self.rights.owns(user)}

    # -- funnel -------------------------------------------------------------------------------------------------------

    def funnel(self, snapshot: Snapshot, period: str | None, **asked: str | None) -> Funnel:
        """The funnel of the leads and deals that the caller may see: no other is read for it."""
        require(self.caller, "rows")
        return self._service.funnel(snapshot, self.rights.owners, period, **asked)

    # -- definitions, models, demand ----------------------------------------------------------------------------------

    def definitions(self, lang: Language) -> list[dict[str, Any]]:
        """What every published number means."""
        require(self.caller, "definitions")
        return definition_records(PARTS, lang)

    def metrics(self, metrics: Metrics) -> bytes:
        """What Prometheus reads."""
        require(self.caller, "metrics")
        return metrics.text()

    def models(self) -> pd.DataFrame:
        """Registered models."""
        require(self.caller, "models")
        return self._service.workspace.models()

    def demand(self, snapshot: Snapshot, horizon: int | None) -> pd.DataFrame:
        """Forecasts of all series."""
        require(self.caller, "demand")
        return self._service.demand(snapshot, horizon)

    def demand_run(self, snapshot: Snapshot | None) -> DemandRun:
        """The forecast of all series with what stands beside it: of the last night, or of a snapshot."""
        require(self.caller, "demand")
        return self._service.watch.demand_run(snapshot)

    def demand_classes(self, model: str) -> pd.DataFrame | None:
        """How accurate a demand model was by class of series; None where that was not kept."""
        require(self.caller, "demand")
        return kept_table(self._service.watch.files(model), CLASSES)

    def served_demand(self, snapshot: Snapshot) -> ServedDemand:
        """The demand model of a snapshot: to explain, ask what if, and for new items."""
        require(self.caller, "demand")
        return self._service.served_demand(snapshot)


def view_of(service: Annotated[Service, Depends(service_of)], caller: Annotated[Caller, Depends(authenticate)]) -> View:
    """The view of the caller of this request."""
    return View(service, caller)


ViewOf = Annotated[View, Depends(view_of)]
