"""Marks of changes: each number has one, and it tells nothing of the number."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.change_marks import ChangeMarks
from forecast.errors import InvalidInput

MARKS = ChangeMarks(b"a secret")


@given(st.integers(0, 2**31 - 1))
def test_a_mark_is_read_back_by_the_same_secret_only(number: int) -> None:
    mark = MARKS.mark(number)

    assert ChangeMarks(b"a secret").number(mark) == number
    with pytest.raises(InvalidInput, match="no mark that this service gave"):
        ChangeMarks(b"another secret").number(mark)


def test_marks_of_successive_numbers_have_nothing_in_common() -> None:
    marks = [MARKS.mark(number) for number in range(1000)]

    assert len(set(marks)) == 1000
    # Of two texts of 32 letters out of 64 that are drawn by lot, letters agree in half a place.
    same = [sum(a == b for a, b in zip(one, other, strict=True)) for one, other in pairwise(marks)]
    assert sum(same) / len(same) < 0.6


@pytest.mark.parametrize("forged", ["", "12", "a" * 32, MARKS.mark(7)[:-2] + "aa", MARKS.mark(7) + "a", "!" * 32])
def test_what_is_no_mark_is_refused(forged: str) -> None:
    with pytest.raises(InvalidInput, match="no mark that this service gave"):
        MARKS.number(forged)
