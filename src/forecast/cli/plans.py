"""Revenue and targets of a period: outlook, targets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Period, Target, open_workspace
from forecast.cli.records import money, outlook_table
from forecast.terminal import Terminal, records

app = typer.Typer()
targets = typer.Typer(no_args_is_help=True, help="Targets of a period.")
app.add_typer(targets, name="targets")


@app.command()
def outlook(
    period: Period,
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Revenue of a period per company, team and rep: mean, 80 % range and how often it held, beside the baselines."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("outlook"):
        frame = opened.outlook_lines(period, as_of, batch)
    terminal.table(outlook_table(frame), title=f"{period}, {opened.settings.reporting_currency}", formats=money(frame))
    terminal.result(records(frame))


@targets.command()
def propose(
    period: Period,
    target: Target = None,
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Targets of equal difficulty that sum to the company's."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("targets"):
        frame = opened.targets(period, target, as_of, batch).to_frame()
    terminal.table(frame, title=f"{period}, {opened.settings.reporting_currency}", formats=_money_columns(frame))
    terminal.result(records(frame))


@targets.command()
def approve(
    period: Period,
    author: Annotated[str, typer.Option(help="Who approves.")],
    target: Target = None,
    as_of: AsOf = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Approve a proposal as the next version of the period's targets; earlier versions stay."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("targets"):
        version = opened.approve_targets(period, author, target, as_of)
    terminal.say(f"Targets of {period}: version {version} approved by {author}.")
    terminal.result({"period": period, "version": version})


@targets.command()
def show(
    period: Period,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Approved targets of a period, every version."""
    frame = open_workspace(workspace).approved_targets(period)
    terminal = Terminal(as_json)
    terminal.table(frame)
    terminal.result(records(frame))


def _money_columns(frame: Any) -> dict[str, str]:
    """Amounts without decimals; odds and shares in percent."""
    shares = [name for name in frame.columns if name in ("odds", "ambition", "company_odds")]
    return {name: ",.0f" for name in frame.columns if frame[name].dtype.kind == "f"} | dict.fromkeys(shares, ".0%")
