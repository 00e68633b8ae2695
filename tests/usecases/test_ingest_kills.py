"""Ingests that are killed, and many processes at once: nothing is lost, doubled or half visible."""

import itertools
import multiprocessing
import random
import runpy
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from forecast.adapters.lake import DeltaLake
from forecast.adapters.lake_writer import STEPS

pytestmark = pytest.mark.slow

FILE = str(Path(__file__).parent / "ingest_worker.py")
WORKER = runpy.run_path(FILE)


def start(task: str, **arguments: Any) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["forecast.adapters.lake", "forecast.usecases.ingest"])
    process = context.Process(target=runpy.run_path, args=(FILE, {"task": task, "arguments": arguments}))
    process.start()
    return process


def finish(process: ForkServerProcess) -> int | None:
    process.join(300)
    return process.exitcode


def days_in(folder: Path) -> int:
    """Days that the lake holds, each in full: rows, rejected rows and commits."""
    lake = DeltaLake(folder)
    days: int = WORKER["whole_days"](WORKER["state"](lake))
    assert lake.head() == days
    assert lake.quarantine()["content"].str.contains("wrong").sum() == len(lake.quarantine()) == days
    return days


#: A day and how often the step is passed in it: either of the first two days, and each seam between the tables of one.
MOMENTS = {step: [(2, 0), (2, 1), (2, 2)] if step == "between tables" else [(1, 0), (2, 0)] for step in STEPS}


@pytest.mark.parametrize("step", STEPS)
def test_an_ingest_killed_at_a_step_is_there_in_full_or_not_at_all(tmp_path: Path, step: str) -> None:
    for day, occurrence in MOMENTS[step]:
        folder = tmp_path / f"lake{day}{occurrence}"
        killed = start("ingest", folder=str(folder), step=step, occurrence=occurrence, in_day=day)

        assert finish(killed) == -signal.SIGKILL

        assert days_in(folder) == (day if step == "after commit record" else day - 1)


def test_an_ingest_after_a_kill_brings_in_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    assert finish(start("ingest", folder=str(folder), step="between tables", occurrence=1, in_day=3)) == -signal.SIGKILL

    assert finish(start("ingest", folder=str(folder))) == 0

    assert days_in(folder) == WORKER["DAYS"]


def test_ingests_killed_at_random_moments_leave_whole_days(tmp_path: Path) -> None:
    began = time.monotonic()
    assert finish(start("ingest", folder=str(tmp_path / "first"))) == 0
    all_days_s = time.monotonic() - began

    moments, folder, reached = random.Random(0), tmp_path / "lake0", set()
    kills = itertools.count()
    while (kill := next(kills)) < 10 or len(reached) <= 2:  # all too early or too late would test nothing
        if kill % 5 == 0:  # a new lake now and then, so that first commits are killed too
            folder = tmp_path / f"lake{kill}"
        process = start("ingest", folder=str(folder))
        time.sleep(moments.uniform(0, all_days_s))
        process.kill()
        finish(process)
        reached.add(days_in(folder))

    assert finish(start("ingest", folder=str(folder))) == 0
    assert days_in(folder) == WORKER["DAYS"]


@pytest.mark.parametrize("seconds", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_two_ingests_of_the_same_files_and_three_readers_never_disagree(tmp_path: Path, seconds: float) -> None:
    folder, until = tmp_path / "lake", time.time() + seconds
    crowd = [start("ingest_same", folder=str(folder), until=until) for _ in range(2)]
    crowd += [start("read", folder=str(folder), until=until) for _ in range(3)]

    assert [finish(process) for process in crowd] == [0, 0, 0, 0, 0]
    assert days_in(folder) == WORKER["DAYS"]
