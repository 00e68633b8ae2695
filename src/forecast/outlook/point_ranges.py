"""Ranges for what has none of its own: errors of earlier origins, and exponential smoothing of past periods."""

import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from forecast.outlook.accuracy import QUANTILES, quantile_columns

Floats = NDArray[np.float64]

#: With this many own earlier errors a node is judged by them; with fewer, by those of all nodes of its level, in
#: proportion to what it brought or was expected to bring, whichever is larger.
MIN_OWN_ERRORS = 8
#: Shorter series are forecast by their mean.
MIN_OBSERVATIONS = 5
_LEVELS = [20, 40, 60, 80]  # central ranges whose ends are the nine deciles but the median


def error_ranges(points: pd.DataFrame) -> pd.DataFrame:
    """Deciles of point forecasts, from the errors of the same method at origins whose period was over by then.

    Parameters
    ----------
    points : DataFrame
        ``model``, ``level``, ``id``, ``ahead``, ``as_of``, ``ends_at`` (end of the period), ``mean``, ``actual``.

    Returns
    -------
    DataFrame
        The rows with ``q0.1`` … ``q0.9``; NaN before there was any error to learn from.
    """
    parts = [_ranges_of(rows) for _, rows in points.groupby(["model", "level", "ahead"], sort=False)]
    columns = quantile_columns()
    found = pd.concat(parts) if parts else pd.DataFrame(columns=columns, dtype=float)
    return points.join(found.reindex(points.index))


def _ranges_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Deciles of one method at one level: one pass for each origin."""
    error = rows["actual"] - rows["mean"]
    result = pd.DataFrame(np.nan, index=rows.index, columns=quantile_columns())
    for origin in rows["as_of"].unique():
        now = rows.index[rows["as_of"] == origin]
        past = rows.index[(rows["ends_at"] <= origin) & error.notna()]
        if not len(past):
            continue
        large = rows.loc[past, ["actual", "mean"]].abs().max(axis=1)
        size = large.groupby(rows.loc[past, "id"]).mean()
        scale = rows["id"].map(size).fillna(rows["mean"].abs())
        relative = error[past] / scale[past].where(scale[past] > 0)
        pooled = np.quantile(relative.fillna(0.0).to_numpy(), QUANTILES)
        own = error[past].groupby(rows.loc[past, "id"])
        deciles = pd.DataFrame({quantile: own.quantile(quantile) for quantile in QUANTILES})
        own_errors = deciles.reindex(rows.loc[now, "id"]).to_numpy(dtype=float)
        enough = own.size().reindex(rows.loc[now, "id"]).fillna(0).to_numpy() >= MIN_OWN_ERRORS
        shift = np.where(enough[:, None], own_errors, scale[now].to_numpy()[:, None] * pooled)
        result.loc[now] = rows.loc[now, "mean"].to_numpy(dtype=float)[:, None] + shift
    return result


def ets_ranges(values: Floats, horizon: int, season_length: int) -> tuple[Floats, Floats]:
    """Exponential smoothing with its own ranges, form chosen by AICc (Hyndman, Koehler, Ord & Snyder 2008).

    Parameters
    ----------
    values : array of shape (n_series, n_periods)
        Totals of past periods, oldest first; none missing.
    horizon : int
    season_length : int
        Used once more than two seasons are known.

    Returns
    -------
    mean : array of shape (n_series, horizon)
    deciles : array of shape (n_series, horizon, 9)
        A series that is too short, constant or fails is forecast by its mean, with normal ranges of its spread.
    """
    spread = values.std(axis=1, ddof=1) if values.shape[1] > 1 else np.zeros(len(values))
    mean = np.repeat(values.mean(axis=1)[:, None], horizon, axis=1)
    deciles = mean[:, :, None] + spread[:, None, None] * norm.ppf(QUANTILES)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of optimisers, on flat likelihoods
        for row, series in enumerate(values):
            if len(series) < MIN_OBSERVATIONS or np.ptp(series) == 0:
                continue
            found = _ets(
                series / np.abs(series).max(), horizon, season_length if len(series) > 2 * season_length else 1
            )
            if found is not None and np.abs(found[1]).max() < 20:
                mean[row], deciles[row] = (part * np.abs(series).max() for part in found)
    return mean, np.sort(deciles, axis=2)


def _ets(series: Floats, horizon: int, season_length: int) -> tuple[Floats, Floats] | None:
    from statsforecast.models import AutoETS

    with suppress(Exception):  # whatever a numerical library throws on odd series: its mean stands in
        said = AutoETS(season_length=season_length).forecast(y=series, h=horizon, level=_LEVELS)
        low, high = ([said[f"{end}-{level}"] for level in _LEVELS] for end in ("lo", "hi"))
        deciles = np.column_stack([*low[::-1], said["mean"], *high])
        if np.isfinite(deciles).all():
            return np.asarray(said["mean"]), deciles
    return None
