"""Which intervals of time contain which moments: the arithmetic under most features, exact and without loops.

A fact that is known from one moment to another, and that a window forgets after some days, counts at the moments of
one half-open interval ``(start, end]``. Counting, summing and finding the latest over the intervals that contain a
spine row's ``as_of`` is all that counts, recencies and past rates need. Everything is integers, so that no result
depends on the order of the facts.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: What `Moments.latest` gives where no interval contains the moment.
NOTHING = np.iinfo(np.int64).min


class Reach(NamedTuple):
    """For each interval, the moments it contains, as a range of positions among the sorted moments."""

    first: Ints
    stop: Ints


class Moments:
    """Moments to ask about, each within a group (an opportunity, an owner, …).

    Parameters
    ----------
    group : int array of shape (n,)
        Non-negative; a moment of group -1 is contained in no interval.
    time : int array of shape (n,)
        Microseconds since 1970.
    """

    def __init__(self, group: Ints, time: Ints) -> None:
        self._times = np.unique(time)
        self._stride = len(self._times) + 1
        key = group * self._stride + np.searchsorted(self._times, time)
        self._order = np.argsort(key, kind="stable")
        self._keys = key[self._order]

    def __len__(self) -> int:
        return len(self._keys)

    def reach(self, group: Ints, start: Ints, end: Ints) -> Reach:
        """The moments t of the same group with ``start < t <= end``, for intervals given as arrays of shape (m,)."""
        first = group * self._stride + np.searchsorted(self._times, start, side="right")
        stop = group * self._stride + np.searchsorted(self._times, end, side="right")
        first, stop = np.searchsorted(self._keys, first), np.searchsorted(self._keys, stop)
        return Reach(first, np.maximum(first, stop))

    def total(self, reach: Reach, weight: Ints | None = None, where: Mask | None = None) -> Ints:
        """Sum of the weights (default 1) of the intervals that contain each moment; shape (n,)."""
        first, stop = reach if where is None else (reach.first[where], reach.stop[where])
        if weight is None:
            steps = np.bincount(first, minlength=len(self) + 1) - np.bincount(stop, minlength=len(self) + 1)
        else:
            weight = weight if where is None else weight[where]
            steps = np.zeros(len(self) + 1, dtype=np.int64)
            np.add.at(steps, first, weight)
            np.subtract.at(steps, stop, weight)
        return self._unsorted(np.cumsum(steps)[:-1])

    def latest(self, reach: Reach, value: Ints, where: Mask | None = None) -> Ints:
        """Largest value of the intervals that contain each moment, else `NOTHING`; shape (n,).

        A segment tree over the sorted moments, filled and read level by level.
        """
        keep = reach.first < reach.stop
        keep = keep if where is None else keep & where
        left, right, value = reach.first[keep] + len(self), reach.stop[keep] + len(self), value[keep]
        tree = np.full(2 * len(self), NOTHING, dtype=np.int64)
        while len(left):
            odd = (left & 1).astype(bool)
            np.maximum.at(tree, left[odd], value[odd])
            left = (left + odd) >> 1
            odd = (right & 1).astype(bool)
            right = right - odd
            np.maximum.at(tree, right[odd], value[odd])
            right = right >> 1
            alive = left < right
            left, right, value = left[alive], right[alive], value[alive]
        node = np.arange(len(self)) + len(self)
        best = tree[node]
        while node.any():
            node = node >> 1
            best = np.maximum(best, np.where(node > 0, tree[node], NOTHING))
        return self._unsorted(best)

    def pairs(self, reach: Reach) -> tuple[Ints, Ints]:
        """Every (moment, interval) pair, as indices; sorted by moment, then by the order of the intervals."""
        sizes = reach.stop - reach.first
        interval = np.repeat(np.arange(len(sizes)), sizes)
        offset = np.arange(len(interval)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        position = np.repeat(reach.first, sizes) + offset
        order = np.argsort(position, kind="stable")
        return self._order[position[order]], interval[order]

    def _unsorted(self, values: Ints) -> Ints:
        result = np.empty(len(self), dtype=np.int64)
        result[self._order] = values
        return result


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """One division; NaN where the denominator is not positive."""
    result: NDArray[np.float64] = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def range_medians(values: Ints, first: Ints, stop: Ints) -> NDArray[np.float64]:
    """Median of ``values[first:stop]`` for many ranges at once; NaN for an empty range.

    A wavelet matrix: one pass per bit of the values' ranks, O((n + q) log n).

    Parameters
    ----------
    values : int array of shape (n,)
    first, stop : int arrays of shape (q,)

    References
    ----------
    Claude, Navarro & Ordóñez (2015), The wavelet matrix. Information Systems 47.
    """
    size = stop - first
    if not len(values):
        return np.full(len(first), np.nan)
    low = _range_select(values, first, stop, np.maximum(size - 1, 0) // 2)
    high = _range_select(values, first, stop, size // 2)
    return np.where(size > 0, (low + high) / 2, np.nan)


def _range_select(values: Ints, first: Ints, stop: Ints, k: Ints) -> Ints:
    """The k-th smallest (from 0) of each range; anything for an empty one."""
    distinct, level = np.unique(values, return_inverse=True)
    rank = np.zeros(len(first), dtype=np.int64)
    for bit in reversed(range(max(1, int(len(distinct) - 1).bit_length()))):
        is_one = (level >> bit) & 1
        zeros_before = np.concatenate([[0], np.cumsum(1 - is_one)])
        n_zeros = zeros_before[-1]
        zeros_first, zeros_stop = zeros_before[first], zeros_before[stop]
        count = zeros_stop - zeros_first
        up = k >= count
        k = np.where(up, k - count, k)
        first = np.where(up, n_zeros + first - zeros_first, zeros_first)
        stop = np.where(up, n_zeros + stop - zeros_stop, zeros_stop)
        rank |= up.astype(np.int64) << bit
        level = np.concatenate([level[is_one == 0], level[is_one == 1]])
    return distinct[np.minimum(rank, len(distinct) - 1)]
