"""Uplift metrics: a hand-computed curve, and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.uplift import (
    auuc_score,
    bootstrap_uplift,
    gain_at_score,
    qini_curve,
    qini_score,
)

# Four cases, best score first; half of them treated. Values of a case: 2 y / 4 when treated, -2 y / 4 when not.
Y = [1, 1, 0, 1]
SCORE = [0.9, 0.6, 0.3, 0.1]
TREATED = [1, 0, 1, 0]


def random_trial(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    treated = rng.permutation(np.arange(n) % 2)
    return (rng.random(n) < 0.4).astype(float), rng.normal(size=n), treated


def test_qini_curve_is_the_one_computed_by_hand() -> None:
    share, gain = qini_curve(Y, SCORE, TREATED)

    assert_allclose(share, [0, 0.25, 0.5, 0.75, 1])
    assert_allclose(gain, [0, 0.5, 0, 0, -0.5])


def test_auuc_and_qini_are_the_areas_computed_by_hand() -> None:
    # Trapezoids of width 1/4: (0 + .5)/2 + (.5 + 0)/2 + 0 + (0 - .5)/2 = .25, times 1/4; the line ends at -.5.
    assert auuc_score(Y, SCORE, TREATED) == pytest.approx(0.0625)
    assert qini_score(Y, SCORE, TREATED) == pytest.approx(0.0625 + 0.25)


def test_gain_weighs_each_case_by_its_own_chance() -> None:
    # Chances 1/4 and 1/2: (1 / .25) / 2 = 2 for the first case, -(1 / .5) / 2 = -1 for the second.
    _, gain = qini_curve([1, 1], [2, 1], [1, 0], propensity=[0.25, 0.5])

    assert_allclose(gain, [0, 2, 1])


def test_gain_at_a_share_lies_on_the_curve() -> None:
    assert gain_at_score(Y, SCORE, TREATED, share=0.25) == pytest.approx(0.5)
    assert gain_at_score(Y, SCORE, TREATED, share=0.375) == pytest.approx(0.25)


def test_qini_is_zero_when_all_scores_are_equal() -> None:
    y, _, treated = random_trial(0)

    assert qini_score(y, np.zeros(60), treated) == pytest.approx(0)


def test_ordering_by_the_true_effect_beats_every_shuffled_one() -> None:
    rng = np.random.default_rng(1)
    effect = np.where(np.arange(4000) % 2 == 0, 0.4, -0.2)
    treated = rng.integers(0, 2, 4000)
    y = rng.random(4000) < 0.3 + effect * treated

    best = qini_score(y, effect, treated)
    by_chance = [qini_score(y, rng.permutation(effect), treated) for _ in range(50)]

    # Half the cases at +.4 first: the curve leaves the line by .15 in the middle, an area of .075.
    assert best == pytest.approx(0.075, abs=0.015)
    assert best > max(by_chance), max(by_chance)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_metrics_ignore_the_order_of_cases_and_the_unit_of_scores(seed: int) -> None:
    y, score, treated = random_trial(seed)
    order = np.random.default_rng(seed + 1).permutation(len(y))

    assert qini_score(y[order], score[order], treated[order]) == pytest.approx(qini_score(y, score, treated))
    assert auuc_score(y, np.exp(3 * score), treated) == pytest.approx(auuc_score(y, score, treated))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_reversing_the_order_turns_the_qini_around(seed: int) -> None:
    y, score, treated = random_trial(seed)

    assert qini_score(y, -score, treated) == pytest.approx(-qini_score(y, score, treated))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_curve_ends_at_the_difference_of_the_rates(seed: int) -> None:
    y, score, treated = random_trial(seed)

    end = qini_curve(y, score, treated).gain[-1]

    assert end == pytest.approx(y[treated == 1].mean() - y[treated == 0].mean())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_weight_two_is_the_same_as_a_case_twice(seed: int) -> None:
    y, score, treated = random_trial(seed)
    weight = np.where(np.arange(60) < 20, 2.0, 1.0)
    twice = np.concatenate([np.arange(60), np.arange(20)])

    weighted = auuc_score(y, score, treated, sample_weight=weight)

    assert weighted == pytest.approx(auuc_score(y[twice], score[twice], treated[twice]))


def test_bootstrap_interval_covers_the_score_and_is_repeatable() -> None:
    y, score, treated = random_trial(3, n=400)

    draws = bootstrap_uplift(qini_score, y, score, treated, n_draws=200)

    low, high = np.percentile(draws, [2.5, 97.5])
    assert low < qini_score(y, score, treated) < high
    assert_allclose(draws, bootstrap_uplift(qini_score, y, score, treated, n_draws=200))


@pytest.mark.parametrize(
    ("y", "score", "treated", "chance", "match"),
    [
        ([], [], [], None, "one length above 0"),
        ([1, 0], [1, 2, 3], [1, 0], None, "one length above 0, got 2, 3"),
        ([1, 0], [1, np.nan], [1, 0], None, "finite"),
        ([1, 0], [1, 2], [1, 2], None, r"`treated` must be 0 or 1, got 2"),
        ([1, 0], [1, 2], [1, 1], None, "Both arms"),
        ([1, 0], [1, 2], [1, 0], [0.5, 1.0], r"`propensity` must be inside \(0, 1\), got 1"),
    ],
)
def test_metrics_refuse_what_is_no_trial(
    y: list[float], score: list[float], treated: list[int], chance: list[float] | None, match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        qini_curve(y, score, treated, propensity=chance)


def test_gain_refuses_a_share_above_one() -> None:
    with pytest.raises(InvalidInput, match=r"`share` must be in \(0, 1\], got 1.5"):
        gain_at_score(Y, SCORE, TREATED, share=1.5)
