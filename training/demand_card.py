"""The card of a demand model, and what its forecasts looked like."""

import io
from datetime import datetime

import pandas as pd

from forecast.demand import DemandForecaster, DemandPanel
from forecast.evaluation.promotion import Decision


def demand_card(
    known: DemandPanel,
    cutoff: datetime,
    batch: int,
    forecaster: DemandForecaster,
    table: pd.DataFrame,
    decision: Decision,
) -> str:
    """What a version was made from, how good it was on past folds, and what it must not be used for; Markdown."""
    panel = known.panel
    lines = [
        f"# demand ({forecaster.model_})",
        "",
        f"Forecasts {known.measure} of {forecaster.n_series_:,} series, {forecaster.horizon} periods of freq "
        f"{known.freq!r} ahead; mean and quantiles {', '.join(f'{q:g}' for q in forecaster.quantiles)}.",
        "",
        f"- Knows what was recorded before {cutoff.isoformat()}, batch {batch}.",
        f"- Panel: {panel['ds'].min():%Y-%m-%d} to {panel['ds'].max():%Y-%m-%d}, {len(panel):,} rows; zeros between, "
        "partial last period left out.",
        f"- Quantiles from {forecaster.errors_.n_used:,} errors at past origins, scaled per series and pooled.",
        f"- Features: {', '.join(forecaster.feature_names_in_) or 'none, a baseline'}.",
        f"- Gate: {decision.reason}",
        "",
        "On the last folds (WAPE of the median, bias and RMSE of the mean):",
        "",
        _markdown(table),
        "",
        "Not for sums of quantiles: means add up, quantiles do not. Series of another frequency or measure need their "
        "own training. With less than two years of history no model can tell a season from a trend.",
    ]
    return "\n".join(lines) + "\n"


def fan_plot(known: DemandPanel, folds: pd.DataFrame, *, n_series: int = 6) -> bytes:
    """Actuals and forecast ranges on the folds of the largest series, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sums = known.panel.groupby("unique_id")["y"].sum().sort_values(ascending=False, kind="stable")
    shown = [name for name in sums.index if name in set(folds["unique_id"])][:n_series]
    figure = Figure(figsize=(9, 2 * len(shown)), layout="constrained")
    for place, name in enumerate(shown, start=1):
        axes = figure.add_subplot(len(shown), 1, place)
        past = known.panel[known.panel["unique_id"] == name].tail(6 * len(folds["cutoff"].unique()) * 4)
        axes.plot(past["ds"], past["y"], color="black", linewidth=1, label="actual")
        for _, fold in folds[folds["unique_id"] == name].groupby("cutoff"):
            axes.fill_between(fold["ds"], fold["q0.1"], fold["q0.9"], alpha=0.25, color="tab:blue", linewidth=0)
            axes.plot(fold["ds"], fold["mean"], color="tab:blue", linewidth=1)
        axes.set_title(str(name), fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|---" * len(table.columns) + "|"]
    for row in table.itertuples(index=False):
        cells = ["" if value != value else f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
