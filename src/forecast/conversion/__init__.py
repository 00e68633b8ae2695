"""Leads and opportunities: win probability, time to close, calibration, and shrinkage when data are few."""

from forecast.conversion.group_rate import GroupRateModel
from forecast.conversion.model import ConversionModel
from forecast.conversion.next_step import NextStepModel
from forecast.conversion.population import supported_horizon, window_labels
from forecast.conversion.scorer import ConversionScorer
from forecast.conversion.timing import TimingModel
from forecast.conversion.uplift import EffectModel

__all__ = [
    "ConversionModel",
    "ConversionScorer",
    "EffectModel",
    "GroupRateModel",
    "NextStepModel",
    "TimingModel",
    "supported_horizon",
    "window_labels",
]
