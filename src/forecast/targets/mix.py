"""Targets by product category: parts that sum exactly to each owner's target and to each category's total."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from forecast.errors import InvalidInput
from forecast.targets.apportion import apportion, apportion_table
from forecast.targets.units import Floats, as_amounts, as_units, target_units

#: Shares of a mix are told apart down to this part of the whole.
_FINEST = 10**15


def split_mix(targets: ArrayLike, mix: Mapping[str, float], *, currency: str = "EUR") -> dict[str, Floats]:
    """Split every target by the mix that the company wants.

    Parameters
    ----------
    targets : array of shape (n_owners,)
        At least 0.
    mix : mapping of category to number
        Amounts that sum to the sum of the targets are met exactly; other numbers are taken as shares of it.
    currency : str
        Empty for what is counted.

    Returns
    -------
    dict of category to array of shape (n_owners,)
        Amounts in smallest units: over categories they sum to each owner's target, over owners to the category's
        total, each within one unit of proportion.

    Raises
    ------
    InvalidInput
        If a number is negative or nothing is to be shared.

    Examples
    --------
    >>> {name: part.tolist() for name, part in split_mix([100.0, 50.01], {"a": 2, "b": 1}).items()}
    {'a': [66.67, 33.34], 'b': [33.33, 16.67]}
    """
    given = np.array(list(mix.values()), dtype=float)
    if not len(given) or not np.isfinite(given).all() or given.min() < 0 or given.sum() == 0:
        raise InvalidInput(f"A mix needs numbers of at least 0, not all 0, got {dict(mix)}.")
    rows = target_units(targets, len(np.atleast_1d(np.asarray(targets))), currency)
    total = int(rows.sum())
    columns = as_units(given, currency)
    if int(columns.sum()) != total:
        columns = apportion(np.rint(given / given.sum() * _FINEST).astype(np.int64), total)
    table = as_amounts(apportion_table(rows, columns), currency)
    return {name: table[:, column] for column, name in enumerate(mix)}
