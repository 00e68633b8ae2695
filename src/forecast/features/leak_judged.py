"""One column beside the fates of its cases: what the rules of the leak hunter ask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.evaluation.univariate import univariate_auc
from forecast.features.leak_due import open_to_due
from forecast.features.leak_values import (
    CLOSING,
    FINAL,
    FIRST,
    HOUR_BEFORE,
    LAST_OPEN,
    LOST,
    OPEN,
    WON,
    Cases,
    Column,
)
from forecast.features.suspects import Fact

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Evidence = dict[str, Fact]

#: Below so many cases of each outcome nothing is said that needs a comparison of outcomes.
MIN_OUTCOMES = 10
#: Chance at which an honest column may break a rule.
P_VALUE = 1e-6
#: Changes of other columns below which they tell no pace.
_MIN_CHANGES = 20
#: A value that so large a share of the filled ones has counts as "not set yet": false, 0, "none".
_USUAL = 0.9


@dataclass
class Pace:
    """What becomes of changes while open, over the other columns: the chances that one column must beat."""

    last_day: float = 0.0  # share that come within a day of the closing
    won: float = 0.0  # share of cases that end so
    lost: float = 0.0
    still_open: float = 1.0  # open cases over those to be expected by how fast cases used to close, at most 1


class Judged:
    """One column beside the fates of its cases."""

    def __init__(self, cases: Cases, column: Column, pace: Pace) -> None:
        self.cases, self.column, self.pace = cases, column, pace
        self.usual = _usual_code(column)
        changes = column.changes
        self.set_open = self._any_set([FIRST, HOUR_BEFORE, LAST_OPEN])
        self.set_open[changes.case[changes.is_open & self.is_set(changes.code)]] = True
        self.set_after = self._any_set([CLOSING, FINAL])
        self.won, self.lost = cases.judged & (cases.fate == WON), cases.judged & (cases.fate == LOST)

    def is_set(self, code: Ints) -> Mask:
        """Whether codes say more than nothing or the usual."""
        return np.asarray((code != 0) & (code != self.usual))

    @property
    def comparable(self) -> bool:
        """Whether there are enough cases of both outcomes to compare them."""
        return bool(min(self.won.sum(), self.lost.sum()) >= MIN_OUTCOMES)

    def auc(self, codes: Ints) -> float:
        """How well codes of shape (n_cases,) alone tell won from lost."""
        rows = self.cases.judged
        return univariate_auc(codes[rows], self.cases.fate[rows], self.cases.fold[rows])

    def _any_set(self, slots: list[int]) -> Mask:
        return np.asarray(self.is_set(self.column.codes[slots]).any(axis=0))


def usual_paces(cases: Cases, columns: list[Column]) -> list[Pace]:
    """For each column the pace of all changes of the other own columns; where they have few, that of even changes.

    A column is no measure of itself: where nothing else changes while open, what comes evenly over the life of a case
    falls into its last day as often as that day is a part of its life.
    """
    still_open, closed = open_to_due(cases), cases.closed & cases.seen_open
    life = np.maximum(cases.closing - cases.first, 0)[cases.seen_open]
    even = float(np.minimum(life, 1)[closed[cases.seen_open]].sum() / max(life.sum(), 1e-9))
    shares = [float((cases.fate[cases.seen_open] == fate).mean()) if len(life) else 0.0 for fate in (WON, LOST)]
    counts = np.array([_paced(cases, column) for column in columns], dtype=float).reshape(-1, 4)
    paces = []
    for n, *parts in counts.sum(axis=0) - counts:
        last_day, won, lost = [part / n for part in parts] if n >= _MIN_CHANGES else [even, *shares]
        paces.append(Pace(last_day, won, lost, still_open))
    return paces


def _paced(cases: Cases, column: Column) -> list[int]:
    """Changes while open: all, within a day of the closing, of won and of lost cases."""
    if not column.is_own:
        return [0, 0, 0, 0]
    changes = column.changes
    case, at = changes.case[changes.is_open], changes.at[changes.is_open]
    fate = cases.fate[case]
    last_day = (fate != OPEN) & (at >= cases.ended[case] - 1)
    return [len(case), int(last_day.sum()), int((fate == WON).sum()), int((fate == LOST).sum())]


def _usual_code(column: Column) -> int:
    """The code of nearly all values while open, where there are others at all; else -1."""
    seen = column.codes[[FIRST, LAST_OPEN]]
    filled = seen[seen != 0]
    if not len(filled):
        return -1
    counts = np.bincount(filled)
    usual = int(counts.argmax())
    others = (column.codes != 0) & (column.codes != usual)
    has_others = others.any() or ((column.changes.code != 0) & (column.changes.code != usual)).any()
    return usual if counts[usual] >= _USUAL * len(filled) and usual != 1 and has_others else -1
