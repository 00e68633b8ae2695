"""Revenue that is not in the books and not in the pipeline yet, resampled from what arrived in past windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.outlook.ledger import MEMORY_DAYS

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Own history of an owner weighs as much as the company's when it has this many wins.
PRIOR_WINS = 5
#: Shorter windows start on the same weekday as the outlook, so that they hold the same number of weekends.
_WEEKDAYS_MATTER_DAYS = 28


@dataclass(frozen=True)
class Arrivals:
    """Past revenue events, in days before ``as_of``.

    Attributes
    ----------
    owner : int array of shape (n_events,)
    created_days : array of shape (n_events,)
        Days from ``as_of`` to the creation, negative.
    closed_days : array of shape (n_events,)
        Days from ``as_of`` to the win, negative; equal to ``created_days`` for orders.
    amount : array of shape (n_events,)
    """

    owner: Codes
    created_days: Floats
    closed_days: Floats
    amount: Floats

    def since(self, days: float) -> "Arrivals":
        """Only events created at or after a day."""
        used = self.created_days >= days
        return Arrivals(self.owner[used], self.created_days[used], self.closed_days[used], self.amount[used])


def resample_arrivals(
    past: Arrivals,
    *,
    history_days: float,
    from_days: float,
    to_days: float,
    is_active: NDArray[np.bool_],
    shrink: bool,
    n_paths: int,
    rng: np.random.Generator,
) -> Floats:
    """Paths of revenue that arises after ``as_of`` and is won in a span ahead.

    Each path draws a past window as long as the time ahead and counts what was both created and won in it, for the
    whole company at once: what owners share, and how long deals take, stay as they were. A win goes to its own owner
    or, by the weight of the prior and always when the owner has left, to an active owner at random. Where history is
    shorter than the time ahead, several shorter windows follow each other.

    Parameters
    ----------
    past : Arrivals
    history_days : float
        Length of the history; 0 for none.
    from_days, to_days : float
        The span in which a win counts, in days from ``as_of``.
    is_active : bool array of shape (n_owners,)
    shrink : bool
        Share wins among owners; else each stays with its owner.
    n_paths : int
    rng : numpy Generator

    Returns
    -------
    array of shape (n_paths, n_owners)
    """
    paths = np.zeros((n_paths, len(is_active)))
    if to_days <= 0 or history_days <= 0 or not len(past.owner):
        return paths
    length, origins = _windows(history_days, to_days)
    past = past.since(origins[-1])
    keep = _own_weight(past, is_active) if shrink else np.ones(len(is_active))
    active = np.flatnonzero(is_active) if is_active.any() else np.arange(len(is_active))
    for offset in np.arange(0, to_days, length):
        span = min(length, to_days - offset)
        chosen = rng.integers(0, len(origins), n_paths)
        for window in np.unique(chosen):
            start = origins[window]
            closes = offset + past.closed_days - start
            counts = (past.created_days >= start) & (past.created_days < start + span)
            counts &= (closes >= from_days) & (closes < to_days)
            rows = np.flatnonzero(chosen == window)
            owner, amount = past.owner[counts], past.amount[counts]
            owners = np.broadcast_to(owner, (len(rows), len(owner)))
            if shrink:
                moved = rng.random(owners.shape) >= keep[owner]
                owners = np.where(moved, rng.choice(active, owners.shape), owners)
            cell = (np.arange(len(rows))[:, None] * len(is_active) + owners).ravel()
            sums = np.bincount(cell, np.broadcast_to(amount, owners.shape).ravel(), len(rows) * len(is_active))
            paths[rows] += sums.reshape(len(rows), -1)
    return paths


def _windows(history_days: float, to_days: float) -> tuple[float, Floats]:
    """Length of a window and the first days of the past windows, latest first, in days before ``as_of``.

    A window is as long as the time ahead if history leaves room for four weeks of starts, else half the history.
    """
    length = to_days if history_days >= to_days + 28 else min(to_days, max(history_days / 2, 1))
    room = min(max(history_days - length, 0), MEMORY_DAYS)
    step = 7 if length < _WEEKDAYS_MATTER_DAYS <= room else 1
    return length, -length - np.arange(0, room + 1e-9, step)


def _own_weight(past: Arrivals, is_active: NDArray[np.bool_]) -> Floats:
    """Probability that a win stays with its owner."""
    n_wins = np.bincount(past.owner, minlength=len(is_active))
    return np.where(is_active, n_wins / (n_wins + PRIOR_WINS), 0.0)
