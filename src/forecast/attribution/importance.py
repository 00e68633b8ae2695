"""Which features and reasons move the scores most, over many cases."""

from collections.abc import Callable

import numpy as np
import pandas as pd


def summed_by(points: pd.DataFrame, group: Callable[[str], str]) -> pd.DataFrame:
    """Points of groups of columns: those of one group are added, row by row.

    Parameters
    ----------
    points : DataFrame of shape (n, k)
    group : callable
        Name of a column's group, such as `forecast.conversion.reasons.reason_code`.

    Returns
    -------
    DataFrame of shape (n, n_groups)
        Columns sorted by name; rows add up to the same sums.
    """
    names = pd.Index([group(str(name)) for name in points.columns])
    groups, position = np.unique(names.to_numpy(dtype=str), return_inverse=True)
    membership = np.zeros((len(names), len(groups)))
    membership[np.arange(len(names)), position] = 1.0
    return pd.DataFrame(points.to_numpy() @ membership, columns=groups, index=points.index)


def importance(points: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute points of each column: how far it moves a score from the base rate on average.

    Points that pull some cases up and others down do not cancel out. Features that say the same share their points, so
    that the importance of a group is that of `summed_by`, not the sum over its features.

    Parameters
    ----------
    points : DataFrame of shape (n, k)
        Additive points of n scores, in probability; without the remainder, which is no reason.

    Returns
    -------
    DataFrame
        ``name``, ``mean_abs_points`` (0 to 1), ``share`` of the sum over all columns (0 to 1, all 0 when nothing has
        points); largest first, ties by name.
    """
    sizes = np.abs(points.to_numpy(dtype=float)).mean(axis=0) if len(points) else np.zeros(points.shape[1])
    total = float(sizes.sum())
    table = pd.DataFrame(
        {
            "name": [str(name) for name in points.columns],
            "mean_abs_points": sizes,
            "share": sizes / total if total > 0 else np.zeros(len(sizes)),
        }
    )
    return table.sort_values(["mean_abs_points", "name"], ascending=[False, True], ignore_index=True)
