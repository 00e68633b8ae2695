"""What a proposal is, and the two ways in which there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from forecast.errors import InvalidInput
from forecast.targets.rules import Rule
from forecast.targets.units import Floats


class TargetOutOfReach(InvalidInput):
    """The company target lies outside what the paths hold possible: no common odds lead to it.

    Attributes
    ----------
    reach : (float, float) or None
        What the owners reach for certain, and at most, where that is what is in the way.
    """

    def __init__(self, message: str, reach: tuple[float, float] | None = None) -> None:
        super().__init__(message)
        self.reach = reach


class ConstraintConflict(TargetOutOfReach):
    """Constraints that cannot all hold.

    Attributes
    ----------
    conflict : tuple of Rule
        A set of them that cannot hold together, of which none can be left out.
    """

    def __init__(self, message: str, conflict: tuple[Rule, ...]) -> None:
        super().__init__(message)
        self.conflict = conflict


@dataclass(frozen=True)
class Proposal:
    """Targets of equal difficulty.

    Attributes
    ----------
    targets : array of shape (n_owners,)
        In ``currency``, exact in its smallest unit; they sum to ``company_target``.
    odds : array of shape (n_owners,)
        P(X_i >= t_i), recomputed from the paths.
    odds_above : array of shape (n_owners,)
        P(X_i > t_i). ``odds_above <= ambition <= odds`` for each free owner with a positive target.
    ambition : float
        The common odds a that the free owners share; lower is more ambitious. NaN when nobody is free.
    company_target : float
    company_odds : float
        P(sum of X_i >= company_target). Another number than ``ambition``: it depends on what owners share.
    currency : str
        Empty for what is counted.
    held : tuple of str, length n_owners
        What keeps an owner from the common odds: ``fixed``, ``floor``, ``ceiling``, ``ramp`` or ``group``; empty for
        the free.
    """

    targets: Floats
    odds: Floats
    odds_above: Floats
    ambition: float
    company_target: float
    company_odds: float
    currency: str
    held: tuple[str, ...] = ()

    def to_frame(self, owners: Sequence[str]) -> pd.DataFrame:
        """One row per owner: ``owner_id``, ``target``, ``currency``, ``odds``."""
        return pd.DataFrame(
            {"owner_id": list(owners), "target": self.targets, "currency": self.currency, "odds": self.odds}
        )
