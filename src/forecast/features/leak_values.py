"""What every column of a case said at its creation, before, at and after its closing: what the leak hunter judges.

A case's *closing* is the first version after its last open one; what came before is what a model could have seen.
Values become small codes, so that all columns are judged alike: 0 missing, 1 a rare text, then texts or sixteenths of
the ranks of numbers and moments (a moment counts in days from the version that holds it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Slots of a case: first version, an hour before closing, last open version, closing version, last version known.
FIRST, HOUR_BEFORE, LAST_OPEN, CLOSING, FINAL = range(5)
#: Fates: an open case, one that was closed somehow or removed, a lost one, a won one.
OPEN, GONE, LOST, WON = -1, -2, 0, 1


@dataclass(frozen=True)
class Cases:
    """The cases of one kind; arrays of shape (n,), in order of their ids. Times in days since 1970."""

    fate: Ints  # WON, LOST, OPEN, GONE
    fold: Ints  # 0 to 4, by id
    first: Floats  # when it was first known
    closing: Floats  # when its closing became known; of an open one the cutoff
    ended: Floats  # when it ended by the source's own word where that says the hour, else `closing`
    cutoff: float
    seen_open: Mask  # first known while open

    @property
    def closed(self) -> Mask:
        """Cases that closed, however."""
        return np.asarray(self.fate != OPEN) & np.isfinite(self.closing)

    @property
    def judged(self) -> Mask:
        """Cases won or lost that had been known while open."""
        return np.asarray(self.fate >= 0) & self.seen_open


@dataclass(frozen=True)
class Changes:
    """Changes of one column after a case's first version; arrays of shape (m,)."""

    case: Ints
    at: Floats
    code: Ints
    is_open: Mask  # while the case was open


@dataclass(frozen=True)
class Column:
    """One column's codes.

    ``codes`` has shape (5, n_cases): slots `FIRST` to `FINAL`, 0 where there is no such version. ``is_own`` says
    whether it is the case's own, not its account's or product's. ``meets`` and ``outlasts`` mark cases whose first
    version holds, three days before their closing or more, the moment of the closing, or one not before it; ``ahead``
    those that ever hold a moment not before the cutoff. ``rewritten`` marks cases of which a later batch replaced what
    a version had said while open.
    """

    table: str
    name: str
    is_attribute: bool
    is_own: bool
    codes: Ints
    changes: Changes
    meets: Mask
    outlasts: Mask
    ahead: Mask
    rewritten: Mask
