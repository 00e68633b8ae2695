"""Writers that are killed, and many processes at once: nothing is lost, doubled or half visible."""

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

WORKER = runpy.run_path(str(Path(__file__).parent / "lake_worker.py"))


def start(task: str, **arguments: Any) -> ForkServerProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["forecast.adapters.lake"])
    given = {"task": task, "arguments": arguments}
    process = context.Process(target=runpy.run_path, args=(str(Path(__file__).parent / "lake_worker.py"), given))
    process.start()
    return process


def finish(process: ForkServerProcess) -> int | None:
    process.join(120)
    return process.exitcode


def assert_whole(folder: Path, *, at_least: int) -> None:
    """Every batch up to the head is there once, and nothing else."""
    lake = DeltaLake(folder)
    head = lake.head()
    assert head >= at_least
    batches = range(1, head + 1)
    with lake.connect() as con:
        for name, key, size in WORKER["TABLES"]:
            stored = con.execute(f"SELECT list({key} ORDER BY batch, row) FROM {name}").fetchall()[0][0] or []
            assert stored == [f"{batch}-{place}" for batch in batches for place in range(size)]
    contacts = lake.table("contacts")
    assert contacts["email"].tolist() == contacts["contact_id"].tolist()
    assert lake.quarantine()["rejected_id"].tolist() == [f"{batch}-0" for batch in batches]
    assert lake.commits()["batch"].tolist() == list(batches)


def confirmed(folder: Path) -> int:
    """The last batch that the killed writer was told is safe."""
    file = folder.with_suffix(".confirmed")
    return int(file.read_text() or 0) if file.exists() else 0


#: A batch and how often the step is passed in it: either of the first two, and the five seams between tables of one.
MOMENTS = {step: [(2, n) for n in range(5)] if step == "between tables" else [(1, 0), (2, 0)] for step in STEPS}


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_a_step_leaves_whole_batches(tmp_path: Path, step: str) -> None:
    for batch, occurrence in MOMENTS[step]:
        folder = tmp_path / f"lake{batch}{occurrence}"
        killed = start("write", folder=str(folder), batches=2, step=step, occurrence=occurrence, in_batch=batch)

        assert finish(killed) == -signal.SIGKILL

        assert_whole(folder, at_least=batch if step == "after commit record" else batch - 1)
        assert DeltaLake(folder).head() == (batch if step == "after commit record" else batch - 1)

        assert finish(start("write", folder=str(folder), batches=3)) == 0
        assert_whole(folder, at_least=3)


def start_writing(folder: Path, **arguments: Any) -> ForkServerProcess:
    """A writer that has got as far as its first batch."""
    started = folder.with_suffix(".started")
    started.unlink(missing_ok=True)
    process = start("write", folder=str(folder), **arguments)
    while process.is_alive() and not started.exists():
        time.sleep(0.001)
    return process


@pytest.mark.parametrize(("kills", "tidy"), [(20, False), (8, True)])
def test_kills_at_random_moments_leave_whole_batches(tmp_path: Path, kills: int, tidy: bool) -> None:
    folder = tmp_path / "lake"
    writer, began = start_writing(folder, batches=2, tidy=tidy), time.monotonic()
    assert finish(writer) == 0
    two_batches_s = time.monotonic() - began

    moments, done = random.Random(0), 0
    while done < kills or DeltaLake(folder).head() <= 5:  # kills that all come too early would test nothing
        writer = start_writing(folder, batches=10_000, tidy=tidy)
        time.sleep(moments.uniform(0, two_batches_s * (1 + done // kills)))
        writer.kill()
        assert finish(writer) == -signal.SIGKILL
        assert_whole(folder, at_least=confirmed(folder))
        done += 1


@pytest.mark.parametrize("seconds", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_two_writers_of_the_same_data_and_three_readers_never_disagree(tmp_path: Path, seconds: float) -> None:
    folder, until = tmp_path / "lake", time.time() + seconds
    crowd = [start("write_same", folder=str(folder), until=until, batches=12) for _ in range(2)]
    crowd += [start("read", folder=str(folder), until=until) for _ in range(3)]

    assert [finish(process) for process in crowd] == [0, 0, 0, 0, 0]
    assert 0 < DeltaLake(folder).head() <= 12
    assert_whole(folder, at_least=1)
