"""From a fitted model's log-odds to additive points, their importance and their figures."""

from forecast.attribution.figures import beeswarm, waterfall
from forecast.attribution.importance import importance, summed_by
from forecast.attribution.near_duplicates import near_duplicates
from forecast.attribution.points import probability_points, sigmoid_slope

__all__ = ["beeswarm", "importance", "near_duplicates", "probability_points", "sigmoid_slope", "summed_by", "waterfall"]
