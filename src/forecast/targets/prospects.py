"""Every owner's outcomes in order: what proposals are read from, made once and asked often."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.targets.apportion import apportion
from forecast.targets.rules import NO_CEILING, Bounds
from forecast.targets.units import BLOCK, Floats, Units, as_units, check_paths

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Prospects:
    """Outcomes of each owner, ascending, in whole units.

    Between two neighbouring outcomes an owner's distribution is taken as even, so that it rises strictly wherever
    outcomes differ: quantiles move with the odds and not in steps.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
        Joint sample paths in ``currency``.
    currency : str
        ISO 4217 code; empty for what is counted.

    Attributes
    ----------
    ordered : int array of shape (n_owners, n_paths)
    company : int array of shape (n_paths,)
        Sums over the owners within each path.
    """

    def __init__(self, paths: ArrayLike, currency: str) -> None:
        money = check_paths(paths, currency)
        self.currency = currency
        self.n_paths, self.n_owners = money.shape
        self.ordered: Units = np.empty((self.n_owners, self.n_paths), dtype=np.int64)
        self.company: Units = np.zeros(self.n_paths, dtype=np.int64)
        self._sums: Units = np.zeros(self.n_paths, dtype=np.int64)
        for first in range(0, self.n_owners, BLOCK):
            block = self.ordered[first : first + BLOCK]
            block[:] = as_units(money[:, first : first + BLOCK].T, currency)
            self.company += block.sum(axis=0)
            block.sort(axis=1)
            self._sums += np.maximum(block, 0).sum(axis=0)
        self._ends = self.ordered[:, 0].copy(), self.ordered[:, -1].copy()

    def odds(self, targets: Units) -> tuple[Floats, Floats]:
        """P(X_i >= t_i) and P(X_i > t_i), each of shape (n_owners,)."""
        reach, exceed = np.empty(self.n_owners), np.empty(self.n_owners)
        for first in range(0, self.n_owners, BLOCK):
            block, goal = self.ordered[first : first + BLOCK], targets[first : first + BLOCK, None]
            reach[first : first + BLOCK] = (block >= goal).sum(axis=1) / self.n_paths
            exceed[first : first + BLOCK] = (block > goal).sum(axis=1) / self.n_paths
        return reach, exceed

    def at(self, k: int, bounds: Bounds) -> Units:
        """Everybody's ``k``-th outcome as a target within bounds, shape (n_owners,).

        It is the quantile for odds strictly between ``(n - k - 1) / n`` and ``(n - k) / n``; at exactly ``(n - k) / n``
        every amount from the outcome ``k - 1`` to ``k`` is one.
        """
        return _bounded(self.ordered[:, k], bounds.ramp, bounds.floor, bounds.ceiling)

    def reach(self, bounds: Bounds) -> tuple[Units, Units]:
        """Least and greatest target of each owner within bounds."""
        least, most = (_bounded(end, bounds.ramp, bounds.floor, bounds.ceiling) for end in self._ends)
        return least, most

    def sums(self, bounds: Bounds, members: Flags | None = None) -> Units:
        """Sums of the targets at each ``k``, shape (n_paths,); never decreasing.

        Parameters
        ----------
        members : bool array of shape (n_owners,), optional
            Only of these owners.
        """
        bound = (bounds.floor > 0) | (bounds.ceiling < NO_CEILING) | (bounds.ramp < 1)
        if members is None:
            total, changed = self._sums.copy(), np.flatnonzero(bound)
        else:
            total, changed = np.zeros(self.n_paths, dtype=np.int64), np.flatnonzero(members)
        for some in np.array_split(changed, max(1, -(-len(changed) // BLOCK))):
            rows = self.ordered[some]
            limits = (bounds.ramp[some, None], bounds.floor[some, None], bounds.ceiling[some, None])
            total += _bounded(rows, *limits).sum(axis=0)
            total -= np.maximum(rows, 0).sum(axis=0) if members is None else 0
        return total


def _bounded(outcomes: Units, ramp: Floats, floor: Units, ceiling: Units) -> Units:
    """Targets from outcomes: a ramp's factor, never below 0, between floor and ceiling."""
    scaled = outcomes if (ramp == 1).all() else np.rint(outcomes * ramp).astype(np.int64)
    return np.asarray(np.minimum(np.maximum(scaled, floor), ceiling))


def reachable(prospects: Prospects, bounds: Bounds, group_of: Codes) -> tuple[int, int] | None:
    """Least and greatest sum of all targets within bounds; None when bounds contradict each other.

    Parameters
    ----------
    group_of : int array of shape (n_owners,)
        Bounded group of each owner, -1 for none.
    """
    if (bounds.floor > bounds.ceiling).any():
        return None
    low, high = prospects.reach(bounds)
    alone = group_of < 0
    group_low, group_high = (_by_group(reach, group_of, len(bounds.group_floor)) for reach in (low, high))
    group_low, group_high = np.maximum(group_low, bounds.group_floor), np.minimum(group_high, bounds.group_ceiling)
    if (group_low > group_high).any():
        return None
    return int(low[alone].sum() + group_low.sum()), int(high[alone].sum() + group_high.sum())


def share(prospects: Prospects, bounds: Bounds, group_of: Codes, total: int) -> tuple[Units, float]:
    """Targets within bounds that sum to ``total``, and the common odds of everybody who is free.

    Bounded groups take part as a whole; the members of one share its total at odds of their own.

    Parameters
    ----------
    group_of : int array of shape (n_owners,)
    total : int
        Between the sums that are `reachable`.
    """
    alone = group_of < 0
    if alone.all():
        return _split(prospects.sums(bounds), lambda k: prospects.at(k, bounds), total)
    members = [group_of == group for group in range(len(bounds.group_floor))]
    inside = np.array([prospects.sums(bounds, some) for some in members])
    limited = np.clip(inside, bounds.group_floor[:, None], bounds.group_ceiling[:, None])
    parts, ambition = _split(
        prospects.sums(bounds, alone) + limited.sum(axis=0),
        lambda k: np.concatenate([prospects.at(k, bounds)[alone], limited[:, k]]),
        total,
    )
    n_alone = int(alone.sum())
    targets = np.zeros(prospects.n_owners, dtype=np.int64)
    targets[alone] = parts[:n_alone]
    for some, sums, part in zip(members, inside, parts[n_alone:], strict=True):
        targets[some], _ = _split(sums, partial(_members_at, prospects, bounds, some), int(part))
    return targets, ambition


def share_at(prospects: Prospects, bounds: Bounds, group_of: Codes, k: int) -> Units:
    """Everybody's ``k``-th outcome as a target within bounds; inside a group whose sum is bounded, as near as that."""
    targets = prospects.at(k, bounds)
    for group in range(len(bounds.group_floor)):
        some = group_of == group
        now = int(targets[some].sum())
        wanted = int(np.clip(now, bounds.group_floor[group], bounds.group_ceiling[group]))
        if wanted != now:
            at = partial(_members_at, prospects, bounds, some)
            targets[some], _ = _split(prospects.sums(bounds, some), at, wanted)
    return targets


def _members_at(prospects: Prospects, bounds: Bounds, members: Flags, k: int) -> Units:
    return prospects.at(k, bounds)[members]


def _by_group(units: Units, group_of: Codes, n_groups: int) -> Units:
    sums = np.zeros(n_groups, dtype=np.int64)
    np.add.at(sums, group_of[group_of >= 0], units[group_of >= 0])
    return sums


def _split(sums: Units, at: Callable[[int], Units], total: int) -> tuple[Units, float]:
    """Targets that sum to ``total`` and their common odds: everybody goes the same share of the own gap."""
    n_paths = len(sums)
    first, after = np.searchsorted(sums, total, side="left"), np.searchsorted(sums, total, side="right")
    if first < after:  # a whole range of odds leads to this total: its middle
        return at(int(first)), float(1 - (first + after) / (2 * n_paths))
    low = at(int(first) - 1)
    return low + apportion(at(int(first)) - low, total - int(sums[first - 1])), float(1 - first / n_paths)
