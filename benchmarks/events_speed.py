"""From an event to its new score in the store, with 100,000 open leads, beside scoring everything.

    python benchmarks/events_speed.py [--leads 100000] [--seconds 60] [--rates 1 20] [--out FILE.json] [--readme FILE]

A simulated company whose open leads are copied until there are so many, with a trained model. A worker runs in a
process of its own; events (calls, and changes of a field of a lead) are put into the queue at a steady rate, each of
another lead, and a probe looks every 50 ms which leads have a score as of a later moment. Reported: p50, p95 and the
longest time from an event to its score, and the processor seconds of the worker for each event. The naive peer, in the
same run, scores everything from a fresh connection and saves it.
"""

import argparse
import dataclasses
import json
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from readme_section import markdown, replace_section

from forecast.adapters.store_tables import score_changes
from forecast.datasets import Company, make_company
from forecast.usecases.events import Event
from forecast.workspace import Workspace

_BASE_LEADS = 3_000
HEADING = "## From an event to its score\n\n`python benchmarks/events_speed.py`"


def make_workspace(folder: Path, n_open: int, **settings: str) -> Workspace:
    """A workspace of a simulated company of the last ten months with so many open leads, trained and scored."""
    start = (datetime.now(UTC) - timedelta(days=330)).date().replace(day=1)
    company = make_company(
        n_opportunities=_BASE_LEADS // 10, n_leads=_BASE_LEADS, n_accounts=_BASE_LEADS // 10, months=10, start=start
    )
    workspace = Workspace.init(folder / "workspace", reporting_currency="EUR", **settings)
    workspace.ingest(company.write(folder / "base"))
    workspace.train("conversion")
    workspace.ingest(_copies(company, n_open).write(folder / "copies"))
    workspace.score(save=True)
    return workspace


def _copies(company: Company, n_open: int) -> Company:
    """The open leads of a company with their calls and accounts, under other ids, until there are so many."""
    leads, calls, accounts = (company.exports[name] for name in ("leads", "interactions", "accounts"))
    last = leads.sort_values("recorded_at").drop_duplicates("lead_id", keep="last")
    open_ids = last.loc[last["closed_at"].isna() & last["converted_at"].isna(), "lead_id"]
    leads, calls = leads[leads["lead_id"].isin(open_ids)], calls[calls["lead_id"].isin(open_ids)]
    accounts = accounts[accounts["account_id"].isin(leads["account_id"])]

    def renamed(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        copies = range(-(-(n_open - len(open_ids)) // len(open_ids)))
        parts = [frame.assign(**{name: frame[name] + f"-{copy}" for name in columns}) for copy in copies]
        return pd.concat(parts, ignore_index=True)

    exports = {
        "accounts": renamed(accounts, ["account_id"]),
        "leads": renamed(leads, ["lead_id", "account_id"]),
        "interactions": renamed(calls, ["interaction_id", "lead_id", "account_id"]),
    }
    return dataclasses.replace(company, exports=exports)


def work(folder: str, usage: Any) -> None:
    """The worker, until its event is set; it says what processor time it took."""
    stop = threading.Event()
    threading.Thread(target=lambda: (usage["stop"].wait(), stop.set()), daemon=True).start()
    Workspace(folder).work(stop)
    used = resource.getrusage(resource.RUSAGE_SELF)
    usage["cpu"].value = used.ru_utime + used.ru_stime


def run_rate(workspace: Workspace, leads: list[str], rate: float, seconds: float, name: str) -> dict[str, float]:
    """Events at a steady rate against a running worker."""
    context = multiprocessing.get_context("spawn")
    usage = {"stop": context.Event(), "cpu": context.Value("d", 0.0)}
    process = context.Process(target=work, args=(str(workspace.path), usage))
    process.start()
    _warm(workspace, leads[-1], name)
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    since, done = workspace.store.last_change(), threading.Event()
    probe = threading.Thread(target=_probe, args=(workspace, since, sent, seen, done))
    probe.start()
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        lead = leads[number]
        sent[lead] = time.monotonic()
        workspace.event_queue.put([_event(f"{name}-{number}", lead, number)])
    deadline = time.monotonic() + 120
    while len(seen) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.1)
    done.set()
    probe.join()
    usage["stop"].set()
    process.join()
    waits = np.array([seen[lead] - sent[lead] for lead in sent if lead in seen])
    found = dict(zip(("p50_s", "p95_s", "longest_s"), np.quantile(waits, [0.5, 0.95, 1.0]).round(2), strict=True))
    told = {name: float(value) for name, value in found.items()}
    cpu = round(usage["cpu"].value / len(sent), 3)
    return {"rate": rate, "events": len(sent), "missing": len(sent) - len(waits), **told, "worker_cpu_s_per_event": cpu}


def _event(event_id: str, lead: str, number: int) -> Event:
    now = datetime.now(UTC)
    call = {"interaction_id": f"I-{event_id}", "at": now.isoformat(), "channel": "phone", "lead_id": lead}
    changed = {"lead_id": lead, "pages_viewed": 1_000 + number}  # what says nothing new touches nothing
    return Event(event_id, "leads", changed, now) if number % 2 else Event(event_id, "interactions", call, now)


def _warm(workspace: Workspace, lead: str, name: str) -> None:
    """Wait until the worker has loaded the history and the model."""
    since = workspace.store.last_change()
    workspace.event_queue.put([_event(f"{name}-warm", lead, 0)])
    while workspace.store.last_change() == since:
        time.sleep(0.2)
    time.sleep(2)


def _probe(
    workspace: Workspace, since: int, sent: dict[str, float], seen: dict[str, float], done: threading.Event
) -> None:
    """Note when a lead's new score is there for the first time."""
    while not done.wait(0.05):
        query = sa.select(score_changes.c.number, score_changes.c.entity_id).where(score_changes.c.number > since)
        with workspace.store.reading() as con:
            rows = con.execute(query).all()
        now = time.monotonic()
        for number, entity_id in rows:
            since = max(since, number)
            if entity_id in sent:
                seen.setdefault(entity_id, now)


def naive(workspace: Workspace) -> dict[str, float]:
    """Scoring everything and saving it, as one would without knowing what an event touched."""
    began, cpu = time.monotonic(), time.process_time()
    scores = workspace.score(save=True)
    return {
        "scores": len(scores),
        "wall_s": round(time.monotonic() - began, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rates", type=float, nargs="+", default=[1, 20])
    parser.add_argument("--workspace", type=Path, help="made by an earlier run; default a new one")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--readme", type=Path, help="put the figures there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        workspace = Workspace(asked.workspace) if asked.workspace else make_workspace(Path(place), asked.leads)
        state = workspace.store.score_state("lead")
        leads = workspace.store.latest_scores("lead")["entity_id"].sample(frac=1, random_state=0).tolist()
        results = []
        for rate in asked.rates:
            name = f"{datetime.now(UTC):%H%M%S}-{rate:g}"
            results.append(run_rate(workspace, leads, rate, asked.seconds, name))
            leads = leads[int(rate * asked.seconds) :]
            print(json.dumps(results[-1]), flush=True)
        found = {
            "open_leads": len(workspace.store.probabilities("lead")),
            "model": state and state.model_version,
            "load_average": os.getloadavg()[0],
            "events": results,
            "naive": naive(workspace),
        }
    print(json.dumps(found, indent=1))
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if asked.readme:
        replace_section(asked.readme, "events", HEADING, told(found))


def told(found: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    names = {"rate": "events a second", "worker_cpu_s_per_event": "worker CPU s an event"}
    table = pd.DataFrame(found["events"]).rename(columns=lambda name: names.get(name, name.replace("_s", " s")))
    naive = found["naive"]
    return (
        f"{found['open_leads']:,} open leads, a trained model; calls and changed fields of leads, each of another, "
        "at a steady rate. The worker takes turns: what waits goes into the lake as one commit, then what it touched "
        f"is scored.\n\n{markdown(table.astype(str))}\n\nScoring and saving everything instead, "
        f"{naive['scores']:,} scores, takes {naive['wall_s']:.0f} s ({naive['cpu_s']:.0f} CPU seconds)."
    )


if __name__ == "__main__":
    main()
