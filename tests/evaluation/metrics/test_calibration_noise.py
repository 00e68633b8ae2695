"""What chance adds to a calibration error: known distributions, simulated truth, laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import binom

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import calibration_error, calibration_error_floor, debiased_calibration_error


def outcomes(p: np.ndarray, seed: int) -> np.ndarray:
    return (np.random.default_rng([seed, 1]).random(len(p)) < p).astype(float)


def test_floor_of_one_bin_is_the_mean_deviation_of_a_binomial() -> None:
    wins = np.arange(51)
    deviation = np.abs(wins / 50 - 0.3)

    floor = calibration_error_floor(np.full(50, 0.3), n_draws=20_000)

    assert_allclose(floor.mean, deviation @ binom.pmf(wins, 50, 0.3), rtol=0.02)
    # 10 or fewer, or 20 or more, of 50 come less often than 1 time in 20 on both sides together.
    assert floor.high in (pytest.approx(0.12), pytest.approx(0.14))


def test_floor_is_what_calibrated_predictions_show() -> None:
    p = expit(np.random.default_rng(0).normal(-1, 1.5, 2000))
    shown = [calibration_error(outcomes(p, seed), p) for seed in range(1, 201)]

    floor = calibration_error_floor(p)

    assert_allclose(np.mean(shown), floor.mean, rtol=0.06)
    assert 0.01 <= np.mean(np.array(shown) > floor.high) <= 0.10


def test_repeated_snapshots_raise_the_floor_as_if_there_were_fewer_rows() -> None:
    p = expit(np.random.default_rng(0).normal(-1, 1, 500))

    once = calibration_error_floor(p, n_draws=2000)
    repeated = calibration_error_floor(np.tile(p, 4), clusters=np.tile(np.arange(500), 4), n_draws=2000)

    assert_allclose(repeated.mean, once.mean, rtol=0.05)
    assert calibration_error_floor(np.tile(p, 4)).mean < 0.6 * once.mean


def test_floor_weighs_rows_as_the_error_does() -> None:
    p = expit(np.random.default_rng(3).normal(size=300))
    weight = np.repeat([0.0, 1.0, 2.0], 100)

    floor = calibration_error_floor(p, sample_weight=weight, n_draws=1000)

    shown = [calibration_error(outcomes(p, seed), p, sample_weight=weight) for seed in range(1000)]
    assert_allclose(floor.mean, np.mean(shown), rtol=0.05)


def test_debiased_square_is_right_on_average_where_the_gap_is_known() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.2, 0.6, 400)
    # Ten rates that are all .1 above what is said: the true gap of every bin.
    squares = [debiased_calibration_error(outcomes(p + 0.1, seed), p) ** 2 for seed in range(1500)]

    assert_allclose(np.mean(squares), 0.01, rtol=0.06)


def test_debiased_error_of_calibrated_predictions_is_often_zero_and_never_the_raw_one() -> None:
    p = expit(np.random.default_rng(0).normal(-1, 1.5, 1000))

    left = np.array([debiased_calibration_error(outcomes(p, seed), p) for seed in range(200)])

    assert 0.35 <= np.mean(left == 0) <= 0.75
    assert left.mean() < 0.6 * calibration_error_floor(p).mean


def test_debiased_error_counts_entities_not_snapshots() -> None:
    p = expit(np.random.default_rng(0).normal(-1, 1, 300))
    y = outcomes(p, 1)

    once = debiased_calibration_error(y, p)
    repeated = debiased_calibration_error(np.tile(y, 5), np.tile(p, 5), clusters=np.tile(np.arange(300), 5))

    assert_allclose(repeated, once, rtol=1e-9)
    assert debiased_calibration_error(np.tile(y, 5), np.tile(p, 5)) > once


def test_debiased_error_needs_two_cases_in_a_bin() -> None:
    assert np.isnan(debiased_calibration_error([0, 1], [0.2, 0.7], n_bins=2))


def test_wrong_counts_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"at least 1, got 0 and 10"):
        calibration_error_floor([0.2], n_draws=0)
    with pytest.raises(InvalidInput, match=r"`n_bins` must be at least 1, got 0"):
        debiased_calibration_error([1], [0.2], n_bins=0)
