import numpy as np
import pytest

from forecast.demand.baselines import seasonal_naive
from forecast.demand.smoothing import double_smoothing, has_long_season, slow_smoothing, smoothing

SEASON = np.array([3.0, -1.0, -4.0, 2.0])


@pytest.mark.parametrize("member", [smoothing, slow_smoothing])
def test_smoothing_continues_an_exact_line_with_a_season(member):
    time = np.arange(44)
    exact = 20 + 0.5 * time + SEASON[time % 4]
    np.testing.assert_allclose(member(exact[None, :36], 8, 4)[0], exact[36:], rtol=1e-3)


def test_smoothing_damps_the_fall_of_a_positive_series_only():
    falling = 100 - 2.0 * np.arange(30)
    damped, straight = smoothing(falling[None], 10, 1)[0], smoothing(falling[None] - 200, 10, 1)[0] + 200
    np.testing.assert_allclose(straight, 40 - 2.0 * np.arange(10), atol=0.1)
    assert (damped > straight).all()
    assert (np.diff(damped) < 0).all()


def test_smoothing_is_near_the_true_mean_of_simulated_levels():
    # Local level with smoothing constant 0.2: the best forecast is the last level, its error variance known.
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(200, 120))
    level = 50 + 0.2 * noise.cumsum(axis=1)
    values = np.concatenate([np.full((200, 1), 50.0), level[:, :-1]], axis=1) + noise
    error = smoothing(values, 1, 1)[:, 0] - level[:, -1]
    assert np.sqrt((error**2).mean()) < 0.35


def test_smoothing_beats_the_seasonal_naive_on_simulated_seasons():
    rng = np.random.default_rng(6)
    time = np.arange(84)
    truth = 50 + 0.1 * time + 10 * np.sin(2 * np.pi * time / 12)
    values = truth + rng.normal(0, 3, (50, 84))
    for member in (smoothing, slow_smoothing):
        error = np.abs(member(values[:, :72], 12, 12) - truth[72:]).mean()
        assert error < 0.7 * np.abs(seasonal_naive(values[:, :72], 12, 12) - truth[72:]).mean()


def test_double_smoothing_knows_the_day_and_the_week():
    time = np.arange(24 * 42)
    weekend = np.where(time // 24 % 7 >= 5, -20.0, 0.0)
    exact = 100 + 10 * np.sin(2 * np.pi * time / 24) + weekend
    forecast = double_smoothing(exact[None, : 24 * 35], 24 * 7, 24)[0]
    np.testing.assert_allclose(forecast, exact[24 * 35 :], atol=1.0)


def test_double_smoothing_abstains_when_there_is_no_longer_season():
    values = np.ones((1, 335))
    assert not has_long_season(values, 24)
    assert np.isnan(double_smoothing(values, 2, 24)).all()
    assert not has_long_season(np.ones((1, 900)), 12)


@pytest.mark.slow  # imports statsforecast
def test_smoothing_forecasts_like_autoets():
    from statsforecast.models import AutoETS

    rng = np.random.default_rng(7)
    time = np.arange(60)
    values = (100 + time + rng.normal(0, 2, (8, 60)).cumsum(axis=1)) * (1 + SEASON[time % 4] / 20)
    ours = smoothing(values, 8, 4)
    theirs = np.array([AutoETS(season_length=4).forecast(y=series, h=8)["mean"] for series in values])
    assert np.abs(ours / theirs - 1).mean() < 0.03
