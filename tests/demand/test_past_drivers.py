"""Drivers that nobody knows ahead: seen as of the origin, never later."""

import numpy as np
import pandas as pd

from forecast.demand import DemandForecaster
from forecast.demand.features import RowFeatures
from forecast.demand.inputs import build_inputs
from forecast.demand.matrix import to_matrix
from forecast.demand.recipe import recipe_of

HORIZON, N_TIMES, N_SERIES = 3, 40, 15
IDS = [f"s{index:02d}" for index in range(N_SERIES)]


def frames(seed=0):
    """Sales that halve in the period after the price doubled."""
    rng = np.random.default_rng(seed)
    price = np.where(rng.random((N_SERIES, N_TIMES)) < 0.3, 20.0, 10.0)
    before = np.column_stack([np.full(N_SERIES, 10.0), price[:, :-1]])
    y = rng.poisson(np.where(before == 20, 30, 60)).astype(float)
    keys = {"unique_id": np.repeat(IDS, N_TIMES), "ds": np.tile(np.arange(N_TIMES), N_SERIES)}
    return pd.DataFrame(keys | {"y": y.ravel()}), pd.DataFrame(keys | {"price": price.ravel()})


def forecaster(**other):
    return DemandForecaster(1, 1, model="lightgbm", past_only=("price",), n_windows=1, **other)


def test_feature_is_the_last_price_at_the_origin_against_usual():
    panel = pd.DataFrame({"unique_id": "a", "ds": range(4), "y": [1.0, 2.0, 0.0, 4.0]})
    drivers = pd.DataFrame({"unique_id": "a", "ds": [0, 1, 3], "price": [10.0, 20.0, 99.0]})
    inputs = build_inputs(to_matrix(panel, 1), HORIZON, None, drivers, past_only=("price",))
    at = np.array([1, 2, 3])

    found = RowFeatures(inputs, recipe_of("i")).rows(np.zeros(3, int), at, np.ones(3, int), scale=np.ones(3))

    # Usual over the window up to the origin: (10 + 20) / 2, then with the price that went on: (10 + 20 + 20) / 3
    expected = [20 / 15 - 1, 20 / (50 / 3) - 1, 99 / (149 / 4) - 1]
    np.testing.assert_allclose(found["driver__price__against_usual"], expected, rtol=1e-6)
    assert "driver__price" not in found
    assert inputs.series_drivers == {}


def test_prices_after_the_cutoff_change_no_forecast_and_no_fold():
    panel, drivers = frames()
    later = drivers[["unique_id"]].drop_duplicates().assign(ds=N_TIMES, price=999.0)

    before, after = (forecaster().fit(panel, None, known).predict() for known in (drivers, pd.concat([drivers, later])))
    pd.testing.assert_frame_equal(before, after)

    # The fold's last period has another price: its forecast was made before.
    changed = drivers.assign(price=drivers["price"].where(drivers["ds"] < N_TIMES - 1, 999.0))
    folds = [forecaster().backtest(panel, 1, None, known, baselines=()) for known in (drivers, changed)]
    pd.testing.assert_frame_equal(*folds)


def test_a_price_that_is_known_by_then_moves_the_forecast():
    panel, drivers = frames()
    fitted = forecaster(params={"min_data_in_leaf": 10}).fit(panel, None, drivers)
    last = drivers["ds"] == N_TIMES - 1

    low, high = (
        fitted.observe(panel, None, drivers.assign(price=drivers["price"].where(~last, value))).predict()["mean"].mean()
        for value in (10.0, 20.0)
    )

    # Truth: 60 after the low price, 30 after the high one.
    assert 45 < low < 70
    assert 20 < high < 42


def test_a_stored_model_sees_prices_and_lives_without_them():
    panel, drivers = frames()
    fitted = forecaster().fit(panel, None, drivers)

    again = DemandForecaster.from_files(fitted.to_files())

    pd.testing.assert_frame_equal(again.observe(panel, None, drivers).predict(), fitted.predict())
    assert again.observe(panel).predict().notna().all(axis=None)
    assert again.driver_effects().empty


def test_a_model_lives_without_an_attribute_that_it_learned_with():
    panel, _ = frames()
    static = pd.DataFrame({"unique_id": IDS, "kind": ["a", "b", "c"] * 5})
    fitted = DemandForecaster(1, 1, model="lightgbm", n_windows=1).fit(panel, static)

    assert fitted.observe(panel).predict().notna().all(axis=None)
