"""A shop: a demand forecast beside what was then sold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forecast.demo.show import ingest, show_training, whole
from forecast.terminal import Terminal
from forecast.workspace import Workspace

SHOP_CUTOFF, SHOP_KNOWN = "2011-11-07", "2011-12-09"


def show_demand(folder: Path, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """A demand forecast beside what was then sold."""
    from forecast.evaluation.series_backtest import DETAILS
    from forecast.usecases.demand_accuracy import forecast_against_actual

    terminal.heading(f"A shop: weekly units per product, forecast as of {SHOP_CUTOFF} against what was then sold")
    workspace = Workspace.init(folder, timezone="Europe/London", reporting_currency="GBP", demand_horizon=4)
    ingest(workspace, "online-retail", terminal, progress)
    for result in workspace.train("demand", SHOP_CUTOFF, progress=progress):
        show_training(result, terminal)
    progress("forecast")
    forecasts = workspace.forecast_demand(SHOP_CUTOFF)
    weeks, table = forecast_against_actual(
        workspace.lake,
        workspace.settings,
        forecasts,
        as_of=workspace.moment(SHOP_CUTOFF),
        now=workspace.moment(SHOP_KNOWN),
    )
    terminal.table(weeks, title="All products together", formats=whole(weeks))
    table = table.drop(columns=[*DETAILS, "against_best", "against_best_low", "against_best_high"], errors="ignore")
    terminal.table(table, title="Per product, on the held-out weeks (lower is better; bias towards 0)")
    return {"series": int(forecasts["unique_id"].nunique()), "accuracy": table.to_dict("records")}
