"""The command line ``forecast …``: reads arguments, calls one function, shows the result.

Exit code 0 when done, 1 when a check found something, 2 for a wrong input (one line on stderr).
"""

from __future__ import annotations

import os
import sys

import typer

from forecast.cli import (
    access,
    customers,
    data,
    demand,
    funnel,
    models,
    moved,
    performance,
    plans,
    records,
    reports,
    scores,
    setup,
    targets,
    worker,
)
from forecast.errors import ForecastError
from forecast.terminal import Terminal

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sales forecasting beside a CRM: scores that come true, numbers that can be replayed, targets that add up.",
)
for part in (
    setup,
    access,
    data,
    models,
    scores,
    customers,
    demand,
    plans,
    targets,
    records,
    reports,
    performance,
    funnel,
    moved,
    worker,
):
    app.add_typer(part.app)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: one line and exit code 2 for every error that is the user's to mend.

    Parameters
    ----------
    arguments : list of str, optional
        Default those of the process.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app(arguments)
    except ForecastError as error:
        Terminal().err.print(" ".join(str(error).split()), markup=False)
        sys.exit(2)
