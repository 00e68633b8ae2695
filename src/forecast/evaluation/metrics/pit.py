"""Where actuals fall in their forecast law (probability integral transform), fair to counts.

Half of all sales may be 0, and 0 may be the 0.1 quantile and the median at once. Then more actuals than said lie
inside the closed interval, however honest the law. So an actual that carries probability is spread at random over the
levels that it covers: under the true law the result is uniform, for counts too.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.quantiles import checked_paths, checked_quantiles

Floats = NDArray[np.float64]


def randomised_pit(
    actual: ArrayLike,
    quantile_levels: ArrayLike,
    quantiles: ArrayLike,
    *,
    is_count: bool | None = None,
    random_state: int = 0,
) -> Floats:
    """Level at which each actual lies in its forecast; uniform on (0, 1) when the forecasts are honest.

    The law is read off the quantiles by straight lines. An actual is spread uniformly between the probability of less
    and that of no more than it: over the levels whose quantiles it equals, halfway to the next ones, and for counts
    over half a unit to each side. Beyond the outermost quantiles it is spread over that tail. The error is at most the
    distance between neighbouring levels, so give many (or use `randomised_pit_from_paths`).

    Parameters
    ----------
    actual : array of shape (n,)
    quantile_levels : array of shape (n_levels,)
        In (0, 1), ascending.
    quantiles : array of shape (n, n_levels)
        Not decreasing along a row.
    is_count : bool, optional
        Whether values are whole numbers; default whether all actuals are whole and none is negative.
    random_state : int
        The same draws for the same number.

    Returns
    -------
    array of shape (n,)
        In [0, 1].

    References
    ----------
    Czado, Gneiting & Held (2009), Predictive model assessment for count data. Biometrics 65(4).
    """
    low, high = pit_bounds(actual, quantile_levels, quantiles, is_count=is_count)
    return np.asarray(low + (high - low) * np.random.default_rng(random_state).random(low.shape))


def randomised_pit_from_paths(actual: ArrayLike, paths: ArrayLike, *, random_state: int = 0) -> Floats:
    """As `randomised_pit`, with the law given by sample paths; exact for any number of them.

    Parameters
    ----------
    actual : array of shape (...)
    paths : array of shape (n_paths, ...)

    Returns
    -------
    array of shape (...)
        Uniform when the actual is one more draw from the law of the paths, ties or not.
    """
    y, drawn = checked_paths(actual, paths)
    less, equal = (drawn < y).sum(axis=0), (drawn == y).sum(axis=0)
    spread = np.random.default_rng(random_state).random(y.shape)
    return np.asarray((less + spread * (equal + 1)) / (len(drawn) + 1))


def interval_coverage_by_pit(
    actual: ArrayLike,
    quantile_levels: ArrayLike,
    quantiles: ArrayLike,
    *,
    level: float = 80.0,
    is_count: bool | None = None,
    random_state: int = 0,
) -> float:
    """Share of actuals whose randomised PIT lies in the central interval; right when it equals its level.

    Parameters
    ----------
    level : float in (0, 100)
        Percent; between the levels ``(1 ± level / 100) / 2``, which must not lie outside the given ones.

    Returns
    -------
    float
        0 to 1; other parameters as for `randomised_pit`.
    """
    levels = np.asarray(quantile_levels, dtype=float)
    tail = (100 - level) / 200
    if not 0 < level < 100 or levels.min() > tail + 1e-9 or levels.max() < 1 - tail - 1e-9:
        raise InvalidInput(
            f"An interval of {level:g} % needs levels from {tail:g} to {1 - tail:g}, "
            f"got {levels.min():g} to {levels.max():g}."
        )
    return coverage_of_pit(
        randomised_pit(actual, levels, quantiles, is_count=is_count, random_state=random_state), level=level
    )


def coverage_of_pit(pit: ArrayLike, *, level: float = 80.0) -> float:
    """Share of PIT values in the central interval of ``level`` percent."""
    tail = (100 - level) / 200
    inside = (np.asarray(pit) >= tail) & (np.asarray(pit) <= 1 - tail)
    return float(inside.mean())


def pit_bounds(
    actual: ArrayLike, quantile_levels: ArrayLike, quantiles: ArrayLike, *, is_count: bool | None = None
) -> tuple[Floats, Floats]:
    """Probability of less than, and of no more than, each actual: what `randomised_pit` draws between.

    Returns
    -------
    low, high : arrays of shape (n,)
    """
    y, levels, q = checked_quantiles(actual, quantile_levels, quantiles)
    if y.ndim != 1 or (np.diff(q, axis=1) < -1e-9 * np.abs(q).max()).any():
        raise InvalidInput(f"`actual` must have shape (n,) and its quantiles must not cross, got shape {y.shape}.")
    q = np.maximum.accumulate(q, axis=1)
    count = bool((y == np.round(y)).all() and (y >= 0).all()) if is_count is None else is_count
    reach = 0.5 if count else 0.0
    floor = 0.0 if (y >= 0).all() and (q >= 0).all() else -np.inf
    points, grid = _with_ends(levels, q, floor)
    low = _read(points, grid, y - reach, side="left")
    high = _read(points, grid, y + reach, side="right")
    low[y <= floor] = 0.0
    low, high = _spread_atoms(y, levels, q, floor, low, high)
    below, above = y + reach < q[:, 0], y - reach > q[:, -1]
    low = np.where(below, 0.0, np.where(above, levels[-1], low))
    high = np.where(below, levels[0], np.where(above, 1.0, high))
    return low, np.maximum(low, high)


def _with_ends(levels: Floats, q: Floats, floor: float) -> tuple[Floats, Floats]:
    """Quantiles with an end on both sides, as far out as the law is wide on average between the outermost levels."""
    width = (q[:, -1] - q[:, 0]) / (levels[-1] - levels[0]) if len(levels) > 1 else np.zeros(len(q))
    first = np.maximum(q[:, 0] - levels[0] * width, np.minimum(floor, q[:, 0]))
    last = q[:, -1] + (1 - levels[-1]) * width
    return np.column_stack([first, q, last]), np.concatenate([[0.0], levels, [1.0]])


def _read(points: Floats, grid: Floats, x: Floats, *, side: str) -> Floats:
    """Distribution function at x by straight lines; at a jump its lower (left) or upper (right) end."""
    passed = points < x[:, None] if side == "left" else points <= x[:, None]
    n_passed = passed.sum(axis=1)
    before, after = np.clip(n_passed - 1, 0, len(grid) - 1), np.clip(n_passed, 0, len(grid) - 1)
    rows = np.arange(len(x))
    start, width = points[rows, before], points[rows, after] - points[rows, before]
    share = np.clip((x - start) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    value = grid[before] + (grid[after] - grid[before]) * share
    return np.where(n_passed == 0, 0.0, np.where(n_passed == len(grid), 1.0, value))


def _spread_atoms(
    y: Floats, levels: Floats, q: Floats, floor: float, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """An actual that equals several quantiles, or one at the floor, holds probability: halfway to the next levels."""
    equal = q == y[:, None]
    n_equal = equal.sum(axis=1)
    atom = (n_equal > 1) | ((n_equal == 1) & (y == floor))
    grid = np.concatenate([[0.0], levels, [1.0]])
    halves = (grid[1:] + grid[:-1]) / 2
    halves[0] = 0.0
    first = np.argmax(equal, axis=1)
    past_last = first + n_equal
    wide_low = np.where(first == 0, np.where(y <= floor, 0.0, low), halves[first])
    return np.where(atom, np.minimum(low, wide_low), low), np.where(atom, np.maximum(high, halves[past_last]), high)
