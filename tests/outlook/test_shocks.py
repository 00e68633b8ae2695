import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from forecast.outlook.shocks import (
    GRID,
    ShockSizes,
    Surprises,
    _log_likelihoods,
    draw_shocks,
    fit_shock_sizes,
    odds_under_shocks,
)

TEAM = np.repeat(np.arange(4), 5)
OWNERS, TEAMS = [f"u{number}" for number in range(20)], [f"t{number}" for number in TEAM]
NO_ORIGIN = Surprises(*(np.empty((0, 20)),) * 3, np.empty(0), np.empty((0, 20)))


def one_size(company, team, owner):
    return ShockSizes(*(np.array([size]) for size in (company, team, owner)), np.ones(1))


def surprises(sizes, n_origins, seed=0, mean=40.0):
    """Poisson numbers of wins under shocks of known sizes, drawn by the test itself."""
    rng = np.random.default_rng(seed)
    company, team, owner = (
        np.exp(size * rng.normal(size=(n_origins, n)) - size**2 / 2) for size, n in zip(sizes, (1, 4, 20), strict=True)
    )
    expected = np.full((n_origins, 20), mean)
    actual = rng.poisson(expected * company * team[:, TEAM] * owner)
    return Surprises(expected, expected, actual.astype(float), np.zeros(n_origins), np.zeros((n_origins, 20)))


def test_likelihood_is_that_of_the_normal_distribution():
    made = surprises((0.2, 0.1, 0.1), 1)
    made = Surprises(made.expected, made.variance, made.actual, np.array([0.01]), np.full((1, 20), 0.02))

    found = _log_likelihoods(made, TEAM, 0).reshape(len(GRID), len(GRID), len(GRID))

    mean = made.expected[0]
    for company, team, owner in ((0, 0, 0), (4, 2, 7), (11, 11, 11)):
        covariance = (GRID[company] ** 2 + 0.01) * np.ones((20, 20)) + GRID[team] ** 2 * (TEAM[:, None] == TEAM)
        covariance = (covariance + (GRID[owner] ** 2 + 0.02) * np.eye(20)) * np.outer(mean, mean) + np.diag(mean)
        expected = multivariate_normal(mean, covariance).logpdf(made.actual[0]) + 10 * np.log(2 * np.pi)
        assert found[company, team, owner] == pytest.approx(expected)


@pytest.mark.parametrize("sizes", [(0.3, 0.1, 0.2), (0.05, 0.3, 0.05), (0.02, 0.02, 0.02)])
def test_sizes_are_found_from_many_origins(sizes):
    found = fit_shock_sizes(surprises(sizes, 60), TEAM).mean()

    for name, size in zip(("company", "team", "owner"), sizes, strict=True):
        assert found[name] == pytest.approx(size, abs=0.05), name


def test_without_a_past_the_prior_is_left():
    found = fit_shock_sizes(NO_ORIGIN, TEAM)

    assert found.weight.sum() == pytest.approx(1)
    # a gamma distribution of shape 2 and scale .11 has root mean square .11 * sqrt(6)
    assert found.mean()["company"] == pytest.approx(0.11 * np.sqrt(6), rel=0.1)


def test_few_origins_leave_sizes_uncertain_and_tails_heavy():
    few, many = (fit_shock_sizes(surprises((0.2, 0.1, 0.1), n), TEAM) for n in (3, 60))

    def spread(sizes):
        return np.sqrt(sizes.weight @ (sizes.company - sizes.weight @ sizes.company) ** 2)

    assert spread(few) > 2 * spread(many)


def test_factors_have_mean_one_and_the_stated_covariance():
    drawn = draw_shocks(
        one_size(0.2, 0.3, 0.1), OWNERS, TEAMS, law_variance=0.0, owner_variance=np.zeros(20), n_paths=40_000,
        random_state=0,
    ).multiplier  # fmt: skip

    np.testing.assert_allclose(drawn.mean(axis=0), 1)
    covariance = np.cov(drawn.T)
    alike = np.equal.outer(TEAM, TEAM) & ~np.eye(20, dtype=bool)
    assert covariance[~np.equal.outer(TEAM, TEAM)].mean() == pytest.approx(0.04, rel=0.15)
    assert covariance[alike].mean() == pytest.approx(1.04 * 1.09 - 1, rel=0.1)
    assert np.diag(covariance).mean() == pytest.approx(1.04 * 1.09 * 1.01 - 1, rel=0.1)


def test_shocks_of_an_owner_do_not_depend_on_who_else_is_there():
    def draw(index):
        return draw_shocks(
            one_size(0.2, 0.3, 0.1), [OWNERS[i] for i in index], [TEAMS[i] for i in index], law_variance=0.0,
            owner_variance=np.zeros(len(index)), n_paths=100, random_state=0,
        ).multiplier  # fmt: skip

    np.testing.assert_allclose(draw(range(20))[:, [3, 17]], draw([3, 17]))


SHOCKS = draw_shocks(
    fit_shock_sizes(NO_ORIGIN, TEAM), OWNERS, TEAMS, law_variance=0.1, owner_variance=np.linspace(0, 0.2, 20),
    n_paths=4000, random_state=0,
)  # fmt: skip


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_shocks_leave_chances_as_they_are_on_average(chances):
    p = np.array(chances)
    owner = np.arange(len(p), dtype=np.int64) % 20

    hazard = odds_under_shocks(p, owner, SHOCKS)
    under = -np.expm1(-hazard * SHOCKS.multiplier[:, owner])

    np.testing.assert_allclose(under.mean(axis=0), p, atol=0.012)
    assert (hazard >= 0).all()
