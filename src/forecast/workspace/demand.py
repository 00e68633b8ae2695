"""Demand of a workspace: forecasts of series and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecast.workspace.base import AsOf, WorkspaceBase

if TYPE_CHECKING:
    import pandas as pd

    from forecast.adapters.demand_runs import KeptRun
    from forecast.usecases.demand import ServedDemand
    from forecast.usecases.demand_run import DemandFrames


class DemandCalls(WorkspaceBase):
    """Forecasts of series and their explanation."""

    def forecast_demand(self, as_of: AsOf = None, horizon: int | None = None, batch: int | None = None) -> pd.DataFrame:
        """Forecast of every series: ``unique_id, ds, cutoff, model_version, mean, q0.1, q0.5, q0.9``."""
        from forecast.usecases.demand import forecast_demand

        return forecast_demand(
            self.lake, self.registry, self.store, self.settings, self.moment(as_of), horizon=horizon, batch=batch
        )

    def served_demand(self, as_of: AsOf = None, batch: int | None = None) -> ServedDemand:
        """The demand model of a day with the history that was known: to explain, ask what if, and for new items."""
        from forecast.usecases.demand import served_demand

        return served_demand(self.lake, self.registry, self.store, self.settings, self.moment(as_of), batch=batch)

    def explain_demand(
        self, unique_id: str, as_of: AsOf = None, batch: int | None = None, lang: str = "en"
    ) -> dict[str, Any]:
        """The parts of every period's forecast of one series; they add up to it."""
        from forecast.usecases.demand_explanation import explain_demand

        return explain_demand(self.served_demand(as_of, batch), unique_id, lang=lang)

    def run_demand(self, as_of: AsOf = None, batch: int | None = None) -> DemandFrames:
        """Forecast every series once, with history, classes and the sums that they belong to."""
        from forecast.usecases.demand_run import run_demand

        return run_demand(self.lake, self.served_demand(as_of, batch))

    def kept_demand(self) -> KeptRun | None:
        """The run of the last night; None when no night made one."""
        return self.lake.demand_runs.latest()
