"""Columns that tell only what time it is: the win probability is not learned from them.

A count that can only grow (all that an owner ever closed) says of the cases of today that they are later than all that
taught the model, and of nobody that it is the better case: a model that learns a good year from it goes on rising. So
does a rate of wins among all that closed: while a history is young it rises for everybody, since losses come before
wins; learned from is how far it is from everybody's. A column that is the same for every case of a moment (the month)
tells the moments of a grid apart, a few dozen, and would learn each one's luck by heart. Level and season are learned
from everybody at risk by the `Anchor`.
"""

import numpy as np
import pandas as pd

#: Counts since ever and rates of what is around the case; counts of its last year, and how far its rates are from
#: everybody's, are features of their own.
RUNNING_TOTALS = (
    r"(owner|account)__(won|closed|opportunities_won|opportunities_closed|cycle_days|win_rate(_365d)?)"
    r"|purchases__(orders__(count|days_since_first)|money__total|categories__count)"
    r"|feedback__count|interactions__account(_in|_out)?__count|attributes__account__(age_days|created_at)"
)


def clock_columns(X: pd.DataFrame, as_of: pd.Series) -> list[str]:
    """Names of the columns that are running totals or rates, or the same for all cases of every moment.

    Parameters
    ----------
    X : DataFrame of shape (n, k)
        Features.
    as_of : Series of shape (n,)
        Moment of each row. With one case per moment on most moments only these totals and rates are named.
    """
    totals = X.columns.to_series().str.fullmatch(RUNNING_TOTALS).to_numpy(dtype=bool)
    moment, n_moments = _codes(as_of)
    if 2 * n_moments > len(X):
        return list(X.columns[totals])
    order = np.argsort(moment, kind="stable")
    first = order[np.searchsorted(moment[order], np.arange(n_moments))]
    same = [_alike(X[name], first[moment]) for name in X.columns]
    return list(X.columns[totals | np.array(same, dtype=bool)])


def _codes(as_of: pd.Series) -> tuple[np.ndarray, int]:
    codes, moments = pd.factorize(as_of, sort=True)
    return np.asarray(codes), len(moments)


def _alike(column: pd.Series, model: np.ndarray) -> bool:
    """Whether each row has the value of the first row of its moment, and moments differ."""
    codes = pd.factorize(column)[0]
    return bool((codes == codes[model]).all() and (codes != codes[0]).any())
