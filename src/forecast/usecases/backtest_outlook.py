"""Rolling origins of the outlook on a workspace, beside what users know and exponential smoothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.outlook.accuracy import QUANTILES, compare, quantile_columns
from forecast.outlook.baselines import BASELINES, last_year
from forecast.outlook.point_ranges import error_ranges, ets_ranges
from forecast.outlook.revenue import Revenue, naive, read_revenue, read_teams, to_nodes
from forecast.periods import Period, period_of
from forecast.ports import Lake, ModelRegistry, Store
from forecast.settings import Settings
from forecast.usecases.outlook import outlook
from forecast.usecases.outlook_lines import baseline_nodes
from forecast.usecases.outlook_record import actuals, with_actuals

#: Periods in a year, by kind of period.
SEASON = {"week": 52, "month": 12, "quarter": 4, "year": 1}
#: Origins before the first fold at which the baselines alone are computed, so that they have errors to learn from.
WARM_UP = 8

_CASE = ["period", "as_of", "ends_at", "ahead"]


@dataclass(frozen=True)
class OutlookBacktest:
    """What a backtest of outlooks found.

    Attributes
    ----------
    forecasts : DataFrame
        One row per case and method: ``model`` (outlook, the baselines, seasonal_naive, ets), ``period``, ``as_of``,
        ``ends_at``, ``ahead`` (1: the period that begins at ``as_of``), ``level``, ``id``, ``mean``, ``q0.1`` …
        ``q0.9``, ``actual``.
    """

    forecasts: pd.DataFrame

    def scores(self, by: tuple[str, ...] = ("level", "ahead")) -> pd.DataFrame:
        """The methods beside each other, as `forecast.outlook.accuracy.compare` gives them."""
        return compare(self.forecasts, by)


def backtest_outlook(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    *,
    n_folds: int = 6,
    kind: str = "month",
    ahead: int = 1,
    batch: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> OutlookBacktest:
    """Forecast the last periods that are over, each at its beginning, as it would have been done then.

    The outlook is the real one: scores by the champion of that day, or the group rate of what was known. Point
    baselines get ranges from their own errors at earlier origins (`error_ranges`); exponential smoothing has its own
    and sees totals of past periods. A method without a range at an origin leaves that case out for all.

    Parameters
    ----------
    as_of : datetime, UTC-aware
        Periods that were over then are forecast, and actuals are those known then.
    n_folds : int
        How many periods, at least 1.
    kind : {"week", "month", "quarter", "year"}
    ahead : int
        Forecast also the periods up to this many ahead of each origin.
    batch : int, optional
        Later batches are invisible.

    Raises
    ------
    InvalidInput
        If ``kind`` is none of these, or a number is below 1.
    NotEnoughHistory
        If no period but the first was over at ``as_of``.
    """
    if kind not in SEASON or n_folds < 1 or ahead < 1:
        raise InvalidInput(
            f"`kind` must be one of {', '.join(SEASON)} and `n_folds` and `ahead` at least 1, "
            f"got {kind!r}, {n_folds} and {ahead}."
        )
    over = _periods_over(lake, settings, as_of, kind, batch)
    folds = over[-n_folds:][-(len(over) - 1) :] if len(over) > 1 else []
    if not folds:
        raise NotEnoughHistory(
            f"No {kind} with another one before it was over at {as_of:%Y-%m-%d}; ask for a later day."
        )
    came = actuals(lake, settings, over, as_of, batch=batch, by=("owner",))
    begin = over.index(folds[0])
    frames, points = [], []
    for at in range(max(begin - WARM_UP, 1), len(over)):
        targets = over[at : at + ahead]
        if progress:
            progress(f"{targets[0].label}{'' if at >= begin else ' (baselines only)'}")
        points.append(_baselines_at(lake, settings, over, at, targets, batch))
        if at >= begin:
            frames.append(_outlook_at(lake, registry, store, settings, targets, batch))
            frames.append(_ets_at(lake, settings, over, at, targets, kind, batch))
    told, others = pd.concat(points, ignore_index=True), pd.concat(frames, ignore_index=True)
    nodes = _nodes([told, others], came)
    ranged = error_ranges(with_actuals(_at_every_node(told, nodes), came))
    ranged = ranged[ranged["as_of"] >= folds[0].start(settings.zone)]
    others = with_actuals(_at_every_node(others, nodes), came)
    columns = ["model", *_CASE, "level", "id", "mean", *quantile_columns(), "actual"]
    return OutlookBacktest(pd.concat([others[columns], ranged[columns]], ignore_index=True))


def _nodes(forecasts: list[pd.DataFrame], came: pd.DataFrame) -> pd.DataFrame:
    """Every node that any method names, or to which something came, with each case of its period."""
    cases = pd.concat([frame[_CASE] for frame in forecasts]).drop_duplicates()
    named = [frame[[*_CASE, "level", "id"]] for frame in forecasts]
    return pd.concat([*named, cases.merge(came.drop(columns="actual"), on="period")]).drop_duplicates()


def _at_every_node(forecasts: pd.DataFrame, nodes: pd.DataFrame) -> pd.DataFrame:
    """Rows of each method for every node: who has nothing in its view is expected to bring nothing."""
    models = forecasts[[*_CASE, "model"]].drop_duplicates()
    key = [*_CASE, "model", "level", "id"]
    whole = nodes.merge(models, on=_CASE).merge(forecasts, on=key, how="left", validate="one_to_one")
    numbers = [name for name in forecasts.columns if name not in key]
    return whole.fillna(dict.fromkeys(numbers, 0.0))


def _periods_over(lake: Lake, settings: Settings, as_of: datetime, kind: str, batch: int | None) -> list[Period]:
    """Whole periods since the first revenue, oldest first, that were over at ``as_of``."""
    with lake.connect(batch) as con:
        first = read_revenue(con, as_of, settings).first
    if first is None:
        return []
    day = first.tz_localize("UTC").tz_convert(settings.zone).date()
    delay = timedelta(days=settings.reporting_delay_days)
    periods: list[Period] = []
    period = period_of(day, kind=kind, fiscal_year_start=settings.fiscal_year_start)
    while period.end(settings.zone) + delay <= as_of:
        if period.first >= day:
            periods.append(period)
        after = period.last + timedelta(days=1)
        period = period_of(after, kind=kind, fiscal_year_start=settings.fiscal_year_start)
    return periods


def _case(period: Period, origin: datetime, place: int, settings: Settings) -> dict[str, Any]:
    return {"period": period.label, "as_of": origin, "ends_at": period.end(settings.zone), "ahead": place + 1}


def _outlook_at(
    lake: Lake, registry: ModelRegistry, store: Store, settings: Settings, targets: list[Period], batch: int | None
) -> pd.DataFrame:
    """Deciles of the real outlook at the beginning of the first period."""
    origin = targets[0].start(settings.zone)
    frames = []
    for place, period in enumerate(targets):
        made = outlook(lake, registry, store, settings, period, origin, batch=batch)
        lines = made.to_frame(QUANTILES)[["level", "id", "mean", *quantile_columns()]]
        frames.append(lines.assign(model="outlook", **_case(period, origin, place, settings)))
    return pd.concat(frames, ignore_index=True)


def _baselines_at(
    lake: Lake, settings: Settings, over: list[Period], at: int, targets: list[Period], batch: int | None
) -> pd.DataFrame:
    """Point forecasts of what users know, and of the seasonal naive: the same period a year ago, else the last one."""
    origin = targets[0].start(settings.zone)
    frames = []
    for place, period in enumerate(targets):
        case = _case(period, origin, place, settings)
        known = baseline_nodes(lake, settings, period, origin, batch=batch)
        for name in BASELINES:
            line = known.loc[known[name].notna(), ["level", "id", name]].rename(columns={name: "mean"})
            frames.append(line.assign(model=name, **case))
        with lake.connect(batch) as con:
            revenue = read_revenue(con, origin, settings)
            ago = _season_ago(revenue, period, over[at - 1], settings)
            nodes = to_nodes(ago.rename("mean").to_frame(), read_teams(con, origin, origin))
        frames.append(nodes.assign(model="seasonal_naive", **case))
    return pd.concat(frames, ignore_index=True)


def _season_ago(revenue: Revenue, period: Period, last: Period, settings: Settings) -> pd.Series:
    """Revenue of each owner in the same period a year ago, where that is known, else in the last one that was over."""
    first, end = last_year(period)
    before = Period("", first, end)
    if revenue.first is None or revenue.first > naive(before.start(settings.zone)):
        before = last
    return revenue.between(before.start(settings.zone), before.end(settings.zone))


def _ets_at(
    lake: Lake, settings: Settings, over: list[Period], at: int, targets: list[Period], kind: str, batch: int | None
) -> pd.DataFrame:
    """Exponential smoothing of the totals of each node in the periods before, as known at the origin."""
    origin = targets[0].start(settings.zone)
    with lake.connect(batch) as con:
        revenue, teams = read_revenue(con, origin, settings), read_teams(con, origin, origin)
    past = {
        period.label: revenue.between(period.start(settings.zone), period.end(settings.zone)) for period in over[:at]
    }
    totals = to_nodes(pd.DataFrame(past).fillna(0.0), teams)
    season = SEASON[kind] if SEASON[kind] <= 12 else 1  # AutoETS knows no season of 52
    mean, deciles = ets_ranges(totals[list(past)].to_numpy(dtype=float), len(targets), season)
    frames = [
        pd.DataFrame(deciles[:, place], columns=quantile_columns()).assign(
            level=totals["level"], id=totals["id"], mean=mean[:, place], model="ets",
            **_case(period, origin, place, settings),
        )
        for place, period in enumerate(targets)
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)
