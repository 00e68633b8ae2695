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

    def model_version(self, period: str, snapshot: Snapshot) -> str:
        """What scored the open deals of an outlook; empty where there were none."""
        require(self._caller, "rows")
        return self._service.outlook(period, snapshot).model_version

    def deals(self, period: str, snapshot: Snapshot, owner_id: str) -> pd.DataFrame:
        """The deals behind the open part of one person; none of somebody whom the caller may not see."""
        require(self._caller, "rows")
        deals = self._rights.rows(self._service.open_part(period, snapshot))
        return deals[deals["owner_id"] == owner_id]

    def earlier(self, period: str, level: str, node_id: str, snapshot: Snapshot) -> pd.DataFrame:
        """What was forecast of one node before a snapshot, whenever it was kept; nothing of one that is hidden."""
        require(self._caller, "rows")
        asked = pd.DataFrame({"level": [level], "id": [node_id]})
        found = self._service.workspace.earlier_forecasts(period, level, node_id, snapshot.as_of)
        return found if len(self._rights.nodes(asked, "level", "id")) else found.iloc[:0]

    def moved(
        self, period: str, since: Snapshot, snapshot: Snapshot, level: str, node_id: str
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What moved one node: its line, empty if it may not be seen, and its deals, in each step the largest first."""
        require(self._caller, "rows")
        found = self._service.moved(period, since, snapshot)
        lines = self._rights.nodes(found.to_frame(), "level", "id")
        line = lines[(lines["level"] == level) & (lines["id"] == node_id)]
        deals = self._rights.rows(found.deals(of=node_id)) if len(line) else found.deals().iloc[:0]
        return line, deals

    def team_names(self, snapshot: Snapshot) -> dict[str, str]:
        """Names of the teams that the caller may see, by id."""
        require(self._caller, "rows")
        teams = self._service.workspace.table("teams", snapshot.as_of, snapshot.batch)
        if "name" not in teams:
            return {}
        known = teams.dropna(subset=["name"])
        seen = self._rights.nodes(known.assign(level="team"), "level", "team_id")
        return dict(zip(seen["team_id"].astype(str), seen["name"].astype(str), strict=True))
