"""Metrics of quantiles and intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import mean_pinball_loss

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import (
    interval_coverage_score,
    interval_loss,
    interval_width_error,
    pinball_loss,
)

Y = np.array([10.0, 20.0, 30.0])


def test_pinball_loss_agrees_with_scikit_learn() -> None:
    assert_allclose(pinball_loss(Y, [12, 15, 30], quantile=0.9), mean_pinball_loss(Y, [12, 15, 30], alpha=0.9))


def test_pinball_loss_charges_an_under_forecast_the_quantile() -> None:
    assert_allclose(pinball_loss([10], [8], quantile=0.9), 1.8)
    assert_allclose(pinball_loss([8], [10], quantile=0.9), 0.2)


@given(st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 5))
def test_pinball_loss_is_least_at_the_quantile(quantile: float, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=501)
    grid = np.linspace(-3, 3, 601)
    losses = [pinball_loss(y, np.full(501, q), quantile=quantile) for q in grid]
    assert abs(grid[np.argmin(losses)] - np.quantile(y, quantile)) < 0.03


def test_interval_metrics_by_hand() -> None:
    low, high = [9, 21, 25], [11, 25, 30]

    assert_allclose(interval_coverage_score(Y, low, high), 2 / 3)  # 20 lies below 21; 30 is on the edge
    assert_allclose(interval_width_error(low, high), (2 + 4 + 5) / 3)
    assert_allclose(interval_loss(Y, low, high, level=80), (2 + (4 + 10 * 1) + 5) / 3)


def test_interval_metrics_refuse_wrong_input() -> None:
    with pytest.raises(InvalidInput, match=r"`quantile`.*got 1"):
        pinball_loss(Y, Y, quantile=1)
    with pytest.raises(InvalidInput, match=r"`level`.*got 0\.8 percent|`level`.*got 100"):
        interval_loss(Y, Y, Y, level=100)
    with pytest.raises(InvalidInput, match="one shape"):
        interval_coverage_score(Y, Y[:2], Y)
