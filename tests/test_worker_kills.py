"""A worker that is killed while events flow, and one that is told to stop."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from forecast.cli.worker import worker_beside
from forecast.usecases.events import Event
from forecast.workspace import Workspace

pytestmark = pytest.mark.slow


def test_kills_lose_no_event_and_show_no_score_twice(
    tmp_path: Path, benchmark_script: Callable[[str], ModuleType]
) -> None:
    found = benchmark_script("events_kills").run(tmp_path, kills=5)

    wrong = ("lost", "stored twice", "dead", "waiting", "scored twice for a batch", "shown twice")
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert found["shown, not in the history"] == 0
    assert found["events"] > 20
    assert found["scores shown"] > 5
    assert found["batches"] > 5  # each life brought one in at least


def test_a_worker_told_to_stop_finishes_its_turn_and_lets_the_next_one_begin(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "workspace")
    workspace.accept_events([Event("e1", "leads", {"lead_id": "L1", "created_at": "2026-01-01"}, datetime.now(UTC))])

    with worker_beside(workspace.path):
        _until(lambda: workspace.lake.head() == 1)
    assert not multiprocessing.active_children()

    assert workspace.event_backlog().deliveries == 0
    with workspace.event_queue.consuming(threading.Event()) as consumer:
        assert consumer is not None
    assert workspace.store.latest_scores("lead")["entity_id"].tolist() == ["L1"]


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "workspace")

    with worker_beside(workspace.path):
        _until(lambda: "worker" in workspace.store.heartbeats())
        (first,) = multiprocessing.active_children()
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        workspace.accept_events([Event("e1", "accounts", {"account_id": "A1"}, datetime.now(UTC))])
        _until(lambda: workspace.lake.head() == 1)


def _until(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
