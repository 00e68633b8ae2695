"""Scores and what they mean: score, explain, definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Lang, open_workspace
from forecast.terminal import Terminal, records

app = typer.Typer()


@app.command()
def score(
    as_of: AsOf = None,
    model: Annotated[
        str | None, typer.Option(help="Model version, e.g. conversion_lead/3; default that day's champion.")
    ] = None,
    batch: Batch = None,
    out: Annotated[Path | None, typer.Option(help="Write all scores to .parquet or .csv.")] = None,
    top: Annotated[int, typer.Option(help="Rows to show.", min=0)] = 20,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Score all open leads and opportunities."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("score"):
        scores = opened.score(as_of, model, batch, save=True)
    if out is not None:
        from forecast.adapters.exports import write_frame

        write_frame(scores, out)
        terminal.say(f"{len(scores):,} scores in {out}.")
    terminal.table(_ranked(scores, top))
    terminal.result({"rows": len(scores), "file": out} if out else records(scores))


def _ranked(scores: Any, top: int) -> Any:
    """The rows that a person wants to see first."""
    shown = ["entity", "entity_id", "owner_id", "probability", "low", "high", "predicted_close_date", "grade"]
    return scores.sort_values(["probability", "entity_id"], ascending=[False, True]).head(top)[shown]


@app.command()
def explain(
    entity_id: Annotated[str, typer.Argument(help="Lead or opportunity.")],
    as_of: AsOf = None,
    model: Annotated[str | None, typer.Option(help="Model version; default that day's champion.")] = None,
    batch: Batch = None,
    lang: Lang = "en",
    plot: Annotated[Path | None, typer.Option(help="Draw the way from base rate to probability: a .png file.")] = None,
    raising: Annotated[bool, typer.Option("--raising", help="Also what its owner could do to raise it.")] = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Why a lead or an opportunity has its score; the points add up to it."""
    import pandas as pd

    from forecast.explain import nothing_told
    from forecast.explain.way import way

    opened = open_workspace(workspace)
    answer = opened.explain(entity_id, as_of, model, batch, lang)
    terminal = Terminal(as_json)
    if plot is not None:
        from forecast.adapters.exports import write_figure
        from forecast.usecases.explain import explanation_figure

        write_figure(explanation_figure(answer, lang=lang), plot)
        terminal.say(f"The reasons are drawn in {plot}.")
    terminal.say(
        f"{answer['entity']} {entity_id}: {answer['probability']:.1%}"
        f" (base {answer['base']:.1%}, {answer['model_version']})"
    )
    if nothing := nothing_told(answer["reasons"], base=answer["base"], lang=lang):
        terminal.say(nothing)
    steps = way(answer["reasons"], base=answer["base"], probability=answer["probability"], lang=lang)
    points = pd.Series([step.printed / 100 for step in steps], dtype=float)
    shown = pd.DataFrame({"points": points, "text": [step.text for step in steps]})
    terminal.table(shown, formats={"points": "+.1%"})
    answer["next_step"] = opened.next_step(
        answer["entity"], entity_id, answer["as_of"], answer["model_version"], answer["batch"], lang
    )
    terminal.say(answer["next_step"]["text"])
    if raising:
        answer["raising"] = opened.what_would_raise(entity_id, as_of, model, batch, lang)
        for option in answer["raising"]["options"]:
            terminal.say(option["text"])
        terminal.say(answer["raising"]["note"] if answer["raising"]["options"] else "Nothing that was tried raises it.")
    terminal.result(answer)


@app.command()
def definitions(
    lang: Lang = "en",
    out: Annotated[Path | None, typer.Option(help="Page to write, .html or .md; default Markdown on stdout.")] = None,
    as_json: Json = False,
) -> None:
    """What every published number means: population, horizon, conditioning, unit, direction."""
    from forecast.explain.definitions import PARTS, definition_records, definitions_page

    terminal = Terminal(as_json)
    text = definitions_page(PARTS, lang, out.suffix if out else ".md")
    if out is not None:
        out.write_text(text, encoding="utf-8")
    terminal.say(f"{out}: what the numbers mean." if out else text)
    terminal.result(definition_records(PARTS, lang))
