import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.customers.windows import judging_windows, training_windows
from forecast.errors import NotEnoughHistory


@given(st.integers(28, 4000), st.integers(1, 1096))
def test_no_window_needs_what_comes_after_the_end(length: int, horizon: int) -> None:
    for window in [*training_windows(100, 100 + length, horizon), *judging_windows(100, 100 + length, horizon)]:
        assert 100 < window.cutoff < window.cutoff + window.horizon_days <= 100 + length
        assert 1 <= window.horizon_days <= horizon


def test_windows_of_a_short_history_have_shorter_horizons() -> None:
    windows = training_windows(0, 273, 273)

    assert [window.cutoff for window in windows] == [81, 119, 156, 194, 232]
    assert all(window.cutoff + window.horizon_days == 273 for window in windows)
    assert [window.horizon_days for window in judging_windows(0, 273, 273)] == [137, 96]


def test_windows_of_a_long_history_have_the_whole_horizon() -> None:
    assert {window.horizon_days for window in training_windows(0, 2000, 90)} == {90}
    assert {window.horizon_days for window in judging_windows(0, 2000, 90)} == {90}


def test_chosen_cutoffs_are_kept_where_they_know_something() -> None:
    assert [window.cutoff for window in training_windows(10, 100, 30, [5, 50, 80, 100, 300])] == [50, 80]


@pytest.mark.parametrize("cutoffs", [None, [300]])
def test_no_history_is_said(cutoffs: list[int] | None) -> None:
    with pytest.raises(NotEnoughHistory, match=r"27 days|got 27"):
        training_windows(0, 27, 30, cutoffs)
