import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, poisson

from forecast.demand.errors import ErrorModel, PastErrors, usual_error

QUANTILES = (0.1, 0.5, 0.9)
SMOOTH = np.array(["smooth"], dtype=object)


def past_errors(error, mean=None, usual=None, *, classes="smooth", n_windows=4, is_integer=False):
    error = np.asarray(error, dtype=float)
    n_cases = len(error)
    return PastErrors(
        error,
        np.full(error.shape, 1e4) if mean is None else mean,
        np.ones(n_cases) if usual is None else usual,
        np.full(n_cases, classes, dtype=object),
        np.arange(n_cases) * n_windows // n_cases,
        is_integer,
    )


def random_walk(n_cases=10_000, seed=0):
    """Independent errors whose deviation grows with the root of the step."""
    rng = np.random.default_rng(seed)
    usual = rng.uniform(1, 50, n_cases)
    return past_errors(rng.normal(0, 1, (n_cases, 4)) * usual[:, None] * np.sqrt(np.arange(1, 5)), usual=usual)


MODEL = ErrorModel.fit(random_walk(500), 4)


def test_quantiles_of_gaussian_errors_are_known_at_each_step():
    model = ErrorModel.fit(random_walk(), 4)

    bounds = model.quantiles(np.full((1, 4), 1e4), np.array([10.0]), SMOOTH, QUANTILES, non_negative=True)[0]

    expected = 1e4 + 10 * np.sqrt(np.arange(1, 5))[:, None] * np.array([-1.2816, 0, 1.2816])
    np.testing.assert_allclose(bounds, expected, atol=1.2)


def test_a_few_spikes_do_not_decide_where_ranges_widen():
    past = random_walk()
    past.error[:5, 3] *= 1e4

    growth = ErrorModel.fit(past, 4).growth

    np.testing.assert_allclose(growth / growth[0], np.sqrt(np.arange(1, 5)), rtol=0.05)


def test_beyond_the_last_seen_step_ranges_widen_like_a_random_walk():
    past = random_walk()
    longer = past_errors(np.pad(past.error, ((0, 0), (0, 12)), constant_values=np.nan), usual=past.usual)

    model = ErrorModel.fit(longer, 16)

    np.testing.assert_allclose(model.growth[15] / model.growth[3], 2)


def test_too_few_errors_leave_the_normal_law():
    model = ErrorModel.fit(past_errors(np.ones((5, 1))), 1)

    bounds = model.quantiles(np.zeros((1, 1)), np.ones(1), SMOOTH, QUANTILES, non_negative=False)

    assert model.n_used == 0
    np.testing.assert_allclose(bounds[0, 0], norm.ppf(QUANTILES), atol=1e-9)


def test_a_shock_that_windows_shared_widens_the_range_and_does_not_move_it():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (4000, 2))

    model = ErrorModel.fit(past_errors(noise + 2.0), 2)

    low, middle, high = model.quantiles(np.full((1, 2), 1e4), np.ones(1), SMOOTH, QUANTILES, non_negative=False)[0].T
    assert abs(middle - 1e4).max() < 0.15
    # a shock of mean square 4 and noise of variance 1: the 80 % range of the sum is about 1.28 * sqrt(5) either way
    np.testing.assert_allclose((high - low) / 2, 1.2816 * np.sqrt(5), rtol=0.12)


def test_counts_get_the_quantiles_of_their_law():
    rng = np.random.default_rng(0)
    rate = 0.6
    error = rng.poisson(rate, (20_000, 1)) - rate
    past = past_errors(error, np.full(error.shape, rate), classes="intermittent", is_integer=True)

    bounds = ErrorModel.fit(past, 1).quantiles(
        np.full((1, 1), rate), np.ones(1), np.array(["intermittent"]), (0.1, 0.5, 0.7, 0.9, 0.95), non_negative=True
    )

    # within the quantile's own unit: spread evenly over it, the 50 % point of a count that is 0 with 55 % rounds to 0
    np.testing.assert_allclose(bounds[0, 0], poisson.ppf((0.1, 0.5, 0.7, 0.9, 0.95), rate), atol=0)


def test_paths_have_the_quantiles_and_sums_that_move_together():
    rng = np.random.default_rng(0)
    shared = np.repeat(rng.normal(0, 1, (40, 1, 3)), 25, axis=1)
    own = rng.normal(0, 1, (40, 25, 3))
    error = (np.sqrt(0.5) * shared + np.sqrt(0.5) * own).reshape(1000, 3)
    model = ErrorModel.fit(past_errors(error, n_windows=40), 3)
    mean, usual, classes = np.full((25, 3), 1e4), np.ones(25), np.repeat(SMOOTH, 25)

    paths = model.paths(mean, usual, classes, 400, non_negative=False)

    bounds = model.quantiles(mean, usual, classes, QUANTILES, non_negative=False)
    np.testing.assert_allclose(
        np.quantile(paths, QUANTILES, axis=0).mean(axis=(1, 2)), bounds.mean(axis=(0, 1)), atol=0.15
    )
    assert model.across == pytest.approx(0.5, abs=0.15)
    # half of the variance is shared: a sum of 25 has the deviation sqrt(25 * .5 + 25² * .5), not sqrt(25)
    assert paths.sum(axis=1).std(axis=0).mean() == pytest.approx(18.0, rel=0.25)


@given(mean=st.lists(st.floats(0, 1e6), min_size=4, max_size=4), usual=st.floats(1e-6, 1e6), non_negative=st.booleans())
@settings(deadline=None)
def test_quantiles_never_cross(mean, usual, non_negative):
    bounds = MODEL.quantiles(np.array([mean]), np.array([usual]), SMOOTH, QUANTILES, non_negative=non_negative)

    assert (np.diff(bounds, axis=2) >= 0).all()
    assert not non_negative or bounds.min() >= 0


def test_saved_errors_predict_the_same():
    loaded = ErrorModel.from_dict(MODEL.to_dict())

    mean, usual, classes = np.full((2, 4), 7.0), np.array([1.0, 3.0]), np.array(["smooth", "lumpy"], dtype=object)
    np.testing.assert_array_equal(
        loaded.quantiles(mean, usual, classes, QUANTILES, non_negative=True),
        MODEL.quantiles(mean, usual, classes, QUANTILES, non_negative=True),
    )


def test_usual_error_by_hand():
    values = np.array([[np.nan, 1.0, 3.0, 1.0, 3.0], [0, 0, 0, 0, 0], [np.nan, np.nan, np.nan, np.nan, 8.0]])

    steady, zero, young = usual_error(values, 1)

    # changes 2, 2, 2 against level 2: the panel's ratio over the series with changes is 12 / (3 * 4 + 4 * 0)
    assert steady == pytest.approx(np.sqrt((12 + 4 * 1 * 4) / 7))
    assert young == pytest.approx(8)
    assert zero == pytest.approx((steady + young) / 2 / 7)  # the median of the others over five periods and two
