"""Combination on log-odds and the calibration map."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from forecast.evaluation.combination import (
    combination_weights,
    disagreement,
    fit_calibration,
    levelled,
    log_losses_at,
    overdispersion,
)


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


def test_blocks_that_come_as_said_are_not_overdispersed_and_moved_ones_are() -> None:
    """By hand: blocks of 1,000 rows said .5 that came .6 and .4 differ by 100 from 500; their variance is 250."""
    z, blocks = np.zeros(2000), np.repeat([0, 1], 1000)
    still = np.tile([0.0, 1.0], 1000)
    moved = np.concatenate([np.repeat([1.0, 0.0], [600, 400]), np.repeat([1.0, 0.0], [400, 600])])

    assert overdispersion(z, still, blocks, row_weight=np.ones(2000)) == 1.0
    assert_allclose(overdispersion(z, moved, blocks, row_weight=np.ones(2000)), 100**2 / 250)


def test_repeated_rows_are_not_overdispersed_when_weighed_as_cases() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat((rng.random(4000) < 0.5).astype(float), 5)
    blocks, z = np.repeat(np.arange(20), 1000), np.zeros(20_000)

    assert overdispersion(z, y, blocks, row_weight=np.full(20_000, 0.2)) < 2
    assert overdispersion(z, y, blocks, row_weight=np.ones(20_000)) > 3


def test_blocks_disagree_no_more_than_chance_on_noise_and_much_when_the_sign_turns() -> None:
    rng = np.random.default_rng(0)
    noise, blocks = rng.normal(0.1, 1, (10_000, 1)), np.repeat(np.arange(10), 1000)
    turning = noise + np.where(blocks % 2, 1.0, -1.0)[:, None]

    assert disagreement(noise, blocks, row_weight=np.ones(10_000))[0] < 3
    assert disagreement(turning, blocks, row_weight=np.ones(10_000))[0] > 100


def test_weights_stay_at_their_prior_without_information() -> None:
    z, y = simulated(500)
    prior = np.array([0.7, 0.3])

    assert_allclose(
        combination_weights(np.column_stack([z, -z]), y, row_weight=np.zeros(500), prior=prior), prior, atol=1e-6
    )


def moved_world(n: int, levels: list[float], seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks whose rows are told apart just as well as said, by models at a level of their own."""
    z, y = simulated(n, seed)
    blocks = np.repeat(np.arange(len(levels)), n // len(levels))
    return z + np.array(levels)[blocks], y, blocks


def test_slope_within_blocks_is_that_of_a_logistic_regression_with_a_level_per_block() -> None:
    z, y, blocks = moved_world(50_000, [0.0, 1.0, -0.5, 0.5, -1.5])
    design = np.column_stack([0.8 * z, np.eye(5)[blocks]])
    oracle = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8, max_iter=1000).fit(design, y)

    found = fit_calibration(0.8 * z, y, row_weight=np.ones(len(y)), blocks=blocks)

    assert_allclose(found.slope, oracle.coef_[0, 0], atol=0.01)


def test_a_world_that_moves_between_blocks_flattens_no_calibration() -> None:
    z, y, blocks = moved_world(20_000, [0.0, 1.0, -0.5, 0.5, -1.5])

    together = fit_calibration(z, y, row_weight=np.ones(len(y)))
    within = fit_calibration(z, y, row_weight=np.ones(len(y)), blocks=blocks)

    assert together.slope < 0.9
    assert_allclose(within.slope, 1.0, atol=0.05)


def test_one_block_is_calibrated_as_rows_without_blocks() -> None:
    z, y = simulated(5000)
    whole = np.zeros(5000, dtype=int)

    alone, together = (fit_calibration(0.7 * z - 0.3, y, row_weight=np.ones(5000), blocks=b) for b in (whole, None))

    assert_allclose([alone.shift, alone.slope], [together.shift, together.slope], atol=0.03)


def test_calibration_bears_a_block_of_one_outcome() -> None:
    z, y = simulated(400)
    blocks = np.repeat([3, 7], 200)

    slope = fit_calibration(z, np.where(blocks == 3, 0.0, y), row_weight=np.ones(400), blocks=blocks).slope

    assert 0.5 < slope < 1.5


def test_levels_put_right_give_each_block_its_wins_and_keep_differences() -> None:
    rng = np.random.default_rng(0)
    blocks, z = np.repeat([0, 1], 4000), rng.normal(size=(8000, 2))
    y = (rng.random(8000) < expit(z[:, 0] + np.where(blocks == 1, -1.5, 0.5))).astype(float)

    found = levelled(z, y, blocks, row_weight=np.ones(8000))

    for block, moved in ((0, 0.5), (1, -1.5)):
        mine = blocks == block
        assert_allclose(expit(found[mine]).mean(axis=0), y[mine].mean(), atol=1e-3)
        assert_allclose((found - z)[mine].std(axis=0), 0.0, atol=1e-12)
        assert_allclose((found - z)[mine, 0].mean(), moved, atol=0.1)


def test_a_flat_model_is_not_the_better_one_of_a_moved_block_once_levels_are_put_right() -> None:
    """Wins fell by 2 in log-odds: said by half, the differences that are true lose less where all is said too high."""
    rng = np.random.default_rng(1)
    steep = rng.normal(0.0, 1.0, 5000)
    y = (rng.random(5000) < expit(steep - 2.0)).astype(float)
    both, once = np.column_stack([steep, 0.5 * steep]), np.zeros(5000, dtype=int)

    said = log_losses_at(y[:, None], both).mean(axis=0)
    judged = log_losses_at(y[:, None], levelled(both, y, once, row_weight=np.ones(5000))).mean(axis=0)

    assert said[0] > said[1]
    assert judged[0] < judged[1]
