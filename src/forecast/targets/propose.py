"""Proposals of equal difficulty: targets that every owner reaches with the same odds, and that add up exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput
from forecast.money import format_money, minor_digits
from forecast.targets.odds import Floats, Units, path_units, target_units

#: 目标 / 冲刺 / 挑战: the odds at which each owner reaches the level.
LEVEL_ODDS = {"target": 0.65, "stretch": 0.40, "challenge": 0.15}


class TargetOutOfReach(InvalidInput):
    """The company target lies outside what the paths hold possible: no common odds lead to it."""


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
        The common odds a that the free owners share; lower is more ambitious.
    company_target : float
    company_odds : float
        P(sum of X_i >= company_target). Another number than ``ambition``: it depends on what owners share.
    currency : str
    """

    targets: Floats
    odds: Floats
    odds_above: Floats
    ambition: float
    company_target: float
    company_odds: float
    currency: str

    def to_frame(self, owners: Sequence[str]) -> pd.DataFrame:
        """One row per owner: ``owner_id``, ``target``, ``currency``, ``odds``."""
        return pd.DataFrame(
            {"owner_id": list(owners), "target": self.targets, "currency": self.currency, "odds": self.odds}
        )


def propose(
    paths: ArrayLike, company_target: float, *, currency: str = "EUR", fixed: ArrayLike | None = None
) -> Proposal:
    """Share a company target so that every owner has the same odds of reaching the own part.

    Each target is ``t_i = Q_i(1 - a)`` with one common ``a`` such that the targets sum to the company target. The
    distribution of an owner with lumpy deals has jumps, across which no single ``a`` moves the quantile; there the
    quantile is the whole gap between two outcomes, and every owner goes the same share of the own gap. So
    ``P(X_i > t_i) <= a <= P(X_i >= t_i)`` holds for all owners, smooth or lumpy, and targets only ever rise with the
    company target. Amounts are whole smallest units; the units left over go by largest remainder.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
        Joint sample paths of the revenue of the period, in ``currency``.
    company_target : float
        To be shared, in ``currency``, rounded to its smallest unit; at least 0.
    currency : str
        ISO 4217 code; decides the smallest unit.
    fixed : array of shape (n_owners,), optional
        Targets that are already given; NaN for the owners who are free and share the rest.

    Returns
    -------
    Proposal
        An owner without prospect (no path above 0) gets 0. No target is negative.

    Raises
    ------
    TargetOutOfReach
        If the part that the free owners must share is less than what is certain or more than what is possible.
    InvalidInput
        If the paths, the target or the currency break a rule.

    Examples
    --------
    >>> proposal = propose([[0, 10], [10, 20], [20, 30], [30, 40]], 50)
    >>> proposal.targets.tolist(), proposal.ambition, proposal.company_odds
    ([20.0, 30.0], 0.375, 0.5)
    """
    units = path_units(paths, currency)
    if not np.isfinite(company_target) or company_target < 0:
        raise InvalidInput(f"`company_target` must be an amount of at least 0, got {company_target}.")
    total = round(company_target * 10 ** minor_digits(currency))
    targets, free = _start_from_fixed(fixed, units.shape[1], currency)
    if free.any():
        targets[free], ambition = _share(_ordered_prospects(units[:, free]), total - int(targets.sum()), currency)
    elif int(targets.sum()) == total:
        ambition = float("nan")
    else:
        raise TargetOutOfReach(
            f"All targets are fixed and sum to {_money(int(targets.sum()), currency)}, "
            f"not to {_money(total, currency)}; free at least one owner."
        )
    return _proposal(units, targets, total, ambition, currency)


def propose_at(paths: ArrayLike, ambition: float, *, currency: str = "EUR") -> Proposal:
    """The targets that every owner reaches with odds ``ambition``; the company target is their sum.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
    ambition : float in (0, 1)
        Lower is more ambitious.
    """
    if not 0 < ambition < 1:
        raise InvalidInput(f"`ambition` must be odds between 0 and 1, got {ambition}.")
    units = path_units(paths, currency)
    ordered = _ordered_prospects(units)
    targets = ordered[:, min(int(np.floor(len(units) * (1 - ambition) + 1e-9)), len(units) - 1)]
    return _proposal(units, targets, int(targets.sum()), ambition, currency)


def levels(paths: ArrayLike, *, odds: Mapping[str, float] = LEVEL_ODDS, currency: str = "EUR") -> dict[str, Proposal]:
    """Target, stretch and challenge: a proposal at each of the stated odds."""
    return {name: propose_at(paths, ambition, currency=currency) for name, ambition in odds.items()}


def _start_from_fixed(fixed: ArrayLike | None, n_owners: int, currency: str) -> tuple[Units, NDArray[np.bool_]]:
    """Targets with 0 for free owners, and who is free."""
    if fixed is None:
        return np.zeros(n_owners, dtype=np.int64), np.ones(n_owners, dtype=bool)
    given = np.asarray(fixed, dtype=float)
    free = np.isnan(given)
    return target_units(np.where(free, 0.0, given), n_owners, currency), free


def _ordered_prospects(units: Units) -> Units:
    """Each owner's outcomes in ascending order, shape (n_owners, n_paths); a target is never below 0."""
    return np.sort(np.maximum(units.T, 0), axis=1)


def _share(ordered: Units, total: int, currency: str) -> tuple[Units, float]:
    """Targets that sum to ``total`` and their common odds.

    ``ordered[:, k]`` is everybody's quantile for odds strictly between ``(n - k - 1) / n`` and ``(n - k) / n``; at
    exactly ``(n - k) / n`` every amount from ``ordered[:, k - 1]`` to ``ordered[:, k]`` is one.
    """
    n_paths = ordered.shape[1]
    sums = ordered.sum(axis=0)
    if not sums[0] <= total <= sums[-1]:
        raise TargetOutOfReach(
            f"The owners who share {_money(total, currency)} reach between "
            f"{_money(int(sums[0]), currency)} for certain and {_money(int(sums[-1]), currency)} at most; "
            "choose a target between."
        )
    first, after = np.searchsorted(sums, total, side="left"), np.searchsorted(sums, total, side="right")
    if first < after:  # a whole range of odds leads to this total: its middle
        return ordered[:, first].copy(), float(1 - (first + after) / (2 * n_paths))
    low, high = ordered[:, first - 1], ordered[:, first]
    return low + _apportion(high - low, total - int(sums[first - 1])), float(1 - first / n_paths)


def _apportion(gaps: Units, units: int) -> Units:
    """Share ``units`` in proportion to ``gaps`` in whole units, none more than its gap, exact at any size.

    Largest remainder; ties go to the first.
    """
    exact = gaps.astype(object) * units  # Python integers: a product of two amounts in cents overflows int64
    whole = int(gaps.sum())
    shares = (exact // whole).astype(np.int64)
    remainders = (exact % whole) / whole
    shares[np.argsort(-remainders.astype(float), kind="stable")[: units - int(shares.sum())]] += 1
    return shares


def _proposal(units: Units, targets: Units, total: int, ambition: float, currency: str) -> Proposal:
    scale = 10 ** minor_digits(currency)
    return Proposal(
        targets=targets / scale,
        odds=(units >= targets).mean(axis=0),
        odds_above=(units > targets).mean(axis=0),
        ambition=ambition,
        company_target=total / scale,
        company_odds=float((units.sum(axis=1) >= total).mean()),
        currency=currency,
    )


def _money(units: int, currency: str) -> str:
    return format_money(units / 10 ** minor_digits(currency), currency)
