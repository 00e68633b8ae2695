"""The right to write: at most one writer of a lake at a time, on any number of processes."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from forecast.errors import DataUnavailable
from forecast.ports import Clock


@contextmanager
def lease(file: Path, clock: Clock, *, wait_s: float, task: str) -> Iterator[None]:
    """Hold the lock of ``file`` while the block runs.

    The lock is the operating system's, so it ends with its process, however that ends: a killed writer blocks nobody.
    Who waits does so in a queue of its own, so that a holder that comes back at once cannot overtake. Who holds it is
    noted beside it, for the message that others get.

    Parameters
    ----------
    file : path
        Lock file; its folder is made when absent.
    clock : Clock
    wait_s : float
        Seconds to wait for another holder.
    task : str
        What the holder does, as others read it: "writing".

    Raises
    ------
    DataUnavailable
        If another holder does not release it within ``wait_s``; the message names the holder.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    holder = file.with_name(file.name + ".holder")
    queue, lock = (FileLock(path, is_singleton=False) for path in (file.with_name(file.name + ".queue"), file))
    deadline = time.monotonic() + wait_s
    try:
        with queue.acquire(timeout=wait_s):
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    except Timeout:
        raise DataUnavailable(
            f"{file.parent} is being written by {_read_holder(holder)}; it did not finish within {wait_s:g} s. "
            "Try again when it has."
        ) from None
    try:
        note = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "task": task,
            "since": f"{clock.now():%Y-%m-%d %H:%M:%SZ}",
        }
        holder.write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        lock.release()


def _read_holder(file: Path) -> str:
    """The holder in words; it may be just writing its note."""
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']} ({note['task']} since {note['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
