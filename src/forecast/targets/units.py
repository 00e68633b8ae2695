"""Whole smallest units: cents of a currency, or one piece of what is only counted."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.errors import InvalidInput
from forecast.money import format_money, minor_digits

Units = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Owners whose paths are turned into units at once: bounds the memory beside the result.
BLOCK = 256


def digits_of(currency: str) -> int:
    """Decimals of the smallest unit; 0 for the empty currency of what is counted (units, wins, activities)."""
    return minor_digits(currency) if currency else 0


def as_units(amounts: ArrayLike, currency: str) -> Units:
    """Amounts in whole smallest units, rounded half to even."""
    units: Units = np.rint(np.asarray(amounts, dtype=float) * 10 ** digits_of(currency)).astype(np.int64)
    return units


def as_amounts(units: ArrayLike, currency: str) -> Floats:
    """Whole smallest units as amounts."""
    amounts: Floats = np.asarray(units) / 10 ** digits_of(currency)
    return amounts


def amount_text(units: int, currency: str) -> str:
    """``12,345.60 EUR``, or ``12`` of what is counted."""
    return format_money(units / 10 ** digits_of(currency), currency) if currency else f"{units:,}"


def check_paths(paths: ArrayLike, currency: str) -> Floats:
    """Paths as an array, checked.

    Raises
    ------
    InvalidInput
        If the paths are not a finite array of shape (n_paths, n_owners) with at least one path and one owner, or too
        large to be summed exactly.
    """
    money = np.asarray(paths, dtype=float)
    if money.ndim != 2 or 0 in money.shape:
        raise InvalidInput(f"`paths` must have shape (n_paths, n_owners), at least (1, 1), got {money.shape}.")
    n_bad = money.size - int(np.isfinite(money).sum())
    if n_bad:
        raise InvalidInput(f"`paths` must be finite, {n_bad} of {money.size} values are not.")
    largest = max(float(money.max()), -float(money.min()))
    if largest * 10 ** digits_of(currency) * money.shape[1] >= 2**62:
        raise InvalidInput(f"`paths` reach {largest:.3g} {currency}, too large to be summed exactly.")
    return money


def path_units(paths: ArrayLike, currency: str) -> Units:
    """Paths in whole smallest units, checked as by `check_paths`."""
    return as_units(check_paths(paths, currency), currency)


def target_units(targets: ArrayLike, n_owners: int, currency: str) -> Units:
    """Targets in whole smallest units, checked to be one finite amount for each owner."""
    amounts = np.asarray(targets, dtype=float)
    if amounts.shape != (n_owners,):
        raise InvalidInput(f"There must be one target for each of {n_owners} owners, got shape {amounts.shape}.")
    if not np.isfinite(amounts).all():
        raise InvalidInput(f"Targets must be finite, {int((~np.isfinite(amounts)).sum())} of {n_owners} are not.")
    return as_units(amounts, currency)
