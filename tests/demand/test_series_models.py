import numpy as np
import pytest

from forecast.demand.series_models import arima, ces, dynamic_theta, ets

pytestmark = pytest.mark.slow  # imports statsforecast


@pytest.mark.parametrize("member", [arima, ces, dynamic_theta, ets])
def test_series_models_abstain_from_short_and_constant_series(member):
    values = np.array([[np.nan] * 8 + [1.0, 2.0, 3.0], [4.0] * 11, [1.0, 2, 3, 5, 4, 6, 7, 6, 8, 9, 9]])
    forecast = member(values, 2, 1)
    assert np.isnan(forecast[:2]).all()
    assert np.isfinite(forecast[2]).all()


def test_series_models_see_gaps_filled_and_the_season_kept():
    season = np.tile([10.0, 20.0, 30.0, 40.0], 8) + np.random.default_rng(0).normal(0, 0.1, 32)
    values = season[None].copy()
    values[0, 14] = np.nan
    np.testing.assert_allclose(ets(values, 4, 4), [[10.0, 20.0, 30.0, 40.0]], atol=1.0)
