"""One whole forecast of demand: every series with its history, its class and the sums that it belongs to.

A night makes one, so that pages find any of a hundred thousand series without forecasting all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from forecast.demand.reconciliation import MAX_NODES, NOWHERE
from forecast.errors import InvalidInput, UnknownEntity
from forecast.history import in_force
from forecast.ports import Lake
from forecast.usecases.demand import ServedDemand

#: Periods of history that are kept of each series.
HISTORY = 104

#: Ranges of sums come from joint paths; beyond so many values (series by periods) only means are summed.
MAX_CELLS = 50_000
N_PATHS = 200

#: Groups of series are columns that begin so.
GROUP = "group_"
TOTAL = "total"


@dataclass(frozen=True)
class RunAbout:
    """What a run is of.

    Attributes
    ----------
    as_of : datetime
    batch : int
    model_version : str
    freq, measure : str
        Of the panel.
    reconciliation : str
        How sums and series are made to agree; ``bottom_up`` where series stay as they are.
    width : float
        Factor on the ranges by how forecasts did since training.
    """

    as_of: datetime
    batch: int
    model_version: str
    freq: str
    measure: str
    reconciliation: str = "bottom_up"
    width: float = 1.0


class DemandRun(Protocol):
    """A run, wherever it is kept."""

    @property
    def about(self) -> RunAbout:
        """What it is of."""
        ...

    @property
    def series(self) -> pd.DataFrame:
        """Per series ``unique_id``, ``label``, ``class``, ``mean`` (sum over the horizon), its 80 % range ``low`` and
        ``high`` (missing in very large panels), ``before`` (sum of as many periods before), groups (``group_…``); the
        largest mean first.
        """
        ...

    @property
    def nodes(self) -> pd.DataFrame:
        """Sums of series: ``level``, ``node``, ``n_series``, ``mean``, ``q0.1``, ``q0.9`` over the horizon."""
        ...

    def forecast(self, unique_id: str) -> pd.DataFrame:
        """Forecast of one series: ``ds``, ``mean``, quantiles."""
        ...

    def history(self, unique_id: str) -> pd.DataFrame:
        """What was known of one series: ``ds``, ``y``."""
        ...


@dataclass(frozen=True)
class DemandFrames:
    """A run in memory; implements `DemandRun`."""

    about: RunAbout
    series: pd.DataFrame
    nodes: pd.DataFrame
    forecasts: pd.DataFrame
    panel: pd.DataFrame

    def forecast(self, unique_id: str) -> pd.DataFrame:
        """Forecast of one series."""
        return self.forecasts[self.forecasts["unique_id"] == unique_id].drop(columns="unique_id")

    def history(self, unique_id: str) -> pd.DataFrame:
        """What was known of one series."""
        return self.panel[self.panel["unique_id"] == unique_id].drop(columns="unique_id")


class KeepsRuns(Protocol):
    """Where whole runs are kept."""

    def has(self, as_of: datetime, batch: int, model_version: str) -> bool:
        """Whether this very run is kept."""
        ...

    def keep(self, run: DemandFrames) -> bool:
        """Keep a run; False when it was kept before."""
        ...


def run_demand(lake: Lake, served: ServedDemand) -> DemandFrames:
    """Forecast everything once, with what pages show beside it.

    Sums of means are means of sums. Ranges of sums come from joint paths, whose means are those of the forecast, never
    from sums of quantiles; they are missing where the panel is too large for paths of all.
    """
    forecaster, known = served.forecaster, served.known
    forecasts = forecaster.predict().round(9)
    forecasts["unique_id"] = forecasts["unique_id"].astype(str)
    panel = known.panel.assign(unique_id=known.panel["unique_id"].astype(str))
    panel = panel.groupby("unique_id", sort=False).tail(HISTORY).reset_index(drop=True)
    horizon = int(forecasts.groupby("unique_id").size().max())
    series = forecasts.groupby("unique_id", as_index=False, sort=True)["mean"].sum()
    before = panel.groupby("unique_id", sort=False).tail(horizon).groupby("unique_id")["y"].sum()
    classes = forecaster.series_classes().astype({"class": str}).set_index("unique_id")["class"]
    classes.index = classes.index.astype(str)
    ids = series["unique_id"]
    series = series.assign(before=ids.map(before).astype(float), **{"class": ids.map(classes)})
    products = _products(lake, served)
    series["label"] = _labels(ids, products["label"])
    if known.static is None or "category" not in known.static:
        series[f"{GROUP}category"] = ids.map(products[f"{GROUP}category"])
    if known.static is not None:
        static = known.static.assign(unique_id=known.static["unique_id"].astype(str))
        series = series.merge(static.add_prefix(GROUP).rename(columns={f"{GROUP}unique_id": "unique_id"}), how="left")
    series = series.drop(
        columns=[name for name in series if str(name).startswith(GROUP) and not _is_level(series[name])]
    )
    groups = [name for name in series if str(name).startswith(GROUP)]
    series = series.assign(
        **{name: series[name].astype(object).where(series[name].notna(), NOWHERE) for name in groups}
    )
    paths = _paths(served, len(series) * horizon)
    ends = {"low": 0.1, "high": 0.9}
    held = {name: float("nan") if paths is None else ids.map(paths.quantile(end, axis=1)) for name, end in ends.items()}
    series = series.assign(**held).round(9)
    nodes = _nodes(series, paths)
    series = series.sort_values(["mean", "unique_id"], ascending=[False, True], ignore_index=True)
    about = RunAbout(
        served.as_of,
        served.batch,
        served.model_version,
        known.freq,
        known.measure,
        served.reconciliation,
        round(served.width, 9),
    )
    return DemandFrames(about, series, nodes, forecasts, panel[["unique_id", "ds", "y"]])


def search_series(run: DemandRun, text: str, *, group: str = "", node: str = "", sort: str = "mean") -> pd.DataFrame:
    """Series whose id or label holds a text, of one node or all.

    Parameters
    ----------
    run : DemandRun
    text : str
        Upper and lower case are one; empty for all.
    group, node : str
        Only series of this node of this level.
    sort : {"mean", "change", "unique_id"}
        The largest forecast first, the largest change against as many periods before, or by id.
    """
    found = run.series
    if group and f"{GROUP}{group}" in found:
        found = found[found[f"{GROUP}{group}"].astype(str) == node]
    if text:
        ids, labels = found["unique_id"].str.lower(), found["label"].str.lower()
        found = found[ids.str.contains(text.lower(), regex=False) | labels.str.contains(text.lower(), regex=False)]
    if sort == "change":
        changes = (found["mean"] - found["before"]).abs()
        return found.loc[changes.sort_values(ascending=False, kind="stable").index]
    return found.sort_values("unique_id") if sort == "unique_id" else found


def series_of(run: DemandRun, unique_id: str) -> dict[str, Any]:
    """The line of one series.

    Raises
    ------
    UnknownEntity
        If there is none.
    """
    found = run.series[run.series["unique_id"] == unique_id]
    if found.empty:
        raise UnknownEntity(f"There was no series {unique_id!r} at {run.about.as_of.isoformat()}.")
    return {str(name): value for name, value in found.iloc[0].items()}


def sums_of(run: DemandRun, level: str = "") -> pd.DataFrame:
    """Sums of series over the horizon, the largest first within each level.

    Parameters
    ----------
    run : DemandRun
    level : str
        Only this one: ``total`` or a name of `levels_of`; empty for all.

    Returns
    -------
    DataFrame
        ``level``, ``node``, ``n_series``, ``mean``, ``q0.1``, ``q0.9``.

    Raises
    ------
    InvalidInput
        If there is no such level.
    """
    known = [TOTAL, *levels_of(run.series)]
    if level and level not in known:
        raise InvalidInput(f"`level` must be one of {known}, got {level!r}.")
    found = run.nodes[run.nodes["level"] == level] if level else run.nodes
    place = found["level"].map({name: number for number, name in enumerate(known)})
    ordered = found.assign(place=place).sort_values(["place", "mean", "node"], ascending=[True, False, True])
    return ordered.drop(columns="place").reset_index(drop=True)


def levels_of(series: pd.DataFrame) -> list[str]:
    """Levels that series can be summed by."""
    return [str(name).removeprefix(GROUP) for name in series if str(name).startswith(GROUP)]


def _products(lake: Lake, served: ServedDemand) -> pd.DataFrame:
    """Name and category of every product, by its id."""
    with lake.connect(served.batch) as con:
        found: pd.DataFrame = con.sql(
            f"SELECT product_id, name AS label, category AS {GROUP}category FROM {in_force('products', served.as_of)}"
        ).df()
    texts: pd.DataFrame = found.astype(object).set_index("product_id")
    return texts


def _labels(ids: "pd.Series[str]", names: "pd.Series[Any]") -> "pd.Series[str]":
    """Ids with the names of products in the place of theirs."""
    parts = ids.str.split("/", expand=True)
    joined = pd.Series("", index=ids.index)
    for column in parts:
        part = parts[column].map(names).fillna(parts[column])
        joined = joined + (" / " + part).fillna("")
    return ids.map(names).fillna(joined.str[3:].where(parts.isin(names.index).any(axis=1), ids))


def _is_level(column: "pd.Series[Any]") -> bool:
    return 1 < column.nunique() <= MAX_NODES


def _paths(served: ServedDemand, n_cells: int) -> pd.DataFrame | None:
    """Joint futures of every series, summed over the horizon; a row each. None for a panel too large for them."""
    if n_cells > MAX_CELLS:
        return None
    keys, drawn = served.forecaster.predict_paths(N_PATHS)
    return pd.DataFrame(drawn.sum(axis=2).T, index=keys["unique_id"].astype(str).drop_duplicates().tolist())


def _nodes(series: pd.DataFrame, paths: pd.DataFrame | None) -> pd.DataFrame:
    """Sums of the whole and of every level."""
    parts = [_sums(TOTAL, pd.Series(TOTAL, index=series.index), series, paths)]
    parts += [_sums(level, series[GROUP + level], series, paths) for level in levels_of(series)]
    return pd.concat(parts, ignore_index=True)


def _sums(
    level: str,
    node: "pd.Series[Any]",
    series: pd.DataFrame,
    paths: pd.DataFrame | None,
    ends: Sequence[float] = (0.1, 0.9),
) -> pd.DataFrame:
    sums = series.assign(node=node).groupby("node", sort=True).agg(n_series=("mean", "size"), mean=("mean", "sum"))
    for end in ends:
        sums[f"q{end:g}"] = float("nan")
    if paths is not None:
        names = pd.Series(node.to_numpy(), index=series["unique_id"].to_numpy()).reindex(paths.index)
        totals = paths.groupby(names.to_numpy()).sum()
        for end in ends:
            sums[f"q{end:g}"] = totals.quantile(end, axis=1).reindex(sums.index)
    return sums.reset_index().assign(level=level)[["level", "node", "n_series", "mean", "q0.1", "q0.9"]].round(9)
