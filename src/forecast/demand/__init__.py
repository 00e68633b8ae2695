"""What customers will demand: panels of series, one forecaster, its baselines."""

from forecast.demand.baselines import BASELINES, NAIVES
from forecast.demand.coherent import CoherentForecaster
from forecast.demand.forecaster import DemandForecaster
from forecast.demand.hierarchy import Hierarchy
from forecast.demand.panel import DemandPanel, build_panel
from forecast.demand.reconcile import reconcile

__all__ = [
    "BASELINES",
    "NAIVES",
    "CoherentForecaster",
    "DemandForecaster",
    "DemandPanel",
    "Hierarchy",
    "build_panel",
    "reconcile",
]
