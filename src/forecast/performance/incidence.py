"""Win rate and days to win of many groups at once, with open cases counted for as long as they were open."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Incidence:
    """Aalen-Johansen estimates of groups; arrays of shape (n_groups,).

    Attributes
    ----------
    win_rate : float array
        Cumulative incidence of a win by the horizon; NaN for a group without cases.
    median_days : float array
        Age by which half of the wins within the horizon have come; NaN where none came.
    n_cases : int array
        Cases at risk at some time.
    """

    win_rate: Floats
    median_days: Floats
    n_cases: Codes


def win_incidence(
    group: Codes, age_from: Floats, age_to: Floats, event: Codes, n_groups: int, *, horizon_days: int
) -> Incidence:
    """Cumulative incidence of wins by age against losses, day by day, with late entry and censoring.

    Parameters
    ----------
    group : int array of shape (n,)
    age_from, age_to : float arrays of shape (n,)
        Ages in days between which each case was watched.
    event : int array of shape (n,)
        What ended it at ``age_to``: 1 a win, 2 a loss, 0 nothing (still open, or watched no longer).
    n_groups, horizon_days : int

    Returns
    -------
    Incidence

    References
    ----------
    Aalen & Johansen (1978), An empirical transition matrix for non-homogeneous Markov chains based on censored
    observations. Scand. J. Statist. 5(3).
    """
    kept = (age_to > age_from) & (age_from < horizon_days)
    group, age_from, age_to, event = group[kept], age_from[kept], age_to[kept], event[kept]
    first = np.floor(age_from).astype(np.int64)
    last = np.minimum(np.ceil(age_to).astype(np.int64) - 1, horizon_days)  # ends on day `last`, from 0 on
    shape = (n_groups, horizon_days + 1)

    def table(day: Codes, rows: NDArray[np.bool_] | None = None) -> Floats:
        cell = group * shape[1] + day
        chosen = cell if rows is None else cell[rows]
        return np.asarray(np.bincount(chosen, minlength=shape[0] * shape[1]).reshape(shape).astype(float))

    left = table(np.maximum(last, 0))
    at_risk = np.cumsum(table(first) - np.column_stack([np.zeros(n_groups), left[:, :-1]]), axis=1)
    inside = last < horizon_days
    wins, losses = (table(np.maximum(last, 0), inside & (event == kind)) for kind in (1, 2))
    divisor = np.where(at_risk > 0, at_risk, 1.0)
    survival = np.cumprod(1 - np.minimum((wins + losses) / divisor, 1.0), axis=1)
    before = np.column_stack([np.ones(n_groups), survival[:, :-1]])
    incidence = np.cumsum(before * wins / divisor, axis=1)[:, :horizon_days]
    total = incidence[:, -1]
    reached = incidence >= total[:, None] / 2 - 1e-12
    n_cases = np.bincount(group, minlength=n_groups)
    return Incidence(
        np.where(n_cases > 0, total, np.nan),
        np.where(total > 0, reached.argmax(axis=1) + 1.0, np.nan),
        n_cases,
    )
