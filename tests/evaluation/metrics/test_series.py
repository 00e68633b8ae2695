"""Oracles: M4's published tables (where the data folder is), utilsforecast, values by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from utilsforecast import losses

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.demand import mase, rmsse
from forecast.evaluation.metrics.series import (
    mase_by_series,
    naive_mae,
    naive_mse,
    rmsse_by_series,
    smape_by_series,
)

NAN = np.nan


def drawn(n_series: int = 6, n_times: int = 30, horizon: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return (
        rng.gamma(2, 3, (n_series, horizon)),
        rng.gamma(2, 3, (n_series, horizon)),
        rng.gamma(2, 3, (n_series, n_times)),
    )


def test_scaled_errors_by_hand():
    past = [[NAN, 1, 3, 7], [2, NAN, 4, 4]]  # changes 2 and 4; only 4 -> 4 is known
    actual, forecast = [[10, 0], [1, 1]], [[8, 1], [2, 1]]

    np.testing.assert_allclose(rmsse_by_series(actual, forecast, past), [np.sqrt((4 + 1) / 2 / 10), NAN])
    np.testing.assert_allclose(mase_by_series(actual, forecast, past), [1.5 / 3, NAN])
    np.testing.assert_allclose(mase_by_series(actual, forecast, past, season_length=2), [1.5 / 6, 0.5 / 2])
    np.testing.assert_allclose(naive_mse(past), [10, NAN])
    np.testing.assert_allclose(naive_mae(past, 2), [6, 2])


def test_smape_is_between_0_and_200_percent_and_0_where_both_are_0():
    np.testing.assert_allclose(smape_by_series([[0, 10], [5, 0]], [[0, 10], [0, 5]]), [0, 200])
    np.testing.assert_allclose(smape_by_series([[1.0]], [[3.0]]), [100])


@pytest.mark.parametrize("season_length", [1, 7])
def test_errors_are_those_of_utilsforecast(season_length):
    actual, forecast, past = drawn()
    ids = [f"s{row}" for row in range(len(past))]
    train = pd.DataFrame({"unique_id": np.repeat(ids, past.shape[1]), "y": past.ravel()})
    frame = pd.DataFrame({"unique_id": np.repeat(ids, actual.shape[1]), "y": actual.ravel(), "m": forecast.ravel()})

    expected = losses.mase(frame, ["m"], seasonality=season_length, train_df=train)["m"]
    np.testing.assert_allclose(mase_by_series(actual, forecast, past, season_length=season_length), expected)
    expected = losses.rmsse(frame, ["m"], seasonality=season_length, train_df=train)["m"]
    np.testing.assert_allclose(rmsse_by_series(actual, forecast, past, season_length=season_length), expected)
    np.testing.assert_allclose(smape_by_series(actual, forecast), 200 * losses.smape(frame, ["m"])["m"])


def test_errors_of_many_series_are_those_of_each():
    actual, forecast, past = drawn()

    each = [rmsse(y, f, y_train=seen) for y, f, seen in zip(actual, forecast, past, strict=True)]
    np.testing.assert_allclose(rmsse_by_series(actual, forecast, past), each)
    each = [mase(y, f, y_train=seen, season_length=4) for y, f, seen in zip(actual, forecast, past, strict=True)]
    np.testing.assert_allclose(mase_by_series(actual, forecast, past, season_length=4), each)


@given(st.floats(0.01, 1000), st.integers(0, 12), st.permutations(range(6)))
def test_scaled_errors_ignore_unit_leading_unknown_and_order(unit, n_unknown, order):
    actual, forecast, past = drawn()
    longer = np.hstack([np.full((len(past), n_unknown), NAN), past])

    for metric in (rmsse_by_series, mase_by_series):
        expected = metric(actual, forecast, past)[order]
        got = metric(unit * actual[order], unit * forecast[order], unit * longer[order])
        np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rmsse_by_series([[1, 2]], [[1]], [[1, 2]]), r"one shape.*\(1, 2\), \(1, 1\)"),
        (lambda: rmsse_by_series([1, 2], [1, 2], [[1, 2]]), r"got \(2,\)"),
        (lambda: mase_by_series([[NAN]], [[1]], [[1, 2]]), "1 of 1 pairs"),
        (lambda: mase_by_series([[1]], [[1]], [[1, 2], [1, 2]]), r"each of the 1 series, got shape \(2, 2\)"),
        (lambda: mase_by_series([[1]], [[1]], [1, 2]), r"\(n_series, n_times\), got \(2,\)"),
        (lambda: mase_by_series([[1]], [[1]], [[1, np.inf]]), "1 of 2 values"),
        (lambda: mase_by_series([[1]], [[1]], [[1, 2]], season_length=0), "at least 1, got 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
