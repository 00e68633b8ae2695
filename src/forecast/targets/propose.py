"""Proposals of equal difficulty: targets that every owner reaches with the same odds, and that add up exactly."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from forecast.errors import InvalidInput
from forecast.targets.proposal import Proposal
from forecast.targets.proposer import LEVEL_ODDS, Proposer
from forecast.targets.rules import Kind, Rule


def propose(
    paths: ArrayLike,
    company_target: float,
    *,
    currency: str = "EUR",
    fixed: ArrayLike | None = None,
    floor: ArrayLike | None = None,
    ceiling: ArrayLike | None = None,
    ramp: ArrayLike | None = None,
) -> Proposal:
    """Share a company target so that every owner has the same odds of reaching the own part.

    Each target is ``t_i = Q_i(1 - a)`` with one common ``a`` such that the targets sum to the company target. The
    distribution of an owner with lumpy deals has jumps, across which no single ``a`` moves the quantile; there the
    quantile is the whole gap between two outcomes, and every owner goes the same share of the own gap. So
    ``P(X_i > t_i) <= a <= P(X_i >= t_i)`` holds for all owners, smooth or lumpy, and targets only ever rise with the
    company target. Amounts are whole smallest units; the units left over go by largest remainder.

    Constraints narrow single targets: ``t_i = min(max(r_i Q_i(1 - a), floor_i), ceiling_i)``, and those whom none
    holds share a new ``a``. `Proposer` takes them with names and for groups, and answers many questions fast.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
        Joint sample paths of the revenue of the period, in ``currency``.
    company_target : float
        To be shared, in ``currency``, rounded to its smallest unit; at least 0.
    currency : str
        ISO 4217 code, which decides the smallest unit; empty for whole numbers of what is counted.
    fixed, floor, ceiling : array of shape (n_owners,), optional
        Targets that are already given, least and greatest ones; NaN for owners without such a constraint.
    ramp : array of shape (n_owners,), optional
        Factor in (0, 1] of what equal odds would give: newcomers. NaN for 1.

    Returns
    -------
    Proposal
        An owner without prospect (no path above 0) gets 0. No target is negative.

    Raises
    ------
    TargetOutOfReach
        If the target to share is less than what is certain or more than what is possible.
    ConstraintConflict
        If constraints cannot all hold; it names a set of them of which none can be left out.
    InvalidInput
        If the paths, the target, a constraint or the currency break a rule.

    Examples
    --------
    >>> proposal = propose([[0, 10], [10, 20], [20, 30], [30, 40]], 50)
    >>> proposal.targets.tolist(), proposal.ambition, proposal.company_odds
    ([20.0, 30.0], 0.375, 0.5)
    """
    proposer = Proposer(paths, currency=currency)
    given: dict[Kind, ArrayLike | None] = {"fixed": fixed, "floor": floor, "ceiling": ceiling, "ramp": ramp}
    return proposer.propose(company_target, _rules(given, proposer.prospects.n_owners))


def propose_at(paths: ArrayLike, ambition: float, *, currency: str = "EUR") -> Proposal:
    """The targets that every owner reaches with odds ``ambition``; the company target is their sum.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
    ambition : float in (0, 1)
        Lower is more ambitious.
    """
    return Proposer(paths, currency=currency).propose_at(ambition)


def levels(paths: ArrayLike, *, odds: Mapping[str, float] = LEVEL_ODDS, currency: str = "EUR") -> dict[str, Proposal]:
    """Target, stretch and challenge: a proposal at each of the stated odds."""
    return Proposer(paths, currency=currency).levels(odds)


def _rules(given: Mapping[Kind, ArrayLike | None], n_owners: int) -> list[Rule]:
    """Constraints given as arrays, as rules about positions."""
    rules = []
    for kind, values in given.items():
        if values is None:
            continue
        amounts = np.asarray(values, dtype=float)
        if amounts.shape != (n_owners,):
            raise InvalidInput(
                f"`{kind}` must have one value for each of {n_owners} owners, got shape {amounts.shape}."
            )
        there = np.flatnonzero(~np.isnan(amounts))
        rules += [
            Rule(kind, owner, amount) for owner, amount in zip(there.tolist(), amounts[there].tolist(), strict=True)
        ]
    return rules
