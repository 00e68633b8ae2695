"""What reports ask of other rooms, answered from the memories of the service."""

import pandas as pd

from api.service import Service, Snapshot
from forecast.funnel import Funnel
from forecast.outlook import Outlook
from forecast.performance import Performance
from forecast.workspace.report_rooms import WorkspaceRooms


class ServiceRooms(WorkspaceRooms):
    """Answers at a snapshot; what pages and routes asked before is at hand.

    Parameters
    ----------
    service : Service
    snapshot : Snapshot
    """

    def __init__(self, service: Service, snapshot: Snapshot) -> None:
        super().__init__(service.workspace, snapshot.as_of, snapshot.batch)
        self._service, self._snapshot = service, snapshot

    def _outlook(self, period: str, by: str) -> Outlook:
        return self._service.outlook(period, self._snapshot, by)

    def _targets(self, period: str) -> pd.DataFrame:
        return self._service.attainment(period, "revenue", None, self._snapshot).table

    def _performance(self, period: str) -> Performance:
        return self._service.performance(period, self._snapshot)

    def funnel(self, period: str, owners: frozenset[str] | None) -> Funnel:
        """The funnel of these owners' cases."""
        return self._service.funnel(self._snapshot, owners, period)

    def record(self) -> pd.DataFrame:
        """How often stated ranges came true."""
        return self._service.records(self._snapshot)[0]

    def accuracy(self) -> pd.DataFrame:
        """Errors of model, baselines and overrides."""
        return self._service.records(self._snapshot)[1]

    def customers(self) -> pd.DataFrame:
        """What every account is expected to do."""
        return self._service.customers(self._snapshot)

    def demand(self) -> pd.DataFrame:
        """Forecasts of all series."""
        return self._service.demand(self._snapshot, None)
