"""Worker killed while events flow: no event lost, none stored twice, none scored twice visibly.

    python benchmarks/events_kills.py [--kills 20] [--readme FILE]

Two producers send events of leads and interactions; the worker is killed (SIGKILL) at random moments and started again.
At the end every event must be in the lake once, the score history must hold each (case, batch) once, and every score
that was shown must be in it.
"""

import argparse
import json
import multiprocessing
import random
import tempfile
import threading
import time
from datetime import UTC, date, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import sqlalchemy as sa
from readme_section import replace_section

from forecast.adapters.store_tables import score_changes
from forecast.datasets import make_company
from forecast.usecases.events import Event
from forecast.workspace import Workspace

_SEND_EVERY_S = 0.05
HEADING = "## A worker killed while events flow\n\n`python benchmarks/events_kills.py`"


def make_workspace(folder: Path, n: int = 60) -> Workspace:
    """A small simulated company of the last year, scored once."""
    start = (datetime.now(UTC) - timedelta(days=330)).date().replace(day=1)
    company = make_company(
        n_opportunities=n, n_leads=n, n_accounts=n, months=10, start=date(start.year, start.month, 1)
    )
    workspace = Workspace.init(folder / "workspace", reporting_currency="EUR")
    workspace.ingest(company.write(folder / "export"))
    workspace.score(save=True)
    return workspace


def work(folder: str) -> None:
    """What the killed process does."""
    Workspace(folder).work(threading.Event())


def work_until_done(folder: str, timeout_s: float) -> None:
    """Work until nothing waits and everything is scored."""
    workspace, stop = Workspace(folder), threading.Event()
    deadline = time.monotonic() + timeout_s

    def watch() -> None:
        while time.monotonic() < deadline and not _is_done(workspace):
            time.sleep(0.2)
        stop.set()

    threading.Thread(target=watch).start()
    workspace.work(stop)


def _is_done(workspace: Workspace) -> bool:
    states = [workspace.store.score_state(kind) for kind in ("lead", "opportunity")]
    head = workspace.lake.head()
    return workspace.event_backlog().deliveries == 0 and all(state and state.batch == head for state in states)


def run(folder: Path, kills: int, *, seed: int = 0) -> dict[str, int]:
    """Kill the worker so many times; counts of what was found."""
    workspace, moments, stop = make_workspace(folder), random.Random(seed), threading.Event()
    leads = workspace.table("leads").query("closed_at.isna()")["lead_id"].tolist()
    first = workspace.store.last_change()
    sent: list[str] = []
    producers = [threading.Thread(target=_send, args=(workspace.path, name, leads, stop, sent)) for name in "ab"]
    for producer in producers:
        producer.start()
    for _ in range(kills):
        head = workspace.lake.head()
        process = _start(work, str(workspace.path))
        while workspace.lake.head() == head:  # a kill that comes before the first commit would test little
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 1.5))
        process.kill()
        process.join()
    stop.set()
    for producer in producers:
        producer.join()
    last = _start(work_until_done, str(workspace.path), 120.0)
    last.join()
    return _found(workspace, sent, first)


def _start(task: object, *arguments: object) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["forecast.usecases.rescore_touched", "forecast.adapters.lake_follower"])
    process = context.Process(target=task, args=arguments)
    process.start()
    return process


def _send(folder: Path, name: str, leads: list[str], stop: threading.Event, sent: list[str]) -> None:
    """Send events until stopped; each interaction is of its own, every third event changes a lead."""
    workspace = Workspace(folder)
    number = 0
    while not stop.wait(_SEND_EVERY_S):
        event_id, lead = f"{name}{number}", leads[number % len(leads)]
        now = datetime.now(UTC)
        call = {"interaction_id": f"I-{event_id}", "at": now.isoformat(), "channel": "phone", "lead_id": lead}
        event = (
            Event(event_id, "leads", {"lead_id": lead, "status": f"called {event_id}"}, now)
            if number % 3 == 0
            else Event(event_id, "interactions", call, now)
        )
        workspace.event_queue.put([event])
        if number % 5 == 0:
            workspace.event_queue.put([event])  # the sender lost the answer and sends again
        sent.append(event_id)
        number += 1


def _found(workspace: Workspace, sent: list[str], first: int) -> dict[str, int]:
    files = workspace.lake.reading(lambda commit, files: files["events"])
    with workspace.lake.connect() as con:
        stored = [row[0] for row in con.execute("SELECT event_id FROM read_parquet(?)", [list(files)]).fetchall()]
        calls = con.execute("SELECT count(*), count(DISTINCT interaction_id) FROM interactions WHERE source = 'events'")
        n_calls, n_different = calls.fetchall()[0]
    history = workspace.lake.scores()
    shown = sa.select(score_changes).where(score_changes.c.number > first, score_changes.c.what == "scored")
    with workspace.store.reading() as con:
        told = [(row.entity, row.entity_id, row.as_of) for row in con.execute(shown)]
    moments = [moment.to_pydatetime() for moment in history["as_of"]]
    given = set(zip(history["entity"], history["entity_id"], moments, strict=True))
    return {
        "events": len(sent),
        "lost": len(set(sent) - set(stored)),
        "stored twice": len(stored) - len(set(stored)) + n_calls - n_different,
        "dead": workspace.store.count_dead_events(),
        "waiting": workspace.event_backlog().deliveries,
        "batches": workspace.lake.head(),
        "scores shown": len(told),
        "scored twice for a batch": int(history.duplicated(["entity", "entity_id", "batch"]).sum()),
        "shown twice": len(told) - len(set(told)),
        "shown, not in the history": len(set(told) - given),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--readme", type=Path, help="put the figures there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = {"kills": asked.kills} | run(Path(place), asked.kills)
    print(json.dumps(found, indent=1))
    if asked.readme:
        text = ", ".join(f"{name} {count:,}" for name, count in found.items())
        replace_section(asked.readme, "events-kills", HEADING, f"{text[0].upper()}{text[1:]}.")
