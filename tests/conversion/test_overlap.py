"""Overlap, balance and sensitivity, computed by hand or published."""

import numpy as np
import pytest

from forecast.conversion.overlap import diagnose, sensitivity


def test_effective_size_is_the_one_computed_by_hand() -> None:
    treated = np.array([True, True, False, False])

    overlap = diagnose(np.zeros((4, 0)), treated, np.array([0.5, 0.25, 0.5, 0.5]), np.ones(4, dtype=bool))

    # Weights 2 and 4: (2 + 4)^2 / (4 + 16) = 1.8; equal weights keep all rows.
    assert overlap.ess_treated == pytest.approx(1.8)
    assert overlap.ess_control == pytest.approx(2.0)
    assert (overlap.n_treated, overlap.n_control, overlap.share_outside) == (2, 2, 0.0)


def test_difference_is_taken_after_weighting() -> None:
    # Treated 0, 0, 1 with weights 1, 1, 2 have mean 1/2, as the untreated 0, 1: no difference is left.
    x = np.array([[0.0], [0.0], [1.0], [0.0], [1.0]])
    treated = np.array([True, True, True, False, False])
    kept = np.ones(5, dtype=bool)

    weighted = diagnose(x, treated, np.array([0.8, 0.8, 0.4, 0.5, 0.5]), kept)
    plain = diagnose(x, treated, np.full(5, 0.5), kept)

    assert weighted.difference == pytest.approx(0)
    # Means 1/3 and 1/2, variances 2/9 and 1/4.
    assert plain.difference == pytest.approx((1 / 6) / np.sqrt((2 / 9 + 1 / 4) / 2))


def test_share_outside_counts_rows_and_treated_rows() -> None:
    kept = np.array([True, True, True, False])

    overlap = diagnose(np.zeros((4, 1)), np.array([True, False, False, True]), np.full(4, 0.5), kept)

    assert (overlap.share_outside, overlap.share_treated_outside) == (0.25, 0.5)


def test_robustness_value_is_that_of_cinelli_and_hazlett() -> None:
    # Section 5 of the paper: t = 4.18 at 783 degrees of freedom gives RV = 13.9 %. Here the scale is 1: residuals of
    # 1/2 and weights of 2.
    treated = np.array([True, True, False, False])
    y = np.array([1.0, 0.0, 1.0, 0.0])

    found = sensitivity(4.18 / np.sqrt(783), treated=treated, propensity=np.full(4, 0.5), y=y, expected=np.full(4, 0.5))

    assert found.robustness == pytest.approx(0.139, abs=5e-4)
    assert (found.action_explained, found.outcome_explained, found.bias) == (0.0, 0.0, 0.0)


def test_bias_is_the_bound_computed_by_hand() -> None:
    # Action: squared error 1 falls to .36 with propensities .7 and .3. Outcome: 1 falls to .64 with .6 and .4.
    treated = np.array([True, True, False, False])
    y = np.array([1.0, 0.0, 1.0, 0.0])

    found = sensitivity(
        0.0, treated=treated, propensity=np.where(treated, 0.7, 0.3), y=y, expected=np.where(y == 1, 0.6, 0.4)
    )

    assert found.action_explained == pytest.approx(0.64)
    assert found.outcome_explained == pytest.approx(0.36)
    scale = 0.4 / 0.7  # residual .4, weights 1 / .7
    assert found.bias == pytest.approx(scale * np.sqrt(0.36 * 0.64 / 0.36))
    assert found.robustness == 0.0
