"""What was to be expected of each person's cases, from a model that never saw that person."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.performance.hazards import Hazard, age_edges, design_of, fit_hazard, success_probability, time_in

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Models, each fitted without a share of the people.
N_FOLDS = 5
#: A window's own pace is drawn to that of the whole history as if so many more successes had come as expected.
PRIOR_SUCCESSES = 5.0
#: A case is never surer than this: a likelihood must not break on one surprise.
_MAX_PROBABILITY = 0.999
_EMPTY = -1


@dataclass(frozen=True)
class Spells:
    """Times during which somebody had a case; arrays of shape (n,), moments in days since 1970 (UTC).

    Attributes
    ----------
    person : int array
        Who had it, 0 … n_people - 1.
    case : int array
        Which case: handed-over cases have several spells.
    start : float array
        When the person got it; ages are counted from here.
    until : float array
        Until when it could have succeeded with this person: handed on, or the end of what is known. What ended
        earlier could have gone on until then, too.
    ended : float array
        When it succeeded or failed; infinite when it did neither with this person.
    succeeded : bool array
    """

    person: Codes
    case: Codes
    start: Floats
    until: Floats
    ended: Floats
    succeeded: NDArray[np.bool_]

    @property
    def n_people(self) -> int:
        """Number of people."""
        return int(self.person.max()) + 1 if len(self.person) else 0

    @property
    def last(self) -> Floats:
        """End of the time at risk."""
        return np.minimum(self.until, self.ended)


@dataclass(frozen=True)
class Pieces:
    """Spells cut at the limits of windows of time: what a person had at risk in each; arrays of shape (n,).

    Attributes
    ----------
    spell, person, window : int array
    expected : float array
        P(success within the window and the spell | open at the piece's start), the window's own pace included.
    succeeded : bool array
    """

    spell: Codes
    person: Codes
    window: Codes
    expected: Floats
    succeeded: NDArray[np.bool_]

    def of_windows(self, first: int, last: int) -> "Pieces":
        """Only those of windows ``first`` … ``last``."""
        kept = (self.window >= first) & (self.window <= last)
        return Pieces(self.spell[kept], self.person[kept], self.window[kept], self.expected[kept], self.succeeded[kept])


def expect(spells: Spells, X: pd.DataFrame, limits: Floats) -> Pieces:
    """Expected successes of every person in every window, cross-fitted without the person.

    Everybody's expectation comes from hazards fitted on the cases that neither that person nor anybody of the same
    fold ever had. Each window's pace (season, market, shocks that all share) is taken from the same cases, so that
    nothing a person does changes what is expected of that person.

    Parameters
    ----------
    spells : Spells
    X : DataFrame of shape (n_spells, k)
        What was known of each case when the person got it, nothing of the person.
    limits : array of shape (n_windows + 1,)
        Ascending moments, in days since 1970, that part the windows.

    Returns
    -------
    Pieces
        ``expected`` is NaN for everybody when there are fewer than two people: nobody to learn from.
    """
    pieces, age_from, age_to = _cut(spells, limits)
    if spells.n_people < 2 or not len(pieces.spell):
        return pieces
    design = design_of(X)
    fold = _folds(spells)
    expected = np.full(len(pieces.spell), np.nan)
    for number in range(fold.max() + 1):
        learned = ~_ever_in(spells, fold[spells.person] == number)
        if learned.any():
            model = _learn(spells, design, learned)
            chance = success_probability(*model, design, age_from, age_to, row=pieces.spell)
            asked = fold[pieces.person] == number
            expected[asked] = _at_pace(pieces, chance, learned[pieces.spell], len(limits) - 1)[asked]
    return Pieces(pieces.spell, pieces.person, pieces.window, expected, pieces.succeeded)


def _learn(spells: Spells, design: Floats, learned: NDArray[np.bool_]) -> tuple[Hazard, Hazard, Floats]:
    """Hazards of success and failure of some spells, and the limits of the ages between which they are constant."""
    ages = (spells.last - spells.start)[learned]
    has_ended = (np.isfinite(spells.ended) & (spells.ended <= spells.until))[learned]
    succeeded = spells.succeeded[learned]
    edges = age_edges(ages[has_ended])
    days = time_in(edges, np.zeros(len(ages)), ages)
    interval = np.clip(np.searchsorted(edges, ages, side="left") - 1, 0, len(edges) - 2)
    success, failure = (
        fit_hazard(design[learned], days, np.where(has_ended & (succeeded == kind), interval, _EMPTY))
        for kind in (True, False)
    )
    return success, failure, edges


def expect_share(person: Codes, group: Codes, window: Codes, succeeded: NDArray[np.bool_], n_people: int) -> Floats:
    """Expected share of successes where a case is judged at once: that of everybody else, by group and window.

    A window's share is drawn to the group's of all windows, and that to the share of all.

    Parameters
    ----------
    person, group, window : int arrays of shape (n,)
    succeeded : bool array of shape (n,)
    n_people : int

    Returns
    -------
    array of shape (n,)
        NaN where nobody else had a case.
    """
    share = np.full(len(person), np.nan)
    for cell in (np.zeros_like(group), group, group * (window.max(initial=0) + 1) + window):
        n_all = _without(cell, person, np.ones(len(person)), n_people)
        wins_all = _without(cell, person, succeeded.astype(float), n_people)
        prior = np.where(np.isnan(share), 0.0, share)
        weight = np.where(np.isnan(share), 0.0, PRIOR_SUCCESSES)
        total = n_all + weight
        share = np.where(total > 0, (wins_all + weight * prior) / np.where(total > 0, total, 1.0), np.nan)
    return np.asarray(np.clip(share, 1e-3, _MAX_PROBABILITY))


def _without(cell: Codes, person: Codes, values: Floats, n_people: int) -> Floats:
    """Sum of the values of everybody else in each row's cell."""
    total = np.bincount(cell, values)[cell]
    own = np.unique(cell * n_people + person, return_inverse=True)[1]
    return np.asarray(total - np.bincount(own, values)[own])


def _cut(spells: Spells, limits: Floats) -> tuple[Pieces, Floats, Floats]:
    """Pieces without expectation, and the ages between which each could succeed."""
    first = np.maximum(np.searchsorted(limits, spells.start, side="right") - 1, 0)
    stop = np.minimum(np.searchsorted(limits, spells.last, side="left"), len(limits) - 1)
    n_windows = np.where(spells.last > spells.start, np.maximum(stop - first, 0), 0)
    spell = np.repeat(np.arange(len(first)), n_windows)
    window = np.arange(len(spell)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows) + first[spell]
    begins = np.maximum(spells.start[spell], limits[window])
    ends = np.minimum(spells.until[spell], limits[window + 1])
    succeeded = spells.succeeded[spell] & (spells.ended[spell] <= ends)
    pieces = Pieces(spell, spells.person[spell], window, np.full(len(spell), np.nan), succeeded)
    return pieces, begins - spells.start[spell], ends - spells.start[spell]


def _folds(spells: Spells) -> Codes:
    """Fold of each person: people by number of cases, dealt out in turn."""
    n_cases = np.bincount(spells.person, minlength=spells.n_people)
    order = np.lexsort((np.arange(len(n_cases)), -n_cases))
    fold = np.empty(len(n_cases), dtype=np.int64)
    fold[order] = np.arange(len(n_cases)) % min(N_FOLDS, len(n_cases))
    return fold


def _ever_in(spells: Spells, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Spells of cases of which any spell is marked: a person's part of a case tells of the rest of it."""
    return np.asarray(np.isin(spells.case, spells.case[marked]))


def _at_pace(pieces: Pieces, chance: Floats, learned: NDArray[np.bool_], n_windows: int) -> Floats:
    """Chances at the pace of each window, as the cases that the model learned from kept it."""
    window = pieces.window[learned]
    came = np.bincount(window, pieces.succeeded[learned], n_windows)
    pace = (came + PRIOR_SUCCESSES) / (np.bincount(window, chance[learned], n_windows) + PRIOR_SUCCESSES)
    return np.asarray(-np.expm1(pace[pieces.window] * np.log1p(-np.minimum(chance, _MAX_PROBABILITY))))
