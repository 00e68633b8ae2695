"""Bringing data in: map, ingest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.options import HERE, Folder, Json, open_workspace
from forecast.terminal import Terminal

app = typer.Typer()


@app.command("map")
def map_file(
    file: Annotated[Path, typer.Argument(help="An export: csv, xlsx, jsonl or parquet.")],
    out: Annotated[Path | None, typer.Option(help="Mapping to write; default stdout.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Draft a mapping for an export; read it, then `forecast ingest` it. Time zone and currency are the workspace's."""
    from forecast.adapters.inputs import draft_mapping
    from forecast.settings import SETTINGS_FILE, Settings, load_settings

    settings = load_settings(workspace) if (workspace / SETTINGS_FILE).is_file() else Settings()
    folder = HERE if out is None else out.parent
    text = draft_mapping(file, folder, timezone=settings.timezone, currency=settings.reporting_currency)
    terminal = Terminal(as_json)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        terminal.say(f"{out} is a draft: read it, then try: forecast ingest {out} --check")
    else:
        terminal.say(text)
    terminal.result({"mapping": text, "file": out})


@app.command()
def ingest(
    mapping: Annotated[Path, typer.Argument(help="Mapping file (YAML).")],
    data: Annotated[Path | None, typer.Option(help="Folder of its files; default the mapping's own.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Dry run: change nothing, write a data-quality page.")] = False,
    page: Annotated[Path, typer.Option(help="Where --check writes its page.")] = Path("data-quality.html"),
    retry: Annotated[bool, typer.Option("--retry", help="Try quarantined rows again too.")] = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Bring in an export as one commit: all of its tables or none."""
    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress(f"ingest {mapping.name}"):
        result = opened.ingest(mapping, check=check, data=data, retry_quarantine=retry)
    if check:
        page.write_text(result.page, encoding="utf-8")
        terminal.err.print(f"Nothing was changed. Data quality: {page}", markup=False)
    terminal.table(result.to_frame())
    for warning in result.warnings:
        terminal.err.print(warning, markup=False)
    terminal.result(result.counts)
