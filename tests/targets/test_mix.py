import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.targets import split_mix


def cents(amounts):
    return np.rint(np.asarray(amounts) * 100).astype(int)


@given(
    targets=st.lists(st.integers(0, 10**9), min_size=1, max_size=7).filter(any),
    mix=st.lists(st.floats(0.01, 1), min_size=1, max_size=5),
)
def test_mix_sums_to_every_target_and_every_total(targets, mix):
    shares = {str(number): share for number, share in enumerate(mix)}

    parts = split_mix(np.array(targets) / 100, shares)

    table = np.array([cents(part) for part in parts.values()])
    np.testing.assert_array_equal(table.sum(axis=0), targets)
    exact = np.array(mix) / sum(mix) * sum(targets)
    assert np.all(np.abs(table.sum(axis=1) - exact) < 1.5)
    assert np.all(table >= 0)


def test_amounts_that_sum_to_the_target_are_met_exactly():
    parts = split_mix([10.0, 20.0, 3.33], {"software": 20.01, "services": 13.32})

    assert round(parts["software"].sum(), 2) == 20.01
    assert round(parts["services"].sum(), 2) == 13.32


def test_counted_measures_split_into_whole_numbers():
    parts = split_mix([3, 4], {"a": 1, "b": 1}, currency="")

    assert sorted(part.sum() for part in parts.values()) == [3, 4]
    np.testing.assert_array_equal(parts["a"] + parts["b"], [3, 4])


@pytest.mark.parametrize("mix", [{}, {"a": 0}, {"a": -1, "b": 2}])
def test_mix_needs_positive_numbers(mix):
    with pytest.raises(InvalidInput, match="A mix needs numbers of at least 0, not all 0"):
        split_mix([1.0], mix)
