"""People and teams: the classic figures, and results above what their cases were expected to bring."""

from forecast.performance.above import CLAIM_LEVEL, Above, judge
from forecast.performance.expectation import Pieces, Spells, expect
from forecast.performance.performance import Performance, measure
from forecast.performance.skill import Skill, learn_skill
from forecast.performance.steps import WIN
from forecast.performance.suggestions import suggest

__all__ = [
    "CLAIM_LEVEL",
    "WIN",
    "Above",
    "Performance",
    "Pieces",
    "Skill",
    "Spells",
    "expect",
    "judge",
    "learn_skill",
    "measure",
    "suggest",
]
