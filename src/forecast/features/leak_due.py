"""How many of the cases that have something should be open still: told by those of them that have closed.

Of what began at one time some have closed, and are seen with their lag, which is at most the time since. The law of the
lag follows from these alone: Lynden-Bell (1971), the product-limit estimate for right-truncated data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom, chi2, nbinom

from forecast.features.leak_values import GONE, OPEN, Cases

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Cohorts of which a smaller share has closed tell too little of the rest.
_MIN_CLOSED = 0.25
#: Cases of a cohort, and cohorts at most.
_COHORT, _MAX_COHORTS = 40, 10


@dataclass(frozen=True)
class Due:
    """Open cases to be expected (``expected``, with the variance ``spread`` relative to its square), and open ones.

    ``among`` is the number of open cases of which they are a part; None where nothing bounds them.
    """

    expected: float
    spread: float
    n_open: int
    among: int | None = None

    def chance(self, share: float) -> float:
        """Chance of so few open ones if only that share of the expected ones is due.

        A Poisson number whose mean is a gamma variable with this spread; a binomial one with a beta share if bounded.
        """
        mean = share * self.expected
        if mean <= 0:
            return 1.0
        spread = max(self.spread, 1e-6)
        if self.among is None:
            return float(nbinom.cdf(self.n_open, 1 / spread, 1 / (1 + spread * mean)))
        part = mean / self.among
        size = max((1 - part) / (spread * part) - 1, 1e-9)
        return float(betabinom.cdf(self.n_open, self.among, size * part, size * (1 - part)))


@dataclass(frozen=True)
class ClosingLaw:
    """Share that has closed so many days after the beginning, a step function.

    ``log_share`` and ``variance`` (of it, Greenwood's) have one entry more than ``at``: before the first lag.
    """

    at: Floats
    log_share: Floats
    variance: Floats

    def share(self, days: Floats) -> Floats:
        """In [0, 1]; 1 from the longest lag on, beyond which nothing is known."""
        return np.asarray(np.exp(self.log_share[np.searchsorted(self.at, days, side="right")]))

    def deviation(self, days: Floats) -> Floats:
        """Standard deviation of the logarithm of the share."""
        return np.asarray(np.sqrt(self.variance[np.searchsorted(self.at, days, side="right")]))


def closing_law(lag: Floats, followed: Floats) -> ClosingLaw:
    """The law of the lag, of closed cases alone.

    Parameters
    ----------
    lag : array of shape (n,)
        Days from the beginning to the closing.
    followed : array of shape (n,)
        Days from the beginning until now; at least the lag.
    """
    at, n_at = np.unique(lag, return_counts=True)
    at_risk = np.searchsorted(np.sort(lag), at, side="right") - np.searchsorted(np.sort(followed), at, side="left")
    at_risk = np.maximum(at_risk, n_at)

    def summed_beyond(steps: Floats) -> Floats:
        return np.append(np.cumsum(steps[::-1])[::-1], 0.0)

    with np.errstate(divide="ignore"):
        return ClosingLaw(
            at, summed_beyond(np.log1p(-n_at / at_risk)), summed_beyond(n_at / at_risk / (at_risk - n_at))
        )


def due_by_lag(cases: Cases, since: Floats) -> Due:
    """Of the cases that have something since a moment (infinite: never).

    A closed case that has been followed for c days, of which the share F(c) closes by then, stands for
    (1 - F(c)) / F(c) open ones. How many begin when is free, and whether what they have speeds the closing up. Only
    those followed so long that a quarter has closed are counted.
    """
    known = np.isfinite(since)
    closed, still_open = _ended(cases) & known & (since < cases.closing), known & (cases.fate == OPEN)
    followed = (cases.cutoff - since)[closed]
    law = closing_law((cases.closing - since)[closed], followed)
    n_open = int((law.share((cases.cutoff - since)[still_open]) >= _MIN_CLOSED).sum())
    followed = followed[law.share(followed) >= _MIN_CLOSED]
    share = law.share(followed)
    stands_for = (1 - share) / share
    expected = float(stands_for.sum())
    # an error of the law is the same for all
    variance = float((stands_for**2).sum() + (law.deviation(followed) / share).sum() ** 2)
    return Due(expected, variance / expected**2 if expected else 0.0, n_open)


def due_by_cohort(cases: Cases, having: Mask) -> Due:
    """Of the cases that have something from their creation on.

    Per cohort the closed cases' share, as odds, is carried over to the open ones: times (1 - F) / F of those that have
    it over that of the others, where that is below 1 (they close faster).
    """
    ended, still_open = _ended(cases) & cases.seen_open, cases.seen_open & (cases.fate == OPEN)
    age, followed = cases.closing - cases.first, cases.cutoff - cases.first
    left = []
    for rows in (ended & having, ended & ~having):
        share = np.clip(closing_law(age[rows], followed[rows]).share(followed), 0.02, 1 - 1e-9)
        left.append((1 - share) / share)
    slower = np.minimum(left[0] / left[1], 1.0)
    order = np.flatnonzero(ended | still_open)
    order = order[np.argsort(cases.first[order], kind="stable")]
    expected, variance, n_open, among = 0.0, 0.0, 0, 0
    for cohort in np.array_split(order, int(np.clip(len(order) // _COHORT, 1, _MAX_COHORTS))):
        closed, opened = cohort[ended[cohort]], cohort[still_open[cohort]]
        if len(closed) >= 5:
            with_it = float(having[closed].sum())
            odds = with_it * slower[opened]
            here = float((odds / np.maximum(odds + len(closed) - with_it, 1e-9)).sum())
            expected += here
            # of a share that stands on so many closed cases, one more of either sort to be safe
            variance += here**2 * (len(closed) - with_it + 1) / (len(closed) * (with_it + 1))
            n_open += int(having[opened].sum())
            among += len(opened)
    return Due(expected, variance / expected**2 if expected else 0.0, n_open, among)


def open_to_due(cases: Cases) -> float:
    """Open cases over those to be expected, at most 1: below where cases have lately begun to close faster.

    The number of open ones is taken at its upper 97.5 % bound, so that chance takes nothing away.
    """
    due = due_by_lag(cases, np.where(cases.seen_open, cases.first, np.inf))
    upper = float(chi2.ppf(0.975, 2 * (due.n_open + 1)) / 2)
    return min(1.0, upper / due.expected) if due.expected > 0 else 1.0


def _ended(cases: Cases) -> Mask:
    """Cases that were won, lost or closed otherwise."""
    return np.asarray((cases.fate >= 0) | ((cases.fate == GONE) & (cases.closing < cases.cutoff)))
