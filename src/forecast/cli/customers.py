"""What accounts will do: customers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
        _explain(opened.explain_customer(why, as_of, model, batch, lang), lang, terminal)
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


def _explain(answer: dict[str, Any], lang: str, terminal: Terminal) -> None:
    """The base and each told reason with its points, and what the others add up to."""
    import pandas as pd

    from forecast.explain import label, nothing_told, told_reasons

    terminal.say(
        f"{answer['account_id']}: {answer['p_buys']:.1%} to order within {answer['horizon_days']} days; "
        f"an ordinary account {answer['base']:.1%}."
    )
    if nothing := nothing_told(answer["reasons"], base=answer["base"], lang=lang):
        terminal.say(nothing)
    told = told_reasons(answer["reasons"], base=answer["base"])
    rows = [{"points": reason["points"], "reason": reason["text"]} for reason in told]
    rest = answer["p_buys"] - answer["base"] - sum(reason["points"] for reason in told)
    rows.append({"points": rest, "reason": label("rest", lang)})
    terminal.table(pd.DataFrame(rows), formats={"points": "+.1%"})
    terminal.result(answer)
