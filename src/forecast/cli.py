"""The command line ``forecast …``: reads arguments, calls one function, shows the result.

Exit code 0 when done, 1 when a check found something, 2 for a wrong input (one line on stderr).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.errors import ForecastError, InvalidInput
from forecast.terminal import Terminal, records

if TYPE_CHECKING:
    from forecast.workspace import Workspace

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sales forecasting beside a CRM: scores that come true, numbers that can be replayed, targets that add up.",
)
db = typer.Typer(no_args_is_help=True, help="The store's schema.")
keys = typer.Typer(no_args_is_help=True, help="API keys.")
models = typer.Typer(no_args_is_help=True, help="Registered models and who serves.")
targets = typer.Typer(no_args_is_help=True, help="Targets of a period.")
app.add_typer(db, name="db")
app.add_typer(keys, name="keys")
app.add_typer(models, name="models")
app.add_typer(targets, name="targets")

Folder = Annotated[Path, typer.Option("--workspace", "-w", help="Workspace folder.", envvar="FORECAST_WORKSPACE")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="DATE or moment; default now. What was known before it.")]
Batch = Annotated[int | None, typer.Option("--batch", help="Ignore commits after this one.")]
HERE = Path()


def _open(folder: Path) -> Workspace:
    from forecast.workspace import Workspace

    return Workspace(folder)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = HERE,
    timezone: Annotated[str, typer.Option(help="IANA time zone of the company.")] = "UTC",
    currency: Annotated[str, typer.Option(help="Reporting currency, ISO 4217.")] = "EUR",
    fiscal_year_start: Annotated[int, typer.Option(help="First month of the fiscal year, 1-12.")] = 1,
    as_json: Json = False,
) -> None:
    """Make a workspace: settings, an empty lake, a store."""
    from forecast.workspace import Workspace

    workspace = Workspace.init(
        folder, timezone=timezone, reporting_currency=currency, fiscal_year_start=fiscal_year_start
    )
    terminal = Terminal(as_json)
    terminal.say(
        f"Workspace ready in {workspace.path.resolve()}. Next: forecast map FILE, then forecast ingest MAPPING.yaml."
    )
    terminal.result({"workspace": workspace.path.resolve()})


@app.command()
def doctor(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Check settings, lake, store and models; exit code 1 when something is wrong."""
    from forecast.usecases.doctor import examine

    opened = _open(workspace)
    findings = examine(opened.settings, opened.lake, opened.store, opened.registry)
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

    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("backup") as progress:
        size = write_backup(opened.path, opened.lake, opened.store, file, progress)
    terminal.say(f"{file}: {size / 2**20:,.1f} MiB.")
    terminal.result({"file": file, "bytes": size})


@db.command()
def migrate(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Bring the store's schema up to date; safe to repeat."""
    _open(workspace).store.migrate()
    terminal = Terminal(as_json)
    terminal.say("The store is up to date.")
    terminal.result({"migrated": True})


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Annotated[str, typer.Option(help="rep, manager, engineer or admin.")],
    user: Annotated[str | None, typer.Option(help="CRM user whose rows the key may see (rep, manager).")] = None,
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1)] = 365,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make an API key; it is shown once and stored only as a hash."""
    from datetime import timedelta

    opened = _open(workspace)
    key = opened.store.create_key(name, role, user_id=user, expires_at=opened.clock.now() + timedelta(days=days))
    terminal = Terminal(as_json)
    terminal.say(key)
    terminal.result({"key": key})


@keys.command("list")
def list_keys(workspace: Folder = HERE, as_json: Json = False) -> None:
    """All keys, without their secret."""
    import pandas as pd

    terminal = Terminal(as_json)
    columns = ["id", "name", "role", "user_id", "prefix", "created_at", "expires_at", "revoked_at"]
    issued = _open(workspace).store.keys()
    frame = pd.DataFrame([vars(key) for key in issued], columns=columns)
    terminal.table(frame)
    terminal.result(records(frame))


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="The key's number in `keys list`.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Revoke a key now."""
    _open(workspace).store.revoke_key(key_id)
    terminal = Terminal(as_json)
    terminal.say(f"Key {key_id} is revoked.")
    terminal.result({"revoked": key_id})


@app.command("map")
def map_file(
    file: Annotated[Path, typer.Argument(help="An export: csv, xlsx, jsonl or parquet.")],
    out: Annotated[Path | None, typer.Option(help="Mapping to write; default stdout.")] = None,
    as_json: Json = False,
) -> None:
    """Draft a mapping for an export; read it, then `forecast ingest` it."""
    from forecast.adapters.inputs import draft_mapping

    text, terminal = draft_mapping(file), Terminal(as_json)
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
    opened = _open(workspace)
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


@app.command()
def train(
    task: Annotated[str, typer.Argument(help="conversion, demand or all.")] = "all",
    as_of: AsOf = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Fit, evaluate on later time, log to MLflow, apply the gate."""
    if task not in ("conversion", "demand", "all"):
        raise InvalidInput(f"`task` must be conversion, demand or all, got {task!r}.")
    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("train") as progress:
        results = opened.train(task, as_of, progress=progress)  # type: ignore[arg-type]  # checked above
    for result in results:
        terminal.table(
            result.metrics, title=f"{result.model.label}, out of time, trained to {result.model.cutoff:%Y-%m-%d}"
        )
        terminal.say(f"{'Promoted' if result.decision.promote else 'Not promoted'}: {result.decision.reason}")
    terminal.result(
        [
            {
                "model_version": result.model.label,
                "cutoff": result.model.cutoff,
                "batch": result.model.batch,
                "run_id": result.model.run_id,
                "promoted": result.decision.promote,
                "reason": result.decision.reason,
                "metrics": records(result.metrics),
            }
            for result in results
        ]
    )


@app.command()
def score(
    as_of: AsOf = None,
    model: Annotated[
        str | None, typer.Option(help="Model version, e.g. conversion_lead/3; default that day's champion.")
    ] = None,
    batch: Batch = None,
    out: Annotated[Path | None, typer.Option(help="Write all scores to .parquet or .csv.")] = None,
    top: Annotated[int, typer.Option(help="Rows to show.", min=0)] = 20,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Score all open leads and opportunities."""
    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("score"):
        scores = opened.score(as_of, model, batch, save=True)
    if out is not None:
        from forecast.adapters.exports import write_frame

        write_frame(scores, out)
        terminal.say(f"{len(scores):,} scores in {out}.")
    terminal.table(_ranked(scores, top))
    terminal.result({"rows": len(scores), "file": out} if out else records(scores))


def _ranked(scores: Any, top: int) -> Any:
    """The rows that a person wants to see first."""
    shown = ["entity", "entity_id", "owner_id", "probability", "low", "high", "predicted_close_date", "grade"]
    return scores.sort_values(["probability", "entity_id"], ascending=[False, True]).head(top)[shown]


@app.command()
def explain(
    entity_id: Annotated[str, typer.Argument(help="Lead or opportunity.")],
    as_of: AsOf = None,
    model: Annotated[str | None, typer.Option(help="Model version; default that day's champion.")] = None,
    batch: Batch = None,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    plot: Annotated[Path | None, typer.Option(help="Draw the way from base rate to probability: a .png file.")] = None,
    raising: Annotated[bool, typer.Option("--raising", help="Also what its owner could do to raise it.")] = False,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Why a lead or an opportunity has its score; the points add up to it."""
    import pandas as pd

    opened = _open(workspace)
    answer = opened.explain(entity_id, as_of, model, batch, lang)
    terminal = Terminal(as_json)
    if plot is not None:
        from forecast.adapters.exports import write_figure
        from forecast.usecases.explain import explanation_figure

        write_figure(explanation_figure(answer, lang=lang), plot)
        terminal.say(f"The reasons are drawn in {plot}.")
    terminal.say(
        f"{answer['entity']} {entity_id}: {answer['probability']:.1%}"
        f" (base {answer['base']:.1%}, {answer['model_version']})"
    )
    terminal.table(pd.DataFrame(answer["reasons"])[["points", "text"]], formats={"points": "+.1%"})
    answer["next_step"] = opened.next_step(
        answer["entity"], entity_id, answer["as_of"], answer["model_version"], answer["batch"], lang
    )
    terminal.say(answer["next_step"]["text"])
    if raising:
        answer["raising"] = opened.what_would_raise(entity_id, as_of, model, batch, lang)
        for option in answer["raising"]["options"]:
            terminal.say(option["text"])
        terminal.say(answer["raising"]["note"] if answer["raising"]["options"] else "Nothing that was tried raises it.")
    terminal.result(answer)


@app.command()
def definitions(
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Page to write, .html or .md; default Markdown on stdout.")] = None,
    as_json: Json = False,
) -> None:
    """What every published number means: population, horizon, conditioning, unit, direction."""
    from forecast.explain.definitions import PARTS, definition_records, definitions_page

    terminal = Terminal(as_json)
    text = definitions_page(PARTS, lang, out.suffix if out else ".md")
    if out is not None:
        out.write_text(text, encoding="utf-8")
    terminal.say(f"{out}: what the numbers mean." if out else text)
    terminal.result(definition_records(PARTS, lang))


@app.command()
def backtest(
    task: Annotated[str, typer.Argument(help="conversion or demand.")],
    folds: Annotated[int, typer.Option(min=1)] = 4,
    horizon: Annotated[int | None, typer.Option(min=1, help="Days (conversion) or periods (demand).")] = None,
    at_first: Annotated[bool, typer.Option("--at-first", help="Ask once for each case, when it begins.")] = False,
    as_of: AsOf = None,
    out: Annotated[Path | None, typer.Option(help="Write every prediction to .parquet or .csv.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Rolling-origin evaluation against baselines."""
    from forecast.evaluation.evaluate import DETAILS

    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress(f"backtest {task}") as progress:
        predictions, table = opened.backtest(
            task, n_folds=folds, horizon=horizon, as_of=as_of, at_first=at_first, progress=progress
        )
    if out is not None:
        from forecast.adapters.exports import write_frame

        write_frame(predictions, out)
    terminal.table(table.drop(columns=DETAILS, errors="ignore"))
    terminal.result(records(table))


@app.command()
def outlook(
    period: Annotated[str, typer.Option(help="2026-03, 2026Q1, FY2026 or 2026-W07.")],
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Revenue of a period per company, team and rep: mean and 80 % range."""
    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("outlook"):
        frame = opened.outlook(period, as_of, batch).to_frame()
    terminal.table(frame, title=f"{period}, {opened.settings.reporting_currency}", formats=_money_columns(frame))
    terminal.result(records(frame))


@targets.command()
def propose(
    period: Annotated[str, typer.Option(help="2026-03, 2026Q1, FY2026 or 2026-W07.")],
    target: Annotated[float | None, typer.Option(help="Company target; default the company's even odds.")] = None,
    as_of: AsOf = None,
    batch: Batch = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Targets of equal difficulty that sum to the company's."""
    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("targets"):
        frame = opened.targets(period, target, as_of, batch).to_frame()
    terminal.table(frame, title=f"{period}, {opened.settings.reporting_currency}", formats=_money_columns(frame))
    terminal.result(records(frame))


@targets.command()
def approve(
    period: Annotated[str, typer.Option(help="2026-03, 2026Q1, FY2026 or 2026-W07.")],
    author: Annotated[str, typer.Option(help="Who approves.")],
    target: Annotated[float | None, typer.Option(help="Company target; default the company's even odds.")] = None,
    as_of: AsOf = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Approve a proposal as the next version of the period's targets; earlier versions stay."""
    opened = _open(workspace)
    terminal = Terminal(as_json)
    with terminal.progress("targets"):
        version = opened.approve_targets(period, author, target, as_of)
    terminal.say(f"Targets of {period}: version {version} approved by {author}.")
    terminal.result({"period": period, "version": version})


@targets.command()
def show(
    period: Annotated[str, typer.Option(help="2026-03, 2026Q1, FY2026 or 2026-W07.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Approved targets of a period, every version."""
    frame = _open(workspace).approved_targets(period)
    terminal = Terminal(as_json)
    terminal.table(frame)
    terminal.result(records(frame))


def _money_columns(frame: Any) -> dict[str, str]:
    """Amounts without decimals; odds and shares in percent."""
    shares = [name for name in frame.columns if name in ("odds", "ambition", "company_odds")]
    return {name: ",.0f" for name in frame.columns if frame[name].dtype.kind == "f"} | dict.fromkeys(shares, ".0%")


@models.command("list")
def list_models(workspace: Folder = HERE, as_json: Json = False) -> None:
    """Registered models, their metrics and who serves."""
    frame = _open(workspace).models()
    terminal = Terminal(as_json)
    terminal.table(frame)
    terminal.result(records(frame))


@models.command()
def promote(
    model: Annotated[str, typer.Argument(help="Model version, e.g. conversion_lead/3.")],
    author: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Make a version the champion by hand; the ledger says who and why."""
    _open(workspace).promote(model, author=author, reason=reason)
    terminal = Terminal(as_json)
    terminal.say(f"{model} is champion.")
    terminal.result({"champion": model})


@models.command()
def rollback(
    name: Annotated[str, typer.Argument(help="Model name, e.g. conversion_lead.")],
    author: Annotated[str, typer.Option(help="Who decides.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Return to the champion before the present one."""
    version = _open(workspace).rollback(name, author=author)
    terminal = Terminal(as_json)
    terminal.say(f"{version} is champion again.")
    terminal.result({"champion": version})


@models.command()
def card(
    model: Annotated[str, typer.Argument(help="Model version, e.g. conversion_lead/3.")],
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """The model card of a version."""
    text, terminal = _open(workspace).card(model), Terminal(as_json)
    terminal.say(text)
    terminal.result({"card": text})


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
    workspace: Folder = HERE,
) -> None:
    """Serve the API."""
    from api.serve import serve as run

    _open(workspace)  # a wrong workspace is said before the server starts
    run(workspace, host=host, port=port, workers=workers)


def main() -> None:
    """Entry point: one line and exit code 2 for every error that is the user's to mend."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app()
    except ForecastError as error:
        Terminal().err.print(" ".join(str(error).split()), markup=False)
        sys.exit(2)
