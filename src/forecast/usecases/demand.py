"""Demand forecasts of a company: the panel as it was known, the champion of the day, backtests beside baselines."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.demand import BASELINES, DemandForecaster, DemandPanel, build_panel
from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.evaluation.metrics import bias, pinball_loss, wape
from forecast.ports import Lake, ModelRegistry, ModelVersion, Store
from forecast.settings import Settings
from forecast.usecases.champion import serving

#: Registered model name.
DEMAND = "demand"
#: Forecasts where no model was promoted yet.
FALLBACK = "seasonal_naive"
_QUANTILES = ("q0.1", "q0.5", "q0.9")

Progress = Callable[[str], None]


def read_panel(con: DuckDBPyConnection, settings: Settings, as_of: datetime, horizon: int) -> DemandPanel:
    """The panel that the settings ask for, as known at ``as_of``."""
    return build_panel(
        con,
        as_of,
        settings.zone,
        freq=settings.demand_frequency,
        horizon=horizon,
        reporting_currency=settings.reporting_currency,
    )


def demand_champion(registry: ModelRegistry, store: Store, as_of: datetime) -> ModelVersion | None:
    """The model that serves forecasts of ``as_of``; None when none was promoted that knew only what came before."""
    promotion = serving(list(store.promotions(DEMAND)), as_of)
    return None if promotion is None else registry.version(promotion.name, promotion.version)


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
    champion = demand_champion(registry, store, as_of)
    with lake.connect(batch) as con:
        if champion is None:
            wanted = horizon or settings.demand_horizon
            known = read_panel(con, settings, as_of, wanted)
            forecaster = DemandForecaster(known.freq, wanted, model=FALLBACK, random_state=settings.random_state)
            forecaster.fit(known.panel, known.static, known.drivers)
        else:
            forecaster = DemandForecaster.from_files(registry.files(champion.name, champion.version))
            _check_fits(forecaster, champion, settings, horizon)
            known = read_panel(con, settings, as_of, forecaster.horizon)
            forecaster.observe(known.panel, known.static, known.drivers)
    forecast = forecaster.predict()
    label = FALLBACK if champion is None else champion.label
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
    batch: int | None = None,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rolling-origin forecasts of the last ``n_folds`` horizons beside the baselines, and the table of metrics.

    Returns
    -------
    predictions : DataFrame
        ``unique_id``, ``ds``, ``cutoff``, ``y``, ``mean``, the quantiles, one column per baseline.
    metrics : DataFrame
        See `compare`.
    """
    wanted = horizon or settings.demand_horizon
    with lake.connect(batch) as con:
        known = read_panel(con, settings, as_of, wanted)
    if progress:
        progress(f"{known.panel['unique_id'].nunique():,} series, {n_folds} folds of {wanted} periods")
    forecaster = DemandForecaster(known.freq, wanted, random_state=settings.random_state)
    predictions = forecaster.backtest(known.panel, n_folds, known.static, known.drivers)
    return predictions, compare(predictions)


def compare(predictions: pd.DataFrame, *, challenger: str = "lightgbm") -> pd.DataFrame:
    """Metrics of a backtest, one row per model.

    Parameters
    ----------
    predictions : DataFrame
        From `DemandForecaster.backtest`.
    challenger : str
        Name of the model behind ``mean`` and the quantiles.

    Returns
    -------
    DataFrame
        ``model``, ``wape`` (of the median where there is one, else of the mean), ``bias`` (of the mean), ``rmse``, and
        for the challenger ``pinball`` (mean over its quantiles) and ``coverage_80`` (share of actuals between ``q0.1``
        and ``q0.9``).
    """
    y = predictions["y"]
    columns = {challenger: "mean"} | {name: name for name in BASELINES if name in predictions}
    rows = []
    for model, column in columns.items():
        mean = predictions[column]
        row = {
            "model": model,
            "wape": wape(y, mean),
            "bias": bias(y, mean),
            "rmse": float(np.sqrt(((mean - y) ** 2).mean())),
        }
        if column == "mean" and set(_QUANTILES) <= set(predictions):
            row["wape"] = wape(y, predictions["q0.5"])
            losses = [pinball_loss(y, predictions[name], quantile=float(name[1:])) for name in _QUANTILES]
            row["pinball"] = float(np.mean(losses))
            row["coverage_80"] = float(((predictions["q0.1"] <= y) & (y <= predictions["q0.9"])).mean())
        rows.append(row)
    return pd.DataFrame(rows)


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
