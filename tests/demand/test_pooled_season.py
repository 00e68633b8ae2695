import numpy as np

from forecast.demand.pooled_season import needs_pooling, pooled_season
from forecast.demand.smoothing import smoothing

SEASON = np.array([0.5, 1.0, 2.5, 0.4, 0.6, 1.0])


def test_pooled_season_continues_a_shared_season_seen_once():
    level = np.array([[10.0], [200.0], [3.0]])
    values = level * SEASON[np.arange(6)]
    np.testing.assert_allclose(pooled_season(values, 8, 6), level * SEASON[np.arange(8) % 6], rtol=1e-6)


def test_pooled_season_beats_the_series_own_smoothing_when_there_are_less_than_two_seasons():
    rng = np.random.default_rng(0)
    truth = rng.uniform(5, 50, (60, 1)) * SEASON[np.arange(15) % 6]
    values = rng.poisson(truth).astype(float)
    error = [np.abs(member(values[:, :10], 5, 6) - truth[:, 10:]).mean() for member in (pooled_season, smoothing)]
    assert error[0] < 0.5 * error[1]


def test_series_that_are_negative_or_ended_take_no_part():
    values = np.array([SEASON, 2 * SEASON, SEASON - 1, 0 * SEASON])
    forecast = pooled_season(values, 6, 6)
    np.testing.assert_allclose(forecast[:2], values[:2], rtol=1e-6)
    assert np.isnan(forecast[2:]).all()


def test_pooling_is_needed_from_one_season_to_three():
    assert [needs_pooling(np.ones((2, n_times)), 6) for n_times in (5, 6, 17, 18)] == [False, True, True, False]
    assert not needs_pooling(np.ones((2, 2)), 1)
