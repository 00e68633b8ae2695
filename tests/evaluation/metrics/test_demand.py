import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.demand import bias, mase, rmsse, wape, wrmsse

ACTUAL, FORECAST = [10.0, 0.0, 10.0], [8.0, 1.0, 11.0]


def test_metrics_by_hand():
    assert wape(ACTUAL, FORECAST) == 0.2
    assert bias(ACTUAL, FORECAST) == 0.0
    assert bias(ACTUAL, [11, 1, 11]) == pytest.approx(0.15)  # over-forecasts are positive
    assert mase(ACTUAL, FORECAST, y_train=[1, 3, 7]) == pytest.approx((4 / 3) / 3)
    assert rmsse(ACTUAL, FORECAST, y_train=[1, 3, 7]) == pytest.approx(np.sqrt(2 / 10))
    assert mase(ACTUAL, FORECAST, y_train=[1, 3, 7, 5], season_length=2) == pytest.approx((4 / 3) / 4)


def test_wrmsse_weighs_scaled_errors():
    actual, forecast = [[1, 1], [5, 5]], [[3, 3], [5, 9]]

    # series 1: sqrt(4 / 1) = 2, series 2: sqrt(8 / 2) = 2; the third has no weight and no scale
    assert wrmsse(actual, forecast, scale_mse=[1, 2], weight=[1, 3]) == 2.0
    assert wrmsse([*actual, [1, 1]], [*forecast, [0, 0]], scale_mse=[1, 8, 0], weight=[1, 1, 0]) == 1.5


@pytest.mark.parametrize("metric", [wape, bias])
def test_relative_metrics_are_undefined_without_volume(metric):
    assert np.isnan(metric([0, 0], [1, 2]))


def test_scaled_metrics_are_undefined_when_training_repeats_itself():
    assert np.isnan(mase([1], [2], y_train=[3, 3, 3]))
    assert np.isnan(rmsse([1], [2], y_train=[3, 3, 3]))


@given(st.lists(st.floats(0.5, 100), min_size=3, max_size=8), st.floats(0.1, 1000), st.randoms())
def test_metrics_ignore_unit_and_order(values, unit, random):
    actual, forecast = np.array(values), np.array(values[::-1]) + 1
    order = random.sample(range(len(values)), len(values))

    for metric in (wape, bias):
        expected = metric(actual, forecast)
        np.testing.assert_allclose(metric(actual * unit, forecast * unit), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(metric(actual[order], forecast[order]), expected, rtol=1e-9, atol=1e-12)
    for scaled in (mase, rmsse):
        one = scaled(actual, forecast, y_train=[1, 2, 4])
        np.testing.assert_allclose(scaled(actual * unit, forecast * unit, y_train=unit * np.array([1, 2, 4])), one)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wape([1, 2], [1]), r"got \(2,\) and \(1,\)"),
        (lambda: wape([], []), "a value"),
        (lambda: bias([1, np.nan], [1, 2]), "1 of 2 pairs"),
        (lambda: mase([1], [1], y_train=[1]), r"longer than the season of 1.*\(1,\)"),
        (lambda: wrmsse([[1]], [[1]], scale_mse=[0], weight=[1]), "1 of 1 are not"),
        (lambda: wape([1], [1], sample_weight=[-1]), "non-negative"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
