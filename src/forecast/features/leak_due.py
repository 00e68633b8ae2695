"""How many of the cases that have something should be open still: told by those of them that have closed.

Of what began at one time some have closed, and are seen with their lag, which is at most the time since. The law of the
lag follows from these alone: Lynden-Bell (1971), the product-limit estimate for right-truncated data.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from forecast.features.leak_values import GONE, OPEN, Cases

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Cohorts of which a smaller share has closed tell too little of the rest.
_MIN_CLOSED = 0.25
#: Cases of a cohort, and cohorts at most.
_COHORT, _MAX_COHORTS = 40, 10


def closing_law(lag: Floats, followed: Floats) -> Callable[[Floats], Floats]:
    """Share that has closed so many days after the beginning.

    Parameters
    ----------
    lag : array of shape (n,)
        Days from the beginning to the closing, of closed cases.
    followed : array of shape (n,)
        Days from the beginning until now; at least the lag.

    Returns
    -------
    callable
        From days, of any shape, to shares in [0, 1]; 1 from the longest lag on, which nothing here reaches beyond.
    """
    at, n_at = np.unique(lag, return_counts=True)
    at_risk = np.searchsorted(np.sort(lag), at, side="right") - np.searchsorted(np.sort(followed), at, side="left")
    with np.errstate(divide="ignore"):
        earlier = np.append(np.cumsum(np.log1p(-n_at / np.maximum(at_risk, n_at))[::-1])[::-1], 0.0)
    return lambda days: np.asarray(np.exp(earlier[np.searchsorted(at, days, side="right")]))


def due_by_lag(cases: Cases, since: Floats) -> tuple[float, int]:
    """Open cases to be expected, and open ones, of those that have something since a moment (infinite: never).

    A closed case that has been followed for c days, of which the share F(c) closes by then, stands for
    (1 - F(c)) / F(c) open ones. How many begin when is free, and whether what they have speeds the closing up. Only
    those followed so long that a quarter has closed are counted.
    """
    known = np.isfinite(since)
    closed, still_open = _ended(cases) & known & (since < cases.closing), known & (cases.fate == OPEN)
    law = closing_law((cases.closing - since)[closed], (cases.cutoff - since)[closed])
    share = law((cases.cutoff - since)[closed])
    share = share[share >= _MIN_CLOSED]
    n_open = int((law((cases.cutoff - since)[still_open]) >= _MIN_CLOSED).sum())
    return float(((1 - share) / share).sum()), n_open


def due_by_cohort(cases: Cases, having: Mask) -> tuple[float, int]:
    """Open cases to be expected, and open ones, of those that have something from their creation on.

    Per cohort the closed cases' share, as odds, is carried over to the open ones: times (1 - F) / F of those that have
    it over that of the others, where that is below 1 (they close faster).
    """
    ended, still_open = _ended(cases) & cases.seen_open, cases.seen_open & (cases.fate == OPEN)
    age, followed = cases.closing - cases.first, cases.cutoff - cases.first
    left = []
    for rows in (ended & having, ended & ~having):
        share = np.clip(closing_law(age[rows], followed[rows])(followed), 0.02, 1 - 1e-9)
        left.append((1 - share) / share)
    slower = np.minimum(left[0] / left[1], 1.0)
    order = np.flatnonzero(ended | still_open)
    order = order[np.argsort(cases.first[order], kind="stable")]
    expected, n_open = 0.0, 0
    for cohort in np.array_split(order, int(np.clip(len(order) // _COHORT, 1, _MAX_COHORTS))):
        closed, opened = cohort[ended[cohort]], cohort[still_open[cohort]]
        if len(closed) >= 5:
            with_it = float(having[closed].sum())
            odds = with_it * slower[opened]
            expected += float((odds / np.maximum(odds + len(closed) - with_it, 1e-9)).sum())
            n_open += int(having[opened].sum())
    return expected, n_open


def open_to_due(cases: Cases) -> float:
    """Open cases over those to be expected, at most 1: below where cases have lately begun to close faster.

    The number of open ones is taken at its upper 97.5 % bound, so that chance takes nothing away.
    """
    expected, n_open = due_by_lag(cases, np.where(cases.seen_open, cases.first, np.inf))
    upper = float(chi2.ppf(0.975, 2 * (n_open + 1)) / 2)
    return min(1.0, upper / expected) if expected > 0 else 1.0


def _ended(cases: Cases) -> Mask:
    """Cases that were won, lost or closed otherwise."""
    return np.asarray((cases.fate >= 0) | ((cases.fate == GONE) & (cases.closing < cases.cutoff)))
