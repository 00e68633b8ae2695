"""Options that many commands share, and the workspace that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from forecast.workspace import Workspace

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="Workspace folder.", envvar="FORECAST_WORKSPACE")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="DATE or moment; default now. What was known before it.")]
Batch = Annotated[int | None, typer.Option("--batch", help="Ignore commits after this one.")]
Period = Annotated[str, typer.Option(help="2026-03, 2026Q1, FY2026 or 2026-W07.")]
Target = Annotated[float | None, typer.Option(help="Company target; default the company's even odds.")]
Lang = Annotated[str, typer.Option(help="en or zh.")]
HERE = Path()


def open_workspace(folder: Path) -> Workspace:
    """The workspace in a folder."""
    from forecast.workspace import Workspace

    return Workspace(folder)
