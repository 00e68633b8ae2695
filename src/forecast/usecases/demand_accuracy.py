"""Forecast against actual: a demand forecast of a past day beside what was then sold."""

from datetime import datetime

import pandas as pd

from forecast.demand import DemandForecaster
from forecast.errors import NotEnoughHistory
from forecast.ports import Lake
from forecast.settings import Settings
from forecast.usecases.demand import FALLBACK, compare, read_panel

KEYS = ["unique_id", "ds"]


def forecast_against_actual(
    lake: Lake, settings: Settings, forecasts: pd.DataFrame, *, as_of: datetime, now: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was forecast at ``as_of``, what is known at ``now`` to have been sold, and what the naive would have said.

    Parameters
    ----------
    forecasts : DataFrame
        From `forecast_demand` at ``as_of``.
    as_of, now : datetime
        Only periods that are over and known at ``now`` are compared.

    Returns
    -------
    periods : DataFrame
        ``ds``, ``forecast``, ``actual``, ``seasonal_naive``: sums over the series.
    metrics : DataFrame
        Per series and period; see `forecast.usecases.demand.compare`.

    Raises
    ------
    NotEnoughHistory
        If no forecast period is over yet.
    """
    with lake.connect() as con:
        horizon = int(forecasts.groupby("unique_id").size().max())
        before, after = (read_panel(con, settings, moment, horizon) for moment in (as_of, now))
    actual = after.panel[[*KEYS, "y"]]
    last = actual["ds"].max()
    compared = forecasts[forecasts["ds"] <= last].merge(actual, on=KEYS, how="left").fillna({"y": 0.0})
    if compared.empty:
        raise NotEnoughHistory(
            f"No period of this forecast is over: the last complete one is {last:%Y-%m-%d}, "
            f"the first forecast one {forecasts['ds'].min():%Y-%m-%d}."
        )
    naive = DemandForecaster(before.freq, horizon, model=FALLBACK).fit(before.panel).predict()
    compared = compared.merge(naive[[*KEYS, "mean"]].rename(columns={"mean": FALLBACK}), on=KEYS)
    sums = compared.groupby("ds", as_index=False)[["mean", "y", FALLBACK]].sum()
    return sums.rename(columns={"mean": "forecast", "y": "actual"}), compare(
        compared, before.panel, challenger="forecast"
    )
