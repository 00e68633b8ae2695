"""Probability of a win before any day, from the probabilities at three horizons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def win_probability_within(p_within: ArrayLike, horizons_days: Sequence[float], days: float) -> Floats:
    """P(won within ``days``), monotone in ``days``.

    Between the horizons probability grows evenly. Beyond the last one it goes on at the last daily rate, which fades
    as fast as it fell between the last two spans; at most half of it is left after a span like the last.

    Parameters
    ----------
    p_within : array of shape (n, n_horizons)
        P(won within each horizon), non-decreasing along the horizons.
    horizons_days : sequence of float
        At least two, ascending, days; also of a clock other than the calendar's, if ``days`` is of it too.
    days : float
        From the moment of the scores; 0 or less gives 0.

    Returns
    -------
    array of shape (n,)
        In [0, 1].
    """
    p = np.asarray(p_within, dtype=float).reshape(-1, len(horizons_days))
    if days <= 0:
        return np.zeros(len(p))
    knots = np.array([0, *horizons_days], dtype=float)
    known = np.column_stack([np.zeros(len(p)), np.maximum.accumulate(np.clip(p, 0, 1), axis=1)])
    upper = int(np.clip(np.searchsorted(knots, days), 1, len(knots) - 1))
    share = min((days - knots[upper - 1]) / (knots[upper] - knots[upper - 1]), 1.0)
    inside = known[:, upper - 1] + share * (known[:, upper] - known[:, upper - 1])
    if days <= knots[-1]:
        return np.asarray(inside)
    spans = np.diff(knots)
    rates = np.diff(known, axis=1) / spans
    last, before = rates[:, -1], rates[:, -2]
    kept = np.clip(np.divide(last, before, out=np.zeros_like(last), where=before > 1e-12), 1e-6, 0.5)
    fade = -np.log(kept) / spans[-1]
    beyond = last * -np.expm1(-fade * (days - knots[-1])) / fade
    return np.asarray(np.minimum(inside + beyond, 1))


@dataclass(frozen=True)
class Window:
    """The part of a period that lies ahead, on a clock that runs at the pace of the season.

    Attributes
    ----------
    horizons : tuple of float
        The horizons of the scores on that clock.
    begin, end : float
        First moment of the period that lies ahead, and its end; at or below 0 is past.
    """

    horizons: Sequence[float]
    begin: float
    end: float

    def chance(self, p_within: ArrayLike) -> Floats:
        """P(won in the window) of opportunities.

        Parameters
        ----------
        p_within : array of shape (n, n_horizons)
            P(won within each horizon of the scores).

        Returns
        -------
        array of shape (n,)
            In [0, 1].
        """
        before, until = (win_probability_within(p_within, self.horizons, days) for days in (self.begin, self.end))
        return np.asarray(np.clip(until - before, 0, 1))

    def reached(self, p_within: ArrayLike, ends: Sequence[float]) -> Floats:
        """Share of the chance in the window that is due by moments in it.

        Parameters
        ----------
        p_within : array of shape (n, n_horizons)
        ends : sequence of float
            Moments on the clock, ascending; the last is the end of the window.

        Returns
        -------
        array of shape (n_ends, n)
            In [0, 1], not falling, 1 at the last.
        """
        whole = self.chance(p_within)
        by_then = [Window(self.horizons, self.begin, end).chance(p_within) for end in ends[:-1]]
        shares = [np.divide(due, whole, out=np.ones_like(whole), where=whole > 0) for due in by_then]
        return np.asarray([*(np.clip(share, 0, 1) for share in shares), np.ones_like(whole)])
