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
HERE = Path()


def open_workspace(folder: Path) -> Workspace:
    """The workspace in a folder."""
    from forecast.workspace import Workspace

    return Workspace(folder)
