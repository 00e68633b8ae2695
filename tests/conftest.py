"""Fixtures that several rooms share."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(os.environ.get("FORECAST_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets that tests may read; users do not have it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the shared data folder, none at {SHARED_DATA}; set FORECAST_SHARED_DATA")
    return SHARED_DATA
