import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.lease import lease
from forecast.errors import DataUnavailable

CLOCK = FixedClock(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))


def test_lease_names_its_holder_to_who_cannot_wait(tmp_path: Path) -> None:
    with (
        lease(tmp_path / "lease", CLOCK, wait_s=1, task="writing"),
        pytest.raises(
            DataUnavailable, match=r"process \d+ on .* \(writing since 2026-03-01 12:30:00Z\).*within 0\.1 s"
        ),
        lease(tmp_path / "lease", CLOCK, wait_s=0.1, task="compacting"),
    ):
        pass


def test_lease_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lease(tmp_path / "lease", CLOCK, wait_s=1, task="writing"):
        raise KeyError

    with lease(tmp_path / "lease", CLOCK, wait_s=0, task="writing"):
        pass


def test_a_holder_that_comes_back_at_once_does_not_overtake_who_waits(tmp_path: Path) -> None:
    done = threading.Event()

    def wait() -> None:
        with lease(tmp_path / "lease", CLOCK, wait_s=20, task="waiting"):
            done.set()

    waiter = threading.Thread(target=wait)
    turns = 0
    while not done.is_set():
        with lease(tmp_path / "lease", CLOCK, wait_s=20, task="writing"):
            if turns == 0:
                waiter.start()
            done.wait(0.2)
        turns += 1
    waiter.join()

    assert turns <= 3
