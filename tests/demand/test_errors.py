import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.demand.errors import ErrorModel, usual_error

QUANTILES = (0.1, 0.5, 0.9)


def fit(error, mean, usual, step, horizon=4):
    return ErrorModel.fit(error, mean, usual, step, quantiles=QUANTILES, horizon=horizon)


def gaussian(n_errors=40_000, seed=0):
    """Errors of a random walk: the deviation grows with the root of the step."""
    rng = np.random.default_rng(seed)
    step = rng.integers(1, 5, n_errors)
    usual = rng.uniform(1, 50, n_errors)
    return rng.normal(0, 1, n_errors) * usual * np.sqrt(step), np.full(n_errors, 1e4), usual, step


def test_quantiles_of_gaussian_errors_are_known_at_each_step():
    model = fit(*gaussian())

    bounds = model.predict(np.full((1, 4), 100.0), np.array([10.0]), non_negative=True)[0]

    expected = 100 + 10 * np.sqrt(np.arange(1, 5))[:, None] * np.array([-1.2816, 0, 1.2816])
    np.testing.assert_allclose(bounds, expected, atol=0.9)


def test_a_few_spikes_do_not_decide_where_ranges_widen():
    error, mean, usual, step = gaussian()
    error[np.flatnonzero(step == 4)[:5]] *= 1e4

    growth = fit(error, mean, usual, step).growth

    np.testing.assert_allclose(growth / growth[0], np.sqrt(np.arange(1, 5)), rtol=0.05)


def test_beyond_the_last_seen_step_ranges_widen_like_a_random_walk():
    model = fit(*gaussian(), horizon=16)

    np.testing.assert_allclose(model.growth[15] / model.growth[3], 2)


def test_too_few_errors_leave_the_normal_law():
    model = fit(np.ones(5), np.ones(5), np.ones(5), np.ones(5, dtype=int))

    assert model.n_used == 0
    np.testing.assert_allclose(model.table[0], [-1.2816, 0, 1.2816], atol=1e-4)


@given(mean=st.lists(st.floats(0, 1e6), min_size=4, max_size=4), usual=st.floats(0, 1e6), non_negative=st.booleans())
def test_quantiles_never_cross(mean, usual, non_negative):
    bounds = MODEL.predict(np.array([mean]), np.array([usual]), non_negative=non_negative)

    assert (np.diff(bounds, axis=2) >= 0).all()
    assert not non_negative or bounds.min() >= 0


def test_saved_errors_predict_the_same():
    loaded = ErrorModel.from_dict(MODEL.to_dict())

    mean, usual = np.full((2, 4), 7.0), np.array([1.0, 3.0])
    np.testing.assert_array_equal(
        loaded.predict(mean, usual, non_negative=True), MODEL.predict(mean, usual, non_negative=True)
    )


def test_usual_error_by_hand():
    values = np.array([[np.nan, 1.0, 3.0, 1.0, 3.0], [0, 0, 0, 0, 0], [np.nan, np.nan, np.nan, np.nan, 8.0]])

    steady, zero, young = usual_error(values, 1)

    # changes 2, 2, 2 against level 2: the panel's ratio over the series with changes is 12 / (3 * 4 + 4 * 0)
    assert steady == pytest.approx(np.sqrt((12 + 4 * 1 * 4) / 7))
    assert zero == 0
    assert young == pytest.approx(8)


MODEL = fit(*gaussian(2000))
