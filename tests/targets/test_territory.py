import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.targets.territory import (
    PRIOR_COMMON,
    PRIOR_SPREAD,
    Potential,
    arrival_rates,
    expected_new_wins,
    fit_spread,
    match_company,
    territory_paths,
)


def potential(new_wins, *, variance=0.0, common=0.0, open_deals=0, open_wins=0.0, amounts=(100.0,)):
    new = np.asarray(new_wins, dtype=float)[:, None]
    return Potential(
        open_deals=np.full(new.shape, open_deals, dtype=np.int64),
        open_wins=np.full(new.shape, open_wins),
        new_wins=new,
        amounts=(np.asarray(amounts, dtype=float),),
        variance=np.full(len(new), variance),
        common=common,
    )


def test_paths_have_the_moments_of_a_compound_poisson():
    amounts = np.array([100.0, 300.0])

    paths = territory_paths(potential([5.0, 20.0], amounts=amounts), n_paths=20_000)

    mean, square = amounts.mean(), (amounts**2).mean()
    np.testing.assert_allclose(paths.mean(axis=0), [5 * mean, 20 * mean], rtol=0.02)
    np.testing.assert_allclose(paths.var(axis=0), [5 * square, 20 * square], rtol=0.05)


def test_open_deals_are_won_as_a_binomial():
    paths = territory_paths(potential([0.0], open_deals=10, open_wins=3.0, amounts=[1.0]), n_paths=20_000)

    assert paths.max() <= 10
    assert paths.mean() == pytest.approx(3, rel=0.02)
    assert paths.var() == pytest.approx(10 * 0.3 * 0.7, rel=0.05)


def test_factors_add_their_variance():
    paths = territory_paths(potential([50.0, 50.0], variance=0.04, common=0.09, amounts=[1.0]), n_paths=20_000)

    own, shared = 0.04, 0.09
    together = (1 + own) * (1 + shared) - 1
    assert paths[:, 0].var() == pytest.approx(50 + 2500 * together, rel=0.05)
    assert np.cov(paths.T)[0, 1] == pytest.approx(2500 * shared, rel=0.1)


def test_arrivals_of_equal_territories_are_shrunk_together():
    same = np.random.default_rng(0).poisson(20, (40, 1))
    different = np.random.default_rng(0).poisson(np.repeat([5, 80], 20))[:, None]

    shrunk, kept = (arrival_rates(counts, np.ones(40)).mean[:, 0] for counts in (same, different))

    assert shrunk.std() < 0.4 * same.std()
    np.testing.assert_allclose(kept, different[:, 0], rtol=0.1, atol=1.5)


def test_rate_of_a_newcomer_counts_the_time_there_and_is_shrunk_more():
    counts, exposure = np.array([[40], [40], [10], [38], [44]]), np.array([4.0, 4.0, 1.0, 4.0, 4.0])

    rates = arrival_rates(counts, exposure)

    assert rates.mean[2, 0] == pytest.approx(10, rel=0.1)
    assert rates.relative_variance[2] > rates.relative_variance[0]


def test_new_wins_are_shared_by_arrivals_among_those_who_are_there():
    rates = arrival_rates(np.array([[10, 0], [30, 0], [20, 0]]), np.ones(3))

    shared = expected_new_wins(rates, np.array([8.0, 5.0]), np.array([True, True, False]))

    assert shared[:, 0].sum() == pytest.approx(8)
    assert shared[2, 0] == 0
    assert shared[1, 0] > 2 * shared[0, 0]


@pytest.mark.parametrize("size", [0.0, 0.3])
def test_spread_finds_what_varies_beyond_chance(size):
    rng = np.random.default_rng(0)
    level = np.exp(rng.normal(-(size**2) / 2, size, 200))
    wins = rng.poisson(15 * level, (8, 200))

    spread = fit_spread(wins, np.full((8, 200), 15.0), np.zeros(200))

    assert spread.owner == pytest.approx(np.exp(size**2) - 1, abs=0.012)


def test_spread_is_the_prior_while_nothing_is_known():
    spread = fit_spread(np.zeros((1, 3), dtype=int), np.zeros((1, 3)), np.zeros(3))

    assert (spread.owner, spread.common) == (pytest.approx(PRIOR_SPREAD), PRIOR_COMMON)


def test_common_shocks_are_found_and_a_trend_is_none():
    rng = np.random.default_rng(1)
    shocks = np.exp(rng.normal(0, 0.3, 60))
    shaken = rng.poisson(40 * shocks[:, None], (60, 20))
    growing = rng.poisson(np.linspace(30, 60, 60)[:, None], (60, 20))

    found, trend = (fit_spread(wins, np.ones((60, 20)), np.zeros(20)).common for wins in (shaken, growing))

    assert found == pytest.approx(np.exp(0.09) - 1, rel=0.4)
    assert trend < 0.005


@given(seed=st.integers(0, 1000), n_owners=st.integers(1, 4))
def test_matched_paths_sum_to_the_companys_and_keep_shares(seed, n_owners):
    rng = np.random.default_rng(seed)
    paths = rng.poisson(1.0, (50, n_owners)) * 100.0
    company = rng.gamma(2, 500, 50)

    matched = match_company(paths, company)

    if paths.sum() > 0:
        np.testing.assert_allclose(np.sort(matched.sum(axis=1)), np.sort(company))
    some = paths.sum(axis=1) > 0
    shares = paths[some] / paths[some].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(matched[some] / matched[some].sum(axis=1, keepdims=True), shares)


def test_the_same_state_gives_the_same_paths():
    first, again = (territory_paths(potential([5.0, 9.0], variance=0.1, common=0.1)) for _ in range(2))

    assert first.tobytes() == again.tobytes()


def test_exposure_must_be_positive():
    with pytest.raises(InvalidInput, match="above 0, got 0"):
        arrival_rates(np.array([[1]]), np.zeros(1))


@pytest.mark.slow
def test_targets_are_met_as_stated_in_rich_and_poor_territories(benchmark_script):
    fair = benchmark_script("targets_fair")
    pd = fair.pd

    rows = pd.DataFrame([row for seed in range(60) for row in fair.season(seed, fair.SKILLS)])

    ours = rows[rows["rule"] == "ours"]
    for level, ambition in fair.LEVELS.items():
        of_level = ours[ours["level"] == level]
        for part in (of_level, of_level[of_level["richness"] == 0], of_level[of_level["richness"] == 2]):
            means = part.groupby("seed")["met"].mean()
            assert abs(means.mean() - ambition) < 3 * means.std() / np.sqrt(len(means)), (level, means.mean())
        spreads = {rule: fair.spread(some) for rule, some in rows[rows["level"] == level].groupby("rule")}
        assert spreads["ours"] < 0.5 * min(spreads["equal"], spreads["last year"]), (level, spreads)
