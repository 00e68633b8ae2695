"""The model card: what a version was made from, how good it was, and what it must not be used for."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from forecast.errors import InvalidInput
from forecast.evaluation.promotion import Decision
from forecast.features import describe
from forecast.schema import SCORED_ENTITIES
from forecast.usecases.snapshots import Snapshots
from training.split import LATER_ENTITIES, Split


def conversion_card(
    title: str,
    *,
    snapshots: Snapshots,
    batch: int,
    cutoff: datetime,
    features: list[str],
    metrics: pd.DataFrame,
    split: Split,
    decision: Decision,
    about: dict[str, object],
    sections: Sequence[tuple[str, str]] = (),
) -> str:
    """A conversion model's card, in Markdown.

    Parameters
    ----------
    title : str
        Name of the registered model.
    features : list of str
        Columns that the model uses.
    metrics : DataFrame
        `evaluate`'s table of all compared models.
    about : dict
        The scorer's ``metadata_``: rows, entities, wins, base rate, follow-up.
    sections : sequence of (title, Markdown text)
        Further sections, shown between the comparison and the limits.
    """
    entity = snapshots.entity
    entities, _ = SCORED_ENTITIES[entity]
    efforts = Counter(describe_effort(name) for name in features)
    weak = (
        "\nThe history is too short to judge on later time: the models were judged on entities that came later, whose "
        "outcomes were not known when a real model would have been fitted. Read the numbers as optimistic.\n"
        if split.scheme == LATER_ENTITIES
        else ""
    )
    further = "".join(f"## {heading}\n\n{text.strip()}\n\n" for heading, text in sections)
    return f"""# {title}

P(won within {snapshots.horizon_days} days) of an open {entity}, calibrated; with timing, an 80 % interval and reasons.

## Data

- Known before {cutoff:%Y-%m-%d %H:%M} UTC, batch {batch}. Outcomes followed to {snapshots.end:%Y-%m-%d}.
- {about["n_rows"]:,} snapshots of {about["n_entities"]:,} {entities}, {about["n_entities_won"]:,} of them won in time;
  snapshots every {snapshots.step_days} days while they were open, each with weight 1.
- Base rate {about["base"]:.1%}. Longest follow-up {about["follow_up_days"]:,.0f} days.
- {world_moved(about.get("anchor"), snapshots.horizon_days)}
- {len(features)} features; how easily they can be faked: {", ".join(f"{n} {e}" for e, n in sorted(efforts.items()))}.

## How good it was on {split.scheme}

Snapshots from {split.origin:%Y-%m-%d} on; intervals draw whole {entities}.
{weak}
{markdown_table(metrics)}

Gate: {"promoted" if decision.promote else "not promoted"}. {decision.reason}

{further}## Limits

- The probability is about {entities} that are open, within {snapshots.horizon_days} days; "ever" is not identified.
- Learned from this company's past: a change of prices, people or definitions shows only in later trainings.
- Reasons say what the score is made of, not what would change it. Unseen differences between {entities} remain.
- Not for judging people: features typed by reps can be steered by them.
"""


def world_moved(anchor: object, horizon_days: int) -> str:
    """How far the last weeks and the season moved the scores, in one sentence."""
    if not isinstance(anchor, dict) or not anchor["expected"]:
        return "How far the world moved was not measured."
    return (
        f"The world moved: of all that was at risk in the last {horizon_days} days {anchor['observed']:,.0f} were won "
        f"where the past would have {anchor['expected']:,.0f}; with the season ahead all odds are multiplied by "
        f"{math.exp(anchor['shift']):.2f}."
    )


def markdown_table(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table, numbers to four digits."""

    def cell(value: object) -> str:
        return f"{value:,.4g}" if isinstance(value, float) else str(value)

    rows = [[str(name) for name in frame.columns], ["---"] * frame.shape[1]]
    rows += [[cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def describe_effort(name: str) -> str:
    """How easily a feature can be faked; "unknown" for columns that no family describes."""
    try:
        return describe(name).effort
    except InvalidInput:
        return "unknown"
