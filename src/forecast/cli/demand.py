"""Behind a demand forecast: its sums, its parts, other drivers, new items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, open_workspace
from forecast.terminal import Terminal, records

app = typer.Typer()
demand = typer.Typer(
    no_args_is_help=True, help="Sums of a demand forecast, why it is what it is, what if, and new items."
)
app.add_typer(demand, name="demand")

Series = Annotated[str, typer.Argument(help="unique_id of the series.")]
Lang = Annotated[str, typer.Option(help="en or zh.")]


@demand.command()
def explain(
    series: Series,
    as_of: AsOf = None,
    batch: Batch = None,
    lang: Lang = "en",
    plot: Annotated[Path | None, typer.Option(help="Draw the parts period by period: a .png file.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Level, trend, season, calendar and drivers of a forecast; the parts add up to it."""
    import pandas as pd

    terminal = Terminal(as_json)
    answer = open_workspace(workspace).explain_demand(series, as_of, batch, lang)
    if plot is not None:
        from forecast.adapters.exports import write_figure
        from forecast.explain.demand_figures import parts_plot

        write_figure(parts_plot(answer["points"], title=series, lang=lang), plot)
        terminal.say(f"The parts are drawn in {plot}.")
    terminal.say(f"{series} ({answer['model_version']}): {answer['text']}")
    rows = [
        {"ds": point["ds"], "mean": point["mean"]} | {part["text"]: part["points"] for part in point["parts"]}
        for point in answer["points"]
    ]
    table = pd.DataFrame(rows)
    terminal.table(table, formats=dict.fromkeys(table.columns[1:], ",.2f"))
    terminal.result(answer)


@demand.command()
def sums(
    level: Annotated[str, typer.Option(help="Only this level, such as total or category.")] = "",
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """The whole and its categories, regions and so on over the horizon; each the sum of its series."""
    from forecast.usecases.demand_run import sums_of

    terminal = Terminal(as_json)
    run = open_workspace(workspace).run_demand(as_of, batch)
    found = sums_of(run, level)
    terminal.table(found, formats=dict.fromkeys(("mean", "q0.1", "q0.9"), ",.1f"))
    terminal.say(f"Series and sums agree by {run.about.reconciliation} ({run.about.model_version}).")
    if run.about.width != 1:
        terminal.say(f"Ranges are {run.about.width:.2f} times as wide as learned: so the last forecasts did.")
    terminal.result(
        {
            "as_of": run.about.as_of,
            "batch": run.about.batch,
            "model_version": run.about.model_version,
            "reconciliation": run.about.reconciliation,
            "width": run.about.width,
            "items": records(found),
        }
    )


@demand.command("what-if")
def what_if(
    series: Series,
    change: Annotated[
        list[str], typer.Option("--set", help="name=value sets a driver, name=*1.1 multiplies it; may be repeated.")
    ],
    as_of: AsOf = None,
    batch: Batch = None,
    lang: Lang = "en",
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """The forecast under another price or promotion beside the present one."""
    import pandas as pd

    from forecast.usecases.demand_explanation import what_if_demand

    terminal = Terminal(as_json)
    answer = what_if_demand(open_workspace(workspace).served_demand(as_of, batch), series, change, lang=lang)
    terminal.say(f"{series}: {answer['mean']:,.2f} → {answer['mean_if']:,.2f} ({answer['difference']:+,.2f})")
    terminal.table(pd.DataFrame(answer["points"]), formats={"mean": ",.2f", "mean_if": ",.2f", "difference": "+,.2f"})
    for note in answer["notes"]:
        terminal.say(note)
    terminal.result(answer)


@demand.command()
def effects(
    as_of: AsOf = None,
    batch: Batch = None,
    lang: Lang = "en",
    plot: Annotated[Path | None, typer.Option(help="Draw them: a .png file.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """How the mean forecast moves with each driver, all else as it is known."""
    from forecast.explain.demand import WHAT_IF_CAVEAT

    terminal = Terminal(as_json)
    found = open_workspace(workspace).served_demand(as_of, batch).forecaster.driver_effects()
    if found.empty:
        terminal.say("This panel has no drivers that are known ahead.")
    else:
        if plot is not None:
            from forecast.adapters.exports import write_figure
            from forecast.explain.demand_figures import effects_plot

            write_figure(effects_plot(found, lang=lang), plot)
            terminal.say(f"The effects are drawn in {plot}.")
        terminal.table(found, formats={"value": ".3g", "mean": ",.2f", "difference": "+,.2f"})
        terminal.say(WHAT_IF_CAVEAT.in_language(lang))
    terminal.result(records(found))


@demand.command()
def new(
    attribute: Annotated[
        list[str] | None, typer.Option("--is", help="Attribute of the item as name=value; may be repeated.")
    ] = None,
    ahead: Annotated[int | None, typer.Option(help="Periods from launch on; default the horizon.", min=1)] = None,
    as_of: AsOf = None,
    batch: Batch = None,
    lang: Lang = "en",
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """What an item without a history would sell, from series that are like it."""
    import pandas as pd

    from forecast.usecases.demand_explanation import new_item_demand

    terminal = Terminal(as_json)
    served = open_workspace(workspace).served_demand(as_of, batch)
    answer: dict[str, Any] = new_item_demand(served, attribute or [], ahead, lang=lang)
    terminal.say(answer["text"])
    table = pd.DataFrame(answer["points"])
    terminal.table(table, formats=dict.fromkeys(table.columns[1:], ",.2f"))
    terminal.result(answer)
