"""How wrong forecasts were on past origins, and the quantiles that follow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from forecast.demand.classes import is_sparse
from forecast.demand.dependence import Dependence, Persistence
from forecast.demand.matrix import Floats
from forecast.demand.tilting import part_means, tilted

#: Name of the width of classes without one of their own.
ALL = "(all)"
#: Fewer past errors than this say nothing about tails: the normal law stands in.
MIN_ERRORS = 30
#: Levels at which the law of scaled errors is kept; between them it is linear.
LEVELS: Floats = np.array([0.005, 0.01, 0.025, *np.arange(1, 20) / 20, 0.975, 0.99, 0.995])
_CHANCES: Floats = np.diff(LEVELS, prepend=0.0, append=1.0)
#: Errors in one bin; below about 500 the tenth percentile of a bin is mostly noise.
_ERRORS_PER_BIN = 500
_MAX_BINS = 12
#: The law of all series counts in a class as much as so many errors.
_PRIOR_ERRORS = 300.0


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
        In the unit of ``values``; positive. A series that was always 0 has a small share of the panel's, smaller the
        longer it was 0.
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
    usual = np.sqrt((squares + prior * relative * level**2) / (n_changes + prior))
    typical = float(np.median(usual[usual > 0])) if (usual > 0).any() else 1.0
    n_known = (~np.isnan(values)).sum(axis=1)
    return np.asarray(np.maximum(usual, np.where(level > 0, 1e-9 * level, typical / (n_known + 2))))


@dataclass(frozen=True)
class PastErrors:
    """Forecasts of past windows and what was wrong with them; a case is a series in a window.

    Attributes
    ----------
    error : array of shape (n_cases, horizon)
        Actual less forecast, out of sample; NaN where the actual is unknown.
    mean : array of shape (n_cases, horizon)
        The forecast.
    usual : array of shape (n_cases,)
        The usual error of the series at the origin.
    classes : array of str of shape (n_cases,)
        Class of the series at the origin.
    window : int array of shape (n_cases,)
    is_integer : bool
        The series hold whole numbers.
    """

    error: Floats
    mean: Floats
    usual: Floats
    classes: NDArray[np.object_]
    window: NDArray[np.int64]
    is_integer: bool


@dataclass(frozen=True)
class _Law:
    """Points of scaled errors and their levels, shape (n_series, horizon, n_points); means of the values they make."""

    scaled: Floats
    levels: Floats
    mean: Floats


@dataclass
class ErrorModel:
    """The law of scaled errors, pooled over series and steps within bins of alike forecasts.

    A bin holds forecasts of similar size against the usual error of their series: rare and small sales have other
    shapes of error than steady and large ones. Within a bin each class of series has its own law, shrunk to the bin's.

    Attributes
    ----------
    growth : array of shape (horizon,)
        How errors grow with the step, never falling.
    edges : array of shape (n_bins - 1,)
        Bounds of the bins of forecast / usual error.
    classes : tuple of str
        Classes of series with a law of their own; all others have that of the bin.
    table : array of shape (1 + n_classes, n_bins, n_levels)
        Quantiles of scaled errors at `LEVELS`; the first for all series together.
    n_used : int
        Number of past errors; 0 when the normal law stands in.
    is_integer : bool
        Quantiles are rounded to whole numbers: errors were learned from actuals spread evenly over their unit, so that
        a quantile of 0 means that 0 really is that likely.
    dependence : Dependence
        How errors go together over steps and between series: for joint paths.
    widths : mapping of class to float
        Factors on all errors, by how forecasts did after training (`adapt_widths`); not stored with the model.
    """

    growth: Floats
    edges: Floats
    table: Floats
    classes: tuple[str, ...] = ()
    n_used: int = 0
    is_integer: bool = False
    dependence: Dependence = field(default_factory=Dependence)
    widths: dict[str, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, past: PastErrors, horizon: int, *, random_state: int = 0) -> "ErrorModel":
        """Learn from past errors."""
        used = np.isfinite(past.error) & (past.usual > 0)[:, None]
        n_used = int(used.sum())
        if n_used < MIN_ERRORS:
            normal = norm.ppf(LEVELS)[None, None]
            return cls(np.sqrt(np.arange(1, horizon + 1)), np.empty(0), normal, is_integer=past.is_integer)
        error = past.error
        if past.is_integer:
            error = error + np.random.default_rng(random_state).uniform(-0.5, 0.5, error.shape)
        step = np.broadcast_to(np.arange(1, horizon + 1), error.shape)[used]
        usual = np.broadcast_to(past.usual[:, None], error.shape)
        growth = _growth((error / usual)[used], step, horizon)
        scaled = error / usual / growth
        size = past.mean / usual
        n_bins = int(np.clip(n_used // _ERRORS_PER_BIN, 1, _MAX_BINS))
        edges = np.unique(np.quantile(size[used], np.arange(1, n_bins) / n_bins))
        bins = np.searchsorted(edges, size, side="right")
        names = tuple(sorted(set(past.classes)))
        of_class = np.broadcast_to(past.classes[:, None], error.shape)[used]
        within, spread = _without_shocks(scaled, bins, past)
        moved = within[used] + np.array([-1.0, 0.0, 1.0])[:, None] * spread[used]
        table = _laws(moved.ravel(), np.tile(bins[used], 3), np.tile(of_class, 3), len(edges) + 1, names)
        model = cls(growth, edges, table, names, n_used, past.is_integer)
        model.dependence = Dependence.fit(model.scores(scaled, bins, past.classes), past.window)
        return model

    def quantiles(
        self, mean: Floats, usual: Floats, classes: NDArray[np.object_], levels: Sequence[float], *, non_negative: bool
    ) -> Floats:
        """Quantiles of forecasts.

        Parameters
        ----------
        mean : array of shape (n_series, horizon)
        usual : array of shape (n_series,)
        classes : array of str of shape (n_series,)
        levels : sequence of float in (0, 1)
        non_negative : bool
            No quantile below 0.

        Returns
        -------
        array of shape (n_series, horizon, n_levels)
            Ascending along the last axis.
        """
        scaled = self.scaled_bounds(mean, usual, classes, levels)
        return self._values(mean[:, :, None], self._width(mean, usual, classes)[:, :, None], scaled, non_negative)

    def scaled_bounds(
        self, mean: Floats, usual: Floats, classes: NDArray[np.object_], levels: Sequence[float]
    ) -> Floats:
        """Quantiles of scaled errors, shape (n_series, horizon, n_levels)."""
        laws = _at_levels(self.table, np.asarray(levels))
        return np.asarray(laws[self._class_index(classes)[:, None], self._bins(mean, usual)])

    def paths(
        self,
        mean: Floats,
        usual: Floats,
        classes: NDArray[np.object_],
        n_paths: int,
        *,
        non_negative: bool,
        random_state: int = 0,
    ) -> Floats:
        """Joint sample paths, shape (n_paths, n_series, horizon): together as past errors, with the forecast's mean.

        Ranks follow a Gaussian copula: a part shared by all series and one of their own, see `Dependence`. The law of
        each value is that of its quantiles, tilted as little as gives it the mean that is forecast: cutting at 0 and
        pooling over series not quite alike add little to one range, but the same to all, so that sums would lie above
        the sum of the means. `quantiles` are not tilted: they follow what came true, also where means are off.
        """
        rng = np.random.default_rng(random_state)
        n_series, horizon = mean.shape
        width, law = self._width(mean, usual, classes), self._law(mean, usual, classes, non_negative)
        paths = np.empty((n_paths, n_series, horizon))
        for path in range(n_paths):
            rank = self.dependence.ranks(rng, n_series, horizon)
            paths[path] = self._values(mean, width, _interpolate(law.scaled, law.levels, rank), non_negative)
        return _moved(paths, law.mean, mean, non_negative)

    def scores(self, scaled: Floats, bins: NDArray[np.int64], classes: NDArray[np.object_]) -> Floats:
        """Normal scores of scaled errors under their laws; NaN where the error is."""
        law = self.table[self._class_index(classes)[:, None], bins]
        below = (law <= scaled[..., None]).sum(axis=-1)
        padded = np.concatenate([[0.0], LEVELS, [1.0]])
        return np.where(np.isnan(scaled), np.nan, norm.ppf((padded[below] + padded[below + 1]) / 2))

    def _law(self, mean: Floats, usual: Floats, classes: NDArray[np.object_], non_negative: bool) -> "_Law":
        """The law of each value: that of its class and bin, tilted to the mean that is forecast as far as it goes."""
        scaled = self.table[self._class_index(classes)[:, None], self._bins(mean, usual)]
        values = mean[..., None] + self._width(mean, usual, classes)[..., None] * scaled
        means = part_means(values, is_integer=self.is_integer, non_negative=non_negative)
        chances = tilted(_CHANCES, means, mean)
        return _Law(scaled, np.cumsum(chances, axis=-1)[..., :-1], (chances * means).sum(axis=-1))

    def _values(self, mean: Floats, width: Floats, scaled: Floats, non_negative: bool) -> Floats:
        values = mean + width * scaled
        if self.is_integer:
            values = np.rint(values)
        return np.maximum(values, 0) if non_negative else values

    def _bins(self, mean: Floats, usual: Floats) -> NDArray[np.int64]:
        return np.searchsorted(self.edges, mean / usual[:, None], side="right")

    def _width(self, mean: Floats, usual: Floats, classes: NDArray[np.object_]) -> Floats:
        factor = np.array([self.widths.get(name, self.widths.get(ALL, 1.0)) for name in classes])
        return np.asarray((usual * factor)[:, None] * self.growth[: mean.shape[1]])

    def _class_index(self, classes: NDArray[np.object_]) -> NDArray[np.int64]:
        place = {name: index for index, name in enumerate(self.classes, start=1)}
        return np.array([place.get(name, 0) for name in np.asarray(classes, dtype=object)], dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        return {
            "growth": self.growth.tolist(),
            "edges": self.edges.tolist(),
            "classes": list(self.classes),
            "table": self.table.tolist(),
            "n_used": self.n_used,
            "is_integer": self.is_integer,
            "dependence": self.dependence.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "ErrorModel":
        """The inverse of `to_dict`; of models stored before errors could last too."""
        if "dependence" in state:
            dependence = Dependence.from_dict(state["dependence"])
        else:
            steps = Persistence(state["along"])
            dependence = Dependence(state["across"], steps, steps)
        growth, edges, table = (np.array(state[name]) for name in ("growth", "edges", "table"))
        classes, n_used = tuple(state["classes"]), state["n_used"]
        return cls(growth, edges, table, classes, n_used, state["is_integer"], dependence)


def _without_shocks(scaled: Floats, bins: NDArray[np.int64], past: PastErrors) -> tuple[Floats, Floats]:
    """Errors less what those of one window and bin had in common, and how far such common errors lie from 0.

    Windows are few and follow each other, so that a common error says how far the next one may lie, not where. Common
    is their median; of sparse and erratic series their mean over all bins, since the median of such demand lies below
    its mean by nature, not by a shock. The second part are three equally likely points (-1, 0, 1 times it) of the same
    variance.
    """
    low, high = np.nanquantile(scaled, (0.025, 0.975))
    cut = np.clip(scaled, low, high)
    skewed = is_sparse(past.classes) | (past.classes == "erratic")
    groups = np.where(skewed[:, None], -1, bins)
    within, spread = scaled.copy(), np.zeros(scaled.shape)
    for group in np.unique(groups):
        inside = groups == group
        common = []
        for one in np.unique(past.window):
            cells = inside & (past.window == one)[:, None] & ~np.isnan(scaled)
            if cells.any():
                common.append(float(cut[cells].mean() if group < 0 else np.median(cut[cells])))
                within[cells] -= common[-1]
        spread[inside] = np.sqrt(1.5 * np.mean(np.square(common))) if common else 0.0
    return within, spread


def _laws(
    scaled: Floats, bins: NDArray[np.int64], of_class: NDArray[np.object_], n_bins: int, names: tuple[str, ...]
) -> Floats:
    """Quantiles at `LEVELS` for all series and for each class, in each bin; shape (1 + n_classes, n_bins, n_levels)."""
    table = np.empty((1 + len(names), n_bins, len(LEVELS)))
    everything = _quantiles(scaled)
    for one in range(n_bins):
        inside = bins == one
        values = scaled[inside]
        table[0, one] = _quantiles(values) if len(values) else everything
        for index, name in enumerate(names, start=1):
            own = values[of_class[inside] == name]
            share = len(own) / (len(own) + _PRIOR_ERRORS)
            table[index, one] = share * _quantiles(own) + (1 - share) * table[0, one] if len(own) else table[0, one]
    return table


def _quantiles(values: Floats) -> Floats:
    return np.asarray(np.quantile(values, LEVELS, method="weibull"))


def _at_levels(table: Floats, levels: Floats) -> Floats:
    """The table's laws at other levels, linear between `LEVELS`; the last axis becomes these levels."""
    right = np.clip(np.searchsorted(LEVELS, levels), 1, len(LEVELS) - 1)
    share = np.clip((levels - LEVELS[right - 1]) / (LEVELS[right] - LEVELS[right - 1]), 0, 1)
    return np.asarray(table[..., right - 1] * (1 - share) + table[..., right] * share)


def _interpolate(points: Floats, levels: Floats, rank: Floats) -> Floats:
    """Value of each law, whose points (last axis) lie at their own levels, at its own rank."""
    n_points = points.shape[-1]
    right = np.clip((levels < rank[..., None]).sum(axis=-1), 1, n_points - 1)
    right += n_points * np.arange(rank.size).reshape(rank.shape)
    low, high, begin, end = (part.ravel()[right - shift] for part in (points, levels) for shift in (1, 0))
    length = end - begin
    share = np.clip(np.divide(rank - begin, length, out=np.ones(rank.shape), where=length > 0), 0, 1)
    return np.asarray(low + share * (high - low))


def _moved(paths: Floats, mean: Floats, wanted: Floats, non_negative: bool) -> Floats:
    """Paths whose values have the wanted mean: where they may not fall below 0 shrunk to it, else moved.

    Values whose mean is right already stay whole numbers.
    """
    far = np.abs(mean - wanted) > 1e-6 * np.maximum(np.abs(mean), np.abs(wanted))
    shrinks = far & (mean > wanted) & non_negative
    factor = np.where(shrinks, wanted / np.where(shrinks, mean, 1.0), 1.0)
    return np.asarray(paths * factor + np.where(far & ~shrinks, wanted - mean, 0.0))


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
