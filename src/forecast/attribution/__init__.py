"""From a fitted model's log-odds to additive points."""

from forecast.attribution.points import probability_points, sigmoid_slope

__all__ = ["probability_points", "sigmoid_slope"]
