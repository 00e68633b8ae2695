"""Tables of a report from what other rooms say: who may be seen is decided before anything is summed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import NotAllowed
from forecast.funnel import Funnel
from forecast.outlook import PARTS, UNASSIGNED, Outlook
from forecast.performance import Performance
from forecast.reports.viewer import Viewer


class Rooms(Protocol):
    """What other rooms say at the moment of a report; each is asked only when a section needs it."""

    def probabilities(self) -> pd.DataFrame:
        """``entity_id``, ``probability``, ``model_version`` of the open opportunities."""
        ...

    def outlook(self, period: str, by: str) -> Outlook:
        """Distribution of what a period brings."""
        ...

    def targets(self, period: str) -> pd.DataFrame:
        """Targets of people in force: `forecast.usecases.attainment.Attainment.table`."""
        ...

    def performance(self, period: str) -> Performance:
        """How people and teams did."""
        ...

    def funnel(self, period: str, owners: frozenset[str] | None) -> Funnel:
        """The funnel of these owners' cases."""
        ...

    def record(self) -> pd.DataFrame:
        """How often stated ranges came true."""
        ...

    def accuracy(self) -> pd.DataFrame:
        """Errors of model, baselines and overrides."""
        ...

    def snapshots(self, period: str) -> pd.DataFrame:
        """Kept forecasts of a period beside what came."""
        ...

    def customers(self) -> pd.DataFrame:
        """What every account is expected to do."""
        ...

    def demand(self) -> pd.DataFrame:
        """Forecasts of all series."""
        ...

    def outlook_version(self) -> str:
        """The model that scored the opportunities of the outlook."""
        ...


@dataclass(frozen=True)
class Seen:
    """Who is looking, at what, when.

    Attributes
    ----------
    viewer : Viewer
    teams : frozenset of team_id or None
        Those whose sums may be shown; None for all.
    team_of, parent_of : mapping
        Of users, and of teams, as known at the moment of the report.
    period : str
    starts : datetime
        When it begins.
    accounts : DataFrame
        ``account_id``, ``region``, ``industry``.
    """

    viewer: Viewer
    teams: frozenset[str] | None
    team_of: Mapping[str, str]
    parent_of: Mapping[str, str]
    period: str
    starts: datetime
    accounts: pd.DataFrame

    def team_key(self, team: str) -> str:
        """The team, or nothing where its sum may not be shown."""
        return team if self.teams is None or team in self.teams else ""

    def nodes(self, frame: pd.DataFrame, level: str) -> pd.DataFrame:
        """The visible rows of one level of a frame with ``level`` and ``id``."""
        rows = frame[frame["level"] == level]
        allowed = self.viewer.owners if level in ("rep", "user") else self.teams
        return rows if allowed is None else rows[rows["id"].isin(allowed)]

    @property
    def whole(self) -> tuple[str, str] | None:
        """The node that stands for all that may be seen: company, the one team above all, or oneself."""
        if self.viewer.is_everything:
            return "company", "company"
        top = {team for team in self.teams or () if self.parent_of.get(team, "") not in (self.teams or ())}
        if len(top) == 1:
            return "team", top.pop()
        owners = self.viewer.owners or frozenset()
        return ("rep", next(iter(owners))) if len(owners) == 1 and not top else None

    def whole_rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of that node."""
        if self.whole is None:
            return frame.iloc[:0]
        level, node = self.whole
        return frame[(frame["level"].replace("user", "rep") == level) & (frame["id"] == node)]


@dataclass(frozen=True)
class RoomTable:
    """Rows by dimensions, the same over all, and the model that they rest on."""

    rows: pd.DataFrame
    totals: Mapping[str, float]
    model_version: str = ""


def outlook_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Parts, mean and range of every group of owners, from the joint paths: ranges are of the group's own sum.

    Raises
    ------
    NotAllowed
        If regions or categories are asked for, which sum over everybody, by who may not see all.
    """
    by = next((name for name in ("region", "category") if name in dimensions), "owner")
    if by != "owner" and not seen.viewer.is_everything:
        raise NotAllowed(f"The outlook by {by} sums over everybody's rows.")
    made = rooms.outlook(seen.period, by)
    rows, totals = _grouped(made, seen, dimensions, lambda members: _outlook_row(made, members))
    return RoomTable(rows, totals, rooms.outlook_version())


def targets_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Sums of people's targets, with attainment and odds of the same sum of revenue."""
    made = rooms.outlook(seen.period, "owner")
    table = rooms.targets(seen.period)
    people = table[table["owner_kind"] == "user"].set_index("owner_id")["target"].astype(float)
    target = people.reindex(list(made.owners)).fillna(0.0).to_numpy()

    def figures(members: NDArray[np.bool_]) -> dict[str, float]:
        goal, booked = round(float(target[members].sum()), 4), float(made.parts["booked"][members].sum())
        if goal <= 0:
            return {"target": 0.0, "attainment": np.nan, "odds": np.nan}
        return {"target": goal, "attainment": booked / goal, "odds": float((made.summed(members) >= goal).mean())}

    rows, totals = _grouped(made, seen, dimensions, figures)
    return RoomTable(rows, totals, rooms.outlook_version())


def performance_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Results above expectation of the people or teams that may be seen."""
    frame = rooms.performance(seen.period).to_frame()
    if dimensions:
        (dimension,) = dimensions
        rows = seen.nodes(frame, "user" if dimension == "rep" else "team").rename(columns={"id": dimension})
    else:
        rows = seen.whole_rows(frame)
    return RoomTable(rows, {})


def funnel_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Stages in their order, counted over the cases that may be seen."""
    found = rooms.funnel(seen.period, seen.viewer.owners)
    value = found.bottlenecks.set_index("stage")["value"]
    table = found.table.assign(value=found.table["stage"].map(value))
    order = {stage: place for place, stage in enumerate(found.stages)}
    return RoomTable(table.sort_values("stage", key=lambda stages: stages.map(order)), {})


def record_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Of all people together: how often stated ranges came true."""
    found = rooms.record()
    return RoomTable(found.assign(share=found["came_true"] / found["of"].where(found["of"] > 0)), {})


def accuracy_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Errors by horizon: of everybody who forecasts, or of the model for each person or team that may be seen."""
    found = rooms.accuracy()
    if not seen.viewer.sees_overrides:
        found = found[found["forecaster"] != "override"]
    level = next((name for name in ("rep", "team") if name in dimensions), None)
    if level is None:
        return RoomTable(seen.whole_rows(found), {})
    return RoomTable(seen.nodes(found[found["forecaster"] == "model"], level).rename(columns={"id": level}), {})


def snapshots_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Kept forecasts: day by day of all that may be seen together, or the one from the period's beginning by node."""
    found = rooms.snapshots(seen.period)
    if found.empty:
        return RoomTable(found.assign(**dict.fromkeys(dimensions)), {})
    version = ", ".join(sorted(set(found["model_version"].astype(str))))
    if "day" in dimensions:
        rows = seen.whole_rows(found)
        day = rows["as_of"].dt.tz_convert(seen.starts.tzinfo).dt.strftime("%Y-%m-%d")
        return RoomTable(rows.assign(day=day).drop_duplicates("day", keep="last"), {}, version)
    before = found[found["as_of"] <= seen.starts]
    moment = before["as_of"].max() if len(before) else found["as_of"].min()
    chosen = found[found["as_of"] == moment].drop_duplicates(["level", "id"], keep="last")
    if not dimensions:
        return RoomTable(seen.whole_rows(chosen), {}, version)
    (dimension,) = dimensions
    return RoomTable(seen.nodes(chosen, dimension).rename(columns={"id": dimension}), {}, version)


def customers_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Sums over the accounts that may be seen."""
    found = rooms.customers()
    owners = seen.viewer.owners
    found = found if owners is None else found[found["owner_id"].isin(owners)]
    version = ", ".join(sorted(set(found["model_version"].astype(str))))
    owner = found["owner_id"].astype(object).where(found["owner_id"].notna(), "")
    placed = found.merge(seen.accounts, on="account_id", how="left").assign(n=1.0, rep=owner.to_numpy())
    placed["team"] = [seen.team_key(seen.team_of.get(str(person), "")) for person in placed["rep"]]
    grouped = placed.rename(columns={"account_id": "account"})
    grouped[list(dimensions)] = grouped[list(dimensions)].fillna("")
    figures = ["n", "p_buys", "spend"]
    totals = {name: float(grouped[name].sum()) for name in figures}
    if not dimensions:
        return RoomTable(pd.DataFrame([totals]), totals, version)
    return RoomTable(grouped.groupby(list(dimensions), as_index=False)[figures].sum(), totals, version)


def demand_table(rooms: Rooms, seen: Seen, dimensions: Sequence[str]) -> RoomTable:
    """Means of the periods ahead, which add up.

    Raises
    ------
    NotAllowed
        If the viewer has no part in demand.
    """
    if not seen.viewer.sees_demand:
        raise NotAllowed("Demand is not part of this role.")
    found = rooms.demand()
    version = ", ".join(sorted(set(found["model_version"].astype(str))))
    day = pd.to_datetime(found["ds"]).dt.strftime("%Y-%m-%d")
    rows = found.assign(series=found["unique_id"], day=day)
    totals = {"mean": float(rows["mean"].sum())}
    if not dimensions:
        return RoomTable(pd.DataFrame([totals]), totals, version)
    return RoomTable(rows.groupby(list(dimensions), as_index=False)[["mean"]].sum(), totals, version)


#: How each subject becomes a table.
TABLES = {
    "outlook": outlook_table,
    "targets": targets_table,
    "performance": performance_table,
    "funnel": funnel_table,
    "record": record_table,
    "accuracy": accuracy_table,
    "snapshots": snapshots_table,
    "customers": customers_table,
    "demand": demand_table,
}


class _Figures(Protocol):
    def __call__(self, members: NDArray[np.bool_], /) -> dict[str, float]: ...


def _grouped(
    made: Outlook, seen: Seen, dimensions: Sequence[str], figures: _Figures
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Figures of every group of visible owners, and of all of them."""
    viewer = seen.viewer
    visible = np.array([viewer.is_everything or viewer.owns(owner) for owner in made.owners], dtype=bool)
    keys = pd.DataFrame(
        {
            name: [seen.team_key(team) for team in made.teams]
            if name == "team"
            else ["" if owner == UNASSIGNED else owner for owner in made.owners]
            for name in dimensions
        },
        index=range(len(made.owners)),
    )
    totals = figures(visible)
    if not dimensions:
        return pd.DataFrame([totals]), totals
    rows = []
    for group, members in keys[visible].groupby(list(dimensions)).groups.items():
        mask = np.zeros(len(visible), dtype=bool)
        mask[list(members)] = True
        key = group if isinstance(group, tuple) else (group,)
        rows.append(dict(zip(dimensions, key, strict=True)) | figures(mask))
    return pd.DataFrame(rows, columns=[*dimensions, *totals]), totals


def _outlook_row(made: Outlook, members: NDArray[np.bool_]) -> dict[str, float]:
    parts = {part: float(made.parts[part][members].sum()) for part in PARTS}
    low, high = np.quantile(made.summed(members), (0.1, 0.9)) if members.any() else (0.0, 0.0)
    return parts | {"mean": sum(parts.values()), "low": float(low), "high": float(high)}
