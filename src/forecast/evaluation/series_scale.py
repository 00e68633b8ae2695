"""How much each series changes inside its own past: the scale of scaled errors, at every cutoff of a backtest."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import InvalidInput

Floats = NDArray[np.float64]


def naive_scales(panel: pd.DataFrame, predictions: pd.DataFrame, season_length: int = 1) -> tuple[Floats, Floats]:
    """Errors of the naive in the panel up to each row's cutoff.

    Parameters
    ----------
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``; any order of rows. Later rows than a cutoff have no influence on its scale.
    predictions : DataFrame
        ``unique_id``, ``cutoff``.
    season_length : int
        Rows back, for the second scale.

    Returns
    -------
    mse : array of shape (n_predictions,)
        Mean squared change from row to row of the series, for RMSSE. NaN where there is none or it is 0.
    mae : array of shape (n_predictions,)
        Mean absolute change over ``season_length`` rows, for MASE. NaN likewise.
    """
    for name, frame, wanted in (
        ("panel", panel, ["unique_id", "ds", "y"]),
        ("predictions", predictions, ["unique_id", "cutoff"]),
    ):
        missing = [column for column in wanted if column not in frame]
        if missing:
            raise InvalidInput(f"`{name}` lacks columns {missing}; there are {list(frame.columns)}.")
    ids = pd.Index(panel["unique_id"].unique())
    moments = pd.Index(panel["ds"].unique()).sort_values()
    width = len(moments) + 1
    codes = ids.get_indexer(pd.Index(panel["unique_id"])).astype(np.int64)
    place = codes * width + moments.get_indexer(pd.Index(panel["ds"])).astype(np.int64)
    order = np.argsort(place, kind="stable")
    place, codes = place[order], codes[order]
    values = pd.Series(panel["y"].to_numpy(dtype=float)[order])
    asked = ids.get_indexer(pd.Index(predictions["unique_id"])).astype(np.int64)
    seen = moments.searchsorted(predictions["cutoff"], side="right") - 1
    row = np.searchsorted(place, asked * width + seen, side="right") - 1
    found = (asked >= 0) & (row >= 0) & (codes[np.maximum(row, 0)] == asked)
    scales = []
    for lag, power in ((1, 2), (season_length, 1)):
        change = (values - values.groupby(codes).shift(lag)).abs() ** power
        known = change.notna()
        total, count = (part.groupby(codes).cumsum().to_numpy(dtype=float) for part in (change.fillna(0.0), known))
        mean = np.where(total > 0, total, np.nan) / np.maximum(count, 1)
        scales.append(np.where(found, mean[np.maximum(row, 0)], np.nan))
    return scales[0], scales[1]
