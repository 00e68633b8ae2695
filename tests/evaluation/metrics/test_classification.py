"""Metrics of probabilities: values of scikit-learn and statsmodels, and laws."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit, logit
from sklearn import metrics as oracle

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import (
    average_precision_score,
    brier_loss,
    calibration_error,
    calibration_line,
    calibration_slope,
    log_loss,
    log_loss_skill_score,
    miscalibration_loss,
    roc_auc_score,
)

Y = np.array([1, 0, 1, 1, 0, 0, 0, 1])
P = np.array([0.9, 0.2, 0.6, 0.4, 0.4, 0.1, 0.7, 0.8])
WEIGHT = np.array([1.0, 2, 1, 0, 3, 1, 1, 2])


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    z = rng.normal(-1, 1.2, 4000)
    return (rng.random(4000) < expit(0.4 + 0.7 * z)).astype(float), expit(z)


def test_metrics_agree_with_scikit_learn() -> None:
    assert_allclose(log_loss(Y, P, sample_weight=WEIGHT), oracle.log_loss(Y, P, sample_weight=WEIGHT))
    assert_allclose(brier_loss(Y, P, sample_weight=WEIGHT), oracle.brier_score_loss(Y, P, sample_weight=WEIGHT))
    assert_allclose(roc_auc_score(Y, P, sample_weight=WEIGHT), oracle.roc_auc_score(Y, P, sample_weight=WEIGHT))
    assert_allclose(
        average_precision_score(Y, P, sample_weight=WEIGHT), oracle.average_precision_score(Y, P, sample_weight=WEIGHT)
    )


def test_log_loss_by_hand() -> None:
    assert_allclose(log_loss([1, 0], [0.5, 0.75]), (np.log(2) + np.log(4)) / 2)


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert_allclose(log_loss([1], [0.0]), -np.log(1e-15))


def test_skill_is_zero_for_the_baseline_itself_and_negative_when_worse() -> None:
    assert log_loss_skill_score(Y, P, y_base=P) == 0.0
    assert log_loss_skill_score(Y, 1 - P, y_base=P) < 0


def test_calibration_line_agrees_with_statsmodels(sample: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = sample
    fitted = sm.Logit(y, sm.add_constant(logit(p))).fit(disp=0, cov_type="HC1")

    line = calibration_line(y, p)

    assert_allclose([line.intercept, line.slope], fitted.params, rtol=1e-6)
    assert_allclose(line.slope_error, fitted.bse[1], rtol=1e-3)


def test_clustered_error_of_the_slope_agrees_with_statsmodels(sample: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = sample
    clusters = np.arange(len(y)) // 4
    fitted = sm.Logit(y, sm.add_constant(logit(p))).fit(disp=0, cov_type="cluster", cov_kwds={"groups": clusters})

    assert_allclose(calibration_line(y, p, clusters=clusters).slope_error, fitted.bse[1], rtol=1e-3)


def test_doubled_rows_of_one_entity_do_not_sharpen_the_slope(sample: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = sample
    twice = np.tile(np.arange(len(y)), 2)

    once = calibration_line(y, p)
    doubled = calibration_line(np.tile(y, 2), np.tile(p, 2), clusters=twice)

    assert_allclose(doubled.slope_error, once.slope_error, rtol=1e-9)


def test_calibration_slope_is_below_one_for_overconfident_predictions(sample: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = sample
    assert_allclose(calibration_slope(y, p), 0.7, atol=0.08)


def test_calibration_line_is_nan_when_it_is_not_defined() -> None:
    assert np.isnan(calibration_line([1, 1], [0.3, 0.6]).slope)
    assert np.isnan(calibration_line([1, 0], [0.4, 0.4]).slope)


def test_miscalibration_loss_is_what_recalibration_gains(sample: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = sample
    line = calibration_line(y, p)
    recalibrated = expit(line.intercept + line.slope * logit(p))

    assert_allclose(miscalibration_loss(y, p), log_loss(y, p) - log_loss(y, recalibrated))
    assert_allclose(miscalibration_loss(y, recalibrated), 0.0, atol=1e-9)


def test_calibration_error_by_hand() -> None:
    y, p = [0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]

    # Two bins of three: |1/3 - 0.2| and |1 - 0.8|, each with half the mass.
    assert_allclose(calibration_error(y, p, n_bins=2), (1 / 3 - 0.2) / 2 + 0.2 / 2)


def test_calibration_error_keeps_equal_predictions_together() -> None:
    assert_allclose(calibration_error([1, 0, 1, 0], [0.5] * 4, n_bins=4), 0.0)


@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.floats(0.01, 0.99)), min_size=2, max_size=40), st.randoms())
def test_metrics_ignore_the_order_of_rows(rows: list[tuple[int, float]], random: object) -> None:
    shuffled = rows.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for metric in (log_loss, brier_loss, calibration_error, roc_auc_score):
        values = [metric(*np.array(order).T) for order in (rows, shuffled)]
        assert_allclose(values[0], values[1], rtol=1e-12, atol=1e-12)


@given(st.floats(0.05, 0.95))
def test_proper_losses_are_least_at_the_true_probability(truth: float) -> None:
    grid = np.linspace(0.01, 0.99, 99)
    for metric in (log_loss, brier_loss):
        expected = [metric([1, 0], [p, p], sample_weight=[truth, 1 - truth]) for p in grid]
        assert abs(grid[np.argmin(expected)] - truth) <= 0.01


def test_metrics_refuse_what_is_no_probability() -> None:
    with pytest.raises(InvalidInput, match=r"between 0 and 1, got 1\.2"):
        log_loss([1, 0], [0.5, 1.2])
    with pytest.raises(InvalidInput, match=r"got nan"):
        log_loss([1, 0], [0.5, np.nan])
    with pytest.raises(InvalidInput, match=r"must be 0 or 1, got 2"):
        brier_loss([2, 0], [0.5, 0.5])
    with pytest.raises(InvalidInput, match=r"got 2, 1, 2"):
        roc_auc_score([1, 0], [0.5])
    with pytest.raises(InvalidInput, match=r"got 0, 0, 0"):
        log_loss([], [])


def test_auc_with_one_outcome_is_nan() -> None:
    assert np.isnan(roc_auc_score([1, 1], [0.2, 0.4]))
    assert np.isnan(average_precision_score([0, 0], [0.2, 0.4]))
