"""What customers will demand: panels of series, one forecaster, its baselines."""

from forecast.demand.baselines import BASELINES
from forecast.demand.forecaster import DemandForecaster

__all__ = ["BASELINES", "DemandForecaster"]
