"""Intervals that know rows of one entity are not independent: whole entities are drawn, not rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.errors import InvalidInput

Array = Any


def cluster_codes(clusters: Array, n_rows: int) -> tuple[np.ndarray, int]:
    """Codes 0 to k - 1 of each row's cluster, in sorted order, and k; every row its own without clusters.

    Raises
    ------
    InvalidInput
        If there is not one cluster per row.
    """
    if clusters is None:
        return np.arange(n_rows), n_rows
    values = np.asarray(clusters)
    if len(values) != n_rows:
        raise InvalidInput(f"`clusters` must have one value per row, got {len(values)} for {n_rows} rows.")
    unique, codes = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
    return codes, len(unique)


def bootstrap_weights(
    clusters: Array, n_rows: int, *, n_draws: int = 1000, random_state: int = 0
) -> Iterator[np.ndarray]:
    """Row weights of each draw: how often the row's cluster was drawn, shape (n_rows,)."""
    codes, n_clusters = cluster_codes(clusters, n_rows)
    rng = np.random.default_rng(random_state)
    for _ in range(n_draws):
        yield np.bincount(rng.integers(n_clusters, size=n_clusters), minlength=n_clusters)[codes].astype(float)


def bootstrap_means(values: Array, clusters: Array = None, *, n_draws: int = 2000, random_state: int = 0) -> np.ndarray:
    """Means over rows of clusters drawn with replacement, shape (n_draws,).

    Parameters
    ----------
    values : array of shape (n,)
    clusters : array of shape (n,), optional
        Entity of each row.
    """
    rows = np.asarray(values, dtype=float)
    codes, n_clusters = cluster_codes(clusters, len(rows))
    sums, sizes = np.bincount(codes, weights=rows), np.bincount(codes).astype(float)
    rng = np.random.default_rng(random_state)
    shares = np.full(n_clusters, 1 / n_clusters)
    blocks = [min(100, n_draws - done) for done in range(0, n_draws, 100)]  # all draws at once would fill the memory
    drawn = (rng.multinomial(n_clusters, shares, block) for block in blocks)
    return np.concatenate([(draws @ sums) / (draws @ sizes) for draws in drawn])


def crossed_weights(
    shape: tuple[int, int], *, n_draws: int = 500, random_state: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """How often each series and each origin was drawn, for tables of series by origins; in blocks of draws.

    All series share what happened at an origin, and a series is alike at all origins, so both are drawn, crossed; the
    intervals are if anything too wide [1]_. With few origins they are rough; a single origin is taken as given.

    Parameters
    ----------
    shape : (int, int)
        Number of series, number of origins.

    Yields
    ------
    of_series, of_origin : arrays of shape (n_block, n_series) and (n_block, n_origins)

    References
    ----------
    .. [1] Owen (2007), The pigeonhole bootstrap. Annals of Applied Statistics 1(2).
    """
    rng = np.random.default_rng(random_state)
    for done in range(0, n_draws, 50):  # all draws at once would fill the memory
        block = min(50, n_draws - done)
        of_series, of_origin = (rng.multinomial(size, np.full(size, 1 / size), block).astype(float) for size in shape)
        yield of_series, of_origin


def bootstrap_metric(
    metric: Callable[..., float],
    y_true: Array,
    y_pred: Array,
    clusters: Array = None,
    *,
    n_draws: int = 500,
    random_state: int = 0,
) -> np.ndarray:
    """A metric over clusters drawn with replacement, shape (n_draws,); the same draws for the same ``random_state``."""
    weights = bootstrap_weights(clusters, len(np.asarray(y_true)), n_draws=n_draws, random_state=random_state)
    return np.array([metric(y_true, y_pred, sample_weight=weight) for weight in weights])


@dataclass(frozen=True)
class Difference:
    """Mean of a - b over rows, with an interval that draws whole clusters."""

    mean: float
    low: float
    high: float
    n_clusters: int


def paired_difference(
    losses_a: Array,
    losses_b: Array,
    clusters: Array = None,
    *,
    level: float = 95.0,
    n_draws: int = 2000,
    random_state: int = 0,
) -> Difference:
    """Mean difference of two models' losses on the same rows; negative when a is better.

    Parameters
    ----------
    losses_a, losses_b : arrays of shape (n,)
    clusters : array of shape (n,), optional
    level : float in (0, 100)
        Percent, two-sided percentile interval.

    Raises
    ------
    InvalidInput
        If the lengths differ or there is no row.
    """
    a, b = np.asarray(losses_a, dtype=float), np.asarray(losses_b, dtype=float)
    if a.shape != b.shape or not len(a):
        raise InvalidInput(f"Paired losses need one length above 0, got {len(a)} and {len(b)}.")
    draws = bootstrap_means(a - b, clusters, n_draws=n_draws, random_state=random_state)
    tail = (100 - level) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return Difference(float((a - b).mean()), float(low), float(high), cluster_codes(clusters, len(a))[1])
