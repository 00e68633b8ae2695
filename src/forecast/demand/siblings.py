"""Series that are like an item: nested groups by the attributes that tell most of the level."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats

#: Fewer siblings than this are no group: an attribute less is asked to agree.
MIN_SIBLINGS = 5
#: A group's mean is shrunk to that of the wider group as if that had so many siblings; the best one on the panel.
PRIORS = (0.0, 1.0, 3.0, 10.0, 30.0)
#: Classes of a numeric attribute.
_N_CLASSES = 5

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Siblings:
    """What each series sold in comparable periods, and the nested groups that they form with the new items.

    Attributes
    ----------
    profiles : array of shape (n_series, n_steps)
        Periods after launch, or the last ones; NaN where unknown.
    is_level : bool
        Periods are the last ones: only their mean says anything.
    codes : int array of shape (n_depths, n_series)
        Group at each depth; all series are one group at depth 0.
    new_codes : int array of shape (n_depths, n_new)
        -1 where no series is alike.
    names : tuple of str
        Attribute that each depth adds, the most telling first; one less than depths.
    """

    profiles: Floats
    is_level: bool
    codes: Codes
    new_codes: Codes
    names: tuple[str, ...]

    @cached_property
    def sizes(self) -> list[Codes]:
        """Number of series of each group, by depth."""
        return [np.bincount(codes) for codes in self.codes]

    @cached_property
    def depth_of_new(self) -> Codes:
        """Deepest depth at which each new item has `MIN_SIBLINGS`."""
        return self._depth(self.new_codes, MIN_SIBLINGS)

    @cached_property
    def depth_of_series(self) -> Codes:
        """The same for each series, itself not counted."""
        return self._depth(self.codes, MIN_SIBLINGS + 1)

    def means(self, depth: int, prior: float) -> Floats:
        """Means of new items as if all had ``depth``, shape (n_new, n_steps); each depth is shrunk to the one above."""
        return self._means(self.new_codes, depth, prior, without_itself=False)

    def means_of_others(self, depth: int, prior: float) -> Floats:
        """What each series would have been given if it were new, shape (n_series, n_steps)."""
        return self._means(self.codes, depth, prior, without_itself=True)

    def _depth(self, codes: Codes, n_needed: int) -> Codes:
        depth = np.zeros(codes.shape[1], dtype=np.int64)
        for level, of_level in enumerate(codes):
            depth[(of_level >= 0) & (self.sizes[level][of_level] >= n_needed)] = level
        return depth

    def _means(self, codes: Codes, depth: int, prior: float, *, without_itself: bool) -> Floats:
        known, filled = (~np.isnan(self.profiles)).astype(float), np.nan_to_num(self.profiles)
        mean = np.zeros((codes.shape[1], filled.shape[1]))
        for level in range(depth + 1):
            total, count = (_sums(part, self.codes[level])[codes[level]] for part in (filled, known))
            if without_itself:
                total, count = total - filled, count - known
            held = prior if level else 0.0
            mean = np.where(count + held > 0, (total + held * mean) / np.maximum(count + held, 1e-9), mean)
        return np.broadcast_to(mean.mean(axis=1, keepdims=True), mean.shape) if self.is_level else mean


def find_siblings(inputs: Inputs, profiles: Floats, is_level: bool, new: dict[str, Floats], n_new: int) -> Siblings:
    """Nested groups by the attributes that tell something of the level, the most telling first.

    Parameters
    ----------
    inputs : Inputs
        Only the series of ``profiles``.
    profiles : array of shape (n_series, n_steps)
    is_level : bool
        See `Siblings`.
    new : dict of str to array of shape (n_new,)
        Attributes of the new items, coded as those of ``inputs``; NaN for what the panel never saw.
    n_new : int
    """
    classes = {name: _classes(inputs.static[name], new[name], name in inputs.categories) for name in inputs.static}
    n_known = np.maximum((~np.isnan(profiles)).sum(axis=1), 1)
    rank = rankdata(np.nansum(profiles, axis=1) / n_known)
    told = {name: _told(rank, own) for name, (own, _) in classes.items()}
    names = tuple(sorted((name for name in told if told[name] > 0), key=lambda name: (-told[name], name)))
    codes, new_codes = [np.zeros(len(profiles), dtype=np.int64)], [np.zeros(n_new, dtype=np.int64)]
    for name in names:
        own, asked = classes[name]
        width = int(max(own.max(initial=0), asked.max(initial=0))) + 2
        groups, of_series = np.unique(codes[-1] * width + own + 1, return_inverse=True)
        wanted = np.where((new_codes[-1] >= 0) & (asked >= 0), new_codes[-1] * width + asked + 1, -1)
        codes.append(of_series)
        new_codes.append(np.asarray(pd.Index(groups).get_indexer(pd.Index(wanted)), dtype=np.int64))
    return Siblings(profiles, is_level, np.stack(codes), np.stack(new_codes), names)


def _classes(own: Floats, new: Floats, is_code: bool) -> tuple[Codes, Codes]:
    """Classes of an attribute from 0, of the series and of the new items; -1 where unknown."""
    if is_code:
        return np.nan_to_num(own, nan=-1).astype(np.int64), np.nan_to_num(new, nan=-1).astype(np.int64)
    known = own[~np.isnan(own)]
    edges = np.unique(np.quantile(known, np.arange(1, _N_CLASSES) / _N_CLASSES)) if len(known) else known
    first, second = (np.where(np.isnan(part), -1, np.searchsorted(edges, part)) for part in (own, new))
    return first, second


def _told(rank: Floats, codes: Codes) -> float:
    """Share of the variance of ranks that lies between classes, less what chance gives (adjusted R²)."""
    n_series = len(rank)
    _, dense = np.unique(codes, return_inverse=True)
    counts = np.bincount(dense)
    total = float(((rank - rank.mean()) ** 2).sum())
    if len(counts) < 2 or n_series <= len(counts) or total == 0:
        return 0.0
    within = float(((rank - (np.bincount(dense, rank) / counts)[dense]) ** 2).sum())
    return 1 - within / total * (n_series - 1) / (n_series - len(counts))


def best_prior(siblings: Siblings) -> float:
    """How much groups are shrunk to the wider one: least Poisson deviance (else squares) of series left out."""
    actual, depth = siblings.profiles, siblings.depth_of_series
    non_negative = bool(np.nanmin(actual) >= 0)
    losses = []
    for prior in PRIORS:
        by_depth = np.stack([siblings.means_of_others(level, prior) for level in range(len(siblings.codes))])
        mean = by_depth[depth, np.arange(len(depth))]
        if non_negative:
            mean = np.maximum(mean, 1e-9)
        loss = mean - actual * np.log(mean) if non_negative else (actual - mean) ** 2
        losses.append(float(np.nanmean(loss)))
    return PRIORS[int(np.argmin(losses))]


def _sums(values: Floats, codes: Codes) -> Floats:
    """Sums of rows of the same code, shape (n_codes, n_columns)."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(int(codes.max()) + 1))
    return np.asarray(np.add.reduceat(values[order], starts, axis=0))
