"""Setting up and looking after a workspace: init, doctor, backup, demo, serve, db."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from forecast.cli.options import HERE, Folder, Json, open_workspace
from forecast.cli.worker import worker_beside
from forecast.terminal import Terminal, records

app = typer.Typer()
db = typer.Typer(no_args_is_help=True, help="The store's schema.")
app.add_typer(db, name="db")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = HERE,
    timezone: Annotated[str, typer.Option(help="IANA time zone of the company.")] = "UTC",
    currency: Annotated[str, typer.Option(help="Reporting currency, ISO 4217.")] = "EUR",
    fiscal_year_start: Annotated[int, typer.Option(help="First month of the fiscal year, 1-12.")] = 1,
    country: Annotated[str, typer.Option(help="Country whose holidays move demand, ISO 3166: CN, DE-BY.")] = "",
    as_json: Json = False,
) -> None:
    """Make a workspace: settings, an empty lake, a store."""
    from forecast.workspace import Workspace

    chosen: dict[str, Any] = {
        "timezone": timezone,
        "reporting_currency": currency,
        "fiscal_year_start": fiscal_year_start,
    }
    workspace = Workspace.init(folder, **chosen | ({"country": country} if country else {}))
    terminal = Terminal(as_json)
    terminal.say(
        f"Workspace ready in {workspace.path.resolve()}. Next: forecast map FILE, then forecast ingest MAPPING.yaml."
    )
    terminal.result({"workspace": workspace.path.resolve()})


@app.command()
def doctor(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Check settings, store, lake, models, disk, worker and nights; exit code 1 when something is wrong."""
    import pandas as pd

    checks = open_workspace(workspace).examine()
    findings = pd.DataFrame({"part": c.name, "ok": c.ok, "finding": c.finding} for c in checks)
    terminal = Terminal(as_json)
    terminal.table(findings)
    terminal.result(records(findings))
    if not bool(findings["ok"].all()):
        raise typer.Exit(1)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Archive to write, .tar.gz; must not exist.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write the whole workspace into one archive, consistent while others work; unpack it anywhere to restore."""
    from forecast.adapters.backup import write_backup

    opened = open_workspace(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("backup") as progress:
        size = write_backup(opened.path, opened.lake, opened.store, file, progress)
    terminal.say(f"{file}: {size / 2**20:,.1f} MiB.")
    terminal.result({"file": file, "bytes": size})


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for one workspace per company.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """The whole way on bundled real data: ingest, train, register, score, outlook, targets."""
    from forecast.demo import run_demo

    run_demo(folder, Terminal(as_json))


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    with_worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Bring in events and rescore beside it, as `forecast worker`.")
    ] = True,
    workspace: Folder = HERE,
) -> None:
    """Serve the API."""
    from api.serve import serve as run

    open_workspace(workspace).store.check()  # a wrong workspace or store is said before anything starts
    with worker_beside(workspace) if with_worker else nullcontext():
        run(workspace, host=host, port=port, workers=workers)


@db.command()
def migrate(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Bring the store's schema up to date; safe to repeat."""
    open_workspace(workspace).store.migrate()
    terminal = Terminal(as_json)
    terminal.say("The store is up to date.")
    terminal.result({"migrated": True})
