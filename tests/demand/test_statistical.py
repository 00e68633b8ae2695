import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecast.demand.statistical import MEMBERS, statistical_forecasts
from forecast.errors import InvalidInput

SLOW = ("arima", "ces", "dynamic_theta", "ets")
QUICK = tuple(name for name in MEMBERS if name not in SLOW)


def ugly_panel():
    rng = np.random.default_rng(0)
    values = rng.gamma(2, size=(12, 40))
    values[0] = 0
    values[1] = 7
    values[2, :-1] = np.nan
    values[3] = np.nan
    values[4] *= 1e300
    values[5] *= 1e-300
    values[6] -= 5
    values[7, 20:] = np.nan
    values[8, ::2] = np.nan
    values[9] = np.exp(np.arange(40.0))
    values[10] = rng.poisson(0.1, 40)
    values[11, :-3] = np.nan
    return values


def assert_honest(forecasts, shape):
    for name, forecast in forecasts.items():
        assert forecast.shape == shape, name
        assert np.isfinite(forecast).all(), name


@pytest.mark.parametrize("season_length", [1, 4, 12, 24, 52])
def test_forecasts_are_finite_on_an_ugly_panel(season_length):
    forecasts = statistical_forecasts(ugly_panel(), 60, season_length, QUICK, non_negative=False)
    assert tuple(forecasts) == QUICK
    assert_honest(forecasts, (12, 60))


@pytest.mark.slow  # imports statsforecast
def test_slow_members_are_finite_on_an_ugly_panel():
    assert_honest(statistical_forecasts(ugly_panel(), 15, 4, SLOW, non_negative=False), (12, 15))


@given(
    arrays(float, (3, 9), elements=st.one_of(st.just(np.nan), st.floats(-1e150, 1e150), st.integers(0, 3).map(float))),
    st.sampled_from([1, 2, 4]),
)
@settings(max_examples=10, deadline=None)
def test_forecasts_are_finite_and_never_negative_where_asked(values, season_length):
    forecasts = statistical_forecasts(values, 3, season_length, QUICK, non_negative=True)
    assert_honest(forecasts, (3, 3))
    assert all((forecast >= 0).all() for forecast in forecasts.values())


@pytest.mark.parametrize("name", QUICK)
def test_a_forecast_follows_the_unit_of_the_series(name):
    values = np.random.default_rng(1).gamma(2, size=(5, 50))
    once = statistical_forecasts(values, 6, 4, [name], non_negative=False)[name]
    thousand = statistical_forecasts(1000 * values, 6, 4, [name], non_negative=False)[name]
    np.testing.assert_allclose(thousand, 1000 * once, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in QUICK if name != "pooled_season"])
def test_a_forecast_does_not_depend_on_the_other_series(name):
    values = np.random.default_rng(2).gamma(2, size=(6, 50))
    values[:3, :20] = np.nan
    together = statistical_forecasts(values, 6, 4, [name], non_negative=False)[name]
    alone = statistical_forecasts(values[:1, 20:], 6, 4, [name], non_negative=False)[name]
    np.testing.assert_allclose(together[:1], alone, rtol=1e-9)


def test_a_series_without_observations_is_forecast_as_nothing():
    forecasts = statistical_forecasts(np.full((2, 5), np.nan), 3, 1, QUICK, non_negative=False)
    assert all((forecast == 0).all() for forecast in forecasts.values())


def test_unknown_members_are_refused():
    with pytest.raises(InvalidInput, match=r"got \['prophet'\]"):
        statistical_forecasts(np.ones((1, 5)), 1, 1, ["naive", "prophet"], non_negative=True)


def test_values_are_left_alone():
    values = ugly_panel()
    statistical_forecasts(values, 3, 4, QUICK, non_negative=True)
    np.testing.assert_array_equal(values, ugly_panel())
