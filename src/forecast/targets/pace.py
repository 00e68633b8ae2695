"""The usual course of a period: which share of it is booked by a day, as past periods went, shrunk."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: An even course is worth so many periods of the company's size, the company's course so many of the owner's size.
EVEN_PERIODS, COMPANY_PERIODS = 1.0, 4.0


@dataclass(frozen=True)
class Course:
    """Share of a period's result that is usually booked by a moment.

    Attributes
    ----------
    company : float
        In [0, 1].
    owners : array of shape (n_owners,)
        Shrunk to the company's.
    n_periods : int
        Past periods that it was learned from; with none the course is even.
    """

    company: float
    owners: Floats
    n_periods: int


def usual_course(
    elapsed: Floats, owner: Codes, amount: Floats, *, share_elapsed: float, n_periods: int, n_owners: int
) -> Course:
    """Learn the usual course from what past periods booked.

    The company's share is everything booked by then over everything booked, with an even course as `EVEN_PERIODS` more
    periods of mean size; an owner's likewise, with the company's course as `COMPANY_PERIODS` more. So few periods,
    or small ones, say little.

    Parameters
    ----------
    elapsed : array of shape (n_events,)
        Share of its own period that had passed when it was booked, in [0, 1).
    owner : int array of shape (n_events,)
        -1 for somebody else: counts for the company.
    amount : array of shape (n_events,)
        Negative amounts (returns) count as 0: a share needs amounts.
    share_elapsed : float
        Of the period asked about, in [0, 1].
    """
    weight = np.maximum(amount, 0.0)
    early = weight * (elapsed < share_elapsed)
    typical = weight.sum() / n_periods if n_periods else 0.0
    company = _share(early.sum(), weight.sum(), EVEN_PERIODS * typical, share_elapsed)
    mine = owner >= 0
    whole = np.bincount(owner[mine], weight[mine], n_owners)
    by_then = np.bincount(owner[mine], early[mine], n_owners)
    prior = COMPANY_PERIODS * whole / max(n_periods, 1)
    owners = np.divide(
        by_then + prior * company, whole + prior, out=np.full(n_owners, company), where=whole + prior > 0
    )
    return Course(company, owners, n_periods)


def _share(early: float, whole: float, prior: float, even: float) -> float:
    return float((early + prior * even) / (whole + prior)) if whole + prior > 0 else even
