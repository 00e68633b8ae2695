"""What the Forecast page shows of a period, as one caller may see it."""

import pandas as pd

from api.rights import Caller, Rights, require
from api.service import Service, Snapshot


class ForecastView:
    """The week-by-week course, the deals behind the open part, what was forecast earlier, and what moved."""

    def __init__(self, service: Service, caller: Caller, rights: Rights) -> None:
        self._service = service
        self._caller = caller
        self._rights = rights

    def course(self, period: str, snapshot: Snapshot) -> pd.DataFrame:
        """How revenue adds up week by week, of the nodes that the caller may see."""
        require(self._caller, "rows")
        return self._rights.nodes(self._service.outlook(period, snapshot).course, "level", "id")

    def deals(self, period: str, snapshot: Snapshot, owner_id: str) -> pd.DataFrame:
        """The deals behind the open part of one person; none of somebody whom the caller may not see."""
        require(self._caller, "rows")
        deals = self._rights.rows(self._service.open_part(period, snapshot))
        return deals[deals["owner_id"] == owner_id]

    def earlier(self, period: str, level: str, node_id: str, snapshot: Snapshot) -> pd.DataFrame:
        """What was forecast of one node before a snapshot, whenever it was saved; the last of each day."""
        require(self._caller, "rows")
        found = self._service.workspace.forecast_against_actual(period, None, None, snapshot.batch)
        found = self._rights.nodes(found, "level", "id")
        of_node = found[(found["level"] == level) & (found["id"] == node_id) & (found["as_of"] < snapshot.as_of)]
        return of_node.drop_duplicates("as_of", keep="last")

    def moved(
        self, period: str, since: Snapshot, snapshot: Snapshot, level: str, node_id: str, n_deals: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What moved one node: its line, empty if it may not be seen, and the deals that moved most in each step."""
        require(self._caller, "rows")
        found = self._service.moved(period, since, snapshot)
        lines = self._rights.nodes(found.to_frame(), "level", "id")
        line = lines[(lines["level"] == level) & (lines["id"] == node_id)]
        deals = self._rights.rows(found.deals(of=node_id)) if len(line) else found.deals().iloc[:0]
        return line, deals.groupby("step", sort=False).head(n_deals)
