import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from forecast.demand.path_parts import path_parts, season_index
from forecast.demand.recipe import Recipe

RECIPE = Recipe(4, (2, 4), 3, (2,), 4)
INDEX = np.array([-3.0, 1.0, 4.0, -2.0])
SEASON = 10 + np.tile(INDEX, 3)[None]


def test_season_index_is_the_distance_of_each_place_to_the_mean():
    assert_allclose(season_index(SEASON, 4), INDEX[None])


def test_season_index_is_zero_for_a_straight_line():
    assert_allclose(season_index(np.arange(12.0)[None], 4), np.zeros((1, 4)), atol=1e-12)


@pytest.mark.parametrize("values", [SEASON[:, :3], np.where(np.arange(12) < 9, np.nan, SEASON)])
def test_season_index_is_zero_without_a_full_season(values):
    assert_allclose(season_index(values, 4), np.zeros((1, 4)))


def test_season_index_begins_with_the_place_after_the_last_period():
    assert_allclose(season_index(SEASON[:, :11], 4)[0, 0], -2.0, atol=1e-12)


def test_a_repeated_season_is_level_and_season():
    parts = path_parts(SEASON, 10 + np.tile(INDEX, 2)[None], RECIPE, "seasonal_naive")

    assert_allclose(parts["level"], np.full((1, 8), 10.0))
    assert_allclose(parts["season"], np.tile(INDEX, 2)[None])
    assert_allclose(parts["recent_level"], 0, atol=1e-12)
    assert_allclose(parts["trend"], 0, atol=1e-12)


def test_a_flat_path_has_no_season():
    parts = path_parts(SEASON, np.full((1, 8), 13.0), RECIPE, "theta")

    assert_allclose(parts["season"], 0, atol=1e-12)
    assert_allclose(parts["recent_level"], 3.0)


def test_one_step_of_the_last_value_has_no_season():
    parts = path_parts(SEASON, np.full((1, 1), 8.0), RECIPE, "naive")

    assert_allclose([parts["level"][0, 0], parts["season"][0, 0], parts["recent_level"][0, 0]], [10, 0, -2])


def test_a_rising_path_is_recent_level_and_trend():
    parts = path_parts(SEASON, np.array([[11.0, 12, 13, 14, 15]]), RECIPE, "drift")

    assert_allclose(parts["recent_level"][0], np.full(5, 3.0))
    assert_allclose(parts["trend"][0], [-2, -1, 0, 1, 2])


VALUES = st.floats(0, 1e6) | st.just(float("nan"))


@settings(max_examples=25, deadline=None)
@given(
    values=arrays(float, (3, 13), elements=VALUES),
    mean=st.integers(1, 9).flatmap(lambda horizon: arrays(float, (3, horizon), elements=st.floats(0, 1e6))),
    season_length=st.sampled_from([1, 2, 4, 12, 20]),
)
def test_parts_add_up_to_the_path(values, mean, season_length):
    recipe = Recipe(season_length, (2,), 3, (2,), 5)

    parts = path_parts(values, mean, recipe, "theta")

    assert_allclose(np.sum(list(parts.values()), axis=0), mean, rtol=1e-9, atol=1e-6)
