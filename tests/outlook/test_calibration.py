from dataclasses import replace

import numpy as np
import pytest

from forecast.outlook.arrivals import Arrivals
from forecast.outlook.calibration import Opened, best_half_life, group_chances, look_back
from forecast.outlook.origins import Origins
from forecast.outlook.people import People
from forecast.outlook.season import Season

EVEN = Season(-1000, np.ones(1200))
ORIGINS = Origins(np.array([-28.0, -56.0, -84.0, -112.0, -140.0]), 0.0, 28.0, 2, 1.0)
PEOPLE = People(["a", "b"], ["t", "t"], np.full(2, -np.inf), np.full(2, np.inf), {})


def opened(rng, share_won=0.3, n=200):
    """Open opportunities of two groups at each origin; those of the first group are won twice as often."""
    origin = np.repeat(np.arange(5), n)
    group = rng.integers(0, 2, 5 * n)
    won = rng.random(5 * n) < share_won * np.where(group == 0, 4 / 3, 2 / 3)
    days = np.where(won, ORIGINS.days[origin] + rng.uniform(0, 28, 5 * n), np.nan)
    owner = rng.integers(0, 2, 5 * n)
    return Opened(origin, owner, owner, group, np.zeros(5 * n, dtype=np.int64), days, days)


def arrivals(rng, per_day=2.0, days=400):
    closed = np.sort(rng.uniform(-days, 0, rng.poisson(per_day * days)))
    return Arrivals(rng.integers(0, 2, len(closed)), closed - 1, closed, closed, np.ones(len(closed)))


def look(open_deals, past, **others):
    given = {"first_days": -400.0, "season": EVEN, "half_life_days": 1e9} | others
    return look_back(open_deals, past, ORIGINS, PEOPLE, **given)


def test_group_chances_by_hand():
    group = np.repeat([0, 1, 2], [15, 15, 30])
    won = np.r_[np.ones(15), np.zeros(45)].astype(bool)

    found = group_chances(group, np.zeros(60, dtype=int), won, np.array([0, 1, 3]), np.zeros(3, dtype=int))

    overall = 15.5 / 61
    of_stage = (15 + 15 * overall) / 75
    np.testing.assert_allclose(found, [(15 + 15 * of_stage) / 30, 15 * of_stage / 30, of_stage])


def test_expected_is_what_came_on_average_while_nothing_changes():
    ratios = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = look(opened(rng), arrivals(rng))
        assert found.expected.shape == (2, 2)
        ratios.append((found.actual - found.expected) / np.sqrt(found.variance + found.expected**2 * 0.02))

    # 200 open ones of which .3 are won, and 2 a day for the 27 days left
    assert found.expected.sum(axis=1) == pytest.approx([60 + 54] * 2, rel=0.2)
    assert abs(np.mean(ratios)) < 0.2
    assert np.std(ratios) < 1.3


def test_what_came_after_an_origin_changes_no_expectation_of_it():
    rng = np.random.default_rng(0)
    open_deals, past = opened(rng), arrivals(rng)
    later = past.closed_days > -56
    moved = replace(past, closed_days=np.where(later, past.closed_days + 7, past.closed_days))
    lost = np.where(open_deals.won_known_days >= -56, np.nan, open_deals.won_days)

    one, two = look(open_deals, past), look(replace(open_deals, won_days=lost), moved)

    np.testing.assert_array_equal(one.expected[1], two.expected[1])  # the origin 56 days ago
    assert (one.actual[1] != two.actual[1]).any()


def test_a_win_that_was_recorded_late_teaches_late():
    rng = np.random.default_rng(0)
    open_deals, past = opened(rng), arrivals(rng)
    late = replace(open_deals, won_known_days=open_deals.won_known_days + 1000)

    assert len(look(late, past).expected) == 0  # nothing was known to be won: no expectation to be surprised by
    assert len(look(open_deals, past).expected) == 2


def test_no_past_has_no_surprises():
    nothing = Arrivals(*(np.empty(0, dtype=np.int64), *(np.empty(0),) * 4))

    assert look(Opened.none(), nothing).expected.shape == (0, 2)


def test_experience_is_forgotten_faster_after_a_break():
    rng = np.random.default_rng(0)
    origins = Origins(-28.0 * np.arange(1, 11), 0.0, 28.0, 10, 1.0)
    steady = arrivals(rng, per_day=3.0, days=700)
    grown = replace(steady, count=np.where(steady.closed_days > -250, 3.0, 1.0))

    slow, fast = (best_half_life(past, origins, first_days=-700.0, season=EVEN) for past in (steady, grown))

    assert fast < slow
