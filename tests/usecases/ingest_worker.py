"""Run in a process of its own by the tests of killed and concurrent ingests.

The export of a day follows from its number alone, so anybody can tell what a lake with n days must hold.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.adapters.clock import FixedClock
from forecast.adapters.lake import DeltaLake
from forecast.mapping import parse_mapping
from forecast.usecases.ingest import IngestResult
from forecast.usecases.ingest import ingest as bring_in

DAYS = 6
LEADS, OPPORTUNITIES, INTERACTIONS = 3, 4, 5
TABLES = (("leads", LEADS), ("opportunities", OPPORTUNITIES), ("interactions", INTERACTIONS))
KEYS = {"leads": "lead_id", "opportunities": "opportunity_id", "interactions": "interaction_id"}
CLOCK = FixedClock(datetime(2026, 6, 1, tzinfo=UTC))
MAPPING = parse_mapping(
    {
        "source": "crm",
        "quarantine": 1,
        "inputs": {table: {"file": f"{table}.csv"} for table, _ in TABLES},
        "tables": {table: f"select * from {table}" for table, _ in TABLES},
    },
    "crm.yaml",
)


def export(day: int) -> dict[str, pa.Table]:
    """Rows of a day, one of them wrong."""
    moment = f"2026-01-{day:02d}"

    def ids(count: int) -> list[str]:
        return [f"{day}-{place}" for place in range(count)]

    return {
        "leads": pa.table(
            {
                "lead_id": [*ids(LEADS), f"{day}-wrong"],
                "created_at": [*[moment] * LEADS, "?"],
                "recorded_at": [moment] * (LEADS + 1),
            }
        ),
        "opportunities": pa.table(
            {
                "opportunity_id": ids(OPPORTUNITIES),
                "created_at": [moment] * OPPORTUNITIES,
                "recorded_at": [moment] * OPPORTUNITIES,
                "score": ids(OPPORTUNITIES),
            }
        ),
        "interactions": pa.table(
            {"interaction_id": ids(INTERACTIONS), "at": [moment] * INTERACTIONS, "text": ids(INTERACTIONS)}
        ),
    }


def ingest_day(lake: DeltaLake, day: int) -> IngestResult:
    """One ingest, one commit."""
    rows = export(day)

    def register(con: DuckDBPyConnection) -> None:
        for table, content in rows.items():
            con.register(table, content)

    return bring_in(MAPPING, register, lake, CLOCK)


def state(lake: DeltaLake) -> dict[str, list[str]]:
    """Everything that can be seen of a lake, at one moment."""
    with lake.connect() as con:
        return {
            table: [name for (name,) in con.execute(f"SELECT {KEYS[table]} FROM {table}").fetchall()]
            for table, _ in TABLES
        }


def whole_days(seen: dict[str, list[str]]) -> int:
    """How many days are there; fails unless they are there in full, in order, each row once."""
    days, rest = divmod(len(seen["leads"]), LEADS)
    assert rest == 0, seen
    for table, size in TABLES:
        expected = sorted(f"{day}-{n}" for day in range(1, days + 1) for n in range(size))
        assert sorted(seen[table]) == expected, (table, seen)
    return days


def ingest(folder: str, *, step: str = "", occurrence: int = 0, in_day: int = 0) -> None:
    """Ingest all days, from the first; die at a step of one day if one is named."""
    lake = DeltaLake(Path(folder), on_step=_killer(folder, step, occurrence, in_day))
    Path(folder).with_suffix(".started").touch()
    for day in range(1, DAYS + 1):
        ingest_day(lake, day)


def ingest_same(folder: str, until: float) -> None:
    """Ingest the same days as often as time allows."""
    lake = DeltaLake(Path(folder))
    rounds = 0
    while time.time() < until:
        for day in range(1, DAYS + 1):
            counts = ingest_day(lake, day).counts
            for table, size in TABLES:
                assert counts[table]["new"] in ((0, size) if rounds == 0 else (0,)), (day, rounds, counts)
                assert counts[table]["read"] == sum(counts[table].values()) - counts[table]["read"], counts
        rounds += 1


def read(folder: str, until: float) -> None:
    """Read as often as time allows; any inconsistency ends the process with a traceback."""
    lake = DeltaLake(Path(folder))
    last = 0
    while time.time() < until:
        days = whole_days(state(lake))
        assert days >= last, (days, last)
        last = days


def _killer(folder: str, step: str, occurrence: int, in_day: int) -> Callable[[str], None]:
    seen = 0

    def on_step(reached: str) -> None:
        nonlocal seen
        seen += reached == step and DeltaLake(Path(folder)).head() == in_day - (step != "after commit record")
        if step and seen > occurrence:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_step


if "task" in globals():  # set by the process that runs this file
    {"ingest": ingest, "ingest_same": ingest_same, "read": read}[globals()["task"]](**globals()["arguments"])
