"""The card of a customer model."""

from datetime import datetime
from typing import Protocol

import pandas as pd

from forecast.customers import CustomerModel
from forecast.evaluation.promotion import Decision
from forecast.settings import Settings


class CustomersRun(Protocol):
    """What the card tells of a training run."""

    orders: pd.DataFrame
    settings: Settings
    cutoff: datetime
    batch: int
    judged_day: pd.Timestamp
    judged_days: int


def customers_card(
    run: CustomersRun, kind: str, table: pd.DataFrame, decision: Decision, model: CustomerModel | None
) -> str:
    """What a version was made from, how good it was on later time, and what it must not be used for; Markdown."""
    orders, horizon = run.orders, run.settings.customers_horizon_days
    lines = [
        f"# customers ({kind})",
        "",
        f"Foretells of every account that ever ordered whether it orders within {horizon} days, how often and for how "
        "much (net of what is sent back), with 80 % ranges, and the main category of its next order.",
        "",
        f"- Knows what was recorded before {run.cutoff.isoformat()}, batch {run.batch}.",
        f"- {len(orders):,} order lines of {orders['account_id'].nunique():,} accounts, "
        f"{orders['ordered_at'].min():%Y-%m-%d} to {orders['ordered_at'].max():%Y-%m-%d}; what an account orders on a "
        "day is one order.",
        *([] if model is None else _learned(model)),
        f"- Gate: {decision.reason}",
        "",
        f"From {run.judged_day:%Y-%m-%d} on, {run.judged_days} days that no judged model had seen:",
        "",
        markdown_table(table),
        "",
        "Not for accounts that never ordered. With less than two years of history no season is known. `churned` says "
        "that an account is likelier gone than not by its own rhythm; nobody told that it left.",
    ]
    if run.judged_days < horizon:
        lines.insert(
            -2,
            f"The history is too short to have seen {horizon} days come: judged and calibrated on {run.judged_days}; "
            "the purchase process carries what was learned to the whole horizon.\n",
        )
    return "\n".join(lines) + "\n"


def markdown_table(table: pd.DataFrame) -> str:
    """A table of metrics in Markdown."""
    lines = ["| " + " | ".join(table.columns) + " |", "|---" * len(table.columns) + "|"]
    for row in table.itertuples(index=False):
        cells = ["" if value != value else f"{value:.4g}" if isinstance(value, float) else str(value) for value in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _learned(model: CustomerModel) -> list[str]:
    process, value = model.fitted_.population.process, model.fitted_.population.value
    leaving = (
        f"a = {process.a:.3g}, b = {process.b:.3g}"
        if process.somebody_leaves
        else "nobody leaves (the process without leaving explains the orders as well)"
    )
    weights = "; ".join(
        f"{name} {' / '.join(f'{weight:.2f}' for weight in blend.weights)}" for name, blend in model.blends_.items()
    )
    return [
        f"- Purchase process (BG/NBD, per week): r = {process.r:.3g}, alpha = {process.alpha:.3g}, {leaving}. Orders "
        f"are worth p = {value.p:.3g}, q = {value.q:.3g}, gamma = {value.gamma:.3g} (Gamma-Gamma).",
        f"- Weights of process / line / trees / free trees: {weights}.",
        f"- Features: {', '.join(model.feature_names_in_)}.",
    ]
