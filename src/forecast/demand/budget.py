"""Which statistical members a time budget allows: by nominal cost, so that every machine chooses the same."""

from collections.abc import Sequence

import numpy as np

from forecast.demand.matrix import Floats
from forecast.demand.statistical import MEMBERS


def nominal_seconds(values: Floats, season_length: int, name: str) -> float:
    """Seconds that a member takes on the reference core (one core of 2026's cloud, nothing else running)."""
    n_observations = int(np.count_nonzero(~np.isnan(values)))
    return MEMBERS[name].cost_us * n_observations / 1e6


def affordable(
    values: Floats, horizon: int, season_length: int, names: Sequence[str], seconds: float
) -> tuple[str, ...]:
    """Members that together fit into a time budget, in order of priority.

    Costs are constants, measured once: the same panel and budget give the same members on any machine, under any load.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
    horizon, season_length : int
    names : sequence of str
        Candidates, of `MEMBERS`; their order does not matter.
    seconds : float
        For one forecast of all series by all chosen members, one core.

    Returns
    -------
    tuple of str
        In the order of `MEMBERS`. A member that does not fit is passed over; later, cheaper ones may still fit. The
        first is always there: something must forecast.
    """
    chosen: list[str] = []
    left = seconds
    for name in MEMBERS:
        if name not in names:
            continue
        cost = nominal_seconds(values, season_length, name)
        if cost <= left or not chosen:
            chosen.append(name)
            left -= cost
    return tuple(chosen)
