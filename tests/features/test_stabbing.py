import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from forecast.features.stabbing import NOTHING, Moments, range_medians

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 12)), int(rng.integers(0, 30))
    moments = rng.integers(-1, 3, n), rng.integers(0, 20, n)
    start = rng.integers(0, 20, m)
    intervals = rng.integers(0, 3, m), start, start + rng.integers(-2, 12, m)
    return moments, intervals, rng.integers(-9, 9, m), rng.random(m) < 0.7


def contained(moments, intervals):
    (group, time), (of, start, end) = moments, intervals
    return (group[:, None] == of) & (start < time[:, None]) & (time[:, None] <= end)


@given(SEEDS)
def test_total_is_the_sum_over_the_intervals_that_contain_the_moment(seed):
    moments, intervals, weight, where = drawn(seed)
    asked = Moments(*moments)
    reach = asked.reach(*intervals)
    inside = contained(moments, intervals)

    assert_array_equal(asked.total(reach), inside.sum(axis=1))
    assert_array_equal(asked.total(reach, weight, where), (inside & where) @ weight)


@given(SEEDS)
def test_latest_is_the_largest_value_of_the_intervals_that_contain_the_moment(seed):
    moments, intervals, value, where = drawn(seed)
    asked = Moments(*moments)

    latest = asked.latest(asked.reach(*intervals), value, where)

    inside = contained(moments, intervals) & where
    assert_array_equal(latest, np.where(inside, value, NOTHING).max(axis=1, initial=NOTHING))


@given(SEEDS)
def test_pairs_are_all_moments_with_their_intervals_in_order(seed):
    moments, intervals, _, _ = drawn(seed)
    asked = Moments(*moments)

    moment, interval = asked.pairs(asked.reach(*intervals))

    inside = contained(moments, intervals)
    assert set(zip(moment, interval, strict=True)) == set(zip(*np.nonzero(inside), strict=True))
    starts_new = np.flatnonzero(np.diff(moment)) + 1
    assert all(np.all(np.diff(part) > 0) for part in np.split(interval, starts_new))
    assert len(starts_new) + 1 == len(np.unique(moment)) or len(moment) == 0


@given(SEEDS)
def test_range_medians_are_the_medians_of_the_ranges(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-50, 50, int(rng.integers(1, 40)))
    first = rng.integers(0, len(values), 10)
    stop = np.minimum(first + rng.integers(0, 12, 10), len(values))

    medians = range_medians(values, first, stop)

    expected = [np.median(values[a:b]) if b > a else np.nan for a, b in zip(first, stop, strict=True)]
    assert_array_equal(medians, expected)
