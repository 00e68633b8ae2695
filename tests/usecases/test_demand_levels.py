"""Series of orders by product and country: their sums by every level are the total, whatever is unknown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.memory_registry import InMemoryRegistry
from forecast.adapters.store import SqlStore
from forecast.settings import Settings
from forecast.usecases.demand import served_demand
from forecast.usecases.demand_run import DemandFrames, levels_of, run_demand, search_series, sums_of

AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
SETTINGS = Settings(demand_by=("product", "country"), demand_horizon=2)
N_PRODUCTS, N_WEEKS = 6, 20


@pytest.fixture(scope="module")
def run(frame_lake: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> DemandFrames:
    """Six products sold to customers in two countries; one product has no category."""
    rng = np.random.default_rng(0)
    weeks = pd.date_range("2024-01-02", periods=N_WEEKS, freq="7D")
    keys = pd.MultiIndex.from_product([weeks, range(N_PRODUCTS), range(2)], names=["at", "item", "account"]).to_frame()
    lines = keys.reset_index(drop=True)
    lines = lines.assign(
        order_id=[f"o{index}" for index in lines.index],
        line=1,
        product_id="p" + lines["item"].astype(str),
        account_id="a" + lines["account"].astype(str),
        quantity=rng.integers(1, 9, len(lines)),
        unit_price=5.0,
        ordered_at=lines["at"],
        recorded_at=lines["at"] + pd.Timedelta(hours=1),
    )
    long_ago = pd.Timestamp("2023-01-01")
    products = pd.DataFrame(
        {
            "product_id": [f"p{item}" for item in range(N_PRODUCTS)],
            "name": [f"Teapot {item}" for item in range(N_PRODUCTS)],
            "category": ["tea", "tea", "pots", "pots", "pots", None],
            "recorded_at": long_ago,
        }
    )
    accounts = pd.DataFrame({"account_id": ["a0", "a1"], "country": ["NL", "DE"], "recorded_at": long_ago})
    lake = frame_lake({"orders": lines, "order_lines": lines, "products": products, "accounts": accounts})
    store = SqlStore(f"sqlite:///{tmp_path_factory.mktemp('levels') / 'store.db'}", clock=FixedClock(AS_OF))
    store.migrate()
    return run_demand(lake, served_demand(lake, InMemoryRegistry(), store, SETTINGS, AS_OF))


def test_every_level_adds_up_to_the_total(run: DemandFrames) -> None:
    total = sums_of(run, "total").iloc[0]

    assert levels_of(run.series) == ["category", "country"]
    assert total["mean"] == pytest.approx(run.forecasts["mean"].sum(), abs=1e-6)
    for level in ("category", "country"):
        nodes = sums_of(run, level)
        assert nodes["mean"].sum() == pytest.approx(total["mean"], abs=1e-6)
        assert nodes["n_series"].sum() == total["n_series"] == 2 * N_PRODUCTS
    assert set(sums_of(run, "category")["node"]) == {"tea", "pots", "(none)"}


def test_series_are_called_by_product_and_country_and_found_by_node(run: DemandFrames) -> None:
    found = search_series(run, "", group="category", node="(none)", sort="unique_id")

    assert found["unique_id"].tolist() == ["p5/DE", "p5/NL"]
    assert found["label"].tolist() == ["Teapot 5 / DE", "Teapot 5 / NL"]
