import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from forecast.errors import InvalidInput
from forecast.funnel.incidence import cumulative_incidence, share_interval, weighted_shares


def stays(seed: int, n: int = 200, *, ties: bool = False):
    """Stays that end by one of three causes at exponential times, a third of them cut."""
    rng = np.random.default_rng(seed)
    days = rng.exponential(20, n)
    cut = rng.exponential(40, n)
    cause = np.where(days <= cut, rng.integers(3, size=n), -1)
    days = np.minimum(days, cut)
    return (np.ceil(days) if ties else days), cause


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # in the oracle, where everybody has left
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("ties", [False, True])
def test_shares_and_errors_are_those_of_statsmodels(ties: bool) -> None:
    days, cause = stays(1, ties=ties)
    oracle = CumIncidenceRight(days, cause + 1)
    found = cumulative_incidence(days, cause, 3)
    moments = np.quantile(days, [0.1, 0.3, 0.5, 0.9])
    place = np.searchsorted(oracle.times, moments, side="right") - 1

    for k in range(3):
        assert_allclose([found.shares_at(day)[k] for day in moments], oracle.cinc[k][place], rtol=1e-12)
        errors = [np.sqrt(found.variance_at(k, day)) for day in moments]
        assert_allclose(errors, oracle.cinc_se[k][place], rtol=0.03)  # its form of the variance differs in small order


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_stay_and_its_median_are_those_of_statsmodels() -> None:
    days, cause = stays(2)
    oracle = SurvfuncRight(days, (cause >= 0).astype(int))
    found = cumulative_incidence(days, cause, 3)

    assert_allclose(found.stay, oracle.surv_prob, rtol=1e-12)
    median = found.median(level=95)
    assert median.value == oracle.quantile(0.5)
    low, high = oracle.quantile_ci(0.5, alpha=0.05, method="cloglog")
    assert (median.low, median.high) == (low, high)


def test_by_hand_one_in_four_stays_is_cut() -> None:
    found = cumulative_incidence([1, 2, 3, 4] * 5, [0, 1, -1, 0] * 5, 2)

    assert found.at_risk.tolist() == [20, 15, 5]
    assert_allclose(found.share, [[0.25, 0], [0.25, 0.25], [0.75, 0.25]])
    assert_allclose(found.stay, [0.75, 0.5, 0.0])
    assert found.mean_until(4).value == pytest.approx(1 + 0.75 + 0.5 + 0.5)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=5, max_size=40))
@settings(max_examples=60, deadline=None)
def test_without_cuts_shares_are_plain_shares_with_binomial_variance(rows: list[tuple[int, int]]) -> None:
    days, cause = (np.array(part) for part in zip(*rows, strict=True))
    found = cumulative_incidence(days, cause, 3)

    for day in (3.0, float(days.max())):
        for k in range(3):
            share = np.mean((days <= day) & (cause == k))
            assert found.shares_at(day)[k] == pytest.approx(share, abs=1e-12)
            assert found.variance_at(k, day) == pytest.approx(share * (1 - share) / len(rows), abs=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_laws_of_shares(seed: int) -> None:
    days, cause = stays(seed, 60, ties=seed % 2 == 0)
    found = cumulative_incidence(days, cause, 3)
    again = np.random.default_rng(seed).permutation(60)
    shuffled = cumulative_incidence(days[again], cause[again], 3)

    assert_allclose(found.share.sum(axis=1) + found.stay, 1.0, atol=1e-12)
    assert np.all(np.diff(found.share, axis=0) >= 0)
    assert_allclose(found.share, shuffled.share)
    slower = cumulative_incidence(7 * days, cause, 3)  # the unit of time does not matter
    assert_allclose(found.share, slower.share)


def test_weights_of_one_give_the_estimate_and_whole_weights_count_stays_twice() -> None:
    days, cause = stays(3, ties=True)
    weights = np.random.default_rng(0).integers(1, 4, (len(days), 2))
    weights[:, 0] = 1

    drawn = weighted_shares(days, cause, 3, weights.astype(float), 15.0)

    assert_allclose(drawn[0], cumulative_incidence(days, cause, 3).shares_at(15.0))
    doubled = cumulative_incidence(np.repeat(days, weights[:, 1]), np.repeat(cause, weights[:, 1]), 3)
    assert_allclose(drawn[1], doubled.shares_at(15.0))


def test_nothing_is_said_beyond_the_follow_up() -> None:
    days = np.r_[np.arange(1.0, 11.0), 30.0, 40.0, 50.0, 60.0]
    cause = np.r_[np.zeros(10, int), -1, -1, -1, -1]
    found = cumulative_incidence(days, cause, 1)

    assert found.followed_days == 10.0  # five stays lasted 10 days, only four more
    assert found.stay_at(10.0) == pytest.approx(4 / 14)
    assert np.isnan(found.shares_at(10.5)).all()
    assert np.isnan(found.mean_until(30.0).value)
    complete = cumulative_incidence(days, np.zeros(14, int), 1)
    assert complete.followed_days == 60.0
    assert cumulative_incidence([], [], 2).followed_days != cumulative_incidence([], [], 2).followed_days  # NaN


def test_interval_of_a_share_that_never_happened_is_the_exact_one() -> None:
    found = share_interval(0.0, 0.0, 20, level=80)

    assert (found.low, found.high) == (0.0, pytest.approx(1 - 0.1 ** (1 / 20)))
    assert share_interval(1.0, 0.0, 20, level=80).low == pytest.approx(0.1 ** (1 / 20))


@pytest.mark.parametrize(
    ("days", "cause", "message"),
    [
        ([1.0, -2.0], [0, 0], r"`days` must be at least 0, got -2.0 in 1 of 2"),
        ([1.0, np.nan], [0, 0], r"`days` must be at least 0, got nan"),
        ([1.0], [0, 0], r"one length, got shapes \(1,\) and \(2,\)"),
        ([1.0, 2.0], [0, 2], r"`cause` must lie in -1..1, got 0..2"),
    ],
)
def test_wrong_stays_are_named(days: list[float], cause: list[int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cumulative_incidence(days, cause, 2)
