"""Targets of a period: the equal-difficulty proposal of an outlook, with the odds of owners, teams and company."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.errors import NotEnoughHistory
from forecast.money import minor_digits
from forecast.outlook import UNASSIGNED, Outlook
from forecast.targets import Proposal, attainment_odds_by_group, levels, propose

#: What the targets are of.
MEASURE = "revenue"


@dataclass(frozen=True)
class TargetProposal:
    """Targets of equal difficulty for the owners of an outlook.

    Attributes
    ----------
    outlook : Outlook
    proposal : Proposal
        ``targets`` and ``odds`` in the order of ``outlook.owners``; ``ambition`` and ``company_odds``.
    """

    outlook: Outlook
    proposal: Proposal

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

    def levels(self) -> dict[str, Proposal]:
        """Target, stretch and challenge (目标 / 冲刺 / 挑战) at their stated odds."""
        return levels(self.outlook.paths, currency=self.outlook.currency)

    def to_frame(self) -> pd.DataFrame:
        """One row for the company, each team and each user.

        Returns
        -------
        DataFrame
            ``owner_kind`` (company, team, user), ``owner_id``, ``measure``, ``amount``, ``currency``, ``odds`` of
            attainment (0–1), ``expected`` (mean of the outlook). Amounts of users, and of the uppermost teams,
            sum to the company's; a team's is the sum of its users and of its sub-teams.
        """
        currency, digits = self.outlook.currency, minor_digits(self.outlook.currency)
        targets, paths = self.proposal.targets, self.outlook.paths
        lines = self.outlook.to_frame(quantiles=())
        odds = {("company", "company"): self.company_odds}
        amounts = {("company", "company"): self.company_target}
        for node in self.outlook.nodes():
            if node.level == "team":
                inside, own = paths[:, node.members], targets[node.members]
                group = [node.id] * len(own)
                odds["team", node.id] = attainment_odds_by_group(inside, own, group, currency=currency)[node.id]
                amounts["team", node.id] = round(float(own.sum()), digits)
        odds |= {
            ("rep", owner): float(chance) for owner, chance in zip(self.outlook.owners, self.proposal.odds, strict=True)
        }
        amounts |= {("rep", owner): float(amount) for owner, amount in zip(self.outlook.owners, targets, strict=True)}
        keys = list(zip(lines["level"], lines["id"], strict=True))
        return pd.DataFrame(
            {
                "owner_kind": lines["level"].replace("rep", "user"),
                "owner_id": lines["id"],
                "measure": MEASURE,
                "amount": [amounts[key] for key in keys],
                "currency": currency,
                "odds": [odds[key] for key in keys],
                "expected": lines["mean"],
            }
        )


def propose_targets(outlook: Outlook, company_target: float | None = None) -> TargetProposal:
    """Share a company target among the owners of an outlook at equal odds.

    Revenue without an owner is nobody's target: it is expected, and the others share the rest.

    Parameters
    ----------
    outlook : Outlook
    company_target : float, optional
        In the reporting currency; default the median of the company's revenue, which it reaches with even odds.

    Raises
    ------
    TargetOutOfReach
        If the paths hold no such sum possible.
    NotEnoughHistory
        If nobody has an outlook.
    """
    if not outlook.owners:
        raise NotEnoughHistory(
            f"Nobody has revenue or open opportunities for {outlook.period.label} as of {outlook.as_of:%Y-%m-%d}; "
            "there is nothing to share."
        )
    digits = minor_digits(outlook.currency)
    total = round(float(np.median(outlook.company_paths)), digits) if company_target is None else company_target
    fixed = np.full(len(outlook.owners), np.nan)
    if UNASSIGNED in outlook.owners and len(outlook.owners) > 1:
        nobody = outlook.owners.index(UNASSIGNED)
        fixed[nobody] = max(round(float(sum(part[nobody] for part in outlook.parts.values())), digits), 0)
    return TargetProposal(outlook, propose(outlook.paths, total, currency=outlook.currency, fixed=fixed))
