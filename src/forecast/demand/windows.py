"""Past windows on which weights and ranges are learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.demand.matrix import Floats, SeriesMatrix


@dataclass(frozen=True)
class Window:
    """A past window: what each member said, and what came; rows are series."""

    forecasts: Mapping[str, Floats]
    actual: Floats
    usual: Floats
    classes: NDArray[np.object_]
    sums: Sequence[tuple[NDArray[np.int64], Floats]]

    def errors(self, names: Sequence[str]) -> Floats:
        """Scaled errors of single series, shape (n_members, n_series, horizon)."""
        return np.stack([self.actual - self.forecasts[name] for name in names]) / self.usual[:, None]

    def errors_of_sums(self, names: Sequence[str], level: int) -> Floats:
        """Scaled errors of the sums of one level, shape (n_members, n_groups, horizon)."""
        codes, usual = self.sums[level]
        errors = [sum_by(np.nan_to_num(self.actual - self.forecasts[name]), codes) for name in names]
        return np.stack(errors) / usual[:, None]

    def complete(self, names: Sequence[str]) -> dict[str, Floats]:
        """Forecasts of all ``names``; the mean of those that there are stands in for one that could not be fitted."""
        there = [self.forecasts[name] for name in names if name in self.forecasts]
        mean = np.mean(there, axis=0)
        return {name: self.forecasts.get(name, mean) for name in names}


def sum_by(values: Floats, codes: NDArray[np.int64]) -> Floats:
    """Sums of rows of the same code, shape (n_codes, n_columns)."""
    sums = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def actuals(matrix: SeriesMatrix, past: SeriesMatrix, n_dropped: int, horizon: int) -> Floats:
    """What followed a past cutoff, in the rows of the past matrix; shape (n_series, horizon)."""
    rows = np.flatnonzero(~np.isnan(matrix.y[:, : matrix.n_times - n_dropped]).all(axis=1))
    assert len(rows) == past.n_series
    start = matrix.n_times - n_dropped
    return matrix.y[rows, start : start + horizon]
