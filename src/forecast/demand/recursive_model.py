"""One LightGBM model for the next season, which goes on from its own forecasts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecast.demand.features import RowFeatures
from forecast.demand.global_model import GlobalModel
from forecast.demand.grid import Positions
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats

#: The mean over so many paths is close to that over all: those of many series err independently.
N_PATHS = 4
#: Bounds the memory of the running sums.
_CHUNK_VALUES = 5_000_000
_LEVELS = (np.arange(100) + 0.5) / 100
_MAX_BINS = 20
_ROWS_PER_BIN = 100


@dataclass(frozen=True)
class Surprise:
    """What comes in place of a forecast: quantiles of the value by the size of the forecast.

    Attributes
    ----------
    edges : array of shape (n_bins - 1,)
        Ascending bounds between forecasts, in their unit.
    table : array of shape (n_bins, 100)
        Quantiles of value over forecast (mean 1), or of value less forecast (mean 0).
    is_factor : bool
    """

    edges: Floats
    table: Floats
    is_factor: bool

    @classmethod
    def of(cls, values: Floats, forecasts: Floats, *, is_factor: bool) -> "Surprise":
        """Learn from values and their forecasts, shape (n_rows,)."""
        n_bins = int(np.clip(len(values) // _ROWS_PER_BIN, 1, _MAX_BINS))
        bounds = np.unique(np.quantile(forecasts, np.arange(1, n_bins) / n_bins, method="lower"))
        edges = bounds[bounds < forecasts.max()]  # no bin without a row
        place = np.searchsorted(edges, forecasts)
        relative = values / np.maximum(forecasts, 1e-300) if is_factor else values - forecasts
        table = np.stack([np.quantile(relative[place == index], _LEVELS) for index in range(len(edges) + 1)])
        mean = table.mean(axis=1, keepdims=True)
        return cls(edges, table / np.maximum(mean, 1e-12) if is_factor else table - mean, is_factor)

    def draw(self, forecasts: Floats, uniform: Floats) -> Floats:
        """Values instead of forecasts, by numbers from [0, 1); shape (n_rows,)."""
        column = (uniform * self.table.shape[1]).astype(np.int64)
        drawn = self.table[np.searchsorted(self.edges, forecasts), column]
        return np.asarray(forecasts * drawn if self.is_factor else forecasts + drawn)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a file."""
        return {"edges": self.edges.tolist(), "table": self.table.tolist(), "is_factor": self.is_factor}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Surprise":
        """The inverse of `to_dict`."""
        return cls(np.array(state["edges"]), np.array(state["table"]), state["is_factor"])


class RecursiveModel(GlobalModel):
    """Forecasts of one season, one after the other: each sees draws of the seasons before.

    A mean fed back as if it were a value has none of the noise that the model learned from, and what it learned about
    noisy values is wrong for smooth ones: forecasts drift (on M5 by +10 % in 28 days). So values are drawn around each
    mean from past errors at means of that size, along `N_PATHS` paths, and the forecast is the mean over paths. The
    draws depend on the series' name, path and step only: a series gets the same forecast alone as among others, and
    under other drivers it meets the same luck.

    Parameters and attributes are those of `GlobalModel` with kind ``ratio``.
    """

    n_paths = N_PATHS

    def fit(self, inputs: Inputs) -> bool:
        """Learn from all series; False when there are too few rows to learn from."""
        length = min(self.recipe.season_length, inputs.horizon)
        width = inputs.matrix.n_times + length
        known = {name: values[:, :width] for name, values in inputs.series_drivers.items()}
        season_ahead = replace(inputs, horizon=length, series_drivers=known)
        rows = self._training_rows(season_ahead)
        if rows is None:
            return False
        self._train(rows, season_ahead)
        unit = 1.0 if self.is_tweedie_ else rows.scale
        forecasts = self._values(rows.X, rows.scale)
        self.surprise_ = Surprise.of(rows.y / unit, forecasts / unit, is_factor=self.is_tweedie_)
        return True

    def predict(self, inputs: Inputs) -> Floats:
        """Means for the horizon after the last column, shape (n_series, horizon)."""
        n_series = inputs.matrix.n_series
        width = (inputs.matrix.n_times + inputs.horizon) * self.n_paths
        per_chunk = max(_CHUNK_VALUES // width, 1)
        means = []
        for start in range(0, n_series, per_chunk):
            part = inputs.rows(np.arange(start, min(start + per_chunk, n_series)))
            paths = np.concatenate([mean for _, _, mean in self._walk(part)], axis=1)
            means.append(paths.reshape(part.matrix.n_series, self.n_paths, inputs.horizon).mean(axis=1))
        return np.concatenate(means)

    def future_rows(self, features: RowFeatures, rows: Positions) -> tuple[pd.DataFrame, Floats | None, Floats]:
        """Features and scale of the horizon of some series: step by step within path by path within series."""
        seasons = list(self._walk(features.inputs.rows(rows)))
        ends = np.cumsum([mean.size for _, _, mean in seasons])
        places = [
            np.arange(end - mean.size, end).reshape(mean.shape) for end, (_, _, mean) in zip(ends, seasons, strict=True)
        ]
        order = np.concatenate(places, axis=1).ravel()
        X = pd.concat([X for X, _, _ in seasons], ignore_index=True).iloc[order]
        return X, None, np.concatenate([scale for _, scale, _ in seasons])[order]

    def to_dict(self) -> dict[str, Any]:
        """What was learned beside the booster, for a file."""
        return super().to_dict() | {"surprise": self.surprise_.to_dict()}

    def read_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `to_dict`."""
        super().read_dict(state)
        self.surprise_ = Surprise.from_dict(state["surprise"])

    def _walk(self, inputs: Inputs) -> Iterator[tuple[pd.DataFrame, Floats, Floats]]:
        """Features, scale and means of each season in turn; means of shape (n_series · n_paths, n_steps)."""
        n_times, horizon = inputs.matrix.n_times, inputs.horizon
        n_rows = inputs.matrix.n_series * self.n_paths
        copies = inputs.rows(np.arange(n_rows) // self.n_paths)
        features = RowFeatures(_with_room(copies), self.recipe)
        luck = self._luck(copies)
        for begin in range(0, horizon, self.recipe.season_length):
            n_steps = min(self.recipe.season_length, horizon - begin)
            series = np.repeat(np.arange(n_rows), n_steps)
            origin = np.full(len(series), n_times + begin - 1)
            step = np.tile(np.arange(1, n_steps + 1), n_rows)
            _, scale = self._place(features, series, origin, step)
            X = self._known_features(features.rows(series, origin, step, scale=scale))
            mean = self._values(X, scale)
            yield X, scale, mean.reshape(n_rows, n_steps)
            unit = 1.0 if self.is_tweedie_ else scale
            drawn = unit * self.surprise_.draw(mean / unit, luck[:, begin : begin + n_steps].ravel())
            for ahead, values in enumerate(drawn.reshape(n_rows, n_steps).T):
                features.put(n_times + begin + ahead, values)

    def _luck(self, copies: Inputs) -> Floats:
        """Numbers from [0, 1) by name, path and step, shape (n_series · n_paths, horizon)."""
        names = np.array([str(name) for name in copies.matrix.ids], dtype=object)
        path = np.arange(len(names)) % self.n_paths
        place = 1 + path[:, None] * copies.horizon + np.arange(copies.horizon)
        start = pd.util.hash_array(names) + np.uint64(self.random_state)
        mixed = start[:, None] ^ pd.util.hash_array(place.ravel().astype(np.uint64)).reshape(place.shape)
        return np.minimum(pd.util.hash_array(mixed.ravel()).reshape(place.shape) / 2.0**64, 1 - 1e-12)


def _with_room(inputs: Inputs) -> Inputs:
    """The horizon as further, unknown columns of the past."""
    matrix, horizon = inputs.matrix, inputs.horizon
    y = np.concatenate([matrix.y, np.full((matrix.n_series, horizon), np.nan)], axis=1)
    return replace(inputs, matrix=replace(matrix, y=y, last=matrix.last + horizon), horizon=0)
