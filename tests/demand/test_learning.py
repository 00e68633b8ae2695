import numpy as np
import pandas as pd
from scipy.stats import poisson

from forecast.demand import DemandForecaster, learning
from forecast.demand.inputs import build_inputs
from forecast.demand.learning import combination_of, error_model_of, past_windows
from forecast.demand.matrix import to_matrix
from forecast.demand.members import MemberPool, prior_weights
from forecast.demand.recipe import recipe_of

NAMES = ("lightgbm", "seasonal_naive", "window_mean")


def inputs_of(values, horizon=2):
    n_series, n_times = np.shape(values)
    ids, ds = np.repeat(np.arange(n_series), n_times), np.tile(np.arange(n_times), n_series)
    panel = pd.DataFrame({"unique_id": ids, "ds": ds, "y": np.ravel(values).astype(float)})
    return build_inputs(to_matrix(panel, 1), horizon)


def new_pool(names=("seasonal_naive",)):
    return MemberPool(recipe_of("1", 3), names, max_rows=5000, params={"num_iterations": 20})


def test_past_windows_hold_what_was_said_and_what_came_oldest_first():
    inputs = inputs_of([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])

    windows = past_windows(inputs, new_pool, 2)

    assert [window.forecasts["seasonal_naive"].tolist() for window in windows] == [[[4, 5]], [[6, 7]]]
    assert [window.actual.tolist() for window in windows] == [[[7, 8]], [[9, 10]]]


def test_past_windows_see_nothing_of_what_they_forecast():
    values = np.random.default_rng(0).poisson(20, (30, 40))
    changed = values.copy()
    changed[:, -2:] += 100

    before, after = (past_windows(inputs_of(y), lambda: new_pool(NAMES), 3) for y in (values, changed))

    for one, other in zip(before, after, strict=True):
        for name in NAMES:
            np.testing.assert_array_equal(one.forecasts[name], other.forecasts[name])
        np.testing.assert_array_equal(one.usual, other.usual)
    assert (after[-1].actual - before[-1].actual == 100).all()


def test_past_windows_of_large_panels_have_a_draw_of_the_series(monkeypatch):
    monkeypatch.setattr(learning, "WINDOW_SERIES", 4)

    windows = past_windows(inputs_of(np.arange(60).reshape(6, 10)), new_pool, 2)

    assert [window.actual.shape for window in windows] == [(4, 2), (4, 2)]


def test_combination_without_a_window_is_the_prior():
    combination = combination_of([], NAMES, inputs_of(np.ones((1, 3))))

    expected = prior_weights(NAMES)
    np.testing.assert_allclose(combination.regular, expected / expected.sum())


def test_error_model_has_the_errors_of_all_windows():
    inputs = inputs_of(np.random.default_rng(0).normal(100, 1, (50, 10)))
    windows = past_windows(inputs, new_pool, 3)

    errors = error_model_of(windows, combination_of(windows, ("seasonal_naive",), inputs), inputs)

    assert errors.n_used == 3 * 50 * 2
    assert not errors.is_integer


def test_ranges_of_young_series_that_sell_rarely_are_those_of_their_law():
    sales = np.random.default_rng(0).poisson(0.5, (400, 40))
    panel = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(400), 40),
            "ds": np.tile(pd.date_range("2024-01-01", periods=40, freq="W-MON"), 400),
            "y": sales.ravel().astype(float),
        }
    )

    found = DemandForecaster("W", 4, (0.3, 0.5, 0.8), model="window_mean").fit(panel).predict()

    shares = [(found[name] == poisson.ppf(level, 0.5)).mean() for name, level in (("q0.5", 0.5), ("q0.8", 0.8))]
    assert min(shares) > 0.9
