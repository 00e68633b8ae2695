"""Columns that say nearly the same: their points are shared by chance, so that they are better told as one reason."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

#: Rows looked at; more change no correlation of this size.
MAX_ROWS = 5_000


def near_duplicates(X: pd.DataFrame, *, threshold: float = 0.8) -> Mapping[str, str]:
    """Groups of numeric columns whose ranks go together.

    A fit gives one of two such columns the weight that another fit gives the other; their sum is stable [1]_.

    Parameters
    ----------
    X : DataFrame of shape (n, k)
        A table as it comes; texts and categories stay on their own.
    threshold : float in (0, 1]
        Least |Spearman correlation|, missing values in the middle, of two columns that belong together; groups are
        chains of such pairs.

    Returns
    -------
    dict of column -> group
        Named after the group's first column; a column that is like no other is its own group.

    References
    ----------
    .. [1] Zou & Hastie (2005), Regularization and variable selection via the elastic net (grouping effect).
       JRSS B 67(2).
    """
    groups = {str(name): str(name) for name in X.columns}
    numbers = [str(name) for name in X.columns if pd.api.types.is_numeric_dtype(X[name])]
    step = max(1, -(-len(X) // MAX_ROWS))
    ranks = X[numbers].iloc[::step].astype(float).rank()
    ranks = (ranks - ranks.mean()).fillna(0.0)
    size = np.sqrt((ranks**2).sum().to_numpy())
    used = size > 0
    unit = ranks.to_numpy()[:, used] / size[used]
    _, found = connected_components(np.abs(unit.T @ unit) >= threshold, directed=False)
    names = pd.Series(np.array(numbers, dtype=object)[used], dtype=object)
    return groups | dict(zip(names, names.groupby(found).transform("first"), strict=True))
