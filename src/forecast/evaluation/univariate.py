"""How much one column alone tells of a yes/no outcome, judged out of fold so that many values cannot pretend."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Rows of the base rate by which the rate of a code is shrunk.
_PRIOR_ROWS = 2.0


def out_of_fold_rates(code: Ints, y: Ints, fold: Ints, *, n_folds: int = 5) -> Floats:
    """The rate of each row's code in the other folds, shrunk to their base rate.

    Parameters
    ----------
    code : int array of shape (n,)
        Non-negative.
    y : int array of shape (n,)
        0 or 1.
    fold : int array of shape (n,)
        0 to ``n_folds`` - 1.

    Returns
    -------
    array of shape (n,)
        In (0, 1) unless the other folds have one outcome only.
    """
    _, code = np.unique(code, return_inverse=True)
    n_codes = int(code.max(initial=0)) + 1
    cell = code * n_folds + fold
    rows = np.bincount(cell, minlength=n_codes * n_folds).reshape(n_codes, n_folds)
    wins = np.bincount(cell, weights=y, minlength=n_codes * n_folds).reshape(n_codes, n_folds)
    other_rows, other_wins = rows.sum(axis=1, keepdims=True) - rows, wins.sum(axis=1, keepdims=True) - wins
    base = other_wins.sum(axis=0) / np.maximum(other_rows.sum(axis=0), 1)
    rate = (other_wins + _PRIOR_ROWS * base) / (other_rows + _PRIOR_ROWS)
    return np.asarray(rate[code, fold], dtype=float)


def auc(y: Ints, score: Floats) -> float:
    """Area under the ROC curve by ranks, ties half; 0.5 when there is one outcome only."""
    n_won = int(y.sum())
    n_lost = len(y) - n_won
    if not n_won or not n_lost:
        return 0.5
    return float((rankdata(score)[y == 1].sum() - n_won * (n_won + 1) / 2) / (n_won * n_lost))


def univariate_auc(code: Ints, y: Ints, fold: Ints) -> float:
    """AUC of the out-of-fold rate of a column's codes; about 0.5 for a column that tells nothing, never below."""
    return max(0.5, auc(y, out_of_fold_rates(code, y, fold)))


def log_loss_share(y: Ints, p: Floats) -> float:
    """Share of the base rate's log loss that the probabilities remove; 1 is perfect, below 0 worse than the rate."""
    base = float(y.mean()) if len(y) else 0.0
    if base in (0.0, 1.0):
        return 0.0
    p = np.clip(p, 1e-6, 1 - 1e-6)
    loss = -float(np.mean(np.where(y == 1, np.log(p), np.log1p(-p))))
    return 1 - loss / -float(base * np.log(base) + (1 - base) * np.log1p(-base))
