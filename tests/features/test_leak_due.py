"""How many cases should be open still: by hand, by simulation, and by the mixture that the chance comes from."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, binom, gamma, poisson

from forecast.features.leak_due import Due, closing_law, due_by_cohort, due_by_lag, open_to_due
from forecast.features.leak_values import LOST, OPEN, WON, Cases

CUTOFF = 400.0


def cases_of(first, life, won, cutoff=CUTOFF):
    """Cases that begin and end on those days, as known at the cutoff."""
    is_open = first + life >= cutoff
    closing = np.minimum(first + life, cutoff)
    fate = np.where(is_open, OPEN, np.where(won, WON, LOST))
    n = len(first)
    return Cases(fate, np.arange(n) % 5, first, closing, closing, cutoff, np.ones(n, dtype=bool))


def drawn(seed, n=4000, faster=1.0):
    """(cases, which of them have something) where what they have ends them ``faster``."""
    rng = np.random.default_rng(seed)
    first, having = rng.uniform(0, CUTOFF, n), rng.random(n) < 0.4
    life = rng.exponential(np.where(having, 60 / faster, 60))
    return cases_of(first, life, rng.random(n) < 0.3), having


def test_closing_law_is_the_plain_share_where_all_have_been_followed_long():
    law = closing_law(np.array([1.0, 2.0, 3.0]), np.array([9.0, 9.0, 9.0]))

    assert law.share(np.array([0.5, 1.0, 2.5, 3.0])) == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_closing_law_knows_that_slow_ones_are_not_seen_yet():
    # at lag 2 two of the three had been followed long enough to be seen, and one closed: F(1) = 1 - 1/2
    law = closing_law(np.array([1.0, 1.0, 2.0]), np.array([1.0, 3.0, 3.0]))

    assert law.share(np.array([1.0, 2.0])) == pytest.approx([0.5, 1])
    assert law.deviation(np.array([1.0]))[0] == pytest.approx(np.sqrt(1 / (2 * (2 - 1))))


@pytest.mark.parametrize("faster", [1.0, 8.0])
def test_due_by_lag_is_about_the_number_of_open_ones_however_fast_they_close(faster):
    gaps = []
    for seed in range(12):
        cases, having = drawn(seed, faster=faster)
        due = due_by_lag(cases, np.where(having, cases.first, np.inf))
        gaps.append((due.n_open - due.expected) / np.sqrt(due.expected + due.spread * due.expected**2))

    assert np.abs(gaps).max() < 4
    assert abs(np.mean(gaps)) < 1


def test_due_by_lag_of_closed_cases_alone_stays_when_the_open_ones_lose_what_they_have():
    cases, having = drawn(1)
    before = due_by_lag(cases, np.where(having, cases.first, np.inf))
    erased = due_by_lag(cases, np.where(having & (cases.fate != OPEN), cases.first, np.inf))

    assert erased.expected == before.expected
    assert (before.n_open > 100, erased.n_open) == (True, 0)
    assert erased.chance(1.0) < 1e-6 < 0.01 < before.chance(1.0)


def test_due_by_cohort_takes_into_account_what_speeds_the_closing_up():
    alike, having = drawn(2)
    fast, having_fast = drawn(2, faster=8.0)

    due, due_fast = due_by_cohort(alike, having), due_by_cohort(fast, having_fast)

    assert due.expected == pytest.approx(due.n_open, rel=0.2)
    assert due_fast.chance(1.0) > 1e-3
    assert due_fast.expected < 0.5 * due.expected


def test_open_to_due_is_one_in_a_steady_world_and_less_after_a_clean_up():
    rng = np.random.default_rng(3)
    first, life = rng.uniform(0, CUTOFF, 3000), rng.exponential(60, 3000)
    won = rng.random(3000) < 0.3
    cleaned = np.where((first + life > CUTOFF - 5) & (rng.random(3000) < 0.9), CUTOFF - 5 - first, life)

    assert open_to_due(cases_of(first, life, won)) > 0.9
    assert open_to_due(cases_of(first, np.maximum(cleaned, 0.1), won)) < 0.5


@pytest.mark.parametrize(("expected", "spread", "n_open", "share"), [(12.0, 0.2, 1, 0.7), (30.0, 0.05, 10, 1.0)])
def test_chance_is_that_of_a_poisson_number_with_an_uncertain_mean(expected, spread, n_open, share):
    mean = gamma(1 / spread, scale=spread * share * expected)
    by_hand = quad(lambda m: mean.pdf(m) * poisson.cdf(n_open, m), 0, mean.ppf(1 - 1e-12))[0]

    assert Due(expected, spread, n_open).chance(share) == pytest.approx(by_hand, rel=1e-6)
    assert Due(expected, 0.0, n_open).chance(share) == pytest.approx(poisson.cdf(n_open, share * expected), rel=1e-3)
    assert Due(expected, 0.0, n_open, 40).chance(share) == pytest.approx(
        binom.cdf(n_open, 40, share * expected / 40), rel=1e-3
    )
    assert Due(0.0, 0.0, 0).chance(share) == 1.0


def test_chance_of_a_bounded_number_is_a_binomial_one_with_an_uncertain_share():
    mean, spread = 0.7 * 20 / 30, 0.1
    size = (1 - mean) / (spread * mean) - 1  # the beta variable with this mean and variance
    law = beta(size * mean, size * (1 - mean))

    by_hand = quad(lambda p: law.pdf(p) * binom.cdf(3, 30, p), 0, 1)[0]

    assert law.var() == pytest.approx(spread * mean**2)
    assert Due(20.0, spread, 3, 30).chance(0.7) == pytest.approx(by_hand, rel=1e-6)
