"""How wrong forecasts were on past origins, and the quantiles that follow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from forecast.demand.matrix import Floats

#: Fewer past errors than this say nothing about tails: the normal law stands in.
MIN_ERRORS = 30
#: Errors in one class; below about 500 the tenth percentile of a class is mostly noise.
_ERRORS_PER_CLASS = 500
_MAX_CLASSES = 12


def usual_error(values: Floats, season_length: int) -> Floats:
    """Root mean square of season-to-season changes of each series, shrunk to the panel's.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
        Aligned at the end, NaN where unknown.
    season_length : int

    Returns
    -------
    array of shape (n_series,)
        In the unit of ``values``, relative to the level of the series: 0 only for series that were always 0.
    """
    recent = values[:, -max(4 * season_length, 30) :]
    length = season_length if values.shape[1] > season_length else 1
    changes = recent[:, length:] - recent[:, :-length]
    squares, n_changes = np.nansum(changes**2, axis=1), (~np.isnan(changes)).sum(axis=1)
    level = np.nanmean(np.abs(values), axis=1)
    informative = n_changes > 0
    base = (level[informative] ** 2 * n_changes[informative]).sum()
    relative = squares[informative].sum() / base if base > 0 else 1.0
    prior = 4.0
    return np.asarray(np.sqrt((squares + prior * relative * level**2) / (n_changes + prior)))


@dataclass
class ErrorModel:
    """Quantiles of scaled errors, pooled over series and steps within classes of alike series.

    A class holds forecasts of similar size against the usual error of their series: rare and small sales have other
    shapes of error than steady and large ones.

    Attributes
    ----------
    quantiles : tuple of float
    growth : array of shape (horizon,)
        How errors grow with the step, never falling.
    edges : array of shape (n_classes - 1,)
        Bounds of the classes of forecast / usual error.
    table : array of shape (n_classes, n_quantiles)
    n_used : int
        Number of past errors; 0 when the normal law stands in.
    """

    quantiles: tuple[float, ...]
    growth: Floats
    edges: Floats
    table: Floats
    n_used: int = 0

    @classmethod
    def fit(
        cls,
        error: Floats,
        mean: Floats,
        usual: Floats,
        step: NDArray[np.int64],
        *,
        quantiles: tuple[float, ...],
        horizon: int,
    ) -> "ErrorModel":
        """Learn from past errors.

        Parameters
        ----------
        error : array of shape (n_errors,)
            Actual less forecast, out of sample.
        mean, usual : arrays of shape (n_errors,)
            The forecast, and the usual error of its series at the origin.
        step : int array of shape (n_errors,)
            Periods ahead, from 1.
        quantiles : tuple of float in (0, 1)
        horizon : int
        """
        used = np.isfinite(error) & (usual > 0)
        error, mean, usual, step = error[used], mean[used], usual[used], step[used]
        if len(error) < MIN_ERRORS:
            normal = norm.ppf(quantiles)[None]
            return cls(quantiles, np.sqrt(np.arange(1, horizon + 1)), np.empty(0), normal)
        growth = _growth(error / usual, step, horizon)
        scaled = error / usual / growth[step - 1]
        size = mean / usual
        n_classes = int(np.clip(len(error) // _ERRORS_PER_CLASS, 1, _MAX_CLASSES))
        edges = np.unique(np.quantile(size, np.arange(1, n_classes) / n_classes))
        classes = np.searchsorted(edges, size, side="right")
        table = np.array(
            [
                np.quantile(scaled[classes == one] if (classes == one).any() else scaled, quantiles, method="weibull")
                for one in range(len(edges) + 1)
            ]
        )
        return cls(quantiles, growth, edges, table, len(error))

    def predict(self, mean: Floats, usual: Floats, *, non_negative: bool) -> Floats:
        """Quantiles of forecasts.

        Parameters
        ----------
        mean : array of shape (n_series, horizon)
        usual : array of shape (n_series,)
        non_negative : bool
            No quantile below 0.

        Returns
        -------
        array of shape (n_series, horizon, n_quantiles)
            Ascending along the last axis.
        """
        classes = np.searchsorted(self.edges, mean / np.maximum(usual, 1e-12)[:, None], side="right")
        width = usual[:, None, None] * self.growth[: mean.shape[1], None]
        result = np.sort(mean[:, :, None] + width * self.table[classes], axis=2)
        return np.maximum(result, 0) if non_negative else result

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        return {
            "quantiles": list(self.quantiles),
            "growth": self.growth.tolist(),
            "edges": self.edges.tolist(),
            "table": self.table.tolist(),
            "n_used": self.n_used,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "ErrorModel":
        """The inverse of `to_dict`."""
        return cls(
            tuple(state["quantiles"]),
            np.array(state["growth"]),
            np.array(state["edges"]),
            np.array(state["table"]).reshape(-1, len(state["quantiles"])),
            state["n_used"],
        )


def _growth(scaled: Floats, step: NDArray[np.int64], horizon: int) -> Floats:
    """Mean absolute error by step relative to all, made non-decreasing; past the last step like a random walk.

    The largest hundredth is cut off: a few spikes would else decide at which step ranges widen.
    """
    size = np.minimum(np.abs(scaled), np.quantile(np.abs(scaled), 0.99))
    counts = np.bincount(step - 1, minlength=horizon)[:horizon]
    sums = np.bincount(step - 1, weights=size, minlength=horizon)[:horizon]
    seen = np.flatnonzero(counts)
    overall = sums.sum() / counts.sum()
    if overall == 0:
        return np.ones(horizon)
    means = np.asarray(isotonic_regression(sums[seen] / counts[seen], weights=counts[seen]).x)
    growth = np.maximum(np.interp(np.arange(horizon), seen, means), 1e-6) / overall
    beyond = np.arange(seen[-1] + 1, horizon)
    growth[beyond] = growth[seen[-1]] * np.sqrt((beyond + 1) / (seen[-1] + 1))
    return np.asarray(growth)
