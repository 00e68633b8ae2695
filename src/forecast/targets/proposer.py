"""Proposals of equal difficulty within named constraints, asked one after the other from the same paths."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from forecast.errors import InvalidInput
from forecast.targets.proposal import ConstraintConflict, Proposal, TargetOutOfReach
from forecast.targets.prospects import Prospects, reachable, share, share_at
from forecast.targets.rules import Bounds, Rule, RuleBook
from forecast.targets.units import Units, amount_text, as_amounts, digits_of

#: 目标 / 冲刺 / 挑战: the odds at which each owner reaches the level.
LEVEL_ODDS = {"target": 0.65, "stretch": 0.40, "challenge": 0.15}
#: Constraints that a message names at most; the error has all.
_NAMED = 8


class Proposer:
    """Proposals from the same paths, one after the other: outcomes are ordered once, each question takes milliseconds.

    Parameters
    ----------
    paths : array of shape (n_paths, n_owners)
        Joint sample paths of the result of the period, in ``currency``.
    currency : str
        ISO 4217 code, which decides the smallest unit; empty for whole numbers of what is counted.
    owners : sequence of length n_owners, optional
        Names that constraints use; default the position.
    groups : sequence of length n_owners, optional
        Group of each owner, for constraints on a group's sum.

    Raises
    ------
    InvalidInput
        If the paths or the currency break a rule.
    """

    def __init__(
        self,
        paths: ArrayLike,
        *,
        currency: str = "EUR",
        owners: Sequence[Hashable] | None = None,
        groups: Sequence[Hashable] | None = None,
    ) -> None:
        self.prospects = Prospects(paths, currency)
        self.currency = currency
        self.owners = list(range(self.prospects.n_owners)) if owners is None else list(owners)
        self.groups = groups
        for name, given in (("owners", self.owners), ("groups", groups)):
            if given is not None and len(given) != self.prospects.n_owners:
                raise InvalidInput(f"`{name}` must name each of {self.prospects.n_owners} owners, got {len(given)}.")

    def propose(self, company_target: float, rules: Sequence[Rule] = ()) -> Proposal:
        """Share a company target at equal odds within constraints; see `propose`."""
        total = _total(company_target, self.currency)
        book = RuleBook(rules, self.owners, self.groups, self.currency)
        bounds = book.bounds()
        if not self._holds(book, bounds, total):
            self._explain(book, total)
        targets, ambition = share(self.prospects, bounds, book.group_of, total)
        return self._proposal(book, bounds, targets, total, ambition)

    def propose_at(self, ambition: float, rules: Sequence[Rule] = ()) -> Proposal:
        """The targets that every free owner reaches with odds ``ambition``; the company target is their sum.

        Constraints on a group's sum take effect inside the group.
        """
        if not 0 < ambition < 1:
            raise InvalidInput(f"`ambition` must be odds between 0 and 1, got {ambition}.")
        book = RuleBook(rules, self.owners, self.groups, self.currency)
        bounds, n_paths = book.bounds(), self.prospects.n_paths
        if reachable(self.prospects, bounds, book.group_of) is None:
            self._explain(book, None)
        k = min(int(np.floor(n_paths * (1 - ambition) + 1e-9)), n_paths - 1)
        targets = share_at(self.prospects, bounds, book.group_of, k)
        return self._proposal(book, bounds, targets, int(targets.sum()), ambition)

    def levels(self, odds: Mapping[str, float] = LEVEL_ODDS, rules: Sequence[Rule] = ()) -> dict[str, Proposal]:
        """Target, stretch and challenge: a proposal at each of the stated odds."""
        return {name: self.propose_at(ambition, rules) for name, ambition in odds.items()}

    def drag(self, company_target: float, owner: Hashable, amount: float, rules: Sequence[Rule] = ()) -> Proposal:
        """Put one target to an amount and let the free owners share the rest: how everybody's odds change.

        The own floor, ceiling and ramp of the dragged owner no longer count.

        Parameters
        ----------
        owner : hashable
            One of ``owners``.
        amount : float
            At least 0.
        """
        others = [rule for rule in rules if rule.node != owner]
        return self.propose(company_target, [*others, Rule("fixed", owner, amount)])

    def _holds(self, book: RuleBook, bounds: Bounds, total: int | None) -> bool:
        reach = reachable(self.prospects, bounds, book.group_of)
        return reach is not None and (total is None or reach[0] <= total <= reach[1])

    def _explain(self, book: RuleBook, total: int | None) -> None:
        """Raise the error that says why there are no such targets."""
        none = np.zeros(len(book.rules), dtype=bool)
        free = book.bounds(none)
        low, high = self.prospects.reach(free)
        if not self._holds(book, free, total):
            scale = 10 ** digits_of(self.currency)
            raise TargetOutOfReach(
                f"The owners who share {self._text(total or 0)} reach between {self._text(int(low.sum()))} for certain "
                f"and {self._text(int(high.sum()))} at most; choose a target between.",
                (int(low.sum()) / scale, int(high.sum()) / scale),
            )
        of_groups = [
            np.array([reach[book.group_of == group].sum() for group in range(len(book.group_names))], dtype=np.int64)
            for reach in (low, high)
        ]
        effects = book.effects(np.append(low, of_groups[0]), np.append(high, of_groups[1]))
        conflict = book.conflict(lambda bounds: self._holds(book, bounds, total), effects)
        named = [rule.text(self.currency) for rule in conflict]
        fixed = [rule for rule in conflict if rule.kind == "fixed"]
        if total is not None and len(fixed) == len(conflict) == self.prospects.n_owners:
            given = int(book.bounds().floor.sum())
            message = (
                f"All targets are fixed and sum to {self._text(given)}, not to {self._text(total)}; "
                "free at least one owner."
            )
        else:
            beside = "" if total is None else f" beside the company target of {self._text(total)}"
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            message = (
                f"These constraints cannot all hold{beside}: {'; '.join(named[:_NAMED])}{more}. "
                "Any one of them less would do."
            )
        raise ConstraintConflict(message, conflict)

    def _proposal(self, book: RuleBook, bounds: Bounds, targets: Units, total: int, ambition: float) -> Proposal:
        odds, odds_above = self.prospects.odds(targets)
        held = _held(self.prospects, book, bounds, targets)
        return Proposal(
            targets=as_amounts(targets, self.currency),
            odds=odds,
            odds_above=odds_above,
            ambition=ambition if "" in held else float("nan"),
            company_target=total / 10 ** digits_of(self.currency),
            company_odds=float((self.prospects.company >= total).mean()),
            currency=self.currency,
            held=held,
        )

    def _text(self, units: int) -> str:
        return amount_text(units, self.currency)


def _total(company_target: float, currency: str) -> int:
    if not np.isfinite(company_target) or company_target < 0:
        raise InvalidInput(f"`company_target` must be an amount of at least 0, got {company_target}.")
    total: int = round(company_target * 10 ** digits_of(currency))
    return total


def _held(prospects: Prospects, book: RuleBook, bounds: Bounds, targets: Units) -> tuple[str, ...]:
    """What keeps each owner from the common odds."""
    held = np.full(prospects.n_owners, "", dtype=object)
    held[bounds.ramp < 1] = "ramp"
    for group in range(len(book.group_names)):
        members = book.group_of == group
        total = int(targets[members].sum())
        if total in (int(bounds.group_floor[group]), int(bounds.group_ceiling[group])):
            held[members] = "group"
    held[(targets == bounds.floor) & (bounds.floor > 0)] = "floor"
    held[targets == bounds.ceiling] = "ceiling"
    held[bounds.floor == bounds.ceiling] = "fixed"
    return tuple(held)
