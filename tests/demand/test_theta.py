import numpy as np
import pytest

from forecast.demand.theta import theta

SEASON = np.array([3.0, -1.0, -4.0, 2.0])


def test_theta_continues_an_exact_rising_line():
    np.testing.assert_allclose(theta(np.arange(1.0, 21)[None], 3, 1), [[21.0, 22.0, 23.0]], rtol=1e-4)


def test_theta_takes_half_of_the_slope_where_a_positive_series_falls():
    falling = 100 - 2.0 * np.arange(20)
    np.testing.assert_allclose(np.diff(theta(falling[None], 4, 1)), np.full((1, 3), -1.0))
    np.testing.assert_allclose(np.diff(theta(falling[None] - 200, 4, 1)), np.full((1, 3), -2.0), rtol=1e-3)


def test_theta_repeats_an_exact_season():
    values = (20 + SEASON[np.arange(32) % 4])[None]
    np.testing.assert_allclose(theta(values, 6, 4)[0], 20 + SEASON[np.arange(6) % 4], rtol=1e-3)
    np.testing.assert_allclose(theta(values - 20, 6, 4)[0], SEASON[np.arange(6) % 4], atol=1e-2)


@pytest.mark.slow  # imports statsforecast
def test_theta_forecasts_like_statsforecasts_optimised_theta():
    from statsforecast.models import OptimizedTheta

    rng = np.random.default_rng(3)
    values = 100 + rng.normal(1, 2, (8, 50)).cumsum(axis=1) + rng.normal(0, 1, (8, 50))
    theirs = np.array([OptimizedTheta(season_length=1).forecast(y=series, h=6)["mean"] for series in values])
    rising = theirs[:, -1] > theirs[:, 0]
    assert rising.sum() >= 6
    np.testing.assert_allclose(theta(values, 6, 1)[rising], theirs[rising], rtol=0.02)
