"""The next step of a registered model: learned from the same snapshots, stored beside it, told in its card."""

from datetime import datetime

import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection

from forecast.conversion.next_step import NextStepModel
from forecast.explain.next_step import action_label, render_next_step
from forecast.features.actions import window_actions
from training.card import markdown_table

#: Snapshots looked at, whole cases by lot, and rows compared for each action: seconds, not minutes.
MAX_SNAPSHOTS, MAX_ROWS = 20_000, 3_000


def learn_next_step(
    con: DuckDBPyConnection,
    features: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    entity: str,
    horizon_days: int,
    cutoff: datetime,
    end: datetime,
    random_state: int = 0,
) -> NextStepModel:
    """Effects of the actions that reps took on the cases of these snapshots, as known before ``cutoff``.

    That no effect can be told is a result too: the model then says "unknown" and why.

    Parameters
    ----------
    con : DuckDB connection
        With histories.
    features : DataFrame
        ``entity_id``, ``as_of`` and the features of past snapshots.
    outcomes : DataFrame
        ``entity_id``, ``as_of``, ``event``, ``days``; censored at ``end``.
    entity : {"lead", "opportunity"}
    horizon_days : int
        The effect is on P(won within this many days): that of the score.
    cutoff : datetime
        No action recorded at or after this moment is seen.
    end : datetime
        Up to when outcomes are known.
    random_state : int
        Of the lot by which cases are drawn when there are many, and of the model.
    """
    drawn = features[drawn_cases(features["entity_id"], MAX_SNAPSHOTS, random_state)]
    drawn = drawn.sort_values(["as_of", "entity_id"], kind="stable", ignore_index=True)
    model = NextStepModel(horizon_days, max_rows=MAX_ROWS, random_state=random_state)
    keys = drawn[["entity_id", "as_of"]]
    actions = window_actions(con, keys, entity, window_days=model.window_days, cutoff=cutoff)
    return model.fit(drawn, outcomes, actions, cutoff=end)


def drawn_cases(ids: "pd.Series[str]", max_rows: int, random_state: int) -> np.ndarray:
    """Whether each row belongs to a case that was drawn: as many whole cases as fit into so many rows, at least one.

    The same cases in whatever order the rows come.
    """
    cases, code, rows = np.unique(ids.astype(str).to_numpy(), return_inverse=True, return_counts=True)
    order = np.random.default_rng(random_state).permutation(len(cases))
    fits = np.cumsum(rows[order]) <= max_rows
    fits[:1] = True
    taken = np.zeros(len(cases), dtype=bool)
    taken[order[fits]] = True
    return np.asarray(taken[code])


def next_step_section(model: NextStepModel) -> tuple[str, str]:
    """Title and Markdown text for the model card: each action with its effect, or why it is not known."""
    title, known = "Next steps", model.effects_
    if known.empty:
        text = render_next_step({"action": "unknown", "reason": "no_actions"})
        return title, f"{text}. Of open cases reps had logged nothing that was followed long enough."
    shown = pd.DataFrame(
        {
            "action": [action_label(str(action)) for action in known["action"]],
            "effect": [_points(*row) for row in known[["effect", "low", "high"]].itertuples(index=False)],
            "rows": known["n"],
            "cases": known["n_cases"],
            "taken": known["n_taken"],
            "minutes": ["–" if np.isnan(minutes) else f"{minutes:.0f}" for minutes in known["cost_minutes"]],
            "known": ["yes" if not reason else _why(str(reason)) for reason in known["reason"]],
        }
    )
    return title, (
        f"Effect of an action, taken now instead of going on as usual, on P(won within {model.horizon_days} days): "
        "percentage points with their 95 % interval, on average over comparable cases. Learned from what reps did and "
        "did not do, allowing for causes that no field shows; a step is suggested only for a case whose comparable "
        "cases it raises beyond doubt.\n\n" + markdown_table(shown)
    )


def _points(effect: float, low: float, high: float) -> str:
    return "–" if np.isnan(effect) else f"{100 * effect:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def _why(reason: str) -> str:
    """The sentence of a reason without its beginning, which says that the step is unknown."""
    return "no: " + render_next_step({"action": "unknown", "reason": reason}).partition(": ")[2]
