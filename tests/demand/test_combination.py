import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.demand.combination import Combination, learn_combination, learn_weights

EQUAL = np.ones(3)


def cases(deviations, n_cases=4000, correlation=0.0, seed=0):
    """Errors of members with these deviations, all pairs equally correlated."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 1, (1, n_cases, 4))
    own = rng.normal(0, 1, (len(deviations), n_cases, 4))
    return np.reshape(deviations, (-1, 1, 1)) * (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)


def test_equal_members_get_equal_weights():
    weights = learn_weights([cases([1, 1, 1])], EQUAL)

    np.testing.assert_allclose(weights, 1 / 3, atol=0.02)


def test_a_bad_member_loses_its_weight():
    weights = learn_weights([cases([1, 1, 5])], EQUAL)

    assert weights[2] < 0.01
    np.testing.assert_allclose(weights[:2], 0.5, atol=0.02)


def test_the_combination_is_better_than_its_best_member():
    errors = cases([1.0, 1.1, 1.2])

    weights = learn_weights([errors[:, :2000]], EQUAL)

    later = errors[:, 2000:]
    assert np.square(np.einsum("m,mch->ch", weights, later)).mean() < 0.6 * np.square(later[0]).mean()


def test_without_cases_the_prior_stays():
    np.testing.assert_allclose(learn_weights([np.empty((3, 0, 4))], np.array([2.0, 1.0, 1.0])), [0.5, 0.25, 0.25])


def test_one_case_hardly_moves_the_prior():
    weights = learn_weights([cases([1, 1, 5], n_cases=1)], EQUAL)

    np.testing.assert_allclose(weights, 1 / 3, atol=0.15)


def test_a_member_of_little_trust_gets_no_weight_for_offsetting_what_the_others_missed():
    """Two good members miss a shock that lifted all sales; the third is far too high for reasons of its own."""
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 0.5, (3, 1000, 4)) + np.reshape([0.6, 0.6, -2.0], (3, 1, 1))
    prior, trust = np.array([1.0, 1.0, 0.0015]), np.array([1.0, 1.0, 0.03])

    moved, held = learn_weights([errors], prior), learn_weights([errors], prior, trust)

    assert moved[2] > 0.02
    assert held[2] < moved[2] / 5


def test_sums_expose_a_bias_that_single_series_hide():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 3, (1, 1000, 4))
    single = np.concatenate([noise, noise + 0.5])  # the second member is too low by half a usual error everywhere
    total = single.sum(axis=1, keepdims=True) / 3 / np.sqrt(1000)
    none = np.zeros(1000, dtype=bool)

    alone = learn_combination(("fair", "low"), single, none, np.ones(2), np.ones(2))
    with_sums = learn_combination(("fair", "low"), single, none, np.ones(2), np.ones(2), [total])

    assert alone.regular[1] > 0.3
    assert with_sums.regular[1] < 0.1


def test_regular_and_sparse_series_have_weights_of_their_own():
    errors = np.concatenate([cases([1, 4, 4], 500), cases([4, 1, 4], 500)], axis=1)
    sparse = np.arange(1000) >= 500

    found = learn_combination(("a", "b", "c"), errors, sparse, EQUAL, EQUAL)

    assert found.regular.argmax() == 0
    assert found.sparse.argmax() == 1
    forecasts = {name: np.full((2, 1), value) for name, value in (("a", 10.0), ("b", 20.0), ("c", 30.0))}
    one, two = found.combine(forecasts, np.array([False, True]))[:, 0]
    assert one == pytest.approx(np.dot(found.regular, [10, 20, 30]))
    assert two == pytest.approx(np.dot(found.sparse, [10, 20, 30]))


def test_saved_weights_are_the_same():
    found = learn_combination(("a", "b", "c"), cases([1, 2, 3], 50), np.zeros(50, dtype=bool), EQUAL, EQUAL)

    again = Combination.from_dict(found.to_dict())

    np.testing.assert_array_equal(again.regular, found.regular)
    assert again.names == found.names


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=3), st.floats(0, 0.9), st.floats(1e-3, 1e3))
@settings(deadline=None, max_examples=25)
def test_weights_are_shares_whatever_the_scale(deviations, correlation, scale):
    errors = cases(deviations, 60, correlation)
    errors[:, 3, 1] = np.nan

    weights = learn_weights([scale * errors / 10], EQUAL)

    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
