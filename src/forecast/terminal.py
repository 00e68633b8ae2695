"""What commands show: tables for people, JSON for machines. Results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd


class Terminal:
    """Prints in the one of two ways that the user asked for.

    Parameters
    ----------
    as_json : bool
        One JSON document on stdout instead of tables.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() else 160  # a pipe or a log has no width of its own
        self.out = Console(highlight=False, soft_wrap=True, width=width)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        """A line for people; silent in JSON."""
        if not self.as_json:
            self.out.print(text, markup=False)

    def heading(self, text: str) -> None:
        """A heading for people; silent in JSON."""
        if not self.as_json:
            self.out.print()
            self.out.print(text, style="bold", markup=False)

    def table(self, frame: pd.DataFrame, *, title: str | None = None, formats: Mapping[str, str] | None = None) -> None:
        """A frame as a table for people; silent in JSON."""
        if self.as_json:
            return
        table = Table(title=title, title_justify="left", header_style="bold")
        for column in frame.columns:
            table.add_column(str(column), justify="right" if frame[column].dtype.kind in "iuf" else "left")
        formats = formats or {}
        for row in frame.itertuples(index=False):
            table.add_row(
                *(_cell(value, formats.get(name, "")) for name, value in zip(frame.columns, row, strict=True))
            )
        self.out.print(table)

    def result(self, document: Any) -> None:
        """The JSON document; silent for people."""
        if self.as_json:
            json.dump(document, sys.stdout, default=_plain, ensure_ascii=False, indent=2)
            sys.stdout.write("\n")

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[str], None]]:
        """Says on stderr what is being done and how long each step took; a spinner where a person watches."""
        started = time.monotonic()
        if self.err.is_terminal:
            with self.err.status(what) as status:
                yield lambda step: status.update(f"{what}: {step} ({time.monotonic() - started:.0f} s)")
        else:

            def log(step: str) -> None:
                self.err.print(f"{time.monotonic() - started:6.1f} s  {what}: {step}", markup=False)

            yield log


def _cell(value: Any, form: str) -> str:
    if value is None or value != value:
        return "–"
    if form:
        return format(value, form)
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return str(value)


def _plain(value: Any) -> Any:
    """What ``json`` does not know: numpy scalars and arrays, moments, decimals, paths."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def records(frame: pd.DataFrame) -> Sequence[dict[str, Any]]:
    """Rows of a frame for JSON: missing as null, moments in ISO form."""
    return [
        {str(name): None if value is None or value != value else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
