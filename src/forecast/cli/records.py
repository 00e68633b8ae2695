"""The public record: nightly, override, accuracy, and the backtest of outlooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Period, open_workspace
from forecast.cli.reports import mailing
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer()

#: Columns that people need beside the mean and its range; JSON has all.
_BESIDE = ("level", "id", "name", "booked", "open", "arriving", "repeat", "mean", "q0.1", "q0.9", "weighted_pipeline",
           "category_commit", "category_best", "last_year", "override", "held")  # fmt: skip
_SHORT = {"weighted_pipeline": "pipeline", "category_commit": "commit", "category_best": "best_case"}
_WHOLE = dict.fromkeys(_SHORT.values(), ",.0f")
_AGAINST = ("as_of", "level", "id", "mean", "q0.1", "q0.9", "weighted_pipeline", "category_commit", "category_best",
            "last_year", "override", "actual", "error")  # fmt: skip
_COMPARED = ("level", "ahead", "model", "n_periods", "pinball", "pinball_share", "wape", "bias_share", "width_share",
             "held")  # fmt: skip
_SHARES = ("bias_share", "wape", "model_wape", "pinball_share", "coverage_80", "coverage_low", "coverage_high",
           "width_share")  # fmt: skip


@app.command()
def nightly(
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Save scores and outlooks as known when today began, send reports; twice changes nothing. One line for cron."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("nightly") as progress:
        done = opened.nightly(as_of, batch, progress, mail=mailing(opened))
    terminal.table(done)
    terminal.result(records(done))


@app.command()
def override(
    period: Period,
    amount: Annotated[float, typer.Option(help="Revenue of the whole period, in the reporting currency.")],
    author: Annotated[str, typer.Option(help="Who says so.")],
    reason: Annotated[str, typer.Option(help="Why, for later.")],
    team: Annotated[str | None, typer.Option(help="Of this team; default the company.")] = None,
    rep: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Say what is expected instead of the model; it is shown beside it, and how right it was is counted."""
    from forecast.errors import InvalidInput

    if team is not None and rep is not None:
        raise InvalidInput("An override is of a --team or of a --rep, got both.")
    level, node = ("team", team) if team is not None else ("rep", rep) if rep is not None else ("company", "company")
    number = open_workspace(workspace).override(period, level, str(node), amount, author=author, reason=reason)
    terminal = Terminal(as_json)
    terminal.say(f"Override {number}: {author} expects {amount:,.2f} of {level} {node} in {period}.")
    terminal.result({"number": number, "period": period, "level": level, "id": node, "amount": amount})


@app.command()
def accuracy(
    period: Annotated[str | None, typer.Option(help="Each snapshot of this period against what came.")] = None,
    day: Annotated[str | None, typer.Option(help="With --period: only the last snapshot before this day.")] = None,
    as_of: AsOf = None,
    batch: Batch = None,
    measure: Annotated[str, typer.Option(help="revenue, margin, wins, units or activities.")] = "revenue",
    with_backdated: Annotated[
        bool, typer.Option("--with-backdated", help="Count also snapshots that were made for past days.")
    ] = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """How often stated ranges came true, and how right model, baselines and overrides were; or one past period."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    if period is not None:
        frame = opened.forecast_against_actual(period, day, as_of, batch, measure=measure)
        terminal.table(
            shown(frame, _AGAINST).rename(columns=_SHORT),
            title=f"{period}, forecast against actual",
            formats=money(frame),
        )
        terminal.result(records(frame))
        return
    record = opened.outlook_record(as_of, batch, measure=measure)
    found = opened.outlook_accuracy(as_of, batch, measure=measure, with_backdated=with_backdated)
    terminal.table(with_held(record)[["level", "horizon", "held"]], title="Stated 80 % ranges, by days ahead")
    terminal.table(found, title="Forecast less actual; WAPE beside the model's on the same cases", formats=money(found))
    terminal.result({"record": records(record), "accuracy": records(found)})


def backtest_outlook(
    folds: int, kind: str, ahead: int, as_of: str | None, out: Path | None, workspace: Path, as_json: bool
) -> None:
    """``forecast backtest outlook``."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("backtest outlook") as progress:
        found = opened.backtest_outlook(n_folds=folds, kind=kind, ahead=ahead, as_of=as_of, progress=progress)
    if out is not None:
        from forecast.adapters.exports import write_frame

        write_frame(found.forecasts, out)
    scores = found.scores()
    counted = scores.assign(
        stated=0.8, came_true=scores["inside"], of=scores["n"],
        came_true_low=scores["coverage_low"], came_true_high=scores["coverage_high"],
    )  # fmt: skip
    terminal.table(
        shown(with_held(counted), _COMPARED),
        title="Pinball loss over nine deciles, best first; WAPE and bias of the mean; how often 80 % ranges held",
        formats=money(scores),
    )
    terminal.result(records(scores))


def outlook_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of an outlook as people read them: without columns that say nothing, the record in words."""
    return shown(with_held(lines), _BESIDE).rename(columns=_SHORT)


def with_held(frame: pd.DataFrame) -> pd.DataFrame:
    """With ``held``: "80%: 7 of 10 (35%–93%)", or "80%: no case yet"; missing where no record is kept."""
    columns = frame[["stated", "came_true", "of", "came_true_low", "came_true_high"]].astype(float)
    words = [
        f"{stated:.0%}: {held:.0f} of {cases:.0f} ({low:.0%}–{high:.0%})" if cases > 0 else f"{stated:.0%}: no case yet"
        for stated, held, cases, low, high in columns.to_numpy().tolist()
    ]
    kept = frame["stated"].notna()
    held: list[Any] = [text if is_kept else None for text, is_kept in zip(words, kept, strict=True)]
    return frame.assign(held=held)


def shown(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """These columns, as far as they are there and say anything."""
    return frame[[name for name in columns if name in frame and (len(frame) == 0 or frame[name].notna().any())]]


def money(frame: pd.DataFrame) -> dict[str, str]:
    """Amounts without decimals, shares in percent."""
    amounts = {str(name): ",.0f" for name in frame.columns if frame[name].dtype.kind == "f"}
    return amounts | _WHOLE | {name: ".1%" for name in _SHARES if name in frame}
