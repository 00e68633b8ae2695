import numpy as np
import pytest
from numpy.testing import assert_allclose

from forecast.performance.incidence import win_incidence


def incidence(age_to, event, *, age_from=None, group=None, horizon_days=100):
    n = len(age_to)
    return win_incidence(
        np.zeros(n, np.int64) if group is None else np.array(group),
        np.zeros(n) if age_from is None else np.array(age_from, float),
        np.array(age_to, float), np.array(event), 1 if group is None else max(group) + 1, horizon_days=horizon_days,
    )  # fmt: skip


def test_without_open_cases_it_is_the_share_of_wins():
    found = incidence([5, 8, 20, 30], [1, 2, 1, 2])

    assert found.win_rate.tolist() == [0.5]
    assert found.median_days.tolist() == [5.0]
    assert found.n_cases.tolist() == [4]


def test_an_open_case_counts_as_long_as_it_was_open():
    # at 10 one of three is won; the second is open and watched until 20; at 30 the third, alone at risk, is won
    found = incidence([10, 20, 30], [1, 0, 1])

    assert_allclose(found.win_rate, 1 / 3 + 2 / 3)


def test_a_case_seen_later_is_at_risk_only_then():
    # the second case comes under observation at age 15: it was not at risk of the loss at 10
    found = incidence([10, 20], [2, 1], age_from=[0, 15])

    assert found.win_rate.tolist() == [0.0]  # everybody at risk was lost at 10
    assert incidence([10, 20], [2, 1], age_from=[0, 5]).win_rate.tolist() == [0.5]


def test_groups_are_estimated_apart_and_an_empty_one_is_missing():
    found = incidence([5, 5, 5], [1, 2, 1], group=[0, 0, 2])

    assert_allclose(found.win_rate, [0.5, np.nan, 1.0])
    assert_allclose(found.median_days, [5, np.nan, 5])


def test_wins_after_the_horizon_do_not_count():
    assert incidence([50, 150], [1, 1], horizon_days=100).win_rate.tolist() == [0.5]


def test_it_is_right_under_censoring_where_the_share_of_decided_is_not():
    rng = np.random.default_rng(0)
    n = 20_000
    won, lost = rng.exponential(100, n), rng.exponential(50, n)
    watched = rng.uniform(0, 120, n)
    age = np.minimum(np.minimum(won, lost), watched)
    event = np.where(age == watched, 0, np.where(won < lost, 1, 2))
    slow = won + 50  # wins that take longer than losses: the decided ones are mostly lost
    age_slow = np.minimum(np.minimum(slow, lost), watched)
    event_slow = np.where(age_slow == watched, 0, np.where(slow < lost, 1, 2))

    for times, kinds, truth in ((age, event, won < lost), (age_slow, event_slow, slow < lost)):
        fast = np.minimum(won if times is age else slow, lost) < 100
        true_rate = np.mean(truth & fast)
        found = win_incidence(np.zeros(n, np.int64), np.zeros(n), times, kinds, 1, horizon_days=100)
        assert found.win_rate[0] == pytest.approx(true_rate, abs=0.015)
    decided = event_slow > 0
    assert abs(np.mean(event_slow[decided] == 1) - true_rate) > 0.03
