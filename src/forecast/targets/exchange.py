"""Targets seen in another currency, adding up exactly there too."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forecast.errors import InvalidInput
from forecast.targets.apportion import apportion
from forecast.targets.units import Floats, as_amounts, digits_of, target_units


@dataclass(frozen=True)
class Exchanged:
    """Targets in another currency: owners add up to their group, groups to the company.

    Attributes
    ----------
    targets : array of shape (n_owners,)
    groups : dict of group to amount
    company : float
    currency : str
    """

    targets: Floats
    groups: dict[Hashable, float]
    company: float
    currency: str


def exchange(targets: ArrayLike, groups: Sequence[Hashable], *, currency: str, into: str, rate: float) -> Exchanged:
    """Targets in another currency, exact in its smallest unit at every node.

    The company's target is exchanged and rounded; every node hands its amount down in proportion to the targets by
    largest remainder. So no part is more than one smallest unit per level from its own exchange.

    Parameters
    ----------
    targets : array of shape (n_owners,)
        In ``currency``, at least 0.
    groups : sequence of length n_owners
        Group of each owner.
    currency, into : str
        ISO 4217 codes.
    rate : float
        Units of ``into`` for one of ``currency``, above 0.

    Raises
    ------
    InvalidInput
        If the rate is not positive or a code is unknown.
    """
    if not (np.isfinite(rate) and rate > 0):
        raise InvalidInput(f"The rate from {currency} to {into} must be above 0, got {rate}.")
    units = target_units(targets, len(groups), currency)
    scale = rate * 10.0 ** (digits_of(into) - digits_of(currency))
    company = round(int(units.sum()) * scale)
    names = list(dict.fromkeys(groups))
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[name] for name in groups], dtype=np.int64)
    of_group = np.zeros(len(names), dtype=np.int64)
    np.add.at(of_group, codes, units)
    shared = apportion(of_group, company)
    parts = np.zeros_like(units)
    for code in range(len(names)):
        parts[codes == code] = apportion(units[codes == code], int(shared[code]))
    amounts = as_amounts(shared, into).tolist()
    return Exchanged(
        as_amounts(parts, into), dict(zip(names, amounts, strict=True)), company / 10 ** digits_of(into), into
    )
