import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from forecast.demand.driver_range import seen_before, usual_before

#: The first sold once at half its price; the second never moved by more than a tenth.
PRICES = np.array([[10.0] * 20 + [5.0] + [10.0] * 20, [100.0] * 20 + [90.0] + [100.0] * 20])


def test_usual_value_is_the_mean_of_the_window():
    usual = usual_before(np.array([[2.0, 4.0, np.nan, 9.0]]), 2)

    assert_allclose(usual, [[2.0, 3.0, 4.0, 9.0]])


def test_a_value_within_the_own_past_was_seen():
    assert_array_equal(seen_before(PRICES, np.array([[5.0, 7.0], [90.0, 95.0]]), 4), True)


def test_a_value_was_seen_when_others_moved_as_much_from_their_usual_one():
    rng = np.random.default_rng(0)
    prices = 10 * rng.choice([0.5, 1.0], (50, 40))
    steady = np.full((1, 40), 100.0)

    seen = seen_before(np.concatenate([prices, steady]), np.array([[np.nan] * 3] * 50 + [[60.0, 20.0, 300.0]]), 4)

    assert_array_equal(seen[-1], [True, False, False])


def test_where_nothing_is_asked_nothing_is_out_of_range():
    assert_array_equal(seen_before(PRICES, np.full((2, 3), np.nan), 4), True)


def test_a_category_was_seen_when_any_series_had_it():
    codes = np.array([[0.0, 1.0, np.nan], [0.0, 0.0, 0.0]])

    assert_array_equal(seen_before(codes, np.array([[2.0], [1.0]]), 4, is_code=True), [[False], [True]])
