"""Members that statsforecast fits one series at a time: the best known models, and the slowest."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from forecast.demand.extrapolation import filled, first_known
from forecast.demand.matrix import Floats

#: Shorter series are left to simpler members.
MIN_OBSERVATIONS = 5
#: statsforecast's AutoETS has no season longer than a day of hours.
MAX_ETS_SEASON = 24
#: Older observations hardly move a forecast but cost time.
MAX_SEASONS, MIN_CUT = 30, 500


def ets(values: Floats, horizon: int, season_length: int) -> Floats:
    """Exponential smoothing, form chosen by AICc (Hyndman, Koehler, Ord & Snyder 2008)."""
    from statsforecast.models import AutoETS

    season = season_length if season_length <= MAX_ETS_SEASON else 1
    return _one_by_one(values, horizon, season, lambda m: AutoETS(season_length=m))


def dynamic_theta(values: Floats, horizon: int, season_length: int) -> Floats:
    """Dynamic optimised theta (Fiorucci et al. 2016, Models for optimising the theta method)."""
    from statsforecast.models import DynamicOptimizedTheta

    return _one_by_one(values, horizon, season_length, lambda m: DynamicOptimizedTheta(season_length=m))


def ces(values: Floats, horizon: int, season_length: int) -> Floats:
    """Complex exponential smoothing, form chosen by AICc (Svetunkov, Kourentzes & Ord 2022)."""
    from statsforecast.models import AutoCES

    return _one_by_one(values, horizon, season_length, lambda m: AutoCES(season_length=m))


def arima(values: Floats, horizon: int, season_length: int) -> Floats:
    """ARIMA, orders chosen stepwise by AICc (Hyndman & Khandakar 2008)."""
    from statsforecast.models import AutoARIMA

    return _one_by_one(values, horizon, season_length, lambda m: AutoARIMA(season_length=m, approximation=True))


def _one_by_one(values: Floats, horizon: int, season_length: int, build: Callable[[int], Any]) -> Floats:
    """Forecasts of a statsforecast model; NaN for series that are short, constant, or that it fails on."""
    full = filled(values, season_length)
    first = np.maximum(first_known(full), values.shape[1] - max(MIN_CUT, MAX_SEASONS * season_length))
    forecast = np.full((len(values), horizon), np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of optimisers, on flat likelihoods
        for row, start in enumerate(first):
            series = full[row, start:]
            if len(series) < MIN_OBSERVATIONS or np.ptp(series) == 0:
                continue
            model = build(season_length if len(series) > 2 * season_length else 1)
            with suppress(Exception):  # whatever a numerical library throws on odd series: NaN says it failed
                forecast[row] = model.forecast(y=series, h=horizon)["mean"]
    return forecast
