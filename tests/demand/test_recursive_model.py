import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.demand import DemandForecaster
from forecast.demand import recursive_model as module
from forecast.demand.features import RowFeatures
from forecast.demand.inputs import build_inputs
from forecast.demand.matrix import to_matrix
from forecast.demand.members import GLOBAL_MEMBERS, affordable_rows, global_members
from forecast.demand.recipe import recipe_of
from forecast.demand.recursive_model import RecursiveModel, Surprise

N_DAYS, HORIZON = 90, 10
FAST = {"num_iterations": 20}


def to_panel(values, name="y"):
    n_series, n_times = np.shape(values)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{index:02d}" for index in range(n_series)], n_times),
            "ds": np.tile(pd.date_range("2024-01-01", periods=n_times, freq="D"), n_series),
            name: np.ravel(values).astype(float),
        }
    )


def simulated(n_series=25, random_state=0):
    """Sales of 3 a day, 15 on the fifth of all days that has a promotion."""
    rng = np.random.default_rng(random_state)
    promoted = rng.random((n_series, N_DAYS + HORIZON)) < 0.2
    return rng.poisson(3 + 12 * promoted)[:, :N_DAYS], promoted


SALES, PROMOTED = simulated()
DRIVERS = to_panel(PROMOTED, "promotion")


def inputs_of(values=SALES, drivers=DRIVERS):
    return build_inputs(to_matrix(to_panel(values), "D"), HORIZON, drivers=drivers)


@pytest.fixture(scope="module")
def model():
    fitted = RecursiveModel(recipe_of("D"), params=FAST)
    assert fitted.fit(inputs_of())
    return fitted


@pytest.fixture(scope="module")
def forecaster():
    return DemandForecaster("D", HORIZON, (), model="lightgbm_recursive", params=FAST).fit(
        to_panel(SALES), drivers=DRIVERS
    )


def test_running_features_of_put_columns_equal_those_of_a_longer_past():
    values = np.random.default_rng(0).poisson(1.5, (6, 60)).astype(float)
    features = RowFeatures(module._with_room(inputs_of(values[:, :50], None)), recipe_of("D"))
    for column in range(50, 60):
        features.put(column, values[:, column])
    whole = RowFeatures(inputs_of(values, None), recipe_of("D"))

    series, origin, step = np.arange(6), np.full(6, 59), np.ones(6, dtype=int)
    scale = whole.level(series, origin)
    assert_allclose(features.level(series, origin), scale)
    # The day after the last one, which the room has no calendar for.
    rows, expected = (one.rows(series, origin - 1, step, scale=scale) for one in (features, whole))
    pd.testing.assert_frame_equal(rows, expected)


def test_recursion_equals_a_loop_that_forecasts_a_week_of_a_week_longer_panel(model, monkeypatch):
    monkeypatch.setattr(Surprise, "draw", lambda self, forecasts, uniform: np.rint(forecasts))
    expected, values, n_series = np.empty((len(SALES), 0)), SALES.astype(float), len(SALES)
    for n_steps in (7, 3):
        features = RowFeatures(inputs_of(values), model.recipe)
        series, step = np.repeat(np.arange(n_series), n_steps), np.tile(np.arange(1, n_steps + 1), n_series)
        origin = np.full(len(series), values.shape[1] - 1)
        scale = features.level(series, origin)
        X = features.rows(series, origin, step, scale=scale)[model.feature_names_in_]
        mean = (scale * np.exp(model.booster_.predict(X.to_numpy(), raw_score=True))).reshape(n_series, n_steps)
        expected, values = np.hstack([expected, mean]), np.hstack([values, np.rint(mean)])

    assert_allclose(model.predict(inputs_of()), expected, rtol=1e-9)


def test_a_series_is_forecast_alone_as_among_others(model, monkeypatch):
    inputs = inputs_of()
    together = model.predict(inputs)

    assert_allclose(model.predict(inputs.rows(np.array([7, 3]))), together[[7, 3]], rtol=1e-12)
    monkeypatch.setattr(module, "_CHUNK_VALUES", 2000)
    assert_allclose(model.predict(inputs), together, rtol=1e-12)


def test_nothing_after_the_cutoff_changes_a_forecast(model):
    changed = np.where(np.arange(N_DAYS) < N_DAYS - HORIZON, SALES, 99)

    before, after = (model.predict(inputs_of(values).until(HORIZON)) for values in (SALES, changed))

    np.testing.assert_array_equal(before, after)


def test_the_forecast_does_not_drift_where_sales_have_no_trend():
    sales = np.random.default_rng(0).poisson(0.7, (100, N_DAYS))
    inputs = build_inputs(to_matrix(to_panel(sales), "D"), 60)
    model = RecursiveModel(recipe_of("D"), params=FAST)
    model.fit(inputs)

    mean = model.predict(inputs).mean(axis=0)

    assert abs(mean[-20:].mean() / mean[:20].mean() - 1) < 0.05, mean


@pytest.mark.parametrize("is_factor", [True, False])
def test_drawn_values_have_the_law_of_what_came(is_factor):
    rng = np.random.default_rng(0)
    size = rng.choice([0.5, 4.0, 30.0], 60_000)
    came = rng.poisson(size).astype(float)
    surprise = Surprise.of(came, size, is_factor=is_factor)

    drawn = surprise.draw(size, rng.random(len(size)))

    for one in (0.5, 4.0, 30.0):
        assert drawn[size == one].mean() == pytest.approx(one, rel=0.03)
        assert drawn[size == one].std() == pytest.approx(np.sqrt(one), rel=0.06)
        if is_factor:
            assert (drawn[size == one] == 0).mean() == pytest.approx(np.exp(-one), abs=0.02)
    assert (
        Surprise.from_dict(surprise.to_dict()).draw(size, size / 31).tolist() == surprise.draw(size, size / 31).tolist()
    )


def test_loaded_model_predicts_the_same(forecaster):
    loaded = DemandForecaster.from_files(forecaster.to_files()).observe(to_panel(SALES), drivers=DRIVERS)

    pd.testing.assert_frame_equal(loaded.predict(), forecaster.predict())


def test_parts_add_up_to_the_mean_and_a_promotion_gets_what_it_brings(forecaster):
    explained, forecast = forecaster.explain(), forecaster.predict()

    total = explained.groupby(["unique_id", "ds"], as_index=False)["points"].sum()
    assert_allclose(total["points"], forecast["mean"], rtol=1e-9)
    points = explained.loc[explained["part"] == "driver.promotion", "points"].to_numpy().reshape(25, HORIZON)
    assert points[PROMOTED[:, N_DAYS:]].mean() - points[~PROMOTED[:, N_DAYS:]].mean() > 6


def test_what_is_asked_changes_nothing_before_its_day(forecaster):
    day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=N_DAYS + 4)

    answer = forecaster.what_if(pd.DataFrame({"ds": [day], "promotion": [1.0]}))

    assert (answer.loc[answer["ds"] < day, "difference"] == 0).all()
    on = answer.loc[answer["ds"] == day, "difference"].to_numpy()
    assert on[~PROMOTED[:, N_DAYS + 4]].min() > 0


@pytest.mark.parametrize("values", [np.random.default_rng(0).normal(-20, 3, (20, 80)), np.full((20, 80), 7.0)])
def test_negative_and_constant_values_are_forecast_near_where_they_were(values):
    fitted = DemandForecaster("D", 8, model="lightgbm_recursive", params=FAST).fit(to_panel(values))

    mean = fitted.predict()["mean"]

    assert abs(mean.mean() - values.mean()) < 1, mean.mean()


def test_a_driver_of_all_series_and_gaps_in_the_past_are_taken():
    rng = np.random.default_rng(0)
    holiday = (np.arange(N_DAYS + HORIZON) % 10 == 3).astype(float)
    panel = to_panel(rng.poisson(2 + 20 * holiday[:N_DAYS], (25, N_DAYS)))
    gaps = panel[rng.random(len(panel)) > 0.1]
    drivers = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(holiday)), "holiday": holiday})

    fitted = DemandForecaster("D", HORIZON, (), model="lightgbm_recursive", params={"num_iterations": 60})
    peak = fitted.fit(gaps, drivers=drivers).predict().groupby("ds")["mean"].mean()

    on = drivers.set_index("ds")["holiday"].reindex(peak.index) == 1  # some series end a day or two early
    assert peak[on].min() > 12
    assert peak[~on].max() < 6


def test_only_large_panels_of_several_seasons_ahead_with_the_time_have_it_by_default(monkeypatch):
    inputs, recipe = inputs_of(), recipe_of("D")
    assert "lightgbm_recursive" not in global_members(inputs, recipe, 600)

    monkeypatch.setattr("forecast.demand.members._RECURSIVE_VALUES", 1000)

    assert global_members(inputs, recipe, 600) == tuple(GLOBAL_MEMBERS)
    assert affordable_rows(inputs, (*GLOBAL_MEMBERS, "theta"), 10, n_fits=2) == int((4 - 0.02) / (5e-5 * 4 * 2))
    assert "lightgbm_recursive" not in global_members(inputs, recipe, 0.05)  # 1000 steps of paths at 2e-5 s
    assert "lightgbm_recursive" not in global_members(inputs, recipe_of("D", 10), 600)  # one season ahead
    assert "lightgbm_recursive" not in global_members(inputs, recipe_of("D", 1), 600)
