"""Ranges of a served model follow what came since its training, and only what was known."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.demand import CoherentForecaster
from forecast.settings import Settings
from forecast.usecases.demand import DEMAND, read_panel, served_demand
from forecast.usecases.models import enthrone

N_SERIES, N_DAYS, QUIET = 150, 160, 120
SETTINGS = Settings(demand_frequency="D", demand_horizon=4)
DAYS = pd.date_range("2024-01-01", periods=N_DAYS, freq="D")
TRAINED = datetime(2024, 4, 30, tzinfo=UTC)  # the 120th day is over
LATER = datetime(2024, 6, 5, tzinfo=UTC)  # 36 days later


def demand() -> pd.DataFrame:
    """Sales around 100 whose noise doubles on the day after the training."""
    rng = np.random.default_rng(0)
    deviation = np.where(np.arange(N_DAYS) < QUIET, 10.0, 20.0)
    sold = np.maximum(100 + deviation * rng.normal(size=(N_SERIES, N_DAYS)), 0)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{index:03d}" for index in range(N_SERIES)], N_DAYS),
            "date": np.tile(DAYS, N_SERIES),
            "quantity": sold.ravel(),
            "recorded_at": np.tile(DAYS + pd.Timedelta(hours=22), N_SERIES),
        }
    )


@pytest.fixture(scope="module")
def served(frame_lake: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """A model trained at `TRAINED` on quiet sales, asked at any moment of any history."""
    clock, registry = FixedClock(TRAINED), InMemoryRegistry()
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('ranges') / 'store.db'}", clock=clock)
    store.migrate()
    with frame_lake({"demand": demand()}).connect() as con:
        known = read_panel(con, SETTINGS, TRAINED, SETTINGS.demand_horizon)
    forecaster = CoherentForecaster("D", 4, model="window_mean", season_length=28).fit(known.panel)
    version = registry.register(DEMAND, forecaster.to_files(), {"cutoff": TRAINED, "batch": 1})
    enthrone(registry, store, clock, version, reason="first", author="test")
    return lambda as_of, rows: served_demand(frame_lake({"demand": rows}), registry, store, SETTINGS, as_of)


def test_ranges_hold_again_after_the_noise_doubled(served: Callable[..., Any]) -> None:
    rows = demand()

    early, late = served(TRAINED, rows), served(LATER, rows)

    assert early.width == 1
    assert late.width > 1.3
    forecast = late.forecaster.predict().merge(rows.rename(columns={"date": "ds"}), on=["unique_id", "ds"])
    assert len(forecast) == N_SERIES * 4
    held = forecast["quantity"].between(forecast["q0.1"], forecast["q0.9"]).mean()
    assert 0.77 <= held <= 0.83


def test_what_came_later_changes_no_range_and_asking_again_gives_the_same(served: Callable[..., Any]) -> None:
    rows = demand()
    unseen = rows.assign(quantity=rows["quantity"].where(rows["recorded_at"] < LATER.replace(tzinfo=None), 1e6))

    first, second = (served(LATER, one).forecaster.predict() for one in (rows, unseen))

    pd.testing.assert_frame_equal(first, second)
