"""How people and teams did: performance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Lang, Period, open_workspace
from forecast.errors import UnknownEntity
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    from forecast.performance import Performance

app = typer.Typer()

_FIGURES = {
    "revenue": ",.0f", "growth": "+.0%", "attainment": ".0%", "won": "d", "decided_win_rate": ".0%",
    "conversion": ".0%", "days_to_win": ".0f", "contacts": "d", "response_hours": ".1f",
}  # fmt: skip
_ABOVE = {
    "expected_wins": ",.1f", "wins_above": "+,.1f", "wins_above_low": "+,.1f", "wins_above_high": "+,.1f",
    "amount_above": "+,.0f", "p_ahead": ".0%", "claim": "",
}  # fmt: skip


@app.command()
def performance(
    period: Period,
    user: Annotated[str | None, typer.Option(help="Person, or team, whose steps and suggestions to show.")] = None,
    as_of: AsOf = None,
    batch: Batch = None,
    lang: Lang = "en",
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Results of people and teams: the classic figures, and what they brought above what their cases promised."""
    from forecast.explain.performance import CAVEAT

    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    caveat = CAVEAT.in_language(lang)
    with terminal.progress("performance"):
        found = opened.performance(period, as_of, batch)
        frame = found.to_frame()
    if user is not None:
        _show_one(found, user, lang, terminal)
    else:
        who = ["level", "id", "name"]
        terminal.table(frame[[*who, *_FIGURES]], title=f"{period}, {found.currency}", formats=_FIGURES)
        terminal.table(
            frame[[*who, "won", *_ABOVE]], title="Above what the own cases promised, 80 % range", formats=_ABOVE
        )
        terminal.result(records(frame))
    terminal.say(caveat)


def _show_one(found: Performance, name: str, lang: str, terminal: Terminal) -> None:
    """One line with its steps and suggestions."""
    from forecast.explain.performance import render_claim, render_suggestion, step_label

    frame = found.to_frame()
    rows = frame[frame["id"] == name]
    if rows.empty:
        raise UnknownEntity(f"Nobody with the id {name!r} did anything in {found.period.label}.")
    line: dict[str, Any] = {str(key): value for key, value in rows.iloc[0].items()}
    everybody = [user for level, user in found.people_of if level == "user"]
    suggestions = found.suggestions(line["level"], name, visible=everybody)
    steps = found.steps[(found.steps["id"] == name) & (found.steps["level"] == line["level"])]
    told = steps.assign(step=[step_label(step, lang) for step in steps["step"]])
    columns = ["step", "n_cases", "successes", "expected", "above", "low", "high", "p_ahead", "p_behind", "claim"]
    formats = dict.fromkeys(("expected",), ",.1f") | dict.fromkeys(("above", "low", "high"), "+,.1f")
    terminal.say(f"{name}: {render_claim(line, lang)}")
    terminal.table(told[columns], formats=formats | dict.fromkeys(("p_ahead", "p_behind"), ".0%"))
    for suggestion in suggestions:
        terminal.say(render_suggestion(suggestion, lang))
    terminal.result(
        {"line": records(rows)[0], "steps": records(steps),
         "suggestions": [one | {"text": render_suggestion(one, lang)} for one in suggestions]}
    )  # fmt: skip
