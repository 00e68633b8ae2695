"""Targets of a period: proposals of equal difficulty within constraints, with the odds of owners, teams and company."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import InvalidInput, NotEnoughHistory
from forecast.outlook import PARTS, UNASSIGNED, Outlook
from forecast.targets import LEVEL_ODDS, Proposal, Proposer, Rule, exchange, split_mix
from forecast.targets.units import digits_of

Floats = NDArray[np.float64]

#: What targets are of unless something else is said.
MEASURE = "revenue"
#: Longest name of a measure, with its part of a mix, that the store keeps.
_LONGEST_MEASURE = 50


@dataclass(frozen=True)
class TargetProposal:
    """Targets of equal difficulty for the owners of an outlook.

    Attributes
    ----------
    outlook : Outlook
        Whose paths the targets rest on: of territories, or of persons where skill counts.
    proposal : Proposal
        ``targets`` and ``odds`` in the order of ``outlook.owners``; ``ambition`` and ``company_odds``.
    rules : tuple of Rule
        Constraints on amounts.
    basis : str
        What it rests on, kept with an approval.
    without_last : tuple of str
        Who has no last target, so that constraints on its change count for nothing.
    """

    outlook: Outlook
    proposal: Proposal
    rules: tuple[Rule, ...] = ()
    basis: str = ""
    without_last: tuple[str, ...] = ()

    @property
    def ambition(self) -> float:
        """The common odds of the owners."""
        return self.proposal.ambition

    @property
    def company_target(self) -> float:
        """What the targets sum to."""
        return self.proposal.company_target

    @property
    def company_odds(self) -> float:
        """The company's own odds of its target."""
        return self.proposal.company_odds

    @cached_property
    def proposer(self) -> Proposer:
        """Ready for further questions to the same paths."""
        return make_proposer(self.outlook)

    def levels(self) -> dict[str, Proposal]:
        """Target, stretch and challenge (目标 / 冲刺 / 挑战) at their stated odds, within the constraints."""
        return self.proposer.levels(rules=self.rules)

    def levels_frame(self) -> pd.DataFrame:
        """One row per level and node: columns of `to_frame`, before them ``level`` and ``stated_odds``."""
        frames = [
            self._frame(proposal).assign(level=level, stated_odds=LEVEL_ODDS[level])
            for level, proposal in self.levels().items()
        ]
        frame = pd.concat(frames, ignore_index=True)
        return frame[["level", "stated_odds", *(name for name in frame if name not in ("level", "stated_odds"))]]

    def drag(self, owner: str, amount: float) -> "TargetProposal":
        """The proposal with one person's target put to an amount; the free ones share the rest.

        Raises
        ------
        InvalidInput
            If nobody of that name has a target.
        TargetOutOfReach
            If the others cannot share what is left; `ConstraintConflict` names constraints in the way.
        """
        if owner not in self.outlook.owners:
            raise InvalidInput(f"Nobody of name {owner!r} has a target for {self.outlook.period.label}.")
        rules = (*(rule for rule in self.rules if rule.node != owner), Rule("fixed", owner, amount))
        dragged = self.proposer.drag(self.company_target, owner, amount, self.rules)
        return replace(self, proposal=dragged, rules=rules)

    def drag_frame(self, owner: str, amount: float) -> pd.DataFrame:
        """`to_frame` of the dragged proposal with ``amount_before`` and ``odds_before``."""
        before = self.to_frame()
        return self.drag(owner, amount).to_frame().assign(amount_before=before["amount"], odds_before=before["odds"])

    def to_frame(self, currency: str | None = None, rate: float = 1.0) -> pd.DataFrame:
        """One row for the company, each team and each user.

        Parameters
        ----------
        currency : str, optional
            Seen in this currency; amounts add up exactly there too.
        rate : float
            Units of it for one of the outlook's.

        Returns
        -------
        DataFrame
            ``owner_kind`` (company, team, user), ``owner_id``, ``parent`` (to which it adds: a team, ``company``, or
            empty), ``measure``, ``amount``, ``currency``, ``odds`` of attainment (0–1), ``expected`` (mean of the
            outlook), ``held``: what keeps a user from the common odds. Amounts of the rows with one parent sum to it.
        """
        return self._frame(self.proposal, currency, rate)

    def mix_frame(self, mix: Mapping[str, float]) -> pd.DataFrame:
        """Rows of the same columns for each part of a mix of product categories; ``measure`` is ``revenue:PART``.

        Parts sum exactly to every target, and over people to the part's total. They have no odds of their own.
        """
        own = self.to_frame()
        frames = []
        for part, amounts in split_mix(self.proposal.targets, mix, currency=self.outlook.currency).items():
            measure = f"{self.outlook.measure}:{part}"
            if len(measure) > _LONGEST_MEASURE:
                raise InvalidInput(f"Name of a mix must be shorter, {measure!r} is over {_LONGEST_MEASURE} characters.")
            frames.append(own.assign(measure=measure, amount=self._sums(amounts, self.outlook.currency), odds=np.nan))
        return pd.concat(frames, ignore_index=True).assign(expected=np.nan)

    def _frame(self, proposal: Proposal, currency: str | None = None, rate: float = 1.0) -> pd.DataFrame:
        outlook = self.outlook
        digits = digits_of(outlook.currency)
        targets, seen_in = proposal.targets, outlook.currency
        expected = np.sum([np.asarray(outlook.parts[part], dtype=float) for part in PARTS], axis=0)
        if currency is not None and currency != outlook.currency:
            if not outlook.currency:
                raise InvalidInput(f"Targets of {outlook.measure} are counted; they have no currency.")
            seen = exchange(targets, outlook.team_of, currency=outlook.currency, into=currency, rate=rate)
            targets, seen_in, expected = seen.targets, currency, np.round(expected * rate, digits_of(currency))
            digits = digits_of(currency)
        nodes, odds = outlook.nodes(), dict(zip(outlook.owners, proposal.odds.tolist(), strict=True))
        held = dict(zip(outlook.owners, proposal.held, strict=True))
        is_person = [node.level == "rep" for node in nodes]
        return pd.DataFrame(
            {
                "owner_kind": ["user" if node.level == "rep" else node.level for node in nodes],
                "owner_id": [node.id for node in nodes],
                "parent": [node.parent for node in nodes],
                "measure": outlook.measure,
                "amount": self._sums(targets, seen_in),
                "currency": seen_in,
                "odds": [
                    odds[node.id] if person else self._odds(proposal, node.members)
                    for node, person in zip(nodes, is_person, strict=True)
                ],
                "expected": [round(float(expected[node.members].sum()), digits) for node in nodes],
                "held": [held[node.id] if person else "" for node, person in zip(nodes, is_person, strict=True)],
            }
        )

    def _sums(self, amounts: Floats, currency: str) -> list[float]:
        digits = digits_of(currency)
        return [round(float(amounts[node.members].sum()), digits) for node in self.outlook.nodes()]

    def _odds(self, proposal: Proposal, members: NDArray[np.bool_]) -> float:
        """Odds that these together reach the sum of their targets; of a single one rounded as the own."""
        if members.all():
            return proposal.company_odds
        digits = digits_of(self.outlook.currency)
        together = np.round(self.outlook.paths[:, members].sum(axis=1), digits)
        return float((together >= round(float(proposal.targets[members].sum()), digits)).mean())


def make_proposer(outlook: Outlook) -> Proposer:
    """A proposer for an outlook's people; teams can have constraints too."""
    return Proposer(outlook.paths, currency=outlook.currency, owners=outlook.owners, groups=outlook.team_of)


def propose_targets(
    outlook: Outlook, company_target: float | None = None, *, rules: Sequence[Rule] = (), basis: str = ""
) -> TargetProposal:
    """Share a company target among the owners of an outlook at equal odds.

    Revenue without an owner is nobody's target: it is expected, and the others share the rest.

    Parameters
    ----------
    outlook : Outlook
    company_target : float, optional
        In the currency of the outlook; default the median of the company's result, which it reaches with even odds.
    rules : sequence of Rule
        Constraints on people and teams.
    basis : str
        What the outlook is, kept with an approval.

    Raises
    ------
    TargetOutOfReach
        If the paths hold no such sum possible.
    ConstraintConflict
        If the constraints cannot all hold.
    NotEnoughHistory
        If nobody has an outlook.
    """
    if not outlook.owners:
        raise NotEnoughHistory(
            f"Nobody has revenue or open opportunities for {outlook.period.label} as of {outlook.as_of:%Y-%m-%d}; "
            "there is nothing to share."
        )
    digits = digits_of(outlook.currency)
    total = round(float(np.median(outlook.company_paths)), digits) if company_target is None else company_target
    everything = [*rules]
    if UNASSIGNED in outlook.owners and len(outlook.owners) > 1:
        nobody = outlook.owners.index(UNASSIGNED)
        expected = max(round(float(sum(outlook.parts[part][nobody] for part in PARTS)), digits), 0.0)
        everything.append(Rule("fixed", UNASSIGNED, expected, "expected of nobody"))
    proposal = make_proposer(outlook).propose(total, everything)
    return TargetProposal(outlook, proposal, tuple(everything), basis)
