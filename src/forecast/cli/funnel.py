"""Where deals get stuck: `forecast funnel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Lang, open_workspace
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    import pandas as pd

    from forecast.funnel import Funnel

app = typer.Typer()

_STAGES = (
    "segment", "stage", "n_entered", "n_open", "converted", "converted_low", "converted_high", "still", "median_days",
    "followed_days", "naive_of_entered", "naive_of_ended",
)  # fmt: skip
_WHOLE = (
    "segment", "entry", "n_cases", "n_open", "converted", "converted_low", "converted_high", "still",
    "naive_of_entered", "naive_of_ended",
)  # fmt: skip
_BOTTLENECKS = (
    "stage", "now", "best", "conversion_now", "conversion_best", "extra_wins", "value", "value_low", "value_high",
    "p_gain",
)  # fmt: skip
_DAYS = {"median_days": ",.0f", "followed_days": ",.0f", "extra_wins": ",.1f"}
_MONEY = dict.fromkeys(("value", "value_low", "value_high"), ",.0f")


@app.command()
def funnel(
    period: Annotated[str | None, typer.Option(help="Only what entered in 2026-03, 2026Q1, FY2026, 2026-W07.")] = None,
    by: Annotated[
        str | None, typer.Option(help="owner, team, region, category, channel, or cohort of entry: month, quarter.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only what entered from this DATE on.")] = None,
    until: Annotated[str | None, typer.Option(help="Only what entered before this DATE.")] = None,
    as_of: AsOf = None,
    batch: Batch = None,
    lang: Lang = "en",
    plot: Annotated[Path | None, typer.Option(help="Draw it: a .png file.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Conversion and duration of every stage, the bottleneck in money, changes and their reasons."""
    from forecast.funnel import funnel_texts

    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("funnel"):
        found = opened.funnel(period, as_of, batch, by=by, since=since, until=until)
        texts = funnel_texts(found, lang)
    if plot is not None:
        from forecast.adapters.exports import write_figure
        from forecast.funnel.plots import funnel_plot

        write_figure(funnel_plot(found, lang=lang), plot)
        terminal.say(f"The funnel is drawn in {plot}.")
    _show(terminal, found)
    for line in texts:
        terminal.say(line["text"])
    terminal.result(_document(found, texts))


def _show(terminal: Terminal, found: Funnel) -> None:
    _table(terminal, found.to_frame(), _STAGES, f"Stages as of {found.as_of:%Y-%m-%d}, 80 % intervals")
    _table(terminal, found.whole, _WHOLE, "From entry to a win")
    _table(terminal, found.bottlenecks, _BOTTLENECKS, f"Back to the best quarter, {found.currency} a quarter")


def _table(terminal: Terminal, frame: pd.DataFrame, columns: tuple[str, ...], title: str) -> None:
    shares = dict.fromkeys((name for name in columns if frame[name].dtype.kind == "f"), ".1%")
    terminal.table(frame[list(columns)], title=title, formats=shares | _DAYS | _MONEY)


def _document(found: Funnel, texts: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "as_of": found.as_of,
        "stages": list(found.stages),
        "currency": found.currency,
        "n_cases": found.n_cases,
        "n_unwatched": found.n_unwatched,
        "table": records(found.to_frame()),
        "whole": records(found.whole),
        "bottlenecks": records(found.bottlenecks),
        "changes": records(found.changes),
        "reasons": records(found.reasons),
        "texts": texts,
    }
