"""What moved the outlook between two days: moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Lang, Period, open_workspace
from forecast.errors import UnknownEntity
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer()

Since = Annotated[str, typer.Option(help="DATE or moment from which on to tell what moved.")]
SinceBatch = Annotated[
    int | None, typer.Option(help="Last commit that counts at --since; default the last one that was in by then.")
]


@app.command()
def moved(
    period: Period,
    since: Since,
    as_of: AsOf = None,
    batch: Batch = None,
    since_batch: SinceBatch = None,
    node: Annotated[str, typer.Option("--of", help="Person, team, or company.")] = "company",
    deals: Annotated[int, typer.Option(min=0, help="Opportunities to name for each step.")] = 3,
    lang: Lang = "en",
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """What moved the expected revenue of a period since a day, step by step, exact to the cent."""
    from forecast.explain.moved import moved_sentence, step_title
    from forecast.outlook.moved import STEPS

    terminal = Terminal(as_json)
    step_title(STEPS[0], lang)  # a wrong language is told before the work
    opened = open_workspace(workspace)
    with terminal.progress("what moved"):
        found = opened.what_moved(period, since, as_of, since_batch, batch)
        lines = found.to_frame()
    chosen = lines[lines["id"] == node]
    if chosen.empty:
        raise UnknownEntity(f"Nothing of {node!r} is in {period}; name a person or team, or leave --of out.")
    line = records(chosen)[0]
    named = found.deals(n=deals, of=node)
    shown = _steps(line, named, lang)
    terminal.say(f"{period}, {node}: {moved_sentence(line, lang)}")
    terminal.table(shown, formats={"amount": "+,.2f"})
    terminal.result({"lines": records(lines), "deals": records(named)})


def _steps(line: dict[str, Any], named: pd.DataFrame, lang: str) -> pd.DataFrame:
    """Every step that moved something, with the opportunities that moved most."""
    import pandas as pd

    from forecast.explain.moved import STEPS, event_text, step_title

    texts = [
        f"{name} {amount:+,.2f}" + (f" ({event})" if (event := event_text(what, lang)) else "")
        for name, amount, what in named[["opportunity_id", "amount", "what"]].itertuples(index=False)
    ]
    by_step = pd.Series(texts, dtype=object).groupby(named["step"].to_numpy()).agg(", ".join) if texts else pd.Series()
    used = [step for step in STEPS if line[step] or step in by_step.index]
    return pd.DataFrame(
        {
            "step": [step_title(step, lang) for step in used],
            "amount": [float(line[step]) for step in used],
            "opportunities": [by_step.get(step, "") for step in used],
        }
    )
