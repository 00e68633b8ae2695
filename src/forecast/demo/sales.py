"""A sales organisation: outlook, what moved, targets, performance, funnel, and the record of the forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.demo.show import ingest, show_training, whole
from forecast.terminal import Terminal, records
from forecast.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

CRM_SINCE, CRM_AS_OF, CRM_KNOWN, CRM_PERIOD = "2017-11-01", "2017-11-15", "2018-01-01", "2017Q4"


def show_sales(folder: Path, terminal: Terminal, progress: Any) -> dict[str, Any]:
    """What a manager asks of a quarter that is half over."""
    terminal.heading(f"A (fictitious) sales organisation: {CRM_PERIOD} as of {CRM_AS_OF}")
    workspace = Workspace.init(
        folder, timezone="America/New_York", reporting_currency="USD", conversion_horizon_days=90
    )
    ingest(workspace, "crm-sales-opportunities", terminal, progress)
    at_engagement = _at_engagement(workspace, terminal, progress)
    terminal.say("\nDeals that are already running:")
    (result,) = workspace.train("conversion", CRM_AS_OF, progress=progress)
    show_training(result, terminal)
    parts = {
        "outlook": _outlook,
        "record": _record,
        "moved": _moved,
        "targets": _targets,
        "performance": _performance,
        "funnel": _funnel,
    }
    shown = {name: records(show(workspace, terminal, progress)) for name, show in parts.items()}
    return {"at_engagement": at_engagement} | shown


def _outlook(workspace: Workspace, terminal: Terminal, progress: Any) -> pd.DataFrame:
    """The quarter by its parts, with its range, what users know beside it, and what then came."""
    progress("outlook")
    lines = workspace.outlook_lines(CRM_PERIOD, CRM_AS_OF)
    teams = lines[lines["level"] != "rep"]
    came = workspace.outlook(CRM_PERIOD, CRM_KNOWN).to_frame(quantiles=())[["level", "id", "booked"]]
    teams = teams.merge(came.rename(columns={"booked": "then_came"}), on=["level", "id"])
    columns = ["level", "id", "booked", "open", "arriving", "mean", "q0.1", "q0.9", "weighted_pipeline", "then_came"]
    terminal.table(
        teams[columns], title="Revenue of the quarter: mean, 80 % range, and what then came", formats=whole(teams)
    )
    return teams


def _record(workspace: Workspace, terminal: Terminal, progress: Any) -> pd.DataFrame:
    """Snapshots of two nights, and the forecast of the company against what came."""
    for night in (CRM_SINCE, CRM_AS_OF):
        workspace.nightly(night, progress=progress)
    against = workspace.forecast_against_actual(CRM_PERIOD)
    company = against[against["level"] == "company"]
    columns = ["as_of", "mean", "q0.1", "q0.9", "weighted_pipeline", "actual", "error"]
    terminal.table(
        company[columns], title="Nightly snapshots of the company, forecast against actual", formats=whole(company)
    )
    return company


def _moved(workspace: Workspace, terminal: Terminal, progress: Any) -> pd.DataFrame:
    """What moved the outlook in two weeks."""
    from forecast.explain.moved import moved_sentence
    from forecast.outlook.moved import STEPS

    progress("what moved")
    lines = workspace.what_moved(CRM_PERIOD, CRM_SINCE, CRM_AS_OF).to_frame()
    teams = lines[lines["level"] != "rep"]
    terminal.say(f"\nSince {CRM_SINCE}: {moved_sentence(records(teams)[0], 'en')}")
    steps = [step for step in STEPS if (teams[step] != 0).any()]
    terminal.table(teams[["level", "id", "before", *steps, "after"]], title="What moved", formats=whole(teams))
    return teams


def _targets(workspace: Workspace, terminal: Terminal, progress: Any) -> pd.DataFrame:
    """Targets of equal difficulty, approved, and where they stand."""
    progress("targets")
    proposal = workspace.targets(CRM_PERIOD, None, CRM_AS_OF)
    frame = proposal.to_frame()
    columns = ["owner_kind", "owner_id", "amount", "odds", "expected"]
    terminal.table(frame[columns], title="Targets of equal difficulty", formats=whole(frame) | {"odds": ".0%"})
    version = workspace.approve_targets(CRM_PERIOD, "demo", proposal=proposal, effective_from="2017-10-01")
    stand = workspace.attainment(CRM_PERIOD, CRM_AS_OF, version=version).table
    stand = stand[stand["owner_kind"] != "user"]
    shares = dict.fromkeys(("odds", "attainment", "usual_share"), ".0%")
    ratios = dict.fromkeys(("pace", "pipeline_coverage", "weighted_coverage"), ".2f")
    columns = [
        "owner_id",
        "target",
        "booked",
        "attainment",
        "usual_share",
        "pace",
        "weighted_coverage",
        "expected",
        "odds",
    ]
    terminal.table(stand[columns], title="Where they stand", formats=whole(stand) | shares | ratios)
    return frame


def _performance(workspace: Workspace, terminal: Terminal, progress: Any) -> pd.DataFrame:
    """Who did better or worse than the own cases promised, where that can be said."""
    from forecast.explain.performance import CAVEAT

    progress("performance")
    frame = workspace.performance(CRM_PERIOD, CRM_AS_OF).to_frame()
    columns = ["id", "won", "expected_wins", "wins_above", "wins_above_low", "wins_above_high", "claim"]
    people = frame.loc[frame["level"] == "user", columns].sort_values("wins_above", ascending=False)
    formats = dict.fromkeys(columns[2:3], ",.1f") | dict.fromkeys(columns[3:6], "+,.1f")
    terminal.table(people, title="Wins above what the own cases promised, 80 % interval", formats=formats)
    terminal.say(CAVEAT.in_language("en"))
    return people


def _funnel(workspace: Workspace, terminal: Terminal, progress: Any) -> pd.DataFrame:
    """Where deals get stuck, in words, and by how much the naive ratio is off."""
    from forecast.funnel import funnel_texts

    progress("funnel")
    found = workspace.funnel(as_of=CRM_AS_OF)
    terminal.say("")
    for line in funnel_texts(found, "en"):
        terminal.say(line["text"])
    return found.to_frame()


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
