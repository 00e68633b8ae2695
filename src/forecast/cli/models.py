"""Training and judging models, and who serves: train, backtest, models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeGuard

import typer

from forecast.cli.options import HERE, AsOf, Folder, Json, open_workspace
from forecast.cli.records import backtest_outlook
from forecast.errors import InvalidInput
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    from forecast.workspace import Task

app = typer.Typer()
models = typer.Typer(no_args_is_help=True, help="Registered models and who serves.")
app.add_typer(models, name="models")


@app.command()
def train(
    task: Annotated[str, typer.Argument(help="conversion, demand, customers or all.")] = "all",
    as_of: AsOf = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Fit, evaluate on later time, log to MLflow, apply the gate."""
    if not _is_task(task):
        raise InvalidInput(f"`task` must be conversion, demand, customers or all, got {task!r}.")
    from forecast.evaluation.series_backtest import DETAILS

    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("train") as progress:
        results = opened.train(task, as_of, progress=progress)
    for result in results:
        terminal.table(
            result.metrics.drop(columns=DETAILS, errors="ignore"),
            title=f"{result.model.label}, out of time, trained to {result.model.cutoff:%Y-%m-%d}",
        )
        terminal.say(f"{'Promoted' if result.decision.promote else 'Not promoted'}: {result.decision.reason}")
    terminal.result(
        [
            {
                "model_version": result.model.label,
                "cutoff": result.model.cutoff,
                "batch": result.model.batch,
                "run_id": result.model.run_id,
                "promoted": result.decision.promote,
                "reason": result.decision.reason,
                "metrics": records(result.metrics),
            }
            for result in results
        ]
    )


def _is_task(text: str) -> TypeGuard[Task]:
    """Whether there is such a training."""
    return text in ("conversion", "demand", "customers", "all")


@app.command()
def backtest(
    task: Annotated[str, typer.Argument(help="conversion, demand or outlook.")],
    folds: Annotated[int, typer.Option(min=1)] = 4,
    kind: Annotated[str, typer.Option(help="Outlook: week, month, quarter or year.")] = "month",
    horizon: Annotated[int | None, typer.Option(min=1, help="Days (conversion) or periods (demand, outlook).")] = None,
    at_first: Annotated[bool, typer.Option("--at-first", help="Ask once for each case, when it begins.")] = False,
    as_of: AsOf = None,
    by: Annotated[str | None, typer.Option(help="Demand: a second table, by step (periods ahead) or class.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write every prediction to .parquet or .csv.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Demand: leaderboard and largest series as a .png file.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Rolling-origin evaluation against baselines."""
    if task == "outlook":
        backtest_outlook(folds, kind, horizon or 1, as_of, out, workspace, as_json)
        return
    if task == "demand":
        if at_first:
            raise InvalidInput("--at-first is for conversion, got 'demand'.")
        _backtest_demand(folds, horizon, by, as_of, out, plot, workspace, as_json)
        return
    if by is not None or plot is not None:
        raise InvalidInput(f"--by and --plot are for demand, got {task!r}.")
    from forecast.evaluation.evaluate import DETAILS

    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress(f"backtest {task}") as progress:
        predictions, table = opened.backtest(
            task, n_folds=folds, horizon=horizon, as_of=as_of, at_first=at_first, progress=progress
        )
    if out is not None:
        from forecast.adapters.exports import write_frame

        write_frame(predictions, out)
    terminal.table(table.drop(columns=DETAILS, errors="ignore"))
    terminal.result(records(table))


def _backtest_demand(
    folds: int,
    horizon: int | None,
    by: str | None,
    as_of: str | None,
    out: Path | None,
    plot: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    from forecast.adapters.exports import write_figure, write_frame
    from forecast.evaluation.series_backtest import DETAILS, leaderboard

    if plot is not None and (plot.suffix != ".png" or not plot.absolute().parent.is_dir()):
        raise InvalidInput(f"--plot must name a .png file in a folder that exists, got {plot}.")
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("backtest demand") as progress:
        found = opened.backtest_demand(n_folds=folds, horizon=horizon, by=by, as_of=as_of, progress=progress)
    if out is not None:
        write_frame(found.predictions, out)
    if plot is not None:
        write_figure(found.plot(), plot)
    board = leaderboard(found.scores).drop(columns=DETAILS, errors="ignore")
    terminal.table(board, title="Best first; RMSSE and WAPE: lower is better")
    if found.by_group is not None:
        terminal.table(found.by_group.drop(columns=DETAILS, errors="ignore"), title=f"By {by}")
        terminal.result({"scores": records(found.scores), f"by_{by}": records(found.by_group)})
    else:
        terminal.result(records(found.scores))


@models.command("list")
def list_models(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Registered models, their metrics and who serves."""
    frame = open_workspace(workspace).models()
    terminal = Terminal(as_json)
    terminal.table(frame)
    terminal.result(records(frame))


@models.command()
def promote(
    model: Annotated[str, typer.Argument(help="Model version, e.g. conversion_lead/3.")],
    author: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make a version the champion by hand; the ledger says who and why."""
    open_workspace(workspace).promote(model, author=author, reason=reason)
    terminal = Terminal(as_json)
    terminal.say(f"{model} is champion.")
    terminal.result({"champion": model})


@models.command()
def rollback(
    name: Annotated[str, typer.Argument(help="Model name, e.g. conversion_lead.")],
    author: Annotated[str, typer.Option(help="Who decides.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Return to the champion before the present one."""
    version = open_workspace(workspace).rollback(name, author=author)
    terminal = Terminal(as_json)
    terminal.say(f"{version} is champion again.")
    terminal.result({"champion": version})


@models.command()
def card(
    model: Annotated[str, typer.Argument(help="Model version, e.g. conversion_lead/3.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """The model card of a version."""
    text, terminal = open_workspace(workspace).card(model), Terminal(as_json)
    terminal.say(text)
    terminal.result({"card": text})
