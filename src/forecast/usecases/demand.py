"""Demand forecasts of a company: the panel as it was known, the champion of the day, backtests beside baselines."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand import CoherentForecaster, DemandForecaster, DemandPanel, build_panel
from forecast.demand.classes import classify
from forecast.demand.errors import ALL
from forecast.demand.grid import parse_frequency
from forecast.demand.matrix import to_matrix
from forecast.demand.recipe import recipe_of
from forecast.demand.what_if import known_drivers
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.series_backtest import series_scores
from forecast.evaluation.series_plots import backtest_plot
from forecast.ports import Lake, ModelRegistry, ModelVersion, Store
from forecast.settings import Settings
from forecast.usecases.champion import serving

#: Registered model name.
DEMAND = "demand"
#: Forecasts where no model was promoted yet.
FALLBACK = "seasonal_naive"
#: Seconds of one reference core for one fit; a backtest or a training fits once for each fold.
BUDGET = 120.0
#: What a backtest can be parted by.
GROUPS = ("step", "class")

Progress = Callable[[str], None]


@dataclass(frozen=True)
class DemandBacktest:
    """What a backtest found.

    Attributes
    ----------
    predictions : DataFrame
        ``unique_id``, ``ds``, ``cutoff``, ``y``, ``mean``, the quantiles, one column per baseline.
    scores : DataFrame
        See `compare`.
    by_group : DataFrame or None
        The same by step or class, where that was asked for.
    panel : DataFrame
        The history that was known.
    """

    predictions: pd.DataFrame
    scores: pd.DataFrame
    by_group: pd.DataFrame | None
    panel: pd.DataFrame

    def plot(self) -> bytes:
        """Leaderboard and forecasts of the largest series, as PNG."""
        return backtest_plot(self.scores, self.predictions, self.panel)


def read_panel(con: DuckDBPyConnection, settings: Settings, as_of: datetime, horizon: int) -> DemandPanel:
    """The panel that the settings ask for, as known at ``as_of``."""
    return build_panel(
        con,
        as_of,
        settings.zone,
        freq=settings.demand_frequency,
        horizon=horizon,
        by=settings.demand_by,
        reporting_currency=settings.reporting_currency,
    )


def demand_champion(registry: ModelRegistry, store: Store, as_of: datetime) -> ModelVersion | None:
    """The model that serves forecasts of ``as_of``; None when none was promoted that knew only what came before."""
    promotion = serving(list(store.promotions(DEMAND)), as_of)
    return None if promotion is None else registry.version(promotion.name, promotion.version)


@dataclass(frozen=True)
class ServedDemand:
    """The forecaster that serves a moment, with the history that was known then.

    Attributes
    ----------
    forecaster : DemandForecaster
    known : DemandPanel
    model_version : str
        `FALLBACK` where no model was promoted yet.
    as_of : datetime
    batch : int
    """

    forecaster: DemandForecaster
    known: DemandPanel
    model_version: str
    as_of: datetime
    batch: int

    @property
    def reconciliation(self) -> str:
        """How sums and series are made to agree; see `forecast.demand.reconcile`."""
        agreed = getattr(self.forecaster, "reconciliation_", None)
        return "bottom_up" if agreed is None else str(agreed.method)

    @property
    def width(self) -> float:
        """Factor on the ranges of most series by how forecasts did since training; 1 for ranges as learned."""
        return float(self.forecaster.errors_.widths.get(ALL, 1.0))

    @property
    def driver_names(self) -> list[str]:
        """Drivers that can be asked about."""
        return known_drivers(self.forecaster.inputs_)


def served_demand(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    *,
    horizon: int | None = None,
    batch: int | None = None,
) -> ServedDemand:
    """The champion of a day with the history that was known; without a champion the seasonal naive."""
    batch = lake.head() if batch is None else batch
    champion = demand_champion(registry, store, as_of)
    with lake.connect(batch) as con:
        if champion is None:
            wanted = horizon or settings.demand_horizon
            known = read_panel(con, settings, as_of, wanted)
            forecaster: DemandForecaster = DemandForecaster(
                known.freq,
                wanted,
                model=FALLBACK,
                random_state=settings.random_state,
                past_only=known.past_only,
            )
            forecaster.fit(known.panel, known.static, known.drivers)
        else:
            forecaster = CoherentForecaster.from_files(registry.files(champion.name, champion.version))
            _check_fits(forecaster, champion, settings, horizon)
            known = read_panel(con, settings, as_of, forecaster.horizon)
            # A model of before prices were read must not take them for planned ones.
            forecaster.past_only = tuple(dict.fromkeys((*forecaster.past_only, *known.past_only)))
            forecaster.observe(known.panel, known.static, known.drivers)
            forecaster.adapt_ranges(_periods_since(known, champion, settings))
    return ServedDemand(forecaster, known, FALLBACK if champion is None else champion.label, as_of, batch)


def forecast_demand(
    lake: Lake,
    registry: ModelRegistry,
    store: Store,
    settings: Settings,
    as_of: datetime,
    *,
    horizon: int | None = None,
    batch: int | None = None,
) -> pd.DataFrame:
    """Forecast of every series from what was known at ``as_of``, by the champion of that day.

    Without a champion the seasonal naive forecasts, with ranges from its own past errors.

    Parameters
    ----------
    horizon : int, optional
        Periods ahead, by default those of the champion or the settings.
    batch : int, optional
        Later batches are invisible; default the last one.

    Returns
    -------
    DataFrame
        ``unique_id``, ``ds``, ``cutoff`` (last period known), ``model_version``, ``mean``, ``q0.1``, ``q0.5``,
        ``q0.9``; sorted, rounded to 9 decimals.

    Raises
    ------
    NotEnoughHistory
        If no complete period with sales was known.
    InvalidInput
        If ``horizon`` is below 1 or longer than the champion's.
    """
    if horizon is not None and horizon < 1:
        raise InvalidInput(f"`horizon` must be a whole number of at least 1, got {horizon}.")
    served = served_demand(lake, registry, store, settings, as_of, horizon=horizon, batch=batch)
    forecaster, known, label = served.forecaster, served.known, served.model_version
    forecast = forecaster.predict()
    cutoff = forecast["unique_id"].map(known.panel.groupby("unique_id")["ds"].max())
    forecast.insert(2, "cutoff", cutoff)
    forecast.insert(3, "model_version", label)
    if horizon is not None:
        forecast = forecast[forecast.groupby("unique_id").cumcount() < horizon].reset_index(drop=True)
    return forecast.round(9)


def backtest_demand(
    lake: Lake,
    settings: Settings,
    as_of: datetime,
    *,
    n_folds: int = 4,
    horizon: int | None = None,
    by: str | None = None,
    batch: int | None = None,
    progress: Progress | None = None,
) -> DemandBacktest:
    """Rolling-origin forecasts of the last ``n_folds`` horizons beside the baselines.

    Parameters
    ----------
    by : {"step", "class"}, optional
        Also a table by periods ahead of the cutoff, or by the class that each series had before the first cutoff.

    Returns
    -------
    DemandBacktest
    """
    if by is not None and by not in GROUPS:
        raise InvalidInput(f"`by` must be one of {list(GROUPS)}, got {by!r}.")
    wanted = horizon or settings.demand_horizon
    with lake.connect(batch) as con:
        known = read_panel(con, settings, as_of, wanted)
    if progress:
        progress(f"{known.panel['unique_id'].nunique():,} series, {n_folds} folds of {wanted} periods")
    forecaster = DemandForecaster(
        known.freq,
        wanted,
        budget=BUDGET,
        random_state=settings.random_state,
        past_only=known.past_only,
        country=settings.country,
    )
    predictions = forecaster.backtest(known.panel, n_folds, known.static, known.drivers)
    if progress:
        for repair in forecaster.repairs_:
            progress(repair.line)
    groups = None
    if by is not None:
        groups = compare(with_class(predictions, known), known.panel, by=by)
    return DemandBacktest(predictions, compare(predictions, known.panel), groups, known.panel)


def compare(
    predictions: pd.DataFrame, panel: pd.DataFrame, *, challenger: str = "combined", by: str | None = None
) -> pd.DataFrame:
    """Metrics of a backtest, one row per model; see `forecast.evaluation.series_backtest.series_scores`.

    Parameters
    ----------
    predictions : DataFrame
        From `DemandForecaster.backtest`.
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``: scales come from what lies before each cutoff.
    challenger : str
        Name of the model behind ``mean`` and the quantiles.
    by : {"step", "class"} or a column of ``predictions``, optional
        One row per model and group.
    """
    return series_scores(predictions, panel, challenger=challenger, by=by)


def folds_possible(panel: pd.DataFrame, horizon: int, wanted: int) -> int:
    """Number of folds, at most ``wanted``, that leave at least two horizons to learn from.

    Raises
    ------
    NotEnoughHistory
        If not even one does.
    """
    longest = int(panel.groupby("unique_id")["ds"].size().max())
    possible = min(wanted, longest // horizon - 2)
    if possible < 1:
        raise NotEnoughHistory(
            f"Training demand needs at least {3 * horizon} complete periods (three horizons of {horizon}), the longest "
            f"series has {longest}; forecasts go on with the seasonal naive."
        )
    return possible


def with_class(predictions: pd.DataFrame, known: DemandPanel) -> pd.DataFrame:
    """Predictions with the class of each series by what lies before the first cutoff."""
    past = known.panel[known.panel["ds"] <= predictions["cutoff"].min()]
    matrix = to_matrix(past, known.freq)
    season = recipe_of(parse_frequency(known.freq)[0]).season_length
    classes = pd.Series(classify(matrix.y, season)["class"].astype(str).to_numpy(), index=matrix.ids)
    return predictions.assign(**{"class": predictions["unique_id"].map(classes).fillna("young")})


def _periods_since(known: DemandPanel, champion: ModelVersion, settings: Settings) -> int:
    """Known periods that began after the champion's training cutoff."""
    cutoff = champion.cutoff.astimezone(settings.zone).replace(tzinfo=None)
    return int((known.panel["ds"].drop_duplicates() >= cutoff).sum())


def _check_fits(forecaster: DemandForecaster, champion: ModelVersion, settings: Settings, horizon: int | None) -> None:
    if forecaster.freq != settings.demand_frequency:
        raise InvalidInput(
            f"{champion.label} forecasts periods of {forecaster.freq!r}, the settings say demand_frequency = "
            f"{settings.demand_frequency!r}; train again with `forecast train demand`."
        )
    if horizon is not None and horizon > forecaster.horizon:
        raise InvalidInput(
            f"`horizon` must be between 1 and {forecaster.horizon}, the horizon of {champion.label}, got {horizon}; "
            "for more set demand_horizon and train again."
        )
