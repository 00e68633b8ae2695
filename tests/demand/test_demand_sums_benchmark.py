"""The benchmark of ranges of sums: it adds up the right series, and its figures are what they say."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

N_SERIES, HORIZON = 40, 3


@pytest.fixture(scope="module")
def sums(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("demand_sums")


@pytest.fixture(scope="module")
def fold(benchmark_script: Callable[[str], ModuleType]) -> object:
    """Series of two shops at one origin; one value is unknown."""
    rng = np.random.default_rng(0)
    ids = [f"s{number:02d}" for number in range(N_SERIES)]
    rows = pd.DataFrame({"unique_id": np.repeat(ids, HORIZON), "ds": np.tile([10, 11, 12], N_SERIES)})
    rows["y"] = 100 + rng.normal(0, 10, len(rows))
    static = pd.DataFrame({"unique_id": ids, "shop": ["north"] * 10 + ["south"] * 30})
    return benchmark_script("demand_sets").Fold("9", rows, rows.drop(index=0), static)


@pytest.fixture(scope="module")
def judged(sums, fold):
    rng = np.random.default_rng(1)
    paths = 100 + rng.normal(0, 10, (400, N_SERIES, HORIZON))
    return sums.judged_sums(fold, fold.past.assign(mean=100.0)[["unique_id", "ds", "mean"]], paths, paths + 50)


def test_sums_add_up_and_leave_out_what_is_unknown_on_both_sides(judged, fold):
    actual = fold.actual

    total = judged[(judged["sum"] == "total") & (judged["time"] == "horizon")].iloc[0]
    assert total["y"] == pytest.approx(actual["y"].sum())
    assert total["mean"] == pytest.approx(100 * (N_SERIES * HORIZON - 1))
    north = judged[(judged["sum"] == "by shop") & (judged["time"] == "horizon")].set_index("node").loc["north"]
    assert north["y"] == pytest.approx(actual["y"][actual["unique_id"] < "s10"].sum())
    assert north["drawn_alone"] - north["drawn_ours"] == pytest.approx(50 * (10 * HORIZON - 1))
    assert (judged["sum"] == "series").sum() == N_SERIES * HORIZON - 1 + N_SERIES


def test_true_paths_hold_what_they_say(sums, judged):
    found = sums.figures(sums.with_normal(judged.assign(origin=0, set="a"))).set_index(["sum", "time"])

    assert found.loc[("series", "step"), "inside_ours"] == pytest.approx(0.8, abs=0.1)
    assert found.loc[("series", "step"), "inside_alone"] < 0.1
    assert found.loc[("series", "step"), "bias_paths"] == pytest.approx(0, abs=0.03)
    assert found.loc[("total", "horizon"), "n_later"] == 0


def test_normal_knows_the_errors_of_earlier_origins_only(sums):
    rows = pd.DataFrame({"sum": "total", "time": "step", "node": "total", "mean": 10.0, "origin": [0, 0, 1, 2]})
    rows["y"] = [13.0, 6.0, 10.0, 15.0]

    found = sums.with_normal(rows)

    assert np.isnan(found["pit_normal"][0])
    deviations = [np.sqrt((9 + 16) / 2), np.sqrt((9 + 16 + 0) / 3)]
    np.testing.assert_allclose(found["high_normal"][2:], 10 + norm.ppf(0.9) * np.array(deviations))
    np.testing.assert_allclose(found["pit_normal"][2:], [0.5, norm.cdf(5 / deviations[1])])


def test_values_drawn_alone_have_their_quantiles(sums):
    bounds = norm.ppf(sums.LEVELS) * np.ones((50, 4, 1))

    drawn = sums.drawn_alone(bounds)

    np.testing.assert_allclose(np.quantile(drawn, [0.1, 0.5, 0.9]), norm.ppf([0.1, 0.5, 0.9]), atol=0.02)
    assert np.corrcoef(drawn[:, 0, 0], drawn[:, 1, 0])[0, 1] == pytest.approx(0, abs=0.15)


def test_interval_score_by_hand(sums):
    part = pd.DataFrame({"y": [1.0, 5.0], "low_ours": [2.0, 4.0], "high_ours": [4.0, 6.0]})

    assert sums.interval_score(part, "ours") == pytest.approx((2 + 10 * 1 + 2) / 6)
