import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from forecast.errors import InvalidInput
from forecast.money import minor_digits
from forecast.targets import TargetOutOfReach, levels, propose, propose_at

#: Lumpy revenue: few owners, few distinct deals, many ties.
lumpy_paths = arrays(float, st.tuples(st.integers(1, 25), st.integers(1, 6)), elements=st.sampled_from([0, 1, 7.5, 40]))


def smooth_paths(n_paths=4000, n_owners=5, random_state=0):
    rng = np.random.default_rng(random_state)
    shock = rng.normal(0, 0.2, (n_paths, 1))
    return 1000 * np.arange(1, n_owners + 1) * np.exp(shock + rng.normal(0, 0.4, (n_paths, n_owners)))


def inside_support(paths, share):
    """A company target a given share of the way from the certain to the possible."""
    ordered = np.sort(paths, axis=0)
    return float(ordered[0].sum() + share * (ordered[-1].sum() - ordered[0].sum()))


def test_propose_meets_the_closed_form_for_normal_revenue():
    mean, deviation, n_paths = np.array([100.0, 200.0, 400.0]), np.array([10.0, 40.0, 20.0]), 20_001
    grid = norm.ppf((np.arange(n_paths) + 0.5) / n_paths)  # exact quantiles instead of draws
    paths = mean + deviation * grid[:, None]

    proposal = propose(paths, 735)

    z = (735 - mean.sum()) / deviation.sum()
    np.testing.assert_allclose(proposal.targets, mean + z * deviation, atol=0.02)
    np.testing.assert_allclose(proposal.ambition, norm.sf(z), atol=1e-4)


def test_propose_gives_equal_odds_on_smooth_paths():
    proposal = propose(smooth_paths(), 17_000)

    assert np.ptp(proposal.odds) <= 1e-3, proposal.odds
    np.testing.assert_allclose(proposal.odds, proposal.ambition, atol=1e-3)


def test_company_odds_are_another_number_than_the_ambition():
    paths = smooth_paths()

    proposal = propose(paths, 20_000)

    assert proposal.company_odds == (paths.sum(axis=1) >= 20_000).mean()
    assert proposal.company_odds < proposal.ambition - 0.02, proposal


@given(paths=lumpy_paths, share=st.floats(0, 1))
def test_odds_bracket_the_ambition_for_lumpy_deals(paths, share):
    proposal = propose(paths, inside_support(paths, share))

    assert np.all(proposal.odds_above <= proposal.ambition + 1e-12)
    assert np.all(proposal.ambition <= proposal.odds + 1e-12)


@given(paths=lumpy_paths, share=st.floats(0, 1), currency=st.sampled_from(["EUR", "JPY", "KWD"]))
def test_targets_sum_exactly_in_the_smallest_unit(paths, share, currency):
    paths = np.round(paths)  # whole yen
    total = round(inside_support(paths, share), minor_digits(currency))

    proposal = propose(paths, total, currency=currency)

    scale = 10 ** minor_digits(currency)
    units = np.rint(proposal.targets * scale).astype(int)
    assert units.sum() == round(total * scale)
    np.testing.assert_array_equal(units / scale, proposal.targets)


@given(paths=lumpy_paths, shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_targets_never_fall_when_the_company_target_rises(paths, shares):
    low, high = (propose(paths, inside_support(paths, share)).targets for share in sorted(shares))

    assert np.all(high - low >= -0.0101), (low, high)  # one unit by largest remainder


@given(order=st.permutations(range(5)))
@settings(max_examples=20)
def test_targets_follow_their_owners_when_owners_are_reordered(order):
    paths = smooth_paths(n_paths=200)

    np.testing.assert_array_equal(propose(paths[:, order], 17_000).targets, propose(paths, 17_000).targets[order])


@given(paths=lumpy_paths, share=st.floats(0, 1), factor=st.sampled_from([10, 100]))
def test_targets_scale_with_the_unit_of_money(paths, share, factor):
    total = round(inside_support(paths, share), 2)

    scaled = propose(paths * factor, total * factor)

    np.testing.assert_allclose(scaled.targets, propose(paths, total).targets * factor, atol=0.0101 * factor)


def test_an_owner_without_prospect_gets_nothing():
    paths = np.column_stack([smooth_paths(n_owners=2), np.zeros(4000), np.full(4000, -5.0)])

    proposal = propose(paths, 4000)

    np.testing.assert_array_equal(proposal.targets[2:], [0, 0])


@pytest.mark.parametrize("total", [29.99, 70.01])
def test_propose_fails_when_the_target_is_out_of_reach(total):
    with pytest.raises(TargetOutOfReach, match=rf"{total:.2f} EUR reach between 30\.00 EUR .* and 70\.00 EUR"):
        propose([[10, 20], [30, 40]], total)


def test_free_owners_share_what_fixed_owners_leave():
    paths = smooth_paths()

    proposal = propose(paths, 17_000, fixed=[np.nan, 5000, np.nan, np.nan, np.nan])

    free = [0, 2, 3, 4]
    assert proposal.targets[1] == 5000
    assert round(proposal.targets.sum(), 2) == 17_000
    np.testing.assert_allclose(proposal.odds[free], proposal.ambition, atol=1e-3)


def test_propose_fails_when_all_owners_are_fixed_to_another_sum():
    with pytest.raises(TargetOutOfReach, match=r"sum to 30\.00 EUR, not to 50\.00 EUR"):
        propose([[10, 20], [30, 40]], 50, fixed=[10, 20])


def test_levels_are_reached_with_the_stated_odds():
    proposals = levels(smooth_paths())

    for name, odds in {"target": 0.65, "stretch": 0.40, "challenge": 0.15}.items():
        np.testing.assert_allclose(proposals[name].odds, odds, atol=1e-3)
    assert proposals["target"].company_target < proposals["stretch"].company_target


def test_propose_at_is_the_inverse_of_propose():
    paths = smooth_paths()
    at_odds = propose_at(paths, 0.3)

    np.testing.assert_allclose(propose(paths, at_odds.company_target).targets, at_odds.targets, atol=0.01)


@pytest.mark.parametrize(
    ("paths", "total", "message"),
    [
        ([1, 2], 1, r"shape \(n_paths, n_owners\).*got \(2,\)"),
        ([[]], 1, r"got \(1, 0\)"),
        ([[1, np.nan]], 1, "1 of 2 values are not"),
        ([[1, 2]], -3, "at least 0, got -3"),
        ([[1, 2]], float("nan"), "got nan"),
    ],
)
def test_propose_names_what_is_wrong(paths, total, message):
    with pytest.raises(InvalidInput, match=message):
        propose(paths, total)


def test_propose_names_an_unknown_currency():
    with pytest.raises(InvalidInput, match="'XYZ'"):
        propose([[1.0]], 1, currency="XYZ")


def test_amounts_too_large_for_int64_products_still_sum():
    paths = np.array([[0, 0], [3e13, 7e13 + 0.5]])

    proposal = propose(paths, 1e13)

    assert proposal.targets.sum() == 1e13


@pytest.mark.slow
def test_ten_thousand_owners_take_less_than_five_seconds():
    paths = np.random.default_rng(0).gamma(2, 5000, (2000, 10_000))

    start = time.process_time()
    propose(paths, 1.1e8)

    assert time.process_time() - start < 5
