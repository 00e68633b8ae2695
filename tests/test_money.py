from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.money import format_money, is_currency, minor_digits, round_to_total, to_minor

SCALES = {"EUR": 100, "JPY": 1, "KWD": 1000}


def test_minor_digits_are_those_of_iso_4217() -> None:
    assert {code: 10 ** minor_digits(code) for code in SCALES} == SCALES


def test_an_unknown_currency_is_named() -> None:
    assert not is_currency("XXY")
    with pytest.raises(InvalidInput, match=r"'XXY' is unknown"):
        minor_digits("XXY")


def test_round_to_total_gives_the_missing_cent_to_the_largest_remainder() -> None:
    shares = round_to_total([33.336, 33.338, 33.326], 100.0, "EUR")

    np.testing.assert_array_equal(to_minor(shares, "EUR"), [3334, 3334, 3332])


@given(
    weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(lambda w: sum(w) > 0),
    units=st.integers(0, 10**9),
    currency=st.sampled_from(sorted(SCALES)),
)
def test_round_to_total_sums_exactly_and_moves_nothing_by_a_whole_unit(
    weights: list[int], units: int, currency: str
) -> None:
    total = units / SCALES[currency]
    exact = [Fraction(w, sum(weights)) * units for w in weights]

    shares = to_minor(round_to_total([float(e) / SCALES[currency] for e in exact], total, currency), currency)

    assert shares.sum() == units
    assert all(abs(share - e) < 1.001 for share, e in zip(shares.tolist(), exact, strict=True))


def test_format_money_uses_the_currency_s_own_decimals() -> None:
    assert [format_money(12345.6, code) for code in ("EUR", "JPY", "KWD")] == [
        "12,345.60 EUR",
        "12,346 JPY",
        "12,345.600 KWD",
    ]
