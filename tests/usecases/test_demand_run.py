"""A whole forecast of demand: sums, search, and that what is kept says the same."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.adapters.demand_runs import DemandRuns
from forecast.demand import DemandForecaster, DemandPanel
from forecast.errors import UnknownEntity
from forecast.usecases.demand import ServedDemand
from forecast.usecases.demand_run import DemandFrames, run_demand, search_series, series_of

HORIZON = 4


@pytest.fixture(scope="module")
def run(frame_lake: Callable[..., Any]) -> DemandFrames:
    """Weekly sales of 24 products of two stores; their names and categories are known of half."""
    rng = np.random.default_rng(0)
    ids = [f"{store}/p{index:02d}" for store in ("north", "south") for index in range(12)]
    weeks = pd.date_range("2024-01-01", periods=60, freq="W-MON")
    panel = pd.DataFrame({"unique_id": np.repeat(ids, 60), "ds": np.tile(weeks, 24)})
    panel["y"] = rng.poisson(np.repeat(np.arange(1, 25), 60)).astype(float)
    static = pd.DataFrame({"unique_id": ids, "key_1": [name.split("/")[0] for name in ids]})
    forecaster = DemandForecaster("W", HORIZON, model="seasonal_naive", n_windows=2).fit(panel, static)
    known = DemandPanel(panel, static, None, "W", "quantity")
    products = pd.DataFrame(
        {"product_id": ids[:12], "name": [f"Teapot {index}" for index in range(12)], "category": ["tea", "pots"] * 6,
         "recorded_at": pd.Timestamp("2023-01-01", tz="UTC")}
    )  # fmt: skip
    lake = frame_lake({"products": products.assign(batch=1, row=range(12))})
    return run_demand(lake, ServedDemand(forecaster, known, "demand/1", datetime(2025, 3, 1, tzinfo=UTC), 1))


def test_sums_of_every_level_are_the_sums_of_their_series(run: DemandFrames) -> None:
    nodes = run.nodes.set_index(["level", "node"])

    assert nodes.loc[("total", "total"), "mean"] == pytest.approx(run.forecasts["mean"].sum())
    assert nodes.loc["key_1", "mean"].sum() == pytest.approx(run.series["mean"].sum())
    tea = run.series[run.series["group_category"] == "tea"]
    assert nodes.loc[("category", "tea"), ["mean", "n_series"]].tolist() == pytest.approx([tea["mean"].sum(), 6])
    assert (nodes["q0.1"] <= nodes["q0.9"]).all()


def test_range_of_a_sum_is_narrower_than_the_sum_of_ranges(run: DemandFrames) -> None:
    total = run.nodes.set_index("level").loc["total"]

    assert total["q0.9"] - total["q0.1"] < (run.forecasts["q0.9"] - run.forecasts["q0.1"]).sum()


def test_range_of_a_sum_lies_around_its_mean_though_each_series_is_cut_at_zero(frame_lake: Callable[..., Any]) -> None:
    rng = np.random.default_rng(1)
    sizes = rng.lognormal(2, 1, (80, 60)) * (rng.random((80, 60)) < 0.5)
    weeks = pd.date_range("2024-01-01", periods=60, freq="W-MON")
    ids = [f"p{index:02d}" for index in range(80)]
    panel = pd.DataFrame({"unique_id": np.repeat(ids, 60), "ds": np.tile(weeks, 80), "y": sizes.ravel()})
    forecaster = DemandForecaster("W", HORIZON, model="window_mean", n_windows=2).fit(panel)
    known = DemandPanel(panel, None, None, "W", "quantity")
    lake = frame_lake({"products": pd.DataFrame({"product_id": [], "name": [], "category": [], "recorded_at": []})})

    served = ServedDemand(forecaster, known, "demand/1", datetime(2025, 3, 1, tzinfo=UTC), 1)
    total = run_demand(lake, served).nodes.set_index("level").loc["total"]

    drawn = forecaster.predict_paths(200)[1].sum(axis=(1, 2))
    np.testing.assert_allclose(total[["q0.1", "q0.9"]].astype(float), np.quantile(drawn, [0.1, 0.9]))
    assert drawn.mean() == pytest.approx(total["mean"], abs=4 * drawn.std() / np.sqrt(200))
    assert total["q0.1"] < total["mean"] < total["q0.9"]
    truth = 80 * HORIZON * 0.5 * np.exp(2.5)  # the mean of what was simulated
    assert total["q0.1"] < truth < total["q0.9"]


def test_series_are_found_by_name_id_and_node(run: DemandFrames) -> None:
    assert search_series(run, "TEAPOT 1")["label"].tolist() == ["Teapot 11", "Teapot 10", "Teapot 1"]
    assert len(search_series(run, "south/")) == 12
    assert set(search_series(run, "", group="category", node="tea")["group_category"]) == {"tea"}
    changes = search_series(run, "north/", sort="change").eval("abs(mean - before)")
    assert changes.is_monotonic_decreasing


def test_unknown_series_is_named(run: DemandFrames) -> None:
    with pytest.raises(UnknownEntity, match="nowhere"):
        series_of(run, "nowhere")


def test_what_a_night_kept_says_the_same_and_is_kept_once(run: DemandFrames, tmp_path: Path) -> None:
    runs = DemandRuns(tmp_path)
    assert runs.latest() is None

    assert [runs.keep(run), runs.keep(run)] == [True, False]

    kept = runs.latest()
    assert kept is not None
    assert kept.about == run.about
    pd.testing.assert_frame_equal(kept.series, run.series)
    pd.testing.assert_frame_equal(kept.nodes, run.nodes)
    for name in ("forecast", "history"):
        mine, theirs = (getattr(one, name)("south/p03").reset_index(drop=True) for one in (run, kept))
        pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)
