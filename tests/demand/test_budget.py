import numpy as np
import pandas as pd
import pytest

from forecast.demand import DemandForecaster, learning
from forecast.demand.budget import affordable, nominal_seconds
from forecast.demand.inputs import build_inputs
from forecast.demand.matrix import to_matrix
from forecast.demand.members import MemberPool, affordable_rows, rows_left
from forecast.demand.recipe import recipe_of
from forecast.demand.statistical import MEMBERS
from forecast.errors import InvalidInput

VALUES = np.where(np.random.default_rng(0).random((200, 60)) < 0.3, 0.0, 5.0)


def test_every_suitable_member_is_affordable_with_enough_time():
    assert set(MEMBERS) - set(affordable(VALUES, 6, 12, list(MEMBERS), 1e9)) == {"double_smoothing", "pooled_season"}


def test_members_without_a_say_are_left_out():
    chosen = affordable(VALUES + 1, 6, 1, list(MEMBERS), 1e9)
    assert not {"naive", "growth_seasonal_naive", "slow_smoothing", "croston", "sba", "tsb", "double_smoothing"} & set(
        chosen
    )


def test_the_chosen_members_fit_into_the_budget():
    for seconds in (0.01, 0.1, 1.0, 10.0, 100.0):
        chosen = affordable(VALUES, 6, 12, list(MEMBERS), seconds)
        assert sum(nominal_seconds(VALUES, 12, name) for name in chosen) <= seconds


def test_one_member_is_left_without_any_time():
    assert affordable(VALUES, 6, 12, ["ets", "drift"], 0.0) == ("drift",)


def test_order_is_that_of_priority_whatever_was_asked():
    names = ["arima", "naive", "theta"]
    assert affordable(VALUES, 6, 12, names, 1e9) == affordable(VALUES, 6, 12, names[::-1], 1e9)
    assert affordable(VALUES, 6, 12, names, 1e9) == ("theta", "naive", "arima")


def test_cost_counts_observations_not_the_width_of_the_panel():
    padded = np.concatenate([np.full((200, 500), np.nan), VALUES], axis=1)
    assert nominal_seconds(padded, 12, "ets") == nominal_seconds(VALUES, 12, "ets") == pytest.approx(12_000 * 700 / 1e6)


def test_unknown_members_are_refused():
    with pytest.raises(InvalidInput, match="prophet"):
        affordable(VALUES, 6, 12, ["prophet"], 1.0)


def panel(n_series=20, n_times=60):
    ids, ds = np.repeat(np.arange(n_series), n_times), np.tile(np.arange(n_times), n_series)
    y = np.random.default_rng(0).poisson(20 + 10 * (ds % 4 == 0))
    return pd.DataFrame({"unique_id": ids, "ds": ds, "y": y.astype(float)})


def test_a_member_asked_for_by_name_has_the_whole_budget():
    inputs = build_inputs(to_matrix(panel(), 1), 2)
    assert affordable_rows(inputs, ("lightgbm",), 10, n_fits=2) == 100_000  # 5e-5 s a row
    assert affordable_rows(inputs, ("lightgbm", "theta"), 10, n_fits=2) == 40_000


def test_what_the_windows_left_of_the_budget_is_for_the_members_in_use():
    inputs, recipe = build_inputs(to_matrix(panel(), 1), 2), recipe_of("i", 4)
    pool = MemberPool(recipe, ("lightgbm", "lightgbm_difference", "theta", "ces"), max_rows=1000)

    rows = rows_left(inputs, recipe, pool, ("lightgbm", "theta"), 1.0, n_forecasts=2)

    gone = 2 * 1200 * (1e-6 + 50e-6) + 2 * 1000 * 5e-5  # 1200 values, two members at two windows; two global models
    assert rows == int((1.0 - gone - 1200 * 1e-6) / 5e-5)
    assert rows_left(inputs, recipe, pool, ("lightgbm",), 0.0, n_forecasts=2) == 1000  # as many as at the windows


def test_a_large_panel_is_learned_from_more_rows_by_the_members_that_count(monkeypatch):
    monkeypatch.setattr(learning, "_REFIT_VALUES", 1000)
    given = {"season_length": 4, "budget": 1.0, "params": {"num_iterations": 20}}

    forecaster = DemandForecaster(1, 2, **given).fit(panel(30, 80))

    at_windows = affordable_rows(forecaster.inputs_, ("lightgbm", "lightgbm_difference", "lightgbm_median", "theta"),
                                 1.0, n_fits=2)  # fmt: skip
    assert forecaster._pool.max_rows > at_windows
    assert forecaster._pool.names_ == forecaster.combination_.names
    assert set(forecaster._pool.names_) < set(forecaster._choose(forecaster.inputs_, 3))
    assert forecaster.predict()["mean"].notna().all()
