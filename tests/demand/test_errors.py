from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, poisson

from forecast.demand.dependence import Dependence, Persistence
from forecast.demand.errors import ErrorModel, PastErrors, usual_error
from forecast.evaluation.metrics.pit import coverage_of_pit, randomised_pit, randomised_pit_from_paths

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
    assert model.dependence.across == pytest.approx(0.5, abs=0.15)
    # half of the variance is shared: a sum of 25 has the deviation sqrt(25 * .5 + 25² * .5), not sqrt(25)
    assert paths.sum(axis=1).std(axis=0).mean() == pytest.approx(18.0, rel=0.25)


#: Sales of simulated panels by the rate of their series, their true mean, and the class that they would be given.
PANELS = {
    "rare counts": (lambda rng, rate: rng.poisson(rate * 0.2), lambda rate: rate * 0.2, "intermittent"),
    "small counts": (lambda rng, rate: rng.poisson(rate), lambda rate: rate, "intermittent"),
    "lumps": (lambda rng, rate: rng.poisson(rate * 5 * (rng.random(rate.shape) < 0.2)), lambda rate: rate, "lumpy"),
    "overdispersed": (lambda rng, rate: rng.negative_binomial(0.5, 0.5 / (0.5 + rate)), lambda rate: rate, "lumpy"),
    "steady amounts": (lambda rng, rate: np.maximum(rng.normal(rate + 30, 4), 0), lambda rate: rate + 30, "smooth"),
    "skewed amounts": (
        lambda rng, rate: rng.lognormal(np.log(rate), 1.2) * (rng.random(rate.shape) < 0.7),
        lambda rate: 0.7 * rate * np.exp(0.72),
        "lumpy",
    ),
}


def simulated(kind, seed, n_series=400, n_windows=3, horizon=4):
    """Past errors of forecasts that are off the true mean by a fifth or so; each series in each window."""
    rng = np.random.default_rng(seed)
    rate = np.tile(rng.lognormal(0.3, 1, n_series), n_windows)[:, None]
    draw, truth, name = PANELS[kind]
    usual = usual_error(draw(rng, np.repeat(rate, 30, axis=1)).astype(float), 1)
    rate = np.repeat(rate, horizon, axis=1)
    mean = truth(rate) * rng.normal(1, 0.2, rate.shape).clip(0.2)
    is_integer = kind not in ("steady amounts", "skewed amounts")
    return past_errors(draw(rng, rate) - mean, mean, usual, classes=name, n_windows=n_windows, is_integer=is_integer)


@pytest.mark.parametrize("kind", PANELS)
@pytest.mark.parametrize("seed", [0, 1])
def test_paths_have_the_mean_that_is_forecast_single_and_summed(kind, seed):
    learned, now = simulated(kind, seed), simulated(kind, seed + 10, n_windows=1)
    model = replace(ErrorModel.fit(learned, 4), dependence=Dependence())

    paths = model.paths(now.mean, now.usual, now.classes, 600, non_negative=True)

    assert paths.min() >= 0
    distance = np.abs(paths.mean(axis=0) - now.mean) / np.maximum(paths.std(axis=0) / np.sqrt(600), 0.01 * now.mean)
    assert distance.max() <= 6  # of 1,600 means; means of rare sales are skewed
    assert paths.sum() / 600 == pytest.approx(now.mean.sum(), rel=0.01)


# Amounts that are often 0 are left out: the law spreads their zeros over small amounts, tilted or not.
@pytest.mark.parametrize("kind", sorted(set(PANELS) - {"skewed amounts"}))
def test_ranges_of_single_values_hold_what_they_say(kind):
    levels = np.arange(1, 20) / 20
    model = ErrorModel.fit(simulated(kind, 0, n_series=1000), 4)
    now = simulated(kind, 10, n_series=2000, n_windows=1)
    actual = (now.mean + now.error).ravel()

    bounds = model.quantiles(now.mean, now.usual, now.classes, levels, non_negative=True).reshape(-1, 19)
    paths = model.paths(now.mean, now.usual, now.classes, 100, non_negative=True).reshape(100, -1)

    by_quantiles = randomised_pit(actual, levels, bounds, is_count=now.is_integer)
    assert coverage_of_pit(by_quantiles) == pytest.approx(0.8, abs=0.04)
    assert coverage_of_pit(randomised_pit_from_paths(actual, paths)) == pytest.approx(0.8, abs=0.04)


def test_a_forecast_of_0_keeps_its_range_but_adds_nothing_to_a_sum():
    model = ErrorModel.fit(simulated("small counts", 0), 4)
    nothing, usual, classes = np.zeros((1, 4)), np.ones(1), np.array(["intermittent"], dtype=object)

    bounds = model.quantiles(nothing, usual, classes, (0.5, 0.99), non_negative=True)
    paths = model.paths(nothing, usual, classes, 50, non_negative=True)

    assert bounds[0, :, 1].min() > 0
    assert paths.max() == 0


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


def test_errors_saved_before_they_could_last_are_read():
    state = MODEL.to_dict()
    del state["dependence"]

    loaded = ErrorModel.from_dict(state | {"along": 0.4, "across": 0.1})

    assert loaded.dependence == Dependence(0.1, Persistence(0.4), Persistence(0.4))


def test_usual_error_by_hand():
    values = np.array([[np.nan, 1.0, 3.0, 1.0, 3.0], [0, 0, 0, 0, 0], [np.nan, np.nan, np.nan, np.nan, 8.0]])

    steady, zero, young = usual_error(values, 1)

    # changes 2, 2, 2 against level 2: the panel's ratio over the series with changes is 12 / (3 * 4 + 4 * 0)
    assert steady == pytest.approx(np.sqrt((12 + 4 * 1 * 4) / 7))
    assert young == pytest.approx(8)
    assert zero == pytest.approx((steady + young) / 2 / 7)  # the median of the others over five periods and two
