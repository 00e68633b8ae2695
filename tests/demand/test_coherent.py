"""Items and sums of a trained model agree, by the method that past folds support."""

import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster
from forecast.demand.coherent import CoherentForecaster
from forecast.demand.reconciliation import Reconciliation, hierarchy_of, node_panel

HORIZON, N_TIMES, SEASON = 4, 60, 6
IDS = [f"p{index}" for index in range(8)]
STATIC = pd.DataFrame({"unique_id": IDS, "category": ["tea", "pots"] * 4, "region": ["N"] * 4 + ["S"] * 4})
LEVELS = ((), ("category",), ("region",))


def panel_of(n_times=N_TIMES, ids=IDS, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.gamma(4, 5, (len(ids), n_times))
    return pd.DataFrame(
        {"unique_id": np.repeat(ids, n_times), "ds": np.tile(np.arange(n_times), len(ids)), "y": y.ravel()}
    )


def moved(method="mint_struct", errors=None):
    """Items by the seasonal naive, sums by the plain one: they do not agree."""
    forecaster = CoherentForecaster(1, HORIZON, model="seasonal_naive", season_length=SEASON).fit(panel_of(), STATIC)
    empty = pd.DataFrame({"unique_id": [], "cutoff": [], "ds": [], "error": []})
    table = pd.DataFrame({"method": [method]})
    kept = empty if errors is None else errors
    forecaster.reconciliation_ = Reconciliation(method, "because", LEVELS, table, table, kept, 2)
    hierarchy = hierarchy_of(forecaster.inputs_.matrix, STATIC, LEVELS)
    history = node_panel(forecaster.inputs_.matrix, hierarchy)
    forecaster.sums_ = DemandForecaster(1, HORIZON, (), model="naive").fit(history)
    return forecaster, hierarchy, history


def means(frame):
    return frame.pivot_table(index="unique_id", columns="ds", values="mean", sort=False).to_numpy()


def test_items_follow_the_law_of_minimum_trace():
    forecaster, hierarchy, history = moved()
    plain = DemandForecaster(1, HORIZON, model="seasonal_naive", season_length=SEASON).fit(panel_of(), STATIC)
    sums = forecaster.sums_.observe(history).predict()
    sums = sums.pivot_table(index="unique_id", columns="ds", values="mean")
    base = np.vstack([sums.loc[hierarchy.nodes[: hierarchy.n_upper]], means(plain.predict())])
    S, W = hierarchy.summing.toarray(), np.diag(hierarchy.n_leaves)
    # Wickramasuriya, Athanasopoulos & Hyndman (2019): (S' W^-1 S)^-1 S' W^-1 of the base forecasts.
    expected = np.linalg.solve(S.T @ np.linalg.inv(W) @ S, S.T @ np.linalg.inv(W) @ base)
    assert expected.min() > 0, "no bound is active"

    found = means(forecaster.predict())

    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.abs(found - means(plain.predict())).max() > 1


def test_parts_of_moved_items_still_add_up():
    forecaster, _, _ = moved()

    told = forecaster.explain(["p1", "p3"])

    assert set(told["unique_id"]) == {"p1", "p3"}
    assert "sums" in set(told["part"])
    forecast = forecaster.predict().set_index(["unique_id", "ds"])["mean"]
    added = told.groupby(["unique_id", "ds"])["points"].sum()
    np.testing.assert_allclose(added, forecast.loc[added.index], atol=1e-9)


def test_ranges_and_paths_lie_around_the_moved_means():
    forecaster, _, _ = moved()
    plain = DemandForecaster(1, HORIZON, model="seasonal_naive", season_length=SEASON).fit(panel_of(), STATIC)

    forecast, (_, paths) = forecaster.predict(), forecaster.predict_paths(400)

    shift = means(forecast) - means(plain.predict())
    drawn = paths.mean(axis=0) - plain.predict_paths(400)[1].mean(axis=0)
    assert np.corrcoef(shift.ravel(), drawn.ravel())[0, 1] > 0.9
    assert (forecast["q0.1"] <= forecast["q0.9"]).all()


def test_a_stored_model_says_the_same_and_meets_new_series_and_categories():
    errors = pd.DataFrame({"unique_id": ["total", "category=tea"] * 3, "cutoff": 9, "ds": [10, 10, 11, 11, 12, 12]})
    forecaster, _, _ = moved("mint_shrink", errors.assign(error=[1.0, 0.5, -2.0, 0.7, 0.4, -0.6]))
    again = CoherentForecaster.from_files(forecaster.to_files())

    pd.testing.assert_frame_equal(again.observe(panel_of(), STATIC).predict(), forecaster.predict())
    assert again.to_files() == forecaster.to_files()

    later = panel_of(ids=[*IDS, "p8"], seed=1)
    static = pd.concat([STATIC, pd.DataFrame({"unique_id": ["p8"], "category": ["cups"], "region": [None]})])
    forecast = again.observe(later, static).predict()
    assert set(forecast["unique_id"]) == {*IDS, "p8"}
    assert forecast.notna().all(axis=None)


def test_folds_choose_and_nothing_after_them_is_needed():
    panel = panel_of(n_times=40)
    forecaster = CoherentForecaster(1, HORIZON, model="seasonal_naive", season_length=SEASON).fit(panel, STATIC)

    forecaster.fit_sums(forecaster.backtest(panel, 3, STATIC, baselines=()))

    # The naive of a sum is the sum of the naives: there is nothing to gain.
    chosen = forecaster.reconciliation_
    assert chosen.method == "bottom_up"
    assert chosen.reason.startswith("bottom_up: no other method was better beyond noise on 2 folds")
    assert chosen.levels == LEVELS
    assert forecaster.sums_ is None
    assert list(chosen.by_level.columns) == ["method", "total", "category", "region", "unique_id"]
    errors = chosen.errors.set_index(["unique_id", "cutoff", "ds"])["error"]
    items = errors.loc[[f"series:{name}" for name in IDS]].groupby(["cutoff", "ds"]).sum()
    np.testing.assert_allclose(errors.loc["total"].sort_index(), items.sort_index(), atol=1e-9)


def test_biased_items_are_moved_to_sums_that_are_right():
    """Sums that were always right against items that were always a fifth too low."""
    panel = panel_of()
    forecaster = CoherentForecaster(1, HORIZON, model="seasonal_naive", season_length=SEASON).fit(panel, STATIC)
    hierarchy = hierarchy_of(forecaster.inputs_.matrix, STATIC, LEVELS)
    items = panel[panel["ds"] >= 40].assign(unique_id=lambda rows: "series:" + rows["unique_id"])
    history = node_panel(forecaster.inputs_.matrix, hierarchy)
    sums = history[history["ds"] >= 40].rename(columns={"y": "mean"})
    base = pd.concat([sums, items.assign(mean=0.8 * items["y"])])
    base = base.assign(cutoff=39 + (base["ds"] - 40) // 5 * 5)[["unique_id", "cutoff", "ds", "mean"]]

    chosen = Reconciliation.choose(
        base, panel.assign(unique_id="series:" + panel["unique_id"]), hierarchy, non_negative=True
    )

    assert chosen.method in {"mint_var", "mint_shrink", "top_down"}
    assert f"{chosen.method}: WRMSSE over all levels" in chosen.reason
    losses = chosen.by_level.set_index("method")
    assert losses.loc[chosen.method, "total"] < 0.1 * losses.loc["bottom_up", "total"]
    overall = chosen.losses.set_index("method")["wrmsse"]
    # Levels weigh the same: the whole loss is the mean of the levels'.
    np.testing.assert_allclose(losses.mean(axis=1), overall.loc[losses.index])


@pytest.mark.parametrize("name", ["total", "category=tea", "a/b=c"])
def test_series_may_be_called_as_sums_are(name):
    ids = [name, "x"]
    static = pd.DataFrame({"unique_id": ids, "category": ["tea", "pots"], "category=tea": ["a", "b"]})
    forecaster = CoherentForecaster(1, 2, model="naive").fit(panel_of(ids=ids), static)

    forecaster.fit_sums(forecaster.backtest(panel_of(ids=ids), 2, static, baselines=()))

    assert forecaster.reconciliation_.method == "bottom_up"


def test_sales_that_never_change_leave_nothing_to_choose():
    panel = panel_of().assign(y=3.0)
    forecaster = CoherentForecaster(1, HORIZON, model="seasonal_naive", season_length=SEASON).fit(panel, STATIC)

    forecaster.fit_sums(forecaster.backtest(panel, 2, STATIC, baselines=()))

    assert forecaster.reconciliation_ is None
    assert CoherentForecaster.from_files(forecaster.to_files()).observe(panel, STATIC).predict()["mean"].unique() == [3]
