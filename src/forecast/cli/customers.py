"""What accounts will do: customers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, open_workspace
from forecast.terminal import Terminal, records

app = typer.Typer()

_FORMATS = {"p_buys": ".0%", "orders": ".1f"} | dict.fromkeys(("spend", "spend_low", "spend_high"), ",.0f")
_SHOWN = ["account_id", "owner_id", "p_buys", "orders", "spend", "spend_low", "spend_high", "next_category", "churned"]


@app.command()
def customers(
    as_of: AsOf = None,
    model: Annotated[
        str | None, typer.Option(help="Model version, e.g. customers/3; default that day's champion.")
    ] = None,
    batch: Batch = None,
    out: Annotated[Path | None, typer.Option(help="Write all accounts to .parquet or .csv.")] = None,
    why: Annotated[str | None, typer.Option(help="Account whose chance is explained instead.")] = None,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    top: Annotated[int, typer.Option(help="Rows to show.", min=0)] = 20,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Who buys again, how often, for how much and what; per account that ever ordered."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    if why is not None:
        _explain(opened.explain_customer(why, as_of, model, batch, lang), terminal)
        return
    with terminal.progress("customers"):
        scores = opened.customers(as_of, model, batch)
    if out is not None:
        from forecast.adapters.exports import write_frame

        write_frame(scores, out)
        terminal.say(f"{len(scores):,} accounts in {out}.")
    largest = scores.sort_values(["spend", "account_id"], ascending=[False, True]).head(top)
    terminal.table(largest[_SHOWN], formats=_FORMATS)
    terminal.result({"rows": len(scores), "file": out} if out else records(scores))


def _explain(answer: dict[str, object], terminal: Terminal) -> None:
    """The base and each reason with its points."""
    import pandas as pd

    terminal.say(
        f"{answer['account_id']}: {answer['p_buys']:.1%} to order within {answer['horizon_days']} days; "
        f"an ordinary account {answer['base']:.1%}."
    )
    reasons = answer["reasons"]
    assert isinstance(reasons, list)
    rows = [{"points": reason["points"], "reason": reason["text"]} for reason in reasons]
    terminal.table(pd.DataFrame(rows, columns=["points", "reason"]), formats={"points": "+.1%"})
    terminal.result(answer)
