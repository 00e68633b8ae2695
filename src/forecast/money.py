"""Money: currencies, their smallest unit, and sums that stay exact in it."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from babel.numbers import get_currency_precision, list_currencies
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput


def is_currency(code: str) -> bool:
    """Whether ``code`` is an ISO 4217 currency code."""
    return bool(code in list_currencies())


def minor_digits(currency: str) -> int:
    """Decimals of the smallest unit of a currency: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises
    ------
    InvalidInput
        If the code is unknown.
    """
    if not is_currency(currency):
        raise InvalidInput(f"Currency {currency!r} is unknown; use an ISO 4217 code such as 'EUR' or 'CNY'.")
    return int(get_currency_precision(currency))


def to_minor(amounts: ArrayLike, currency: str) -> NDArray[np.int64]:
    """Amounts in whole smallest units (cents), rounded half to even."""
    units: NDArray[np.int64] = np.rint(np.asarray(amounts, dtype=float) * 10 ** minor_digits(currency)).astype(np.int64)
    return units


def round_to_total(amounts: Sequence[float] | NDArray[np.float64], total: float, currency: str) -> NDArray[np.float64]:
    """Round each amount to the smallest unit so that they sum to ``total`` exactly (largest remainder).

    Parameters
    ----------
    amounts : array of shape (n,)
        Non-negative amounts whose sum is ``total`` up to rounding.
    total : float
        In the same currency; itself rounded to the smallest unit first.

    Returns
    -------
    array of shape (n,)
        Each within one smallest unit of its amount when ``amounts`` sum to ``total``. Ties go to the first.

    References
    ----------
    Hamilton's method of apportionment; Balinski & Young (2001), Fair Representation.
    """
    scale = 10 ** minor_digits(currency)
    scaled = np.asarray(amounts, dtype=float) * scale
    floors = np.floor(scaled)
    missing = round(total * scale) - int(floors.sum())
    order = np.argsort(-(scaled - floors), kind="stable")
    units: NDArray[np.float64] = floors.copy()
    whole, rest = divmod(missing, len(units)) if len(units) else (0, 0)
    units += whole
    units[order[:rest]] += 1
    rounded: NDArray[np.float64] = units / scale
    return rounded


def format_money(amount: float, currency: str) -> str:
    """``12,345.60 EUR``: grouped, with the currency's own decimals and its code."""
    return f"{Decimal(repr(float(amount))):,.{minor_digits(currency)}f} {currency}"
