"""From revenue paths to targets: odds of attainment and proposals of equal difficulty."""

from forecast.targets.odds import attainment_odds, attainment_odds_by_group
from forecast.targets.propose import LEVEL_ODDS, Proposal, TargetOutOfReach, levels, propose, propose_at

__all__ = [
    "LEVEL_ODDS",
    "Proposal",
    "TargetOutOfReach",
    "attainment_odds",
    "attainment_odds_by_group",
    "levels",
    "propose",
    "propose_at",
]
