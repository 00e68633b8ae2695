"""Targets of a period: propose, drag, approve, show, pace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Period, Target, open_workspace
from forecast.errors import InvalidInput
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    from forecast.targets.constraints import Constraint
    from forecast.usecases.targets import TargetProposal
    from forecast.workspace import Workspace

app = typer.Typer()
targets = typer.Typer(no_args_is_help=True, help="Targets of a period.")
app.add_typer(targets, name="targets")

_OWNER = "OWNER=NUMBER, where OWNER is a person, a team or *; can be repeated."
Fixed = Annotated[list[str] | None, typer.Option("--fix", help=f"Target held at an amount. {_OWNER}")]
Floor = Annotated[list[str] | None, typer.Option(help=f"Least target. {_OWNER}")]
Ceiling = Annotated[list[str] | None, typer.Option(help=f"Greatest target. {_OWNER}")]
MinChange = Annotated[list[str] | None, typer.Option(help=f"Least change of the last target, -0.1 for -10 %. {_OWNER}")]
MaxChange = Annotated[list[str] | None, typer.Option(help=f"Greatest change of the last target. {_OWNER}")]
Ramp = Annotated[list[str] | None, typer.Option(help=f"Part of a full target, 0 to 1. {_OWNER}")]
File = Annotated[
    Path | None, typer.Option("--constraints", help="YAML or CSV: owner_id and fixed, floor, ceiling, min_change, ….")
]
RampMonths = Annotated[float | None, typer.Option(help="Months after which a newcomer carries a full target.")]
Measure = Annotated[str, typer.Option(help="revenue, margin, wins, units or activities.")]
Skill = Annotated[bool, typer.Option("--skill", help="Rest on the person, not only on the territory.")]
Adjust = Annotated[bool, typer.Option("--adjust", help="During the period: keep the company's target, share it anew.")]
Mix = Annotated[list[str] | None, typer.Option(help="PART=SHARE or amount of a category; can be repeated.")]
Currency = Annotated[str | None, typer.Option(help="Also seen in this currency, at the last known rate.")]


@targets.command()
def propose(
    period: Period,
    target: Target = None,
    fix: Fixed = None,
    floor: Floor = None,
    ceiling: Ceiling = None,
    min_change: MinChange = None,
    max_change: MaxChange = None,
    ramp: Ramp = None,
    constraints: File = None,
    ramp_months: RampMonths = None,
    measure: Measure = "revenue",
    skill: Skill = False,
    adjust: Adjust = False,
    currency: Currency = None,
    mix: Mix = None,
    levels: Annotated[bool, typer.Option("--levels", help="Target, stretch and challenge at stated odds.")] = False,
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Targets of equal difficulty that sum to the company's, within constraints."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("targets"):
        proposal = opened.targets(
            period,
            target,
            as_of,
            batch,
            constraints=_constraints(
                constraints, fixed=fix, floor=floor, ceiling=ceiling, min_change=min_change, max_change=max_change,
                ramp=ramp,
            ),
            measure=measure,
            skill=skill,
            ramp_months=ramp_months,
            adjust=adjust,
        )  # fmt: skip
        frame = proposal.levels_frame() if levels else _seen(opened, proposal, currency, as_of, batch)
        if mix:
            frame = _with_mix(frame, proposal, mix)
    terminal.table(frame, title=_title(proposal), formats=_formats(frame))
    _say_without_last(terminal, proposal)
    terminal.result(records(frame))


@targets.command()
def drag(
    period: Period,
    owner: Annotated[str, typer.Option(help="Whose target.")],
    amount: Annotated[float, typer.Option(help="To which amount.")],
    target: Target = None,
    constraints: File = None,
    ramp_months: RampMonths = None,
    measure: Measure = "revenue",
    skill: Skill = False,
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Put one target to an amount: how everybody else's target and odds change."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("targets"):
        proposal = opened.targets(
            period, target, as_of, batch, constraints=_constraints(constraints), measure=measure, skill=skill,
            ramp_months=ramp_months,
        )  # fmt: skip
        frame = proposal.drag_frame(owner, amount)
    terminal.table(frame, title=f"{_title(proposal)}, {owner} at {amount:,.2f}", formats=_formats(frame))
    terminal.result(records(frame))


@targets.command()
def approve(
    period: Period,
    author: Annotated[str, typer.Option(help="Who approves.")],
    target: Target = None,
    fix: Fixed = None,
    constraints: File = None,
    ramp_months: RampMonths = None,
    measure: Measure = "revenue",
    skill: Skill = False,
    adjust: Adjust = False,
    mix: Mix = None,
    effective_from: Annotated[str | None, typer.Option(help="DATE from which they hold; default now.")] = None,
    as_of: AsOf = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Approve a proposal as the next version of the period's targets; earlier versions stay."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("targets"):
        proposal = opened.targets(
            period, target, as_of, constraints=_constraints(constraints, fixed=fix), measure=measure, skill=skill,
            ramp_months=ramp_months, adjust=adjust,
        )  # fmt: skip
        version = opened.approve_targets(
            period, author, proposal=proposal, effective_from=effective_from, mix=dict(_pairs(mix or [], "mix"))
        )
    terminal.say(f"Targets of {period}: version {version} approved by {author} ({proposal.basis}).")
    _say_without_last(terminal, proposal)
    terminal.result({"period": period, "version": version, "basis": proposal.basis})


@targets.command()
def show(period: Period, workspace: Folder = HERE, as_json: Json = False) -> None:
    """Approved targets of a period, every version."""
    frame = open_workspace(workspace).approved_targets(period)
    terminal = Terminal(as_json)
    terminal.table(frame)
    terminal.result(records(frame))


@targets.command()
def pace(
    period: Period,
    version: Annotated[int | None, typer.Option(help="Of the approval; default the one in force.")] = None,
    measure: Measure = "revenue",
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Where targets stand: attainment, pace against the usual course, pipeline coverage, odds."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    with terminal.progress("targets"):
        found = opened.attainment(period, as_of, batch, measure=measure, version=version)
    origin = "targets of the CRM" if found.version is None else f"version {found.version}"
    terminal.table(found.table, title=f"{period}, {origin}", formats=_formats(found.table))
    terminal.say(f"Usual course: from {found.n_past_periods} past periods, shrunk to an even one.")
    terminal.result({"version": found.version, "n_past_periods": found.n_past_periods, "lines": records(found.table)})


def _constraints(file: Path | None, **stated: list[str] | None) -> list[Constraint]:
    """Constraints of a file and of options."""
    from forecast.adapters.constraint_files import load_constraints
    from forecast.targets.constraints import read_constraints

    found = [] if file is None else load_constraints(file)
    for kind, options in stated.items():
        found += read_constraints([{"owner_id": owner, kind: amount} for owner, amount in _pairs(options or [], kind)])
    return found


def _pairs(options: list[str], name: str) -> list[tuple[str, float]]:
    pairs = []
    for option in options:
        owner, _, value = option.rpartition("=")
        try:
            pairs.append((owner, float(value)))
        except ValueError:
            owner = ""
        if not owner:
            raise InvalidInput(f"`{name}` must look like U3=120000, got {option!r}.")
    return pairs


def _seen(
    opened: Workspace, proposal: TargetProposal, currency: str | None, as_of: str | None, batch: int | None
) -> Any:
    return proposal.to_frame(currency, opened.target_rate(currency, as_of, batch) if currency else 1.0)


def _with_mix(frame: Any, proposal: TargetProposal, mix: list[str]) -> Any:
    import pandas as pd

    return pd.concat([frame, proposal.mix_frame(dict(_pairs(mix, "mix")))], ignore_index=True)


def _title(proposal: TargetProposal) -> str:
    return (
        f"{proposal.outlook.period.label}, {proposal.basis}; ambition {proposal.ambition:.0%}, "
        f"company's own odds {proposal.company_odds:.0%}"
    )


def _say_without_last(terminal: Terminal, proposal: TargetProposal) -> None:
    if proposal.without_last:
        names = ", ".join(proposal.without_last[:5]) + (" …" if len(proposal.without_last) > 5 else "")
        terminal.say(f"No last target, so no limit on its change: {names}.")


def _formats(frame: Any) -> dict[str, str]:
    """Amounts without decimals, odds and shares in percent, ratios with two decimals."""
    shares = ("odds", "odds_before", "stated_odds", "attainment", "usual_share")
    ratios = ("pace", "pipeline_coverage", "weighted_coverage")
    numbers = {name: ",.0f" for name in frame.columns if frame[name].dtype.kind == "f"}
    found = numbers | dict.fromkeys(shares, ".0%") | dict.fromkeys(ratios, ".2f")
    return {name: form for name, form in found.items() if name in frame}
