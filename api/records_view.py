"""The public record as one caller may see it."""

import pandas as pd

from api.rights import Caller, Rights, require
from api.service import Service, Snapshot
from forecast.errors import NotAllowed
from forecast.outlook import Outlook


class RecordsView:
    """Overrides, forecast against actual and accuracy of what a caller may see.

    Overrides are a manager's word about others: a rep's key shows none.
    """

    def __init__(self, service: Service, caller: Caller, rights: Rights) -> None:
        self._service = service
        self._caller = caller
        self._rights = rights

    def lines(self, made: Outlook, snapshot: Snapshot) -> pd.DataFrame:
        """Lines of an outlook with what stands beside them."""
        require(self._caller, "rows")
        lines = self._service.outlook_lines(made, snapshot)
        return self._without_overrides(self._rights.nodes(lines, "level", "id"))

    def against_actual(
        self, period: str, day: str | None, node_id: str | None, measure: str, snapshot: Snapshot
    ) -> pd.DataFrame:
        """Kept forecasts of a period beside what came: the last snapshot, or all of one node."""
        require(self._caller, "rows")
        workspace = self._service.workspace
        last, asked = day or snapshot.as_of, (snapshot.as_of, snapshot.batch)
        if node_id is None:
            found = workspace.forecast_against_actual(period, last, *asked, measure=measure)
        else:
            found = workspace.forecast_against_actual(period, None, *asked, measure=measure)
            found = found[(found["id"] == node_id) & (found["as_of"] <= workspace.moment(last))]
        return self._without_overrides(self._rights.nodes(found, "level", "id"))

    def record(self, snapshot: Snapshot, measure: str = "revenue") -> pd.DataFrame:
        """How often stated ranges came true, by level and horizon: of all people together."""
        require(self._caller, "rows")
        return self._service.records(snapshot, measure)[0]

    def accuracy(self, snapshot: Snapshot, measure: str = "revenue") -> pd.DataFrame:
        """Errors of model, baselines and overrides of the nodes that the caller may see."""
        require(self._caller, "rows")
        found = self._rights.nodes(self._service.records(snapshot, measure)[1], "level", "id")
        return found if self._sees_overrides else found[found["forecaster"] != "override"]

    def override(self, period: str, level: str, node_id: str, amount: float, reason: str) -> int:
        """Append an override of a node that the caller may see; returns its number.

        Raises
        ------
        NotAllowed
            If the node is not the caller's: the answer does not tell whether there is one.
        InvalidInput
            If there is no such node.
        """
        require(self._caller, "overrides")
        asked = pd.DataFrame({"level": [level], "id": [node_id]})
        if self._rights.nodes(asked, "level", "id").empty:
            raise NotAllowed(f"This key overrides its own teams and their people; {level} {node_id!r} is none of them.")
        workspace, author = self._service.workspace, self._caller.user_id or self._caller.name
        number = workspace.override(period, level, node_id, amount, author=author, reason=reason)
        self._caller.trail.note("override outlook", f"{period} {level} {node_id}: override {number}")
        return number

    def overrides(self, period: str) -> pd.DataFrame:
        """Overrides of the nodes that the caller may see, oldest first."""
        require(self._caller, "overrides")
        found = self._service.workspace.overrides(period).rename(columns={"node_id": "id"})
        return self._rights.nodes(found, "level", "id")

    @property
    def _sees_overrides(self) -> bool:
        return self._caller.role != "rep"

    def _without_overrides(self, lines: pd.DataFrame) -> pd.DataFrame:
        return lines if self._sees_overrides or "override" not in lines else lines.assign(override=float("nan"))
