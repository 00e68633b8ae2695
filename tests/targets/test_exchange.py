import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.money import minor_digits
from forecast.targets import exchange


@given(
    targets=st.lists(st.integers(0, 10**10), min_size=1, max_size=9),
    rate=st.floats(0.001, 1000),
    into=st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_parts_add_up_at_every_node_in_the_other_currency(targets, rate, into):
    groups = [number % 3 for number in range(len(targets))]

    seen = exchange(np.array(targets) / 100, groups, currency="EUR", into=into, rate=rate)

    scale = 10 ** minor_digits(into)
    parts = np.rint(seen.targets * scale).astype(int)
    company = round(seen.company * scale)
    for group, amount in seen.groups.items():
        assert parts[np.array(groups) == group].sum() == round(amount * scale)
    assert parts.sum() == company
    assert company == pytest.approx(sum(targets) / 100 * rate * scale, abs=0.501, rel=1e-12)
    assert np.all(np.abs(parts - np.array(targets) / 100 * rate * scale) < 2.51)


def test_exchange_by_hand():
    seen = exchange([10.0, 10.0, 10.0], ["n", "n", "s"], currency="EUR", into="JPY", rate=160.03)

    assert (seen.company, seen.groups, seen.targets.tolist()) == (4801, {"n": 3201, "s": 1600}, [1601, 1600, 1600])


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_exchange_needs_a_rate(rate):
    with pytest.raises(InvalidInput, match="from EUR to USD must be above 0"):
        exchange([1.0], ["n"], currency="EUR", into="USD", rate=rate)
