"""Which stretches of the past teach: cutoffs with the outcome that was known by a moment, and origins to judge from."""

from dataclasses import dataclass

import numpy as np

from forecast.errors import NotEnoughHistory

#: Cutoffs to learn from.
N_WINDOWS = 5
#: Share of the history that lies before the first cutoff, and that the last one leaves to see what came.
_BEFORE, _AFTER = 0.3, 0.15
#: Shares of the history that lie behind the origins from which choices are judged.
_ORIGINS = (0.35, 0.5)
#: A shorter history tells nothing apart.
LEAST_DAYS = 28


@dataclass(frozen=True)
class Window:
    """What was known at a cutoff, and what came in the ``horizon_days`` from it on."""

    cutoff: int
    horizon_days: int


def training_windows(start: int, end: int, horizon_days: int, cutoffs: list[int] | None = None) -> list[Window]:
    """Windows whose outcome was known at ``end``, oldest first.

    Where the history is shorter than a few horizons, outcomes of shorter ones teach: they say how an account departs
    from what the purchase process expects of it, and the process carries that to the horizon asked for.

    Parameters
    ----------
    start, end : int
        Days of the first order, and before which everything is known.
    horizon_days : int
    cutoffs : list of int, optional
        Chosen ones; those at which nothing or everything was known are left out.

    Raises
    ------
    NotEnoughHistory
        If there is none.
    """
    length = end - start
    if cutoffs is None:
        if length < LEAST_DAYS:
            raise NotEnoughHistory(f"Customers need orders over at least {LEAST_DAYS} days, got {max(length, 0)}.")
        last = end - min(horizon_days, _AFTER * length)
        cutoffs = np.linspace(start + _BEFORE * length, last, N_WINDOWS).astype(int).tolist()
    kept = sorted({cutoff for cutoff in cutoffs if start < cutoff < end})
    if not kept:
        raise NotEnoughHistory(f"No cutoff lies within the {length} days of orders that are known.")
    return [Window(cutoff, min(horizon_days, end - cutoff)) for cutoff in kept]


def judging_windows(start: int, end: int, horizon_days: int) -> list[Window]:
    """Later windows from which members are weighted and calibrated, oldest first; each knows what came before it."""
    length = end - start
    lead = min(horizon_days, _ORIGINS[0] * length)
    earlier = lead + min(horizon_days, (_ORIGINS[1] - _ORIGINS[0]) * length)
    origins = sorted({int(end - days) for days in (lead, earlier)})
    return [Window(origin, min(horizon_days, end - origin)) for origin in origins if origin - start >= LEAST_DAYS]
