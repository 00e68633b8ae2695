"""The parts of the Brier score add up, and are what their authors defined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import brier_decomposition, brier_loss


def test_parts_by_hand() -> None:
    # Two bins: said .1 and .3 (mean .2), came 0 and 1 (rate .5); said .7 and .9 (mean .8), came 1 and 1.
    parts = brier_decomposition([0, 1, 1, 1], [0.1, 0.3, 0.7, 0.9], n_bins=2)

    assert_allclose(parts.reliability, (0.3**2 + 0.2**2) / 2)
    assert_allclose(parts.resolution, (0.25**2 + 0.25**2) / 2)
    assert_allclose(parts.uncertainty, 0.75 * 0.25)
    assert_allclose(parts.within_variance, 0.1**2)
    assert_allclose(parts.within_covariance, 2 * (0.1 * 0.5 + 0.1 * 0.5) / 4)


def test_two_probabilities_in_two_bins_are_murphy_s_three_parts() -> None:
    # 10 days with "20 %" of which 3 came, 10 with "70 %" of which 6 came.
    y = np.array([1] * 3 + [0] * 7 + [1] * 6 + [0] * 4)
    parts = brier_decomposition(y, np.repeat([0.2, 0.7], 10))

    assert_allclose([parts.within_variance, parts.within_covariance], 0, atol=1e-15)
    assert_allclose([parts.reliability, parts.resolution, parts.uncertainty], [0.01, 0.0225, 0.2475])
    assert_allclose(parts.score, 0.01 - 0.0225 + 0.2475)


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1]), st.floats(0, 1), st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=60
    ),
    st.integers(1, 12),
)
def test_parts_add_up_to_the_score_whatever_the_rows_weights_and_bins(
    rows: list[tuple[int, float, float]], n_bins: int
) -> None:
    y, p, weight = np.array(rows).T

    parts = brier_decomposition(y, p, sample_weight=weight, n_bins=n_bins)

    assert_allclose(parts.score, brier_loss(y, p, sample_weight=weight), rtol=1e-9, atol=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty, parts.within_variance) >= 0


def test_base_rate_has_uncertainty_alone() -> None:
    parts = brier_decomposition([1, 0, 0, 0], [0.25] * 4)

    assert_allclose([parts.reliability, parts.resolution, parts.score], [0, 0, parts.uncertainty], atol=1e-15)


def test_number_of_bins_below_one_is_named() -> None:
    with pytest.raises(InvalidInput, match="got 0"):
        brier_decomposition([1], [0.5], n_bins=0)
