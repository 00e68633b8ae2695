"""Slip: wins that come after the expected close date."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from forecast.conversion import TimingModel
from forecast.conversion.slip import slip_probability

RNG = np.random.default_rng(0)
WIN, LOSS, END = RNG.exponential(50, 20_000), RNG.exponential(100, 20_000), RNG.uniform(5, 90, 20_000)
DAYS = np.minimum(np.minimum(WIN, LOSS), END)
EVENT = np.where(DAYS == END, "", np.where(DAYS == WIN, "won", "lost"))
TIMING = TimingModel(1).fit(DAYS, EVENT, score=np.zeros(20_000), groups=np.arange(20_000), horizons=(60,))


def slip(days_ahead: float, probability: float = 0.4) -> float:
    found = slip_probability(TIMING, np.array([days_ahead]), probability=np.array([probability]), horizon=60)
    return float(found[0])


def test_slip_is_the_share_of_wins_that_come_later() -> None:
    """Rates 0.02 and 0.01: wins come as 1 - exp(-0.03 h); 0.4 is said for 60 days, the rest follows the hazards."""
    at_60, at_90 = 2 / 3 * (1 - np.exp(-0.03 * np.array([60.0, 90.0])))
    ever = 0.4 + 0.6 * (at_90 - at_60) / (1 - at_60)
    by_20 = 0.4 * (1 - np.exp(-0.6)) / (1 - np.exp(-1.8))

    assert_allclose(slip(19.0), 1 - by_20 / ever, atol=0.02)


def test_a_date_that_has_passed_has_slipped_and_no_date_is_unknown() -> None:
    assert slip(-1.0) == 1.0
    assert slip(-40.0) == 1.0
    assert np.isnan(slip(np.nan))


def test_beyond_the_follow_up_nothing_slips() -> None:
    assert slip(500.0) == 0.0


@given(st.floats(-5, 200), st.floats(-5, 200), st.floats(0.001, 0.999))
def test_a_later_date_slips_no_more(one: float, other: float, probability: float) -> None:
    early, late = sorted([one, other])

    assert slip(late, probability) <= slip(early, probability) + 1e-12
