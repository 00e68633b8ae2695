import numpy as np
import pytest

from forecast.demand.intermittent import croston, sba, tsb

DEMAND = np.array([[0.0, 2.0, 0.0, 0.0, 4.0, 1.0]])


def test_croston_is_smoothed_size_over_smoothed_interval():
    # Sizes 2, 4, 1 and intervals 2, 3, 1, each smoothed with 0.1 from its first value.
    size = 2 + 0.1 * (4 - 2)
    size += 0.1 * (1 - size)
    interval = 2 + 0.1 * (3 - 2)
    interval += 0.1 * (1 - interval)
    np.testing.assert_allclose(croston(DEMAND, 2, 1), np.full((1, 2), size / interval))


def test_sba_takes_half_of_alpha_off():
    np.testing.assert_allclose(sba(DEMAND, 3, 1), 0.95 * croston(DEMAND, 3, 1))


@pytest.mark.parametrize("member", [croston, sba, tsb])
def test_nothing_sold_is_forecast_as_nothing(member):
    np.testing.assert_array_equal(member(np.zeros((2, 5)), 2, 1), np.zeros((2, 2)))


def test_tsb_is_the_level_of_constant_demand():
    np.testing.assert_allclose(tsb(np.full((1, 9), 3.0), 2, 1), [[3.0, 3.0]])


def test_tsb_falls_while_nothing_sells_and_croston_does_not():
    sold = np.tile([0.0, 5.0], 20)
    ended = np.concatenate([sold, np.zeros(20)])[None]
    assert tsb(ended, 1, 1)[0, 0] < 0.2 * tsb(sold[None], 1, 1)[0, 0]
    np.testing.assert_allclose(croston(ended, 1, 1), croston(sold[None], 1, 1))


@pytest.mark.slow  # imports statsforecast
def test_croston_agrees_with_statsforecast():
    from statsforecast.models import CrostonClassic, CrostonSBA

    rng = np.random.default_rng(4)
    series = rng.poisson(0.4, 80) * rng.integers(1, 6, 80).astype(float)
    for member, model in ((croston, CrostonClassic()), (sba, CrostonSBA())):
        np.testing.assert_allclose(member(series[None], 3, 1)[0], model.forecast(series, 3)["mean"], rtol=1e-6)
