"""What a served workspace bears: lists, details and ad-hoc scores, beside MLflow's own model server, and a soak.

    python benchmarks/load.py [--leads 100000] [--seconds 15] [--rounds 1] [--soak-minutes 60] [--out FILE]
        [--readme FILE]

`forecast serve` with two processes on PostgreSQL and `mlflow models serve` with two, on this machine, over loopback.
The lake holds the history of 100,000 open leads of a simulated company (`events_speed.make_workspace`), the store their
scores. `wrk` asks for a fixed time with 1 and with 8
connections, each thing in turn and every round anew, so that what else the machine does falls on all alike. MLflow
answers the probability of a row of features; `/v1/scores` mines the features of a record itself, and gives reasons.

The soak asks at half the rate that was borne, list, detail and score as a page would mix them, and watches the memory
of every process. Needs the development dependencies and `wrk`. Everything ends by itself; nothing leaves 127.0.0.1.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pandas as pd
from events_speed import make_workspace
from lists_speed import store_url
from readme_section import markdown, replace_section

from forecast.workspace import Workspace

HEADING = "## What a served workspace bears\n\n`python benchmarks/load.py`"
BIN = Path(sys.executable).parent
START_S = 180
#: Of 20 requests of a soak, so many are for a list, a detail, a score.
MIX = {"list": 12, "detail": 6, "score": 2}

#: Prints one line of JSON in the end; `wrk` itself has no 95th percentile and counts no answers by status.
LUA = """
wrk.method = "%(method)s"
wrk.headers["Authorization"] = "%(authorization)s"
wrk.headers["Content-Type"] = "application/json"
wrk.body = %(body)s
function done(summary, latency, requests)
  local errors, ms = summary.errors, function(share) return latency:percentile(share) / 1e3 end
  local form = '{"requests": %%d, "seconds": %%.3f, "p50": %%.2f, "p95": %%.2f, "p99": %%.2f, "errors": %%d}\\n'
  local wrong = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(form, summary.requests, summary.duration / 1e6, ms(50), ms(95), ms(99), wrong))
end
"""


@dataclass(frozen=True)
class Target:
    """One thing to ask for."""

    name: str
    url: str
    body: str = ""
    authorization: str = ""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], log: Path, probe: str, **environment: str) -> Iterator[int]:
    """A server that answers its probe; ended with all of its processes. Gives the id of its group."""
    variables = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | environment
    with log.open("wb") as file:
        server = subprocess.Popen(command, stderr=file, stdout=file, env=variables, start_new_session=True)
    try:
        for _ in range(START_S * 2):
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(probe).status_code == 200:
                    break
            assert server.poll() is None, log.read_text()[-2000:]
            time.sleep(0.5)
        else:
            raise AssertionError(f"{command[0]} was not ready within {START_S} s: {log.read_text()[-2000:]}")
        yield server.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def members(group: int) -> dict[int, float]:
    """Resident MiB of each process of a group that serves (shells and trackers are left out)."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            resident = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
            if int(fields[2]) == group and resident > 60:
                found[int(folder.name)] = resident
    return found


def wrk(target: Target, connections: int, seconds: int) -> dict[str, float]:
    """One run of `wrk`."""
    script = LUA % {
        "method": target.method,
        "authorization": target.authorization,
        "body": json.dumps(target.body) if target.body else "nil",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", file.name]
        said = subprocess.run(["wrk", *options, target.url], check=True, capture_output=True, text=True).stdout
    return dict(json.loads(next(line for line in said.splitlines() if line.startswith("{"))))


def features_body(workspace: Workspace) -> str:
    """One row of features as MLflow's server takes it."""
    from mlflow.models.utils import convert_input_example_to_serving_input

    features = workspace.features("lead").head(1)
    features["as_of"] = features["as_of"].dt.tz_localize(None)  # moments in MLflow are UTC without a zone
    return str(convert_input_example_to_serving_input(features))


def our_targets(workspace: Workspace, address: str) -> list[Target]:
    """A rep's and an admin's first screen, a detail, an ad-hoc score."""
    latest = workspace.store.latest_scores("lead").dropna(subset=["owner_id"])
    mine, rep = (str(latest[name].iloc[0]) for name in ("entity_id", "owner_id"))
    keys = {
        "rep": f"Bearer {workspace.store.create_key('rep', 'rep', rep)}",
        "admin": f"Bearer {workspace.store.create_key('admin', 'admin')}",
    }
    lead = workspace.table("leads").iloc[0]
    record = {"status": "new", "channel": str(lead["channel"]), "created_at": lead["created_at"].isoformat()}
    body = json.dumps({"entity": "lead", "record": record})
    return [
        Target("list", f"{address}/v1/leads?limit=50", authorization=keys["rep"]),
        Target("list of all", f"{address}/v1/leads?limit=50&sort=expected_value", authorization=keys["admin"]),
        Target("detail", f"{address}/v1/leads/{mine}/explanation", authorization=keys["rep"]),
        Target("score", f"{address}/v1/scores", body, keys["rep"]),
    ]


@dataclass
class Soak:
    """What a soak saw."""

    seconds: list[float] = field(default_factory=list)  # of each answer, in order
    wrong: int = 0
    memory: list[dict[str, float]] = field(default_factory=list)

    def growth_mib_per_hour(self) -> dict[str, float]:
        """Slope of each process's memory over the second half of the soak."""
        frame = pd.DataFrame(self.memory)
        late = frame[frame["s"] > frame["s"].max() / 2]
        slopes = late.groupby("process").apply(
            lambda one: np.polyfit(one["s"], one["mib"], 1)[0] * 3600 if len(one) > 2 else np.nan, include_groups=False
        )
        return {str(process): round(float(slope), 1) for process, slope in slopes.items()}


async def soak(targets: list[Target], rate: float, minutes: float, group: int) -> Soak:
    """Ask at a steady rate, whatever the answers take, and look at the memory every few seconds."""
    seen, by_name = Soak(), {target.name: target for target in targets}
    turns = [name for name, count in MIX.items() for _ in range(count)]
    order = np.random.default_rng(0).permutation(turns)
    began, total = time.monotonic(), int(rate * minutes * 60)
    open_requests = asyncio.Semaphore(64)  # a service that falls behind is not buried

    async def ask(client: httpx2.AsyncClient, target: Target) -> None:
        async with open_requests:
            started = time.perf_counter()
            try:
                answer = await client.request(
                    target.method,
                    target.url,
                    content=target.body or None,
                    headers={"Authorization": target.authorization, "Content-Type": "application/json"},
                )
                seen.wrong += answer.status_code != 200
            except httpx2.TransportError:
                seen.wrong += 1
            seen.seconds.append(time.perf_counter() - started)

    async def watch() -> None:
        while True:
            now = time.monotonic() - began
            seen.memory.extend({"s": now, "process": pid, "mib": mib} for pid, mib in members(group).items())
            await asyncio.sleep(5)

    async with httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=64)) as client:
        watching = asyncio.create_task(watch())
        async with asyncio.TaskGroup() as tasks:
            for number in range(total):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                tasks.create_task(ask(client, by_name[order[number % len(order)]]))
        watching.cancel()
    return seen


def measure(targets: list[Target], rounds: int, seconds: int) -> pd.DataFrame:
    """Every target in turn, with one and with eight connections, every round anew."""
    rows = []
    for target in targets:
        wrk(target, 2, 3)  # warm, and not counted
    for number in range(rounds):
        for connections in (1, 8):
            for target in targets:
                row = {"round": number, "what": target.name, "connections": connections}
                rows.append(row | wrk(target, connections, seconds))
                print(rows[-1], flush=True)
    frame = pd.DataFrame(rows)
    frame["per_s"] = frame["requests"] / frame["seconds"]
    return frame


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=15, choices=range(1, 121), metavar="1-120")
    parser.add_argument("--rounds", type=int, default=1, choices=range(1, 11), metavar="1-10")
    parser.add_argument("--soak-minutes", type=float, default=60)
    parser.add_argument("--store", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--readme", type=Path, help="put the figures there")
    asked = parser.parse_args()
    assert shutil.which("wrk"), "this needs wrk (Debian: apt-get install wrk)"
    assert 0 <= asked.soak_minutes <= 120, "a soak of at most two hours"

    with store_url(asked.store) as url, tempfile.TemporaryDirectory(prefix="forecast-load-") as scratch:
        folder = Path(scratch)
        workspace = make_workspace(folder, asked.leads, **({} if url is None else {"store_url": url}))
        label = workspace.registry.versions("conversion_lead")[-1].label
        port, mlflow_port = free_port(), free_port()
        address = f"http://127.0.0.1:{port}"
        ours = [str(BIN / "forecast"), "serve", "--port", str(port), "--workers", "2", "--no-worker"]
        theirs = [str(BIN / "mlflow"), "models", "serve", "--model-uri", f"models:/{label}", "--env-manager", "local"]
        theirs += ["--host", "127.0.0.1", "--port", str(mlflow_port), "--workers", "2"]
        limits = {"FORECAST_REQUESTS_PER_MINUTE": "0", "FORECAST_WORKSPACE": str(workspace.path)}
        tracking = {"MLFLOW_TRACKING_URI": workspace.registry.tracking_uri}
        targets = our_targets(workspace, address)
        served = Target("mlflow models serve", f"http://127.0.0.1:{mlflow_port}/invocations", features_body(workspace))
        workspace.store.close()
        with process(ours, folder / "ours.log", f"{address}/health/ready", **limits) as group:
            with process(theirs, folder / "theirs.log", f"http://127.0.0.1:{mlflow_port}/ping", **tracking) as peer:
                found = measure([*targets, served], asked.rounds, asked.seconds)
                memory = {"ours": members(group), "mlflow": members(peer)}
            table = found.groupby(["what", "connections"], sort=False)[["p50", "p95", "p99", "per_s"]].median().round(1)
            table["errors"] = found.groupby(["what", "connections"], sort=False)["errors"].sum()
            print(table.to_string())
            print({name: [round(mib) for mib in each.values()] for name, each in memory.items()})
            result: dict[str, Any] = {"table": json.loads(table.reset_index().to_json(orient="records"))}
            result["seconds"], result["rounds"] = asked.seconds, asked.rounds
            if asked.soak_minutes:
                busy = found[found["connections"] == 8].groupby("what")["per_s"].median()
                costs = sum(count / busy[name] for name, count in MIX.items()) / sum(MIX.values())
                rate = 0.5 / costs
                seen = asyncio.run(soak(targets, rate, asked.soak_minutes, group))
                result["soak"] = {
                    "minutes": asked.soak_minutes,
                    "requests_per_s": round(rate, 1),
                    "requests": len(seen.seconds),
                    "wrong": seen.wrong,
                    "p50_ms": round(1000 * float(pd.Series(seen.seconds).quantile(0.5)), 1),
                    "p95_ms": round(1000 * float(pd.Series(seen.seconds).quantile(0.95)), 1),
                    "memory_mib": _from_to(seen.memory),
                    "growth_mib_per_hour": seen.growth_mib_per_hour(),
                }
                print(json.dumps(result["soak"], indent=1))
        log = (folder / "ours.log").read_text()
        wrong = re.findall(r'"status": 5\d\d', log)
        print(f"{len(wrong)} answers of 5xx in the log")
        if asked.out:
            asked.out.write_text(json.dumps(result, indent=1) + "\n")
        if asked.readme:
            replace_section(asked.readme, "load", HEADING, told(result))


def told(result: dict[str, Any]) -> str:
    """What was found, as Markdown."""
    table = pd.DataFrame(result["table"])
    alone = table[table["connections"] == 1].set_index("what")["p50"]
    ours, theirs = alone["score"], alone["mlflow models serve"]
    shown = table.rename(
        columns={"what": "asked for", "p50": "p50 ms", "p95": "p95 ms", "p99": "p99 ms", "per_s": "per s"}
    )
    text = (
        "`forecast serve` with two processes on PostgreSQL and `mlflow models serve` with two, the same model, one "
        f"machine of two cores, over loopback, one after the other for {result['seconds']} s each. A list is 50 leads "
        "with their reasons; a detail is one explanation. MLflow answers a probability for features that somebody else "
        "has mined; `/v1/scores` mines them from the history for a record, and gives interval, dates and reasons: "
        f"one takes {ours / theirs:.0f} times as long, and loses.\n\n" + markdown(shown.astype(str))
    )
    if "soak" not in result:
        return text
    soak = result["soak"]
    memory = "; ".join(" / ".join(f"{mib:,.0f}" for mib in one) for one in soak["memory_mib"].values())
    growth = ", ".join(f"{slope:+.1f}" for slope in soak["growth_mib_per_hour"].values())
    return text + (
        f"\n\nSoak of {soak['minutes']:g} minutes at {soak['requests_per_s']} requests a second, half of what was "
        f"borne, lists, details and scores {MIX['list']} : {MIX['detail']} : {MIX['score']}: {soak['requests']:,} "
        f"requests, {soak['wrong']:,} without a right answer, p50 {soak['p50_ms']:,.0f} ms, p95 {soak['p95_ms']:,.0f} "
        f"ms. MiB of each process, first / highest / last: {memory}; over the second half {growth} MiB an hour."
    )


def _from_to(memory: list[dict[str, float]]) -> dict[str, list[float]]:
    """First, highest and last resident MiB of each process."""
    frame = pd.DataFrame(memory)
    return {
        str(process): [round(float(value)) for value in (one["mib"].iloc[0], one["mib"].max(), one["mib"].iloc[-1])]
        for process, one in frame.groupby("process")
    }


if __name__ == "__main__":
    main()
