"""What a report asks of other rooms, answered by a workspace as of one moment."""

from __future__ import annotations

from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING

from forecast.workspace.funnel import FunnelCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from forecast.funnel import Funnel
    from forecast.outlook import Outlook
    from forecast.performance import Performance


class WorkspaceRooms:
    """Answers of the moment; each is made at most once. Implements `forecast.reports.Rooms`.

    Parameters
    ----------
    workspace : FunnelCalls
    as_of : datetime, UTC-aware
    batch : int
    """

    def __init__(self, workspace: FunnelCalls, as_of: datetime, batch: int) -> None:
        self._workspace, self._as_of, self._batch = workspace, as_of, batch
        self._wiring = (workspace.lake, workspace.registry, workspace.store, workspace.settings)
        self.outlook: Callable[[str, str], Outlook] = cache(self._outlook)
        self.targets: Callable[[str], pd.DataFrame] = cache(self._targets)
        self.performance: Callable[[str], Performance] = cache(self._performance)

    @cached_property
    def _scores(self) -> pd.DataFrame:
        from forecast.usecases.score import score

        return score(*self._wiring, self._as_of, batch=self._batch, entity="opportunity")

    def probabilities(self) -> pd.DataFrame:
        """``entity_id``, ``probability`` of the open opportunities."""
        return self._scores[["entity_id", "probability"]]

    def outlook_version(self) -> str:
        """The model that scored the opportunities."""
        from forecast.usecases.champion import GROUP_RATE, champion_at

        champion = champion_at(self._workspace.registry, self._workspace.store, "opportunity", self._as_of)
        return GROUP_RATE if champion is None else champion.label

    def _outlook(self, period: str, by: str) -> Outlook:
        from forecast.usecases.outlook import outlook

        named = self._workspace.period(period)
        return outlook(*self._wiring, named, self._as_of, batch=self._batch, scores=self._scores, by=by)

    def _targets(self, period: str) -> pd.DataFrame:
        from forecast.usecases.attainment import attainment

        lake, _, store, settings = self._wiring
        return attainment(lake, store, settings, self.outlook(period, "owner"), batch=self._batch).table

    def _performance(self, period: str) -> Performance:
        from forecast.usecases.performance import performance

        lake, _, store, settings = self._wiring
        named = self._workspace.period(period)
        return performance(lake, store, settings, named, self._as_of, batch=self._batch)

    def funnel(self, period: str, owners: frozenset[str] | None) -> Funnel:
        """The funnel of these owners' cases."""
        from forecast.usecases.funnel import funnel

        settings, named = self._workspace.settings, self._workspace.period(period)
        since, until = named.start(settings.zone), named.end(settings.zone)
        return funnel(
            self._workspace.lake,
            settings,
            self._as_of,
            batch=self._batch,
            since=since,
            until=until,
            stages=self._workspace.declared_stages(self._batch),
            owners=owners,
        )

    def record(self) -> pd.DataFrame:
        """How often stated ranges came true."""
        from forecast.usecases.outlook_record import outlook_record

        lake, _, store, settings = self._wiring
        return outlook_record(lake, store, settings, self._as_of, batch=self._batch)

    def accuracy(self) -> pd.DataFrame:
        """Errors of model, baselines and overrides."""
        from forecast.usecases.outlook_record import outlook_accuracy

        lake, _, store, settings = self._wiring
        return outlook_accuracy(lake, store, settings, self._as_of, batch=self._batch)

    def snapshots(self, period: str) -> pd.DataFrame:
        """Kept forecasts of a period beside what came."""
        from forecast.usecases.outlook_record import forecast_against_actual

        lake, _, store, settings = self._wiring
        named = self._workspace.period(period)
        return forecast_against_actual(lake, store, settings, self._as_of, period=named, batch=self._batch)

    def customers(self) -> pd.DataFrame:
        """What every account is expected to do."""
        from forecast.usecases.customers import score_customers

        return score_customers(*self._wiring, self._as_of, batch=self._batch)

    def demand(self) -> pd.DataFrame:
        """Forecasts of all series."""
        from forecast.usecases.demand import forecast_demand

        return forecast_demand(*self._wiring, self._as_of, batch=self._batch)
