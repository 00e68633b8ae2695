import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.targets.apportion import apportion, apportion_table

weights = st.lists(st.integers(0, 10**14), min_size=1, max_size=8).filter(any)


def test_apportion_follows_hamiltons_method():
    assert apportion([21, 13, 8, 6], 10).tolist() == [4, 3, 2, 1]  # 4.375 2.708 1.667 1.25


@given(weights=weights, units=st.integers(0, 10**15))
def test_apportion_is_exact_and_within_one_unit(weights, units):
    parts = apportion(weights, units)

    assert parts.sum() == units
    for part, weight in zip(parts.tolist(), weights, strict=True):
        assert abs(part * sum(weights) - weight * units) < sum(weights)


@given(rows=weights, data=st.data())
def test_table_keeps_all_sums_and_is_within_one_unit(rows, data):
    shares = data.draw(weights)
    columns = apportion(shares, sum(rows)).tolist()

    table = apportion_table(rows, columns)

    assert table.sum(axis=1).tolist() == rows
    assert table.sum(axis=0).tolist() == columns
    exact = np.array(rows, dtype=object)[:, None] * np.array(columns, dtype=object)
    assert np.all(abs(table.astype(object) * sum(rows) - exact) < sum(rows))


@pytest.mark.parametrize(("rows", "columns"), [([1, 2], [4]), ([-1, 2], [1])])
def test_table_needs_sums_that_agree(rows, columns):
    with pytest.raises(InvalidInput, match="must agree"):
        apportion_table(rows, columns)


def test_apportion_fails_without_weight():
    with pytest.raises(InvalidInput, match="5 units cannot be shared by weights that sum to 0"):
        apportion([0, 0], 5)
