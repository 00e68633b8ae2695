"""``forecast demo``: the whole way on bundled real data, one workspace per company.

A bank's telephone campaign (leads), a shop (orders, demand) and a fictitious sales organisation (teams, targets).
Nothing here computes: it calls the workspace as a user would and shows what came.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets import bundled_folder, mapping_path
from forecast.errors import InvalidInput
from forecast.terminal import Terminal
from forecast.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

#: Left in a folder that the demo made, so that it never overwrites anything else.
_MARK = ".forecast-demo"

BANK_TRAINED, BANK_SCORED = "2010-08-01", "2010-08-05"
SHOP_CUTOFF, SHOP_KNOWN = "2011-11-07", "2011-12-09"
CRM_AS_OF, CRM_KNOWN, CRM_PERIOD = "2017-11-15", "2018-01-01", "2017Q4"


def run_demo(folder: Path, terminal: Terminal) -> dict[str, Any]:
    """Make the three workspaces under ``folder`` and show what they say; a demo already there is made anew.

    Raises
    ------
    InvalidInput
        If ``folder`` holds something that is no demo.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise InvalidInput(f"{folder} holds something that is no demo; name another folder: forecast demo FOLDER.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    with terminal.progress("demo") as progress:
        shown = {
            "leads": _bank(folder / "bank", terminal, progress),
            "demand": _shop(folder / "shop", terminal, progress),
            "targets": _crm(folder / "crm", terminal, progress),
        }
    _how_to_go_on(folder, terminal)
    terminal.result(shown)
    return shown


def _bank(folder: Path, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """Leads with scores and reasons."""
    terminal.heading(f"A bank's telephone campaign: who will subscribe, as of {BANK_SCORED}")
    workspace = Workspace.init(folder, timezone="UTC", reporting_currency="EUR", conversion_horizon_days=7)
    _ingest(workspace, "bank-marketing", terminal, progress)
    (result,) = workspace.train("conversion", BANK_TRAINED, progress=progress)
    _training(result, terminal)
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


def _shop(folder: Path, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """A demand forecast beside what was then sold."""
    from forecast.evaluation.series_backtest import DETAILS
    from forecast.usecases.demand_accuracy import forecast_against_actual

    terminal.heading(f"A shop: weekly units per product, forecast as of {SHOP_CUTOFF} against what was then sold")
    workspace = Workspace.init(folder, timezone="Europe/London", reporting_currency="GBP", demand_horizon=4)
    _ingest(workspace, "online-retail", terminal, progress)
    for result in workspace.train("demand", SHOP_CUTOFF, progress=progress):
        _training(result, terminal)
    progress("forecast")
    forecasts = workspace.forecast_demand(SHOP_CUTOFF)
    weeks, table = forecast_against_actual(
        workspace.lake,
        workspace.settings,
        forecasts,
        as_of=workspace.moment(SHOP_CUTOFF),
        now=workspace.moment(SHOP_KNOWN),
    )
    terminal.table(weeks, title="All products together", formats=_whole(weeks))
    table = table.drop(columns=[*DETAILS, "against_best", "against_best_low", "against_best_high"], errors="ignore")
    terminal.table(table, title="Per product, on the held-out weeks (lower is better; bias towards 0)")
    return {"series": int(forecasts["unique_id"].nunique()), "accuracy": table.to_dict("records")}


def _crm(folder: Path, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """Teams with outlook, targets and odds."""
    terminal.heading(f"A (fictitious) sales organisation: {CRM_PERIOD} as of {CRM_AS_OF}")
    workspace = Workspace.init(
        folder, timezone="America/New_York", reporting_currency="USD", conversion_horizon_days=90
    )
    _ingest(workspace, "crm-sales-opportunities", terminal, progress)
    at_engagement = _at_engagement(workspace, terminal, progress)
    terminal.say("\nDeals that are already running:")
    (result,) = workspace.train("conversion", CRM_AS_OF, progress=progress)
    _training(result, terminal)
    progress("outlook")
    outlook = workspace.outlook(CRM_PERIOD, CRM_AS_OF).to_frame()
    teams = outlook[outlook["level"] != "rep"]
    came = workspace.outlook(CRM_PERIOD, CRM_KNOWN).to_frame(quantiles=())[["level", "id", "booked"]]
    teams = teams.merge(came.rename(columns={"booked": "then_came"}), on=["level", "id"])
    teams = teams.drop(columns=["repeat"])  # this company has no orders
    terminal.table(teams, title="Revenue of the quarter: mean, 80 % range, and what then came", formats=_whole(teams))
    progress("targets")
    proposal = workspace.targets(CRM_PERIOD, None, CRM_AS_OF).to_frame()
    terminal.table(proposal, title="Targets of equal difficulty", formats=_whole(proposal) | {"odds": ".0%"})
    return {"at_engagement": at_engagement, "outlook": teams.to_dict("records"), "targets": proposal.to_dict("records")}


def _at_engagement(workspace: Workspace, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """Whether anything known when a deal begins tells won from lost; in this invented company nothing does."""
    from forecast.usecases.backtest import stands_its_ground

    predictions, metrics = workspace.backtest(
        "conversion", n_folds=3, as_of=CRM_AS_OF, at_first=True, progress=progress
    )
    decision = stands_its_ground(predictions)
    terminal.table(
        metrics[["model", "log_loss", "log_loss_low", "log_loss_high", "roc_auc", "n_entities"]],
        title="Won within 90 days, asked once for each deal when it is engaged, on later time",
    )
    verdict = "The model is better" if decision.promote else "The group rate stays champion at engagement"
    terminal.say(f"{verdict}: {decision.reason}")
    return {"group_rate_stays_champion": not decision.promote, "reason": decision.reason}


def _ingest(workspace: Workspace, name: str, terminal: Terminal, progress: Any) -> None:
    progress(f"ingest {name}")
    result = workspace.ingest(mapping_path(name), data=bundled_folder(name))
    terminal.table(result.to_frame())


def _training(result: Any, terminal: Terminal) -> None:
    from forecast.evaluation.series_backtest import DETAILS

    terminal.table(result.metrics.drop(columns=DETAILS, errors="ignore"), title=f"{result.model.label}, on later time")
    terminal.say(f"{'Promoted' if result.decision.promote else 'Not promoted'}: {result.decision.reason}")
    terminal.say(f"MLflow run {result.model.run_id}")


def _whole(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): ",.0f" for name in frame.columns if frame[name].dtype.kind == "f"}


def _how_to_go_on(folder: Path, terminal: Terminal) -> None:
    terminal.heading("Go on")
    terminal.say(f"  API        forecast keys create demo --role admin -w {folder / 'crm'}      shows the key, once")
    terminal.say(f"             forecast serve -w {folder / 'crm'}")
    terminal.say(
        "             curl -H 'Authorization: Bearer KEY' 'http://127.0.0.1:8000/v1/opportunities?as_of=2017-11-15'"
    )
    terminal.say(f"  MLflow     mlflow ui --backend-store-uri sqlite:///{folder / 'bank' / 'models' / 'mlflow.db'}")
    terminal.say(f"  Notebook   notebooks/retrain_conversion.ipynb on {folder / 'bank'}")
