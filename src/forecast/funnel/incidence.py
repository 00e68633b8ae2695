"""Competing risks with right censoring: what share of stays ends how, by which day, and how long they last."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from forecast.errors import InvalidInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Beyond the last day on which so many stays were still followed an estimate rests on hardly anything.
MIN_AT_RISK = 5


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; all NaN where the data cannot tell."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Incidence:
    """How stays end, by the days they last.

    Attributes
    ----------
    days : array of shape (m,)
        The distinct durations at which a stay ended, ascending.
    at_risk : array of shape (m,)
        Stays that lasted at least so long.
    ended : array of shape (m, n_causes)
        Stays that ended there, by cause.
    stay : array of shape (m,)
        P(still there just after): Kaplan and Meier's estimate.
    share : array of shape (m, n_causes)
        P(ended by then, by cause): Aalen and Johansen's estimate. With ``stay`` it sums to 1.
    followed_days : float
        How far the follow-up supports statements; NaN without any stay.
    n : int
        Number of stays.
    """

    days: Floats
    at_risk: Floats
    ended: Floats
    stay: Floats
    share: Floats
    followed_days: float
    n: int

    def _place(self, day: float) -> int:
        """Index of the last duration not after ``day``; -1 when it is before all."""
        return int(np.searchsorted(self.days, day, side="right")) - 1

    def _supports(self, day: float) -> bool:
        if not self.n:
            return False
        place = self._place(self.followed_days)
        return bool(day <= self.followed_days or (place >= 0 and self.stay[place] == 0))  # nobody is left to wait for

    def shares_at(self, day: float) -> Floats:
        """P(ended by ``day``) by cause, shape (n_causes,); NaN when the follow-up is shorter."""
        if not self._supports(day):
            return np.full(self.ended.shape[1], np.nan)
        place = self._place(day)
        return self.share[place] if place >= 0 else np.zeros(self.ended.shape[1])

    def stay_at(self, day: float) -> float:
        """P(still there after ``day``); NaN when the follow-up is shorter."""
        return float(1 - self.shares_at(day).sum())

    def variance_at(self, cause: int, day: float) -> float:
        """Variance of `shares_at` of one cause, Greenwood's form for competing risks [1]_.

        Without censoring it is p (1 - p) / n.

        References
        ----------
        .. [1] Andersen, Borgan, Gill & Keiding (1993), Statistical Models Based on Counting Processes, IV.4.1.3;
           Marubini & Valsecchi (1995), Analysing Survival Data, 10.2.
        """
        if not self._supports(day):
            return np.nan
        stop = self._place(day) + 1
        n, d = self.at_risk[:stop], self.ended[:stop].sum(axis=1)
        own = self.ended[:stop, cause]
        before = np.concatenate([[1.0], self.stay])[:stop]
        gap = (self.share[stop - 1, cause] if stop else 0.0) - self.share[:stop, cause]
        # Where everybody left at once nothing can come later: the gap is 0 there.
        left = np.divide(d, n * (n - d), out=np.zeros(stop), where=n > d)
        terms = gap**2 * left + before**2 * (n - own) * own / n**3 - 2 * gap * before * own / n**2
        return float(max(terms.sum(), 0.0))

    def share_at(self, cause: int, day: float, level: float = 80.0) -> Estimate:
        """P(ended by ``day`` by a cause) with its interval on the log(-log) scale.

        Parameters
        ----------
        cause : int
        day : float
        level : float in (0, 100)
            Percent, two-sided.
        """
        value = float(self.shares_at(day)[cause])
        return share_interval(value, self.variance_at(cause, day), self.n, level)

    def median(self, level: float = 80.0) -> Estimate:
        """Median days of a stay, whatever ends it; NaN where fewer than half are known to have ended.

        The interval holds the days at which half is not refuted, on the log(-log) scale [1]_; its end is NaN when the
        follow-up is too short for it.

        References
        ----------
        .. [1] Brookmeyer & Crowley (1982), A confidence interval for the median survival time. Biometrics 38.
        """
        stop = self._place(self.followed_days) + 1 if self.n else 0
        days, stay = self.days[:stop], self.stay[:stop]
        n, d = self.at_risk[:stop], self.ended[:stop].sum(axis=1)
        spread = np.sqrt(np.cumsum(np.divide(d, n * (n - d), out=np.full(stop, np.inf), where=n > d)))
        z = _quantile(level)
        inner = (stay > 0) & (stay < 1)
        logs = np.log(np.where(inner, stay, 0.5))
        shift = np.where(inner, z * spread / np.abs(logs), 0.0)
        lower = np.where(inner, np.exp(logs * np.exp(shift)), stay)
        upper = np.where(inner, np.exp(logs * np.exp(-shift)), stay)

        def first(below: NDArray[np.bool_]) -> float:
            return float(days[np.argmax(below)]) if below.any() else np.nan

        return Estimate(first(stay <= 0.5), first(lower <= 0.5), first(upper <= 0.5))

    def mean_until(self, day: float, level: float = 80.0) -> Estimate:
        """Mean days of a stay, those that last longer counted as ``day`` (restricted mean), with a normal interval."""
        if not self._supports(day):
            return Estimate(np.nan, np.nan, np.nan)
        stop = self._place(day) + 1
        edges = np.concatenate([[0.0], self.days[:stop], [day]])
        area = np.concatenate([[1.0], self.stay[:stop]]) * np.diff(edges)
        mean = float(area.sum())
        rest = mean - np.cumsum(area)[:stop]
        n, d = self.at_risk[:stop], self.ended[:stop].sum(axis=1)
        left = np.divide(d, n * (n - d), out=np.zeros(stop), where=n > d)
        half = _quantile(level) * float(np.sqrt((rest**2 * left).sum()))
        return Estimate(mean, max(mean - half, 0.0), min(mean + half, day))


def cumulative_incidence(days: ArrayLike, cause: ArrayLike, n_causes: int) -> Incidence:
    """Aalen and Johansen's estimate from stays of which some are still going on.

    A stay that was cut at the same duration at which another ended was at risk there.

    Parameters
    ----------
    days : array of shape (n,)
        How long each stay lasted, or has lasted so far; at least 0.
    cause : array of shape (n,) of int
        0 to ``n_causes`` - 1: what ended it; -1: still going on (right-censored, independently of what will end it).
    n_causes : int

    Raises
    ------
    InvalidInput
        If the lengths differ, a duration is missing or negative, or a cause is out of range.

    Examples
    --------
    >>> found = cumulative_incidence([1, 2, 3, 4], [0, 1, -1, 0], 2)
    >>> found.share[-1].round(3).tolist()
    [0.75, 0.25]
    """
    lasted, ending = np.asarray(days, dtype=float), np.asarray(cause, dtype=np.int64)
    _check(lasted, ending, n_causes)
    times, place = np.unique(lasted[ending >= 0], return_inverse=True)
    ended = np.zeros((len(times), n_causes))
    np.add.at(ended, (place, ending[ending >= 0]), 1.0)
    order = np.sort(lasted)
    at_risk = (len(lasted) - np.searchsorted(order, times, side="left")).astype(float)
    stay = np.cumprod(1 - ended.sum(axis=1) / at_risk)
    before = np.concatenate([[1.0], stay])[: len(times)]
    share = np.cumsum(before[:, None] * ended / at_risk[:, None], axis=0)
    return Incidence(times, at_risk, ended, stay, share, followed_days(lasted, ending), len(lasted))


def followed_days(lasted: Floats, ending: Ints) -> float:
    """Up to which duration the follow-up supports statements; NaN without stays.

    The longest at which `MIN_AT_RISK` stays were still followed; all of them when none of the longer ones was cut.
    """
    if not len(lasted):
        return np.nan
    order = np.sort(lasted)
    limit = order[max(len(order) - MIN_AT_RISK, 0)]
    is_cut = bool((ending[lasted >= limit] < 0).any())
    return float(limit if is_cut else order[-1])


def share_interval(value: float, variance: float, n: int, level: float = 80.0) -> Estimate:
    """Interval of a share on the log(-log) scale; of 0 and 1 the exact one of ``n`` trials.

    Parameters
    ----------
    value : float in [0, 1] or NaN
    variance : float
    n : int
        Cases behind it.
    level : float in (0, 100)
    """
    if not np.isfinite(value) or n < 1:
        return Estimate(np.nan, np.nan, np.nan)
    tail = (100 - level) / 200
    if value <= 0 or value >= 1 or variance <= 0:
        bound = float(tail ** (1 / n))
        return Estimate(value, bound if value >= 1 else value, 1 - bound if value <= 0 else value)
    shift = _quantile(level) * np.sqrt(variance) / (value * abs(np.log(value)))
    low, high = value ** np.exp(shift), value ** np.exp(-shift)
    return Estimate(value, float(low), float(high))


def weighted_shares(days: Floats, cause: Ints, n_causes: int, weights: Floats, until: float) -> Floats:
    """`Incidence.shares_at` for many weightings of the stays at once, as bootstraps need it.

    Parameters
    ----------
    days, cause : arrays of shape (n,)
        As in `cumulative_incidence`.
    weights : array of shape (n, n_draws)
        Above 0.
    until : float
        Durations up to this day count.

    Returns
    -------
    array of shape (n_draws, n_causes)
    """
    order = np.argsort(days, kind="stable")
    lasted, ending, weight = days[order], cause[order], weights[order]
    if not len(lasted):
        return np.zeros((weights.shape[1], n_causes))
    at_risk = np.cumsum(weight[::-1], axis=0)[::-1]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(lasted) > 0]))
    group = np.cumsum(np.concatenate([[0], (np.diff(lasted) > 0).astype(np.int64)]))
    ended = np.add.reduceat(weight * (ending >= 0)[:, None], starts, axis=0)
    stay = np.cumprod(np.clip(1 - ended / at_risk[starts], 0.0, 1.0), axis=0)
    before = np.vstack([np.ones((1, weight.shape[1])), stay[:-1]])
    mass = weight * (before / at_risk[starts])[group]
    counts = (ending[:, None] == np.arange(n_causes)) & (lasted <= until)[:, None]
    return np.asarray(mass.T @ counts.astype(float))


def _quantile(level: float) -> float:
    return float(stats.norm.ppf(0.5 + level / 200))


def _check(days: Floats, cause: Ints, n_causes: int) -> None:
    if days.shape != cause.shape or days.ndim != 1:
        raise InvalidInput(f"`days` and `cause` must have one length, got shapes {days.shape} and {cause.shape}.")
    if len(days) and not (np.isfinite(days).all() and days.min() >= 0):
        bad = ~np.isfinite(days) | (days < 0)
        raise InvalidInput(f"`days` must be at least 0, got {days[bad][0]} in {int(bad.sum())} of {len(days)} stays.")
    if len(cause) and (cause.min() < -1 or cause.max() >= n_causes):
        raise InvalidInput(
            f"`cause` must lie in -1..{n_causes - 1}, got {cause.min()}..{cause.max()}; -1 is still going on."
        )
