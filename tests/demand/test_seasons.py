import numpy as np
import pytest

from forecast.demand.seasons import MIN_SEASONS, seasonal_indices
from forecast.evaluation.metrics import is_seasonal

SEASON = np.array([3.0, -1.0, -4.0, 2.0])


def test_seasonal_indices_find_an_exact_season_on_a_trend():
    time = np.arange(22)
    values = (5 + 0.5 * time + SEASON[time % 4])[None]
    np.testing.assert_allclose(seasonal_indices(values, 4, "additive")[0], SEASON[np.arange(26) % 4], atol=1e-9)


def test_multiplicative_indices_find_an_exact_factor_and_have_mean_one():
    factor = 1 + SEASON / 10
    values = 50 * factor[np.arange(24) % 4]
    index = seasonal_indices(values[None], 4, "multiplicative")[0]
    np.testing.assert_allclose(index, factor[np.arange(28) % 4])
    assert index[:4].mean() == pytest.approx(1)


def test_seasonal_indices_of_noise_are_mostly_shrunk_away():
    noise = np.random.default_rng(0).normal(size=(400, 60))
    shrunk = seasonal_indices(noise, 12, "additive")[:, :12]
    # The mean of five values has variance 1 / 5; James and Stein keep a small part of it.
    assert (shrunk**2).mean() < 0.35 / 5


def test_seasonal_indices_are_neutral_when_there_are_less_than_two_seasons():
    np.testing.assert_array_equal(seasonal_indices(np.ones((1, 7)), 4, "multiplicative"), np.ones((1, 11)))


def test_is_seasonal_finds_a_season_and_seldom_sees_one_in_noise():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(1000, 60))
    assert is_seasonal(noise, 4, min_seasons=MIN_SEASONS).mean() < 0.13
    assert is_seasonal(noise + 2 * SEASON[np.arange(60) % 4], 4).all()


def test_is_seasonal_is_false_when_the_series_is_short():
    values = np.full((1, 30), np.nan)
    values[0, -9:] = SEASON[np.arange(9) % 4]
    assert not is_seasonal(values, 4, min_seasons=MIN_SEASONS).any()
