import numpy as np
import pytest

from forecast.demand.extrapolation import drift, filled, growth_seasonal_naive, window_mean

NAN = np.nan


def test_filled_takes_the_value_one_season_before():
    values = np.array([[NAN, 1.0, 2.0, 3.0, NAN, 5.0]])
    np.testing.assert_array_equal(filled(values, 3), [[NAN, 1.0, 2.0, 3.0, 1.0, 5.0]])


def test_filled_takes_the_value_before_when_there_is_no_season_before():
    values = np.array([[NAN, 1.0, NAN, 3.0, NAN, NAN]])
    np.testing.assert_array_equal(filled(values, 6), [[NAN, 1.0, 1.0, 3.0, 3.0, 3.0]])


def test_filled_leaves_its_argument_alone():
    values = np.array([[1.0, NAN]])
    filled(values, 1)
    assert np.isnan(values[0, 1])


def test_drift_continues_the_line_from_first_to_last():
    values = np.array([[NAN, 1.0, 9.0, 5.0], [NAN, NAN, NAN, 7.0]])
    np.testing.assert_allclose(drift(values, 2, 1), [[7.0, 9.0], [7.0, 7.0]])


@pytest.mark.parametrize(("season_length", "mean"), [(1, 8.5), (6, 7.5), (30, 6.5)])
def test_window_mean_is_that_of_the_last_season_or_of_four_or_eight_values(season_length, mean):
    values = np.arange(11.0)[None]
    np.testing.assert_allclose(window_mean(values, 2, season_length), [[mean, mean]])


def test_growth_seasonal_naive_multiplies_the_season_by_its_exact_growth():
    season = np.array([10.0, 20.0, 30.0, 40.0])
    values = np.concatenate([season, 1.2 * season])[None]
    difference = 0.2 * season
    # By hand: four differences next to each other count as one, so the squared standard error is their variance.
    kept = 1 - difference.var() / difference.mean() ** 2
    np.testing.assert_allclose(growth_seasonal_naive(values, 4, 4), [1.2 * season * (1 + 0.2 * kept)])


def test_growth_seasonal_naive_is_the_seasonal_naive_when_differences_are_noise():
    values = np.array([[10.0, 20.0, 30.0, 40.0, 15.0, 15.0, 35.0, 36.0]])
    np.testing.assert_allclose(growth_seasonal_naive(values, 4, 4), values[:, 4:])


def test_growth_seasonal_naive_at_most_doubles():
    values = np.array([[1.0, 1.0, 1.0, 1.0, 10.0, 10.0, 10.0, 10.0]])
    np.testing.assert_allclose(growth_seasonal_naive(values, 4, 4), np.full((1, 4), 20.0))
