from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, spearmanr

from forecast.performance import Pieces, expect, learn_skill
from forecast.performance.skill import GRID, LUCK_SPREADS, NO_DIFFERENCE, SPREADS, result_curves


def pieces_of(*rows):
    """Rows of person, window, expected, succeeded."""
    person, window, expected, succeeded = (np.array(column) for column in zip(*rows, strict=True))
    return Pieces(np.arange(len(rows)), person, window, expected.astype(float), succeeded.astype(bool))


def test_no_difference_in_results_is_no_difference_in_skill():
    rows = [(person, window, 0.5, i % 2 == 0) for person in range(6) for window in range(4) for i in range(20)]

    skill = learn_skill(pieces_of(*rows), 6, period=(3, 3))

    assert skill.no_difference > 0.75
    assert (skill.p_ahead + skill.p_behind < 0.25).all()


def test_a_lasting_difference_is_skill_and_one_that_changes_is_luck():
    def results(share_of):
        rows = [
            (person, window, 0.5, i < 40 * share_of(person, window))
            for person, window, i in product(range(6), range(6), range(40))
        ]
        return learn_skill(pieces_of(*rows), 6, period=(5, 5))

    lasting = results(lambda person, window: 0.3 + 0.08 * person)
    changing = results(lambda person, window: 0.3 + 0.08 * ((person + window) % 6))

    assert lasting.no_difference < 0.01
    assert lasting.spread > 2 * changing.spread
    assert changing.luck > 2 * lasting.luck
    assert lasting.p_ahead[5] > 0.9
    assert changing.p_ahead.max() < 0.6


def test_posterior_is_that_of_bayes_rule_written_out():
    rows = [(0, 0, 0.4, True), (0, 1, 0.3, True), (0, 1, 0.2, False), (1, 0, 0.5, False), (1, 1, 0.6, False)]

    def weights(spread):
        return (GRID == 0).astype(float) if spread == 0 else (w := norm.pdf(GRID, 0, spread)) / w.sum()

    def chance(p, u, won):
        success = 1 - (1 - p) ** np.exp(u)
        return success if won else 1 - success

    def cell(person, window, luck):
        """Likelihood of a cell at each factor, with luck summed out."""
        plain = np.array(
            [
                np.prod([chance(p, u, won) for who, when, p, won in rows if (who, when) == (person, window)])
                for u in GRID
            ]
        )
        if luck == 0:
            return plain
        kernel = norm.pdf(GRID[:, None], GRID[None, :], luck)
        return (kernel / kernel.sum(axis=1, keepdims=True)) @ plain

    half_normal = norm.pdf(SPREADS[1:], 0, 0.5) * np.gradient(SPREADS)[1:]
    spread_prior = np.append(NO_DIFFERENCE, (1 - NO_DIFFERENCE) * half_normal / half_normal.sum())
    luck_prior = norm.pdf(LUCK_SPREADS, 0, 0.35) * np.gradient(LUCK_SPREADS)
    posterior, total = np.zeros(len(GRID)), 0.0
    for (luck, prior_luck), (spread, prior) in product(
        zip(LUCK_SPREADS, luck_prior / luck_prior.sum(), strict=True), zip(SPREADS, spread_prior, strict=True)
    ):
        w = weights(spread)
        evidence = np.prod([(cell(i, 0, luck) * cell(i, 1, luck) * w).sum() for i in (0, 1)]) * prior_luck * prior
        of_period = cell(0, 1, luck) * w
        posterior += evidence * of_period / of_period.sum()
        total += evidence

    skill = learn_skill(pieces_of(*rows), 2, period=(1, 1))

    assert_allclose(skill.marginal[0], posterior / total, atol=1e-9)


def test_joint_draws_have_everybodys_own_posterior(made_spells):
    made = made_spells(0)

    skill = learn_skill(expect(made.spells, made.X, made.limits), 12, period=(7, 7))

    mean = skill.marginal @ GRID
    sd = np.sqrt(skill.marginal @ GRID**2 - mean**2)
    assert (np.abs(skill.factors.mean(axis=0) - mean) < 5 * sd / np.sqrt(len(skill.draws))).all()


def test_posterior_repeats_to_the_byte_and_other_draws_change_no_probability(made_spells):
    made = made_spells(1)
    pieces = expect(made.spells, made.X, made.limits)

    first, again, other = (learn_skill(pieces, 12, period=(7, 7), random_state=seed) for seed in (0, 0, 1))

    assert first.draws.tobytes() == again.draws.tobytes()
    assert first.draws.tobytes() != other.draws.tobytes()
    assert first.marginal.tobytes() == other.marginal.tobytes()


def test_result_at_the_expected_pace_is_what_was_expected():
    person, expected = np.array([0, 0, 1]), np.array([0.2, 0.5, 0.9])

    curves = result_curves(person, expected, 2, worth=np.array([10.0, 1.0, 2.0]))

    assert_allclose(curves[:, GRID == 0].ravel(), [2.5, 1.8])
    assert (np.diff(curves, axis=1) >= 0).all()
    assert_allclose(curves[:, -1], [11, 2], rtol=0.02)


def test_gains_are_nothing_without_a_difference(made_spells):
    made = made_spells(2)
    pieces = expect(made.spells, made.X, made.limits)
    skill = learn_skill(pieces, 12, period=(7, 7))

    gains = skill.gains(result_curves(pieces.person, pieces.expected, 12))

    assert ((gains > 0) == (skill.factors > 0)).all()
    assert ((gains == 0) == (skill.factors == 0)).all()


def _seasons(made_spells, n_seasons, **options):
    for seed in range(n_seasons):
        made = made_spells(seed, **options)
        pieces = expect(made.spells, made.X, made.limits)
        yield made, pieces.of_windows(7, 7), learn_skill(pieces, 12, period=(7, 7))


@pytest.mark.slow
def test_where_people_do_not_differ_fewer_are_claimed_to_than_stated(made_spells):
    claims = [
        np.maximum(skill.p_ahead, skill.p_behind) >= 0.9 for _, _, skill in _seasons(made_spells, 40, skill=0, luck=0.2)
    ]

    assert np.mean(claims) < 0.1


@pytest.fixture(scope="module")
def skilled(made_spells):
    return list(_seasons(made_spells, 60, skill=0.35))


@pytest.mark.slow
def test_ranges_hold_true_skill_as_stated_and_claims_are_true(skilled):
    covered, wrong = [], []
    for made, inside, skill in skilled:
        expected = np.bincount(inside.person, inside.expected, 12)
        truth = made.skill - np.average(made.skill, weights=expected)
        low, high = np.quantile(skill.factors, [0.1, 0.9], axis=0)
        covered.append((low <= truth) & (truth <= high))
        wrong.append(((skill.p_ahead >= 0.9) & (truth < 0)) | ((skill.p_behind >= 0.9) & (truth > 0)))

    assert 0.74 < np.mean(covered) < 0.86  # 720 people: one standard error is 1.5 points
    assert np.mean(wrong) < 0.05


@pytest.mark.slow
def test_people_rank_nearer_to_true_skill_above_expectation_than_by_wins(skilled):
    gaps = []
    for made, inside, skill in skilled:
        wins = np.bincount(inside.person, inside.succeeded, 12)
        gaps.append(spearmanr(skill.marginal @ GRID, made.skill)[0] - spearmanr(wins, made.skill)[0])

    assert np.mean(gaps) > 2 * np.std(gaps) / np.sqrt(len(gaps))
