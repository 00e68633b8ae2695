import numpy as np
import pytest

from forecast.customers.blend import Blend, fit_blend, level_shift, mean_weights

RNG = np.random.default_rng(1)
N = 20_000
TRUTH = RNG.normal(-1, 1, N)
NOISE = TRUTH + RNG.normal(0, 1, N)
ALL = np.ones(N, dtype=bool)


def test_weights_go_to_the_member_that_is_right() -> None:
    y = RNG.poisson(np.exp(TRUTH)).astype(float)

    weights = mean_weights(np.column_stack([NOISE, TRUTH]), y, np.ones(N))

    assert weights[1] > 0.95
    assert weights.sum() == pytest.approx(1)


def test_weights_stay_equal_without_information() -> None:
    np.testing.assert_allclose(mean_weights(RNG.normal(size=(50, 3)), np.ones(50), np.full(50, 1e-6)), 1 / 3, atol=1e-3)


def test_level_shift_makes_the_sums_agree() -> None:
    y = RNG.poisson(np.exp(TRUTH) * 1.5).astype(float)
    buys = (RNG.random(N) < 1 / (1 + np.exp(-TRUTH - 0.7))).astype(float)

    assert np.exp(TRUTH + level_shift(y, TRUTH, "log")).sum() == pytest.approx(y.sum())
    assert level_shift(buys, TRUTH, "logit") == pytest.approx(0.7, abs=0.05)
    assert level_shift(np.zeros(N), TRUTH, "log") == 0.0


@pytest.mark.parametrize(("spread", "believed"), [(0.0, 0.9), (0.3, 0.2)])
def test_a_level_is_believed_less_the_more_levels_move(spread: float, believed: float) -> None:
    y = RNG.poisson(np.exp(TRUTH + 0.2)).astype(float)

    blend = fit_blend(np.column_stack([TRUTH, TRUTH]), y, np.ones(N), ALL, "log", spread)

    assert (blend.calibration.shift / 0.2 > believed) == (spread == 0)
    assert 0 < blend.calibration.shift < 0.25


def test_stored_blend_says_the_same() -> None:
    y = (RNG.random(N) < 0.3).astype(float)
    z = np.column_stack([TRUTH, NOISE])

    blend = fit_blend(z, y, np.ones(N), ALL, "logit", 0.1)

    np.testing.assert_array_equal(Blend.from_state(blend.to_state())(z), blend(z))
