"""Oracles: laws whose distribution function is known."""

import numpy as np
import pytest
from scipy import stats

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.intervals import interval_coverage_score
from forecast.evaluation.metrics.pit import (
    coverage_of_pit,
    interval_coverage_by_pit,
    pit_bounds,
    randomised_pit,
    randomised_pit_from_paths,
)

FINE = np.arange(1, 1000) / 1000
PERCENT = np.arange(1, 100) / 100
COARSE = np.array([0.1, 0.5, 0.9])


def drawn(law, levels, n=4000):
    """Actuals in the exact proportions of a law, and its quantiles beside each."""
    y = np.asarray(law.ppf((np.arange(n) + 0.5) / n), dtype=float)
    return y, np.broadcast_to(law.ppf(levels), (n, len(levels)))


def test_interval_of_rare_sales_covers_96_percent_closed_and_80_percent_by_pit():
    y, quantiles = drawn(stats.poisson(0.3), FINE)

    closed = interval_coverage_score(y, quantiles[:, 99], quantiles[:, 899])
    assert closed == pytest.approx(stats.poisson(0.3).cdf(1), abs=0.001)  # 0.963: 0 and 1 are inside
    assert interval_coverage_by_pit(y, FINE, quantiles) == pytest.approx(0.8, abs=0.01)


def test_bounds_are_the_distribution_function_below_and_at_the_actual():
    law, counts = stats.poisson(0.3), np.arange(4.0)

    low, high = pit_bounds(counts, FINE, np.broadcast_to(law.ppf(FINE), (4, len(FINE))))

    np.testing.assert_allclose(low, [0, *law.cdf(counts[:-1])], atol=0.001)
    np.testing.assert_allclose(high, law.cdf(counts), atol=0.001)


@pytest.mark.parametrize("law", [stats.poisson(0.1), stats.poisson(2), stats.nbinom(0.3, 0.05), stats.norm(5, 2)])
def test_pit_of_the_true_law_is_uniform(law):
    pit = randomised_pit(*_with_levels(*drawn(law, PERCENT), PERCENT))

    assert stats.kstest(pit, "uniform").statistic < 0.015  # the levels are a hundredth apart
    assert coverage_of_pit(pit, level=50) == pytest.approx(0.5, abs=0.015)


def _with_levels(y, quantiles, levels):
    return y, levels, quantiles


@pytest.mark.parametrize("mean", [0.3, 1.5, 5, 12, 50])
def test_three_levels_are_near_where_a_closed_interval_is_not(mean):
    y, quantiles = drawn(stats.poisson(mean), COARSE)

    assert interval_coverage_by_pit(y, COARSE, quantiles) == pytest.approx(0.8, abs=0.025)


def test_pit_of_continuous_values_is_read_off_by_straight_lines():
    quantiles = [[10.0, 20.0, 40.0]] * 3

    np.testing.assert_allclose(randomised_pit([10.5, 20.5, 30.0 + 1e-9], COARSE, quantiles)[:2], [0.12, 0.51])
    np.testing.assert_allclose(randomised_pit([30.5] * 3, COARSE, quantiles), 0.71)


def test_pit_beyond_the_levels_is_spread_over_the_tail():
    pit = randomised_pit(np.repeat([-99.5, 99.5], 2000), COARSE, [[10.0, 20.0, 40.0]] * 4000)

    assert stats.kstest(pit[:2000] / 0.1, "uniform").pvalue > 0.001
    assert stats.kstest((pit[2000:] - 0.9) / 0.1, "uniform").pvalue > 0.001


def test_actual_that_was_certain_may_have_any_level():
    low, high = pit_bounds([0.0, 3.0], COARSE, [[0, 0, 0], [3, 3, 3]])

    np.testing.assert_array_equal(low, [0, 0])
    np.testing.assert_array_equal(high, [1, 1])


def test_too_narrow_intervals_show():
    y, _ = drawn(stats.norm(0, 1), PERCENT)
    narrow = np.broadcast_to(stats.norm(0, 0.5).ppf(PERCENT), (len(y), len(PERCENT)))

    expected = 2 * stats.norm.cdf(0.5 * stats.norm.ppf(0.9)) - 1
    assert interval_coverage_by_pit(y, PERCENT, narrow) == pytest.approx(expected, abs=0.01)


def test_pit_from_paths_of_the_same_law_is_uniform_with_few_paths():
    rng = np.random.default_rng(1)

    pit = randomised_pit_from_paths(rng.poisson(0.3, 20_000), rng.poisson(0.3, (9, 20_000)))

    assert stats.kstest(pit, "uniform").statistic < 0.01
    assert coverage_of_pit(pit) == pytest.approx(0.8, abs=0.01)


def test_draws_follow_the_random_state_alone():
    y, quantiles = drawn(stats.poisson(1), COARSE, n=50)

    one, same, other = (randomised_pit(y, COARSE, quantiles, random_state=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: randomised_pit([1.0], COARSE, [[3, 2, 1]]), "must not cross"),
        (lambda: randomised_pit([[1.0]], COARSE, [[[1, 2, 3]]]), r"shape \(1, 1\)"),
        (lambda: interval_coverage_by_pit([1.0], COARSE, [[1, 2, 3]], level=90), "0.05 to 0.95, got 0.1 to 0.9"),
        (lambda: interval_coverage_by_pit([1.0], COARSE, [[1, 2, 3]], level=100), "needs levels from 0 to 1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
