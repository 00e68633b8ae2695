"""What a period brings: outlook."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Period, open_workspace
from forecast.cli.records import money, outlook_table
from forecast.terminal import Terminal, records

app = typer.Typer()


@app.command()
def outlook(
    period: Period,
    as_of: AsOf = None,
    batch: Batch = None,
    by: Annotated[str, typer.Option(help="owner (with teams), region or category.")] = "owner",
    measure: Annotated[str, typer.Option(help="revenue, margin, wins, units or activities.")] = "revenue",
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Revenue of a period per company, team and rep: mean, 80 % range and how often it held, beside the baselines."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("outlook"):
        frame = opened.outlook_lines(period, as_of, batch, by=by, measure=measure)
    unit = frame["currency"].iloc[0] or measure
    terminal.table(outlook_table(frame), title=f"{period}, {unit}", formats=money(frame))
    terminal.result(records(frame))
