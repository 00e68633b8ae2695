"""Points of probability: exact sums, kept signs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose
from scipy.special import expit

from forecast.attribution import probability_points, sigmoid_slope

log_odds = st.floats(-40, 40)


@given(arrays(float, (4, 3), elements=st.floats(-10, 10)), log_odds)
def test_points_add_up_to_the_change_in_probability(phi: np.ndarray, z0: float) -> None:
    z = z0 + phi.sum(axis=1)

    points = probability_points(phi, z, z0)

    assert_allclose(expit(z0) + points.sum(axis=1), expit(z), atol=1e-12)


@given(arrays(float, (2, 3), elements=st.floats(-5, 5, allow_subnormal=False)), st.floats(-10, 10))
def test_points_keep_the_sign_of_their_contribution(phi: np.ndarray, z0: float) -> None:
    points = probability_points(phi, z0 + phi.sum(axis=1), z0)

    assert (np.sign(points) == np.sign(phi)).all()


def test_slope_at_the_base_is_the_derivative() -> None:
    assert_allclose(sigmoid_slope(np.array([0.0, 1e-13, 1e-9]), 0.0), 0.25, rtol=1e-8)


@given(log_odds, st.floats(-1e-6, 1e-6))
def test_slope_near_the_base_loses_no_digits(z0: float, step: float) -> None:
    derivative = expit(z0) * expit(-z0)
    assert_allclose(sigmoid_slope(np.array([z0 + step]), z0), derivative, rtol=1e-5)


def test_slope_is_finite_far_away() -> None:
    slope = sigmoid_slope(np.array([-800.0, 800.0, 35.0]), 2.0)

    assert np.isfinite(slope).all()
    assert_allclose(slope * (np.array([-800.0, 800.0, 35.0]) - 2), expit(np.array([-800.0, 800.0, 35.0])) - expit(2.0))
