"""Constraints on targets, and a smallest set of them that cannot hold together."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast.errors import InvalidInput
from forecast.targets.units import Floats, Units, amount_text, as_units

Kind = Literal["fixed", "floor", "ceiling", "ramp"]
KINDS: tuple[Kind, ...] = ("fixed", "floor", "ceiling", "ramp")

#: No target is bounded above by itself; larger than any sum of paths that can be exact.
NO_CEILING = 2**62


@dataclass(frozen=True)
class Rule:
    """One constraint on the target of an owner, or on the sum of a group's.

    Attributes
    ----------
    kind : {"fixed", "floor", "ceiling", "ramp"}
        The target is this amount, at least this, at most this; or the factor of what equal odds would give (a
        newcomer's part of a full target).
    node : str, or any hashable name
        The owner, or the group (not for ``ramp``).
    amount : float
        In the currency of the paths, at least 0; of ``ramp`` the factor, in (0, 1].
    note : str
        Where it comes from, told with it: ``+10 % on 80,000.00 EUR``.
    """

    kind: Kind
    node: Hashable
    amount: float
    note: str = ""

    def text(self, currency: str) -> str:
        """``ceiling 90,000.00 EUR of U3 (+10 % on 81,818.18 EUR)``."""
        amount = (
            f"{self.amount:g}" if self.kind == "ramp" else amount_text(int(as_units(self.amount, currency)), currency)
        )
        return f"{self.kind} {amount} of {self.node}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Bounds:
    """What rules say of each owner and of each group, in whole units.

    Attributes
    ----------
    floor, ceiling : int array of shape (n_owners,)
    ramp : array of shape (n_owners,)
    group_floor, group_ceiling : int array of shape (n_groups,)
    """

    floor: Units
    ceiling: Units
    ramp: Floats
    group_floor: Units
    group_ceiling: Units


class RuleBook:
    """Rules about named owners and groups.

    Parameters
    ----------
    rules : sequence of Rule
    owners : sequence of length n_owners
        Names that rules use.
    groups : sequence of length n_owners, optional
        Group of each owner.
    currency : str

    Attributes
    ----------
    group_names : list
        Groups that have a rule, sorted by their first owner.
    group_of : int array of shape (n_owners,)
        Index in ``group_names``; -1 for owners of groups without a rule.

    Raises
    ------
    InvalidInput
        If a rule names nobody, its kind is unknown, or its amount is out of range.
    """

    def __init__(
        self, rules: Sequence[Rule], owners: Sequence[Hashable], groups: Sequence[Hashable] | None, currency: str
    ) -> None:
        self.rules = tuple(rules)
        self.n_owners = len(owners)
        owner_code = {name: code for code, name in enumerate(owners)}
        labels = [None] * len(owners) if groups is None else list(groups)
        _check(self.rules, owner_code, set(labels) - {None})
        ruled = {rule.node for rule in self.rules if rule.node not in owner_code}
        self.group_names = [name for name in dict.fromkeys(labels) if name in ruled]
        group_code = {name: code for code, name in enumerate(self.group_names)}
        self.group_of = np.array([group_code.get(name, -1) for name in labels], dtype=np.int64)
        codes = owner_code | {name: len(owners) + code for name, code in group_code.items()}
        self._node = np.array([codes[rule.node] for rule in self.rules], dtype=np.int64)
        self._kind = np.array([KINDS.index(rule.kind) for rule in self.rules], dtype=np.int64)
        self._units = as_units([0.0 if rule.kind == "ramp" else rule.amount for rule in self.rules], currency)
        self._factor = np.array([rule.amount for rule in self.rules], dtype=float)

    def bounds(self, used: NDArray[np.bool_] | None = None) -> Bounds:
        """What the rules together say; only of the ``used`` ones when given. The narrowest of each kind counts."""
        n = self.n_owners + len(self.group_names)
        low, high, ramp = np.zeros(n, dtype=np.int64), np.full(n, NO_CEILING, dtype=np.int64), np.ones(n)
        of_kind = {kind: (self._kind == code) & (True if used is None else used) for code, kind in enumerate(KINDS)}
        floors, ceilings = of_kind["fixed"] | of_kind["floor"], of_kind["fixed"] | of_kind["ceiling"]
        np.maximum.at(low, self._node[floors], self._units[floors])
        np.minimum.at(high, self._node[ceilings], self._units[ceilings])
        np.minimum.at(ramp, self._node[of_kind["ramp"]], self._factor[of_kind["ramp"]])
        k = self.n_owners
        return Bounds(low[:k], high[:k], ramp[:k], low[k:], high[k:])

    def effects(self, low: Units, high: Units) -> Floats:
        """How much each rule takes from the reach of its node, in units.

        Parameters
        ----------
        low, high : int array of shape (n_owners + n_groups,)
            Reach of each owner and group without rules.
        """
        lifts = np.where(np.isin(self._kind, [0, 1]), self._units - low[self._node], 0)
        cuts = np.where(np.isin(self._kind, [0, 2]), high[self._node] - self._units, 0)
        ramps = np.where(self._kind == 3, (1 - self._factor) * high[self._node], 0)
        return np.asarray(np.maximum(np.maximum(lifts, cuts), np.maximum(ramps, 0)), dtype=float)

    def conflict(self, holds: Callable[[Bounds], bool], effects: Floats) -> tuple[Rule, ...]:
        """Rules that cannot hold together, of which none can be left out.

        The deletion filter [1]_: a rule without which the rest still cannot hold is dropped for good; whole blocks are
        tried first. Rules can also widen what is reachable, so it goes on until no single one can be dropped.

        Parameters
        ----------
        holds : function of `Bounds`
            False for all rules, True for none of them.
        effects : array of shape (n_rules,)
            Rules of small effect are tried first, so that what remains are the few that weigh most.

        References
        ----------
        .. [1] Chinneck & Dravnieks (1991), Locating minimal infeasible constraint sets in linear programs. ORSA
           Journal on Computing 3(2).
        """
        used = np.ones(len(self.rules), dtype=bool)

        def keep_what_is_needed(block: NDArray[np.int64]) -> None:
            used[block] = False
            if not holds(self.bounds(used)):
                return
            used[block] = True
            if len(block) > 1:
                keep_what_is_needed(block[: len(block) // 2])
                keep_what_is_needed(block[len(block) // 2 :])

        order, n_before = np.argsort(effects, kind="stable"), len(used) + 1
        while used.sum() < n_before:
            n_before = int(used.sum())
            keep_what_is_needed(order[used[order]])
        return tuple(rule for rule, kept in zip(self.rules, used, strict=True) if kept)


def _check(rules: Sequence[Rule], owner_code: dict[Hashable, int], groups: set[Hashable]) -> None:
    for rule in rules:
        if rule.kind not in KINDS:
            raise InvalidInput(f"`kind` of a constraint must be one of {', '.join(KINDS)}, got {rule.kind!r}.")
        if rule.node not in owner_code and (rule.kind == "ramp" or rule.node not in groups):
            raise InvalidInput(f"Constraint on {rule.node!r}: nobody of that name has a share in these targets.")
        if rule.kind == "ramp" and not 0 < rule.amount <= 1:
            raise InvalidInput(f"Ramp of {rule.node!r} must be a factor in (0, 1], got {rule.amount}.")
        if not (np.isfinite(rule.amount) and rule.amount >= 0):
            raise InvalidInput(f"The {rule.kind} of {rule.node!r} must be an amount of at least 0, got {rule.amount}.")
