"""From revenue paths to targets: odds of attainment and proposals of equal difficulty within constraints."""

from forecast.targets.exchange import Exchanged, exchange
from forecast.targets.mix import split_mix
from forecast.targets.odds import attainment_odds, attainment_odds_by_group
from forecast.targets.proposal import ConstraintConflict, Proposal, TargetOutOfReach
from forecast.targets.propose import levels, propose, propose_at
from forecast.targets.proposer import LEVEL_ODDS, Proposer
from forecast.targets.rules import Rule

__all__ = [
    "LEVEL_ODDS",
    "ConstraintConflict",
    "Exchanged",
    "Proposal",
    "Proposer",
    "Rule",
    "TargetOutOfReach",
    "attainment_odds",
    "attainment_odds_by_group",
    "exchange",
    "levels",
    "propose",
    "propose_at",
    "split_mix",
]
