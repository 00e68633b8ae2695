"""Combination on log-odds and the calibration map."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from forecast.evaluation.combination import combination_weights, fit_calibration


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1.5, n)
    return z, (rng.random(n) < expit(z)).astype(float)


def test_weight_goes_to_the_model_that_is_right() -> None:
    z, y = simulated(5000)
    noise = np.random.default_rng(1).normal(-1, 1.5, 5000)

    weights = combination_weights(np.column_stack([z, noise]), y, row_weight=np.ones(5000))

    assert weights[0] > 0.9


def test_weights_stay_equal_without_information() -> None:
    z, y = simulated(1000)
    weights = combination_weights(np.column_stack([z, -z, z / 2]), y, row_weight=np.zeros(1000))

    assert_allclose(weights, [1 / 3] * 3, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_weights_are_never_negative_and_sum_to_one(seed: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 2, (60, m)), rng.integers(0, 2, 60).astype(float)

    weights = combination_weights(z, y, row_weight=np.ones(60))

    assert (weights >= 0).all(), weights
    assert_allclose(weights.sum(), 1.0)


def test_calibration_of_many_rows_is_the_logistic_regression_of_platt() -> None:
    z, y = simulated(200_000)
    wrong = 0.6 * z + 0.8
    oracle = LogisticRegression(C=np.inf, tol=1e-8).fit(wrong[:, None], y)

    found = fit_calibration(wrong, y, row_weight=np.ones(len(y)))

    assert_allclose(found(np.zeros(1)), oracle.intercept_, atol=0.01)
    assert_allclose(found.slope, oracle.coef_[0, 0], atol=0.01)


def test_calibration_of_few_rows_stays_near_the_identity() -> None:
    z, y = simulated(12)
    found = fit_calibration(3 * z, y, row_weight=np.ones(12))
    assert 0.5 < found.slope < 1.1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_calibration_never_reverses_a_ranking(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, y = rng.normal(0, 3, 80), rng.integers(0, 2, 80).astype(float)

    mapped = fit_calibration(z, y, row_weight=rng.random(80))(np.sort(z))

    assert (np.diff(mapped) >= 0).all()
