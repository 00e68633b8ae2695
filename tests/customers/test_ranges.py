import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.customers.order_value import OrderValue
from forecast.customers.ranges import order_quantiles, spend_quantiles

LEVELS = np.linspace(0.02, 0.98, 49)


def simulated(n: int = 6000) -> tuple[np.ndarray, ...]:
    """Accounts whose rate is gamma, of which some are gone; their chance, mean and shape, and what they then order."""
    rng = np.random.default_rng(5)
    shape, mean, there = rng.uniform(0.3, 6, n), rng.lognormal(0, 1, n), rng.uniform(0.2, 1, n)
    orders = rng.poisson(rng.gamma(shape, mean / shape)) * (rng.random(n) < there)
    p_buys = there * (1 - (1 + mean / shape) ** -shape)
    return p_buys, mean * there, shape, orders.astype(float)


def test_order_ranges_hold_what_they_say() -> None:
    p_buys, mean, shape, orders = simulated()
    rng = np.random.default_rng(0)

    found = order_quantiles(p_buys, mean, shape, LEVELS)

    # Randomised: a count that several quantiles name lies at a random one of them.
    low = (found < orders[:, None]).mean(axis=1)
    high = (found <= orders[:, None]).mean(axis=1)
    place = low + rng.random(len(low)) * (high - low)
    assert np.mean((place > 0.1) & (place < 0.9)) == pytest.approx(0.8, abs=0.02)
    assert np.mean(place < 0.5) == pytest.approx(0.5, abs=0.02)


def test_spend_ranges_hold_what_they_say() -> None:
    p_buys, mean, shape, orders = simulated()
    rng = np.random.default_rng(1)
    value = OrderValue(4.0, 6.0, 50.0)
    seen = rng.integers(1, 10, len(orders)).astype(float)
    rate = rng.gamma(value.q, 1 / value.gamma, len(orders))
    past = rng.gamma(value.p * seen, 1 / rate) / seen
    spend = np.where(orders > 0, rng.gamma(value.p * np.maximum(orders, 1), 1 / rate), 0.0)

    found = spend_quantiles(
        p_buys, mean, mean * value.mean(seen, past), shape, value.spread(seen), np.array([0.1, 0.5, 0.9])
    )

    assert np.mean(spend <= found[:, 2]) == pytest.approx(0.9, abs=0.02)
    buys = np.flatnonzero(orders > 0)
    levels = np.array([0.1, 0.5, 0.9])
    sure = np.ones(len(buys))  # of those that buy, the mean when they do
    when = mean[buys] / p_buys[buys], (mean * value.mean(seen, past))[buys] / p_buys[buys]
    inner = spend_quantiles(sure, *when, shape[buys], tuple(part[buys] for part in value.spread(seen)), levels)
    np.testing.assert_allclose((spend[buys, None] < inner).mean(axis=0), levels, atol=0.03)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-9, 1), st.floats(1, 60), st.floats(0.05, 300))
def test_quantiles_never_cross_and_are_zero_as_long_as_it_likely_does_not_buy(p: float, ratio: float, r: float) -> None:
    chance, mean, shape = np.array([p]), np.array([p * ratio]), np.array([r])
    spread = (np.array([0.5]), np.array([0.3]))

    counts = order_quantiles(chance, mean, shape, LEVELS)[0]
    money = spend_quantiles(chance, mean, mean * 10, shape, spread, LEVELS)[0]

    for found in (counts, money):
        assert np.all(np.diff(found) >= 0)
        assert np.all((found > 0) == (1 - p < LEVELS))
        assert np.isfinite(found).all()
