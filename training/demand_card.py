"""The card of a demand model."""

from datetime import datetime

import pandas as pd

from forecast.demand import CoherentForecaster, DemandPanel
from forecast.demand.hierarchy import TOTAL
from forecast.evaluation.promotion import Decision


def demand_card(
    known: DemandPanel,
    cutoff: datetime,
    batch: int,
    forecaster: CoherentForecaster,
    table: pd.DataFrame,
    decision: Decision,
) -> str:
    """What a version was made from, how good it was on past folds, and what it must not be used for; Markdown."""
    panel = known.panel
    lines = [
        f"# demand ({forecaster.model if forecaster.model != 'auto' else 'combined'})",
        "",
        f"Forecasts {known.measure} of {forecaster.n_series_:,} series, {forecaster.horizon} periods of freq "
        f"{known.freq!r} ahead; mean and quantiles {', '.join(f'{q:g}' for q in forecaster.quantiles)}.",
        "",
        f"- Knows what was recorded before {cutoff.isoformat()}, batch {batch}.",
        f"- Panel: {panel['ds'].min():%Y-%m-%d} to {panel['ds'].max():%Y-%m-%d}, {len(panel):,} rows; zeros between, "
        "partial last period left out.",
        f"- Series: {_classes(forecaster)}.",
        *(f"- Found in the panel: {one.line}" for one in forecaster.repairs_),
        f"- Quantiles from {forecaster.errors_.n_used:,} errors at past origins, scaled per series and pooled.",
        f"- Members and weights (regular / sparse series): {_weights(forecaster)}.",
        f"- Features of the global members: {', '.join(forecaster.feature_names_in_) or 'none, a baseline'}.",
        f"- Sums of {_levels(forecaster)}: {_agreement(forecaster)}",
        f"- Gate: {decision.reason}",
        "",
        "On the last folds (RMSSE and bias of the mean, MASE and WAPE of the median; `against_best`: RMSSE against "
        "that of the best baseline, with its 95 % interval over series and origins; `coverage_80_pit` should be .8, "
        "`coverage_80` is more where values repeat, as counts do):",
        "",
        _markdown(table),
        "",
        *_sums(forecaster),
        "Not for sums of quantiles: means add up, quantiles do not. Series of another frequency or measure need their "
        "own training. With less than two years of history no model can tell a season from a trend.",
    ]
    return "\n".join(lines) + "\n"


def _classes(forecaster: CoherentForecaster) -> str:
    """How many series there are of each class."""
    counts = forecaster.series_classes()["class"].value_counts()
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _weights(forecaster: CoherentForecaster) -> str:
    """Members with at least a hundredth of the weight, the heaviest first."""
    combination = forecaster.combination_
    rows = sorted(zip(combination.regular, combination.sparse, combination.names, strict=True), reverse=True)
    return ", ".join(f"{name} {one:.2f} / {two:.2f}" for one, two, name in rows if max(one, two) >= 0.01)


def _levels(forecaster: CoherentForecaster) -> str:
    """The levels that series are summed by."""
    agreed = forecaster.reconciliation_
    levels = ((),) if agreed is None else agreed.levels
    return ", ".join("/".join(level) or TOTAL for level in levels)


def _agreement(forecaster: CoherentForecaster) -> str:
    """Which method makes series and sums agree, and why."""
    agreed = forecaster.reconciliation_
    return "bottom_up: sums are what the series add up to." if agreed is None else agreed.reason


def _sums(forecaster: CoherentForecaster) -> list[str]:
    """What each method lost at each level."""
    if forecaster.reconciliation_ is None:
        return []
    return [
        "How series and sums could agree (WRMSSE on past folds, lower is better; `base`: each level forecast alone, "
        "which does not add up; all levels weigh the same). The table above and the gate judge series before that:",
        "",
        _markdown(forecaster.reconciliation_.table()),
        "",
    ]


def _markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|---" * len(table.columns) + "|"]
    for row in table.itertuples(index=False):
        cells = ["" if value != value else f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
