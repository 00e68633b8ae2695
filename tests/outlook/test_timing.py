import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecast.outlook import win_probability_within

HORIZONS = (30, 60, 90)


def within(days, p=(0.1, 0.3, 0.4)):
    return float(win_probability_within([p], HORIZONS, days)[0])


def test_probability_at_and_between_the_horizons():
    assert within(-5) == within(0) == 0
    assert within(30) == 0.1
    np.testing.assert_allclose([within(15), within(45), within(60), within(90)], [0.05, 0.2, 0.3, 0.4])


def test_beyond_the_last_horizon_the_rate_fades():
    # the last span brought .1, half of the .2 before: then .05, .025, … follow
    np.testing.assert_allclose([within(120), within(150)], [0.4 + 0.1 / np.log(2) * 0.5, 0.4 + 0.1 / np.log(2) * 0.75])
    assert within(120, (0.1, 0.2, 0.2)) == 0.2


@given(
    p=st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    days=st.tuples(st.floats(-10, 1000), st.floats(-10, 1000)),
)
def test_probability_never_falls_with_time(p, days):
    earlier, later = (within(day, p) for day in sorted(days))

    assert 0 <= earlier <= later <= 1
