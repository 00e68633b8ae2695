"""Which statistical members a time budget allows: by nominal cost, so that every machine chooses the same."""

from collections.abc import Sequence

import numpy as np

from forecast.demand.matrix import Floats
from forecast.demand.statistical import MEMBERS
from forecast.errors import InvalidInput


def nominal_seconds(values: Floats, season_length: int, name: str) -> float:
    """Processor seconds of a member on the core that its costs were measured on; a busy or older core takes longer."""
    member = MEMBERS[name]
    cost_us = member.seasonal_cost_us if season_length > 1 else member.cost_us
    return cost_us * int(np.count_nonzero(~np.isnan(values))) / 1e6


def affordable(
    values: Floats, horizon: int, season_length: int, names: Sequence[str], seconds: float
) -> tuple[str, ...]:
    """Members that suit a panel and together fit into a time budget, in order of priority.

    Costs are constants, measured once: the same panel and budget give the same members on any machine, under any load.

    Parameters
    ----------
    values : array of shape (n_series, n_times)
    horizon, season_length : int
        The horizon costs nothing beside the fit.
    names : sequence of str
        Candidates, of `MEMBERS`; their order does not matter.
    seconds : float
        For one forecast of all series by all chosen members, one core.

    Returns
    -------
    tuple of str
        In the order of `MEMBERS`. A member that does not fit is passed over; later, cheaper ones may still fit. The
        first candidate that suits is always there, because something must forecast; empty only without candidates.

    Raises
    ------
    InvalidInput
        If a name is unknown.
    """
    unknown = [name for name in names if name not in MEMBERS]
    if unknown:
        raise InvalidInput(f"`names` must be of {list(MEMBERS)}, got {unknown}.")
    candidates = [name for name in MEMBERS if name in names]
    suitable = [name for name in candidates if MEMBERS[name].suits(values, season_length)] or candidates[:1]
    chosen: list[str] = []
    left = seconds
    for name in suitable:
        cost = nominal_seconds(values, season_length, name)
        if cost <= left or not chosen:
            chosen.append(name)
            left -= cost
    return tuple(chosen)
