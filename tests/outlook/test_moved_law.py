"""Whatever happens between two days, what moved leads from the one outlook to the other, in cents."""

from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.outlook.moved import STEPS


@pytest.fixture(scope="module")
def quarter(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("outlook_moved")


@pytest.mark.slow
def test_days_of_an_eventful_quarter_add_up_and_every_step_moves_something(quarter: ModuleType) -> None:
    days = quarter.read_days([25, 58])

    told = [(early, late, quarter.moved_between(early, late)) for early in days.values() for late in days.values()]

    assert [quarter.worst_gap(moved, early, late) for early, late, moved in told] == [0] * 4
    assert set(told[1][2].entries["step"]) == set(STEPS)


@pytest.mark.slow
def test_every_pair_of_every_seventh_day_of_a_quarter_adds_up(quarter: ModuleType) -> None:
    """`benchmarks/outlook_moved.py` takes every pair of all 92 days."""
    days = quarter.read_days(range(0, quarter.N_DAYS, 7))

    gaps = {
        (early, late): quarter.worst_gap(quarter.moved_between(days[early], days[late]), days[early], days[late])
        for early in days
        for late in days
        if early <= late
    }

    assert {pair: gap for pair, gap in gaps.items() if gap} == {}


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(1, 10_000), days=st.tuples(st.integers(0, 91), st.integers(0, 91)).map(sorted))
def test_any_two_days_of_any_company_add_up(quarter: ModuleType, seed: int, days: list[int]) -> None:
    books = quarter.read_days(days, seed)
    early, late = books[days[0]], books[days[1]]

    assert quarter.worst_gap(quarter.moved_between(early, late), early, late) == 0
