"""What the members weigh before any comparison, and how rows fade."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.conversion.members import prior_weights, recency, summed_by_owner


@given(st.floats(0, 1e6), st.booleans(), st.floats(1, 1e4))
def test_prior_weights_are_not_negative_and_sum_to_one(n_rarer: float, timed: bool, overdispersion: float) -> None:
    weights = prior_weights(n_rarer, timed=timed, overdispersion=overdispersion)

    assert min(weights.values()) >= 0
    assert_allclose(sum(weights.values()), 1.0)


def test_few_outcomes_give_the_line_the_say_and_many_the_trees_as_much() -> None:
    few, many = prior_weights(2, timed=False), prior_weights(5000, timed=False)

    assert few["linear"] > 0.75
    assert few["trees"] < 0.02
    assert 0.4 < many["linear"] < many["trees"] < 0.6


def test_rate_without_groups_takes_less_of_the_say_at_few_outcomes_and_the_same_at_many() -> None:
    few = prior_weights(2, timed=False, grouped=False), prior_weights(2, timed=False)
    many = prior_weights(1e6, timed=False, grouped=False), prior_weights(1e6, timed=False)

    assert 0 < few[0]["group_rate"] < 0.6 * few[1]["group_rate"]
    assert_allclose(few[0]["linear"] / few[0]["trees"], few[1]["linear"] / few[1]["trees"])
    assert_allclose(many[0]["group_rate"], many[1]["group_rate"], rtol=1e-3)


def test_recent_members_share_evenly_in_a_still_world_and_lead_in_a_moving_one() -> None:
    still, moving = prior_weights(1000, timed=True), prior_weights(1000, timed=True, overdispersion=256)

    assert_allclose(still["trees_recent"], still["trees"])
    assert_allclose(moving["trees_recent"] / (moving["trees"] + moving["trees_recent"]), 0.875)  # 1 - .5 / 256 ** .25


def test_weight_halves_with_the_age_of_the_newest_tenth() -> None:
    weight = recency(np.arange(1001.0))

    assert_allclose(weight[[-1, -101, -201]], [1.0, 0.5, 0.25], rtol=1e-3)


@pytest.mark.parametrize("time", [np.zeros(5), np.array([0.0, 0.0, 0.0, 0.0, 1.0])])
def test_rows_of_few_moments_have_finite_weights(time: np.ndarray) -> None:
    assert np.isfinite(recency(time)).all()


def test_contributions_of_a_rate_go_to_its_column() -> None:
    parts = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]])

    assert_allclose(summed_by_owner(parts, np.array([0, 1, 0]), 2), [[1.5, 2.0], [-1.0, 1.0]])
