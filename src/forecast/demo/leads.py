"""A bank's telephone campaign: leads with scores and reasons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.demo.show import ingest, show_training
from forecast.terminal import Terminal
from forecast.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

BANK_TRAINED, BANK_SCORED = "2010-08-01", "2010-08-05"


def show_leads(folder: Path, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """Leads with scores and reasons."""
    terminal.heading(f"A bank's telephone campaign: who will subscribe, as of {BANK_SCORED}")
    workspace = Workspace.init(folder, timezone="UTC", reporting_currency="EUR", conversion_horizon_days=7)
    ingest(workspace, "bank-marketing", terminal, progress)
    (result,) = workspace.train("conversion", BANK_TRAINED, progress=progress)
    show_training(result, terminal)
    progress("score")
    scores = workspace.score(BANK_SCORED, save=True)
    terminal.say(f"{len(scores):,} leads on the call list of the day. The five most likely, and the least likely:")
    ranked = scores.sort_values(["probability", "entity_id"], ascending=[False, True])
    shown = [*ranked["entity_id"].head(5), ranked["entity_id"].iloc[-1]]
    explained = [_explained(workspace, scores, entity_id, terminal) for entity_id in shown]
    known = workspace.table("leads").set_index("lead_id")["converted_at"]
    came = int(known.reindex(scores["entity_id"]).notna().sum())
    terminal.say(f"Expected of the {len(scores)}: {scores['probability'].sum():.1f} subscriptions; then came {came}.")
    return {
        "expected": float(scores["probability"].sum()),
        "came": came,
        "rows": len(scores),
        "model_version": scores["model_version"].iloc[0],
        "shown": explained,
    }


def _explained(workspace: Workspace, scores: pd.DataFrame, entity_id: str, terminal: Terminal) -> dict[str, Any]:
    from forecast.usecases.explain import explain

    answer = explain(scores, entity_id, strongest=5)
    row = scores.set_index("entity_id").loc[entity_id]
    terminal.say(
        f"  {entity_id}  {answer['probability']:6.1%}  (of leads alike {row['low']:.0%}–{row['high']:.0%} at 80 %,"
        f" base {answer['base']:.1%}, grade {row['grade']})"
    )
    for reason in answer["reasons"]:
        terminal.say(f"          {reason['points']:+7.1%}  {reason['text']}")
    terminal.say(f"          {answer['rest']:+7.1%}  other")
    return answer
