"""Where a model is right and where it is not: its metrics per segment, month or age, small groups said to be small."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from forecast.errors import InvalidInput
from forecast.evaluation.bootstrap import cluster_codes
from forecast.evaluation.metrics.classification import checked, log_losses, roc_auc_score
from forecast.evaluation.promotion import MIN_CLUSTERS

Array = Any

#: A group says something from this many entities, won ones and others (each seen or expected) on.
MIN_ENTITIES, MIN_OUTCOMES = MIN_CLUSTERS, 5

MISSING = "(missing)"
TOO_FEW, AS_EXPECTED, MORE, LESS = "too few to say", "as expected", "more than expected", "fewer than expected"

#: Days at which a new class of age begins.
AGE_DAYS = (7, 30, 90, 180, 365)


def breakdown(
    y_true: Array,
    y_pred: Array,
    by: "pd.Series[Any]",
    *,
    y_base: Array = None,
    clusters: Array = None,
    level: float = 95.0,
) -> pd.DataFrame:
    """Metrics of each group of rows; every group is there, however small.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,)
    by : Series of shape (n,)
        Group of each row: categories in their order, else sorted; missing values are a group of their own.
    y_base : array of shape (n,), optional
        Probabilities of the baseline to compare with; default the rate of all rows.
    clusters : array of shape (n,), optional
        Entity of each row: intervals count entities, not rows.
    level : float in (0, 100)
        Percent, of the intervals; each stands for itself. ``verdict`` allows for the number of groups (Bonferroni).

    Returns
    -------
    DataFrame
        ``group``, ``n_rows``, ``n_entities``, ``n_entities_won``, ``win_rate``, ``mean_probability``, ``gap``
        (observed less expected rate) with ``gap_low`` and ``gap_high``, ``log_loss`` (nats), ``difference`` (log loss
        less the baseline's, negative is better) with ``difference_low`` and ``difference_high``, ``roc_auc``,
        ``verdict``: "too few to say", "as expected", "more than expected" or "fewer than expected" wins.

    Notes
    -----
    Intervals are clustered sandwich ones with Student's quantile. That of the gap is never narrower than chance alone
    makes it for right probabilities whose snapshots of one entity are won together, so that five cases without a win
    do not look certain.

    Raises
    ------
    InvalidInput
        If ``by`` has another length, or ``level`` is no percentage.
    """
    y, p, _ = checked(y_true, y_pred)
    if len(by) != len(y):
        raise InvalidInput(f"`by` must have one group per row, got {len(by)} for {len(y)} rows.")
    if not 0 < level < 100:
        raise InvalidInput(f"`level` must lie between 0 and 100 percent, got {level}.")
    base = np.full(len(y), y.mean()) if y_base is None else np.asarray(y_base, dtype=float)
    losses = log_losses(y, p)
    names, codes = _groups(by)
    groups = _Groups(codes, len(names), *cluster_codes(clusters, len(y)))
    gap, gap_error = groups.mean(y - p)
    gap_error = np.maximum(gap_error, groups.chance(p))
    difference, difference_error = groups.mean(losses - log_losses(y, base))
    width = _quantile(groups.n_entities, level)
    strict = _quantile(groups.n_entities, 100 - (100 - level) / len(names))
    expected, won = groups.mean(p)[0], groups.won(y)
    few = _too_few(groups.n_entities, won, expected)
    beyond = np.abs(gap) > strict * gap_error
    return pd.DataFrame(
        {
            "group": names,
            "n_rows": groups.n_rows,
            "n_entities": groups.n_entities,
            "n_entities_won": won,
            "win_rate": groups.mean(y)[0],
            "mean_probability": expected,
            "gap": gap,
            "gap_low": gap - width * gap_error,
            "gap_high": gap + width * gap_error,
            "log_loss": groups.mean(losses)[0],
            "difference": difference,
            "difference_low": difference - width * difference_error,
            "difference_high": difference + width * difference_error,
            "roc_auc": [roc_auc_score(y[codes == code], p[codes == code]) for code in range(len(names))],
            "verdict": np.select([few, beyond & (gap > 0), beyond], [TOO_FEW, MORE, LESS], AS_EXPECTED),
        }
    )


def by_month(as_of: "pd.Series[Any]") -> "pd.Series[Any]":
    """Calendar month of each moment, such as "2025-03", for `breakdown`; UTC."""
    months: pd.Series[Any] = as_of.dt.strftime("%Y-%m")
    return months


def by_age(days: "pd.Series[Any]") -> "pd.Series[Any]":
    """Class of age of each case, such as "7 to 30 days", for `breakdown`; classes begin at `AGE_DAYS`."""
    starts = [0, *AGE_DAYS]
    labels = [f"{low} to {high} days" for low, high in pairwise(starts)]
    edges = [-np.inf, *AGE_DAYS, np.inf]
    return pd.Series(
        pd.cut(days.astype(float), edges, right=False, labels=[*labels, f"{starts[-1]} days and more"]),
        index=days.index,
    )


class _Groups:
    """Sums over groups, and over the entities inside them, without a loop over rows."""

    def __init__(self, codes: np.ndarray, n_groups: int, entities: np.ndarray, n_entities: int) -> None:
        self._codes, self._n = codes, n_groups
        cells, self._cell = np.unique(codes * n_entities + entities, return_inverse=True)
        self._group_of_cell = cells // n_entities
        self.n_rows = np.bincount(codes, minlength=n_groups)
        self.n_entities = np.bincount(self._group_of_cell, minlength=n_groups)

    def mean(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean of each group and its clustered standard error; infinite for one entity."""
        mean = np.bincount(self._codes, weights=values, minlength=self._n) / self.n_rows
        deviation = np.bincount(self._cell, weights=values - mean[self._codes])
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = self.n_entities / (self.n_entities - 1)
            error = np.sqrt(self._summed(deviation**2) * factor) / self.n_rows
        return mean, np.where(self.n_entities > 1, error, np.inf)

    def chance(self, p: np.ndarray) -> np.ndarray:
        """Standard error of a group's rate when ``p`` is right and snapshots of one entity go together."""
        together = np.bincount(self._cell, weights=np.sqrt(p * (1 - p)))
        return np.asarray(np.sqrt(self._summed(together**2)) / self.n_rows)

    def won(self, y: np.ndarray) -> np.ndarray:
        """Entities of each group that were won in at least one of its rows."""
        return self._summed(np.bincount(self._cell, weights=y) > 0).astype(int)

    def _summed(self, per_cell: np.ndarray) -> np.ndarray:
        return np.bincount(self._group_of_cell, weights=per_cell.astype(float), minlength=self._n)


def _groups(by: "pd.Series[Any]") -> tuple[list[str], np.ndarray]:
    """Names of the groups that have rows, in order, and the code of each row."""
    ordered = by if isinstance(by.dtype, pd.CategoricalDtype) else by.astype("category")
    values = ordered.cat.categories
    codes = ordered.cat.codes.to_numpy().astype(int)
    used, dense = np.unique(np.where(codes < 0, len(values), codes), return_inverse=True)
    names = [*map(str, values), MISSING]
    return [names[code] for code in used], dense


def _quantile(n_entities: np.ndarray, level: float) -> np.ndarray:
    return np.asarray(student.ppf(1 - (100 - level) / 200, np.maximum(n_entities - 1, 1)))


def _too_few(n_entities: np.ndarray, won: np.ndarray, expected: np.ndarray) -> np.ndarray:
    wins = np.maximum(won, expected * n_entities)
    others = np.maximum(n_entities - won, (1 - expected) * n_entities)
    return np.asarray((n_entities < MIN_ENTITIES) | (wins < MIN_OUTCOMES) | (others < MIN_OUTCOMES))
