"""The worker, and the events that it could not store."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from forecast.cli.options import HERE, Folder, Json, open_workspace
from forecast.terminal import Terminal, records

app = typer.Typer()
events = typer.Typer(no_args_is_help=True, help="Events that came over the API.")
app.add_typer(events, name="events")

#: Seconds that a worker gets to finish its turn; and the longest pause before one that died is started again.
_FINISH_S, _LONGEST_PAUSE_S = 60.0, 30.0


@app.command()
def worker(workspace: Folder = HERE) -> None:
    """Bring accepted events into the lake and rescore what they touch, until stopped; one per workspace is enough.

    A second one stands by until the first is gone. SIGTERM lets it finish the batch in hand.
    """
    open_workspace(workspace)  # a wrong workspace is said before anything starts
    _work(workspace)


def _work(workspace: Path) -> None:
    """Work until the process is told to stop."""
    from api.logging import configure_logging

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent, stop), daemon=True).start()
    opened = open_workspace(workspace)
    configure_logging(opened.settings.log_format)
    opened.work(stop)


def _end_with(parent: multiprocessing.process.BaseProcess, stop: threading.Event) -> None:
    """A server that is killed must not leave its worker behind: the next one brings its own."""
    parent.join()
    stop.set()


@events.command("dead")
def dead(
    retry: Annotated[bool, typer.Option("--retry", help="Put them into the queue again.")] = False,
    event: Annotated[list[str] | None, typer.Option(help="Only the event of this id; may be repeated.")] = None,
    workspace: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Events that were accepted and could not be stored, with the reason."""
    import pandas as pd

    opened, terminal = open_workspace(workspace), Terminal(as_json)
    if retry:
        count = opened.retry_dead_events(event)
        terminal.say(f"{count:,} events are in the queue again.")
        terminal.result({"retried": count})
        return
    columns = ["event_id", "table_name", "received_at", "failed_at", "reason"]
    found = [one for one in opened.dead_events() if not event or one.event_id in event]
    frame = pd.DataFrame([vars(one) for one in found], columns=columns)
    terminal.table(frame)
    terminal.result(records(frame))


@events.command("status")
def status(workspace: Folder = HERE, as_json: Json = False) -> None:
    """How much waits in the queue, since when, and how many events could not be stored."""
    opened, terminal = open_workspace(workspace), Terminal(as_json)
    backlog, n_dead = opened.event_backlog(), opened.store.count_dead_events()
    since = f", the oldest since {backlog.oldest_at:%Y-%m-%d %H:%M:%SZ}" if backlog.oldest_at else ""
    terminal.say(f"{backlog.deliveries:,} deliveries wait{since}; {n_dead:,} events could not be stored.")
    terminal.result({"waiting": backlog.deliveries, "oldest_at": backlog.oldest_at, "dead": n_dead})


@contextmanager
def worker_beside(workspace: Path) -> Iterator[None]:
    """A worker in a process of its own while the block runs; one that dies is started again."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep_working, args=(workspace, stop), name="worker keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join(_FINISH_S + 5)


def _keep_working(workspace: Path, stop: threading.Event) -> None:
    context, pause = multiprocessing.get_context("spawn"), 1.0
    while not stop.is_set():
        process = context.Process(target=_work, args=(workspace.resolve(),), name="forecast worker")
        process.start()
        while process.is_alive() and not stop.wait(0.2):
            pass
        if process.is_alive():
            _finish(process)
        elif not stop.wait(pause):
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def _finish(process: multiprocessing.process.BaseProcess) -> None:
    """Let a worker finish its turn."""
    process.terminate()
    process.join(_FINISH_S)
    if process.is_alive():
        process.kill()
        process.join()
