"""Reports: made as files, listed, and sent on schedule."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli.options import HERE, AsOf, Batch, Folder, Json, Lang, open_workspace
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecast.workspace import Workspace

app = typer.Typer()
reports = typer.Typer(no_args_is_help=True, help="Reports that there are, and those on schedule.")
app.add_typer(reports, name="reports")


@app.command()
def report(
    spec: Annotated[str, typer.Argument(metavar="SPEC.yaml|NAME", help="A definition, or a name of `reports list`.")],
    period: Annotated[
        str | None, typer.Option(help="2026-03, 2026Q1, FY2026, 2026-W07, or a rule such as 'last month'.")
    ] = None,
    as_of: AsOf = None,
    batch: Batch = None,
    form: Annotated[
        list[str] | None, typer.Option("--format", help="html, pdf, xlsx or csv; repeat. Default all.")
    ] = None,
    lang: Lang = "en",
    out: Annotated[
        Path | None, typer.Option(help="File to write (its ending says the format), or a folder; default this folder.")
    ] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write a report as files."""
    from forecast.adapters.report_files import FORMATS, check_format, file_name, save

    opened, terminal = open_workspace(workspace), Terminal(as_json)
    written = []
    said = out.suffix[1:] if out is not None and not out.is_dir() else ""
    forms = [check_format(one) for one in form or ([said] if said in FORMATS else FORMATS)]
    if out is not None and len(forms) > 1:
        out.mkdir(parents=True, exist_ok=True)
    with terminal.progress("report") as progress:
        progress("tables")
        made = opened.report(spec, period, as_of, batch)
        for one in forms:
            progress(one)
            content = opened.report_file(made, one, lang)
            named = out is not None and len(forms) == 1 and not out.is_dir()
            file = out if named and out is not None else (out or Path()) / file_name(made, one)
            save(content, file)
            written.append({"format": one, "file": str(file), "bytes": len(content)})
    for line in written:
        terminal.say(f"{line['file']}: {line['bytes']:,} bytes")
    terminal.result(
        {"report": made.name, "period": made.period.label, "as_of": made.as_of, "batch": made.batch, "files": written}
    )


@reports.command("list")
def list_reports(lang: Lang = "en", workspace: Folder = HERE, as_json: Json = False) -> None:
    """Reports that come ready."""
    import pandas as pd

    terminal = Terminal(as_json)
    rows = [
        {
            "name": name,
            "title": spec.title.text.in_language(lang),
            "period": spec.period,
            "sections": len(spec.sections),
            "about": spec.about.text.in_language(lang) if spec.about else "",
        }
        for name, spec in open_workspace(workspace).ready_reports().items()
    ]
    frame = pd.DataFrame(rows)
    terminal.table(frame)
    terminal.result(records(frame))


@reports.command("send")
def send(
    retry: Annotated[bool, typer.Option("--retry", help="Also what was given up or interrupted.")] = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Send by mail what is due on schedule; running it twice sends nothing twice. For cron, every hour.

    Exit code 1 when a mail could not be sent.
    """
    from api.report_viewer import viewers

    opened, terminal = open_workspace(workspace), Terminal(as_json)
    if retry:
        opened.store.retry_deliveries()
    done = opened.send_reports(viewers(opened))
    terminal.table(done)
    terminal.result(records(done))
    if not done["is_sent"].all():
        raise typer.Exit(1)


@reports.command("schedules")
def schedules(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Schedules, and what they sent last."""
    import pandas as pd

    opened, terminal = open_workspace(workspace), Terminal(as_json)
    known = pd.DataFrame([vars(one) for one in opened.store.schedules()])
    sent = pd.DataFrame([vars(one) for one in opened.store.deliveries()])
    terminal.table(known, title="Schedules")
    terminal.table(sent, title="Deliveries, latest first")
    terminal.result({"schedules": records(known), "deliveries": records(sent)})


def mailing(workspace: Workspace) -> Callable[[], str]:
    """What the nightly run does about reports on schedule."""

    def mail() -> str:
        from api.report_viewer import viewers

        done = workspace.send_reports(viewers(workspace))
        failed = int((~done["is_sent"].astype(bool)).sum())
        return f"{len(done) - failed} sent, {failed} failed" if len(done) else "nothing due"

    return mail
