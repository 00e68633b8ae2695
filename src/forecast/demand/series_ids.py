"""Which row belongs to which series."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.errors import InvalidInput


def series_codes(unique_id: pd.Series) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Code of each row's series, and the ids sorted by their text.

    Raises
    ------
    InvalidInput
        If an id is missing, cannot be an id, or two ids differ in type but not in text.
    """
    try:
        codes, ids = pd.factorize(unique_id)
    except TypeError:
        raise InvalidInput("`unique_id` must hold texts or numbers, got values that cannot be compared.") from None
    if (codes < 0).any():
        raise InvalidInput(f"`unique_id` is missing in {int((codes < 0).sum())} of {len(codes)} rows.")
    names = np.array([str(name) for name in ids], dtype=object)
    order = np.argsort(names, kind="stable")
    twice = names[order][1:] == names[order][:-1]
    if twice.any():
        raise InvalidInput(f"`unique_id` {names[order][1:][twice][0]!r} occurs as text and as number; use one type.")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], np.asarray(ids, dtype=object)[order]
