"""Joint ranks go together as past errors did: over steps, for good, and between series."""

import json

import numpy as np
import pytest
from scipy.stats import kstest, norm

from forecast.demand.dependence import Dependence, Persistence

HORIZON = 8
TRUTH = Dependence(0.3, Persistence(0.4, 0.3), Persistence(0.2, 0.6))


def scores(truth, n_windows, n_series, seed=0):
    """Normal scores of errors in so many windows."""
    rng = np.random.default_rng(seed)
    return (
        np.concatenate([norm.ppf(truth.ranks(rng, n_series, HORIZON)) for _ in range(n_windows)]),
        np.repeat(np.arange(n_windows), n_series),
    )


def of_lags(persistence):
    lags = np.arange(1, HORIZON)
    return persistence.lasting + (1 - persistence.lasting) * persistence.along**lags


def test_what_was_drawn_is_found_again():
    found = Dependence.fit(*scores(TRUTH, 400, 30))

    assert found.across == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose(of_lags(found.own), of_lags(TRUTH.own), atol=0.03)
    np.testing.assert_allclose(of_lags(found.shared), of_lags(TRUTH.shared), atol=0.06)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_few_windows_tell_of_the_common_part_about_what_the_series_own_errors_do(seed):
    """Three windows say little of how long a common error lasts: the series' own errors say the other half."""
    truth = Dependence(0.05, Persistence(0.3, 0.3), Persistence(0.3, 0.3))

    found = Dependence.fit(*scores(truth, 3, 500, seed=seed))

    np.testing.assert_allclose(of_lags(found.own), of_lags(truth.own), atol=0.05)
    assert np.abs(of_lags(found.shared) - of_lags(truth.shared)).mean() < 0.25


def test_ranks_are_uniform():
    ranks = np.concatenate([TRUTH.ranks(np.random.default_rng(seed), 1, HORIZON) for seed in range(2000)])

    assert kstest(ranks[:, 0], "uniform").pvalue > 0.01
    assert kstest(ranks[:, -1], "uniform").pvalue > 0.01


def test_sum_of_lasting_errors_is_as_wide_as_the_past_sums():
    """By steps alone, with a correlation of 0.2 from one to the next, the sum of eight would be a fifth narrower."""
    truth = Dependence(0.0, Persistence(0.0, 0.2), Persistence())
    past, window = scores(truth, 3, 1000)

    drawn, _ = scores(Dependence.fit(past, window), 1, 4000, seed=1)

    assert drawn.sum(axis=1).std() == pytest.approx(np.sqrt(8 + 8 * 7 * 0.2), rel=0.05)
    assert drawn.sum(axis=1).std() == pytest.approx(past.sum(axis=1).std(), rel=0.05)


def test_a_single_series_has_no_common_part():
    past, window = scores(Dependence(0.0, Persistence(0.6, 0.0), Persistence()), 500, 1)

    found = Dependence.fit(past, window)

    assert found.across == 0
    np.testing.assert_allclose(of_lags(found.own), 0.6 ** np.arange(1, HORIZON), atol=0.08)


def test_unknown_errors_are_left_out():
    past, window = scores(TRUTH, 100, 30)
    hidden = np.where(np.random.default_rng(1).random(past.shape) < 0.3, np.nan, past)

    found, whole = Dependence.fit(hidden, window), Dependence.fit(past, window)

    assert found.across == pytest.approx(whole.across, abs=0.02)
    np.testing.assert_allclose(of_lags(found.own), of_lags(whole.own), atol=0.03)


def test_nothing_known_leaves_the_default():
    assert Dependence.fit(np.full((6, 3), np.nan), np.zeros(6, dtype=np.int64)) == Dependence()
    assert Dependence.fit(np.ones((6, 1)), np.arange(6)).own == Persistence()


def test_stored_dependence_is_the_same():
    assert Dependence.from_dict(json.loads(json.dumps(TRUTH.to_dict()))) == TRUTH
