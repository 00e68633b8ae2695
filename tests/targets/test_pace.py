import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.targets.pace import COMPANY_PERIODS, EVEN_PERIODS, usual_course


def course(elapsed, amount, share_elapsed, *, owner=None, n_periods=1, n_owners=1):
    owner = np.zeros(len(elapsed), dtype=int) if owner is None else np.asarray(owner)
    return usual_course(
        np.asarray(elapsed, dtype=float),
        owner,
        np.asarray(amount, dtype=float),
        share_elapsed=share_elapsed,
        n_periods=n_periods,
        n_owners=n_owners,
    )


def test_course_is_even_without_a_past():
    found = course([], [], 0.3, n_periods=0, n_owners=2)

    assert (found.company, found.owners.tolist()) == (0.3, [0.3, 0.3])


def test_company_share_by_hand():
    # 3 periods of 100 each: 20 early, 80 late; an even course counts as one period more
    found = course([0.1, 0.9] * 3, [20, 80] * 3, 0.5, n_periods=3)

    assert found.company == pytest.approx((60 + EVEN_PERIODS * 100 * 0.5) / (300 + EVEN_PERIODS * 100))


def test_owner_is_shrunk_to_the_company():
    found = course([0.1, 0.9], [100, 100], 0.5, owner=[0, 1], n_periods=1, n_owners=3)

    weight = COMPANY_PERIODS / (COMPANY_PERIODS + 1)
    np.testing.assert_allclose(found.owners, [1 - weight * 0.5, weight * 0.5, 0.5])


@given(
    elapsed=st.lists(st.floats(0, 0.999), min_size=1, max_size=20),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_share_lies_between_0_and_1_and_rises_with_time(elapsed, shares):
    early, late = (course(elapsed, np.ones(len(elapsed)), share, n_periods=2) for share in sorted(shares))

    assert 0 <= early.company <= late.company <= 1
    assert 0 <= early.owners[0] <= late.owners[0] + 1e-12 <= 1 + 2e-12


def test_returns_do_not_make_shares_negative():
    assert 0 <= course([0.1, 0.9], [-50, 100], 0.5).company <= 1
