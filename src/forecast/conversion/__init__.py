"""Leads and opportunities: win probability, time to close, calibration, and shrinkage when data are few."""

from forecast.conversion.group_rate import GroupRateModel
from forecast.conversion.model import ConversionModel
from forecast.conversion.population import supported_horizon, window_labels
from forecast.conversion.scorer import ConversionScorer
from forecast.conversion.timing import TimingModel

__all__ = [
    "ConversionModel",
    "ConversionScorer",
    "GroupRateModel",
    "TimingModel",
    "supported_horizon",
    "window_labels",
]
