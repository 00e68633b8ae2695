"""How much of what is won lies at the top of the list, and whether the order is more than chance."""

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from forecast.errors import InvalidInput
from forecast.evaluation.bootstrap import cluster_codes
from forecast.evaluation.metrics.classification import Array, checked


def gains_curve(y_true: Array, y_pred: Array, *, sample_weight: Array = None) -> pd.DataFrame:
    """Cumulative gains: the share of all wins among the share of cases scored highest.

    Returns
    -------
    DataFrame
        From the origin on, one row per distinct prediction, highest first: ``share`` of the cases (0 to 1), ``gains``
        (share of the wins, 0 to 1), ``lift`` (gains / share; of the origin that of the first row), ``threshold`` (the
        least prediction taken). Between rows the curve is a straight line: equal predictions have no order. All NaN
        but ``share`` and ``threshold`` when nothing was won.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    values, inverse = np.unique(-p, return_inverse=True)
    cases = np.cumsum(np.bincount(inverse, weights=weight))
    wins = np.cumsum(np.bincount(inverse, weights=weight * y))
    kept = np.concatenate([[cases[0] > 0], np.diff(cases) > 0])
    share = cases[kept] / cases[-1]
    gains = wins[kept] / wins[-1] if wins[-1] > 0 else np.full(len(share), np.nan)
    lift = gains / share
    return pd.DataFrame(
        {
            "share": np.concatenate([[0.0], share]),
            "gains": np.concatenate([[0.0 * gains[0]], gains]),
            "lift": np.concatenate([lift[:1], lift]),
            "threshold": np.concatenate([[np.inf], -values[kept]]),
        }
    )


def gains_score(y_true: Array, y_pred: Array, *, share: float = 0.1, sample_weight: Array = None) -> float:
    """Share of all wins among the given share of cases scored highest, 0 to 1; ``share`` itself without signal.

    Where the share cuts through equal predictions, as many of them are taken as fit, with their mean rate.
    """
    if not 0 < share <= 1:
        raise InvalidInput(f"`share` must be above 0 and at most 1, got {share}.")
    curve = gains_curve(y_true, y_pred, sample_weight=sample_weight)
    return float(np.interp(share, curve["share"], curve["gains"]))


def lift_score(y_true: Array, y_pred: Array, *, share: float = 0.1, sample_weight: Array = None) -> float:
    """Win rate among the given share of cases scored highest over the win rate of all; 1 without signal.

    At most the smaller of ``1 / share`` and 1 / rate. NaN when nothing was won.
    """
    return gains_score(y_true, y_pred, share=share, sample_weight=sample_weight) / share


def roc_auc_interval(
    y_true: Array, y_pred: Array, *, clusters: Array = None, level: float = 95.0
) -> tuple[float, float]:
    """Interval of `roc_auc_score` that counts entities, not rows; within 0 to 1.

    The area is a mean over pairs; its variance is that of each entity's share in it [1]_, without clusters DeLong's.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,)
    clusters : array of shape (n,), optional
    level : float in (0, 100)
        Percent, two-sided.

    Returns
    -------
    low, high : float
        NaN with one outcome only, or one entity.

    References
    ----------
    .. [1] Obuchowski (1997), Nonparametric analysis of clustered ROC curve data. Biometrics 53.
    """
    if not 0 < level < 100:
        raise InvalidInput(f"`level` must lie between 0 and 100 percent, got {level}.")
    y, p, _ = checked(y_true, y_pred)
    codes, n_clusters = cluster_codes(clusters, len(y))
    won = y == 1
    n_won, n_other = int(won.sum()), int((~won).sum())
    if not n_won or not n_other or n_clusters < 2:
        return float("nan"), float("nan")
    # Of each won row the share of other rows below it, of each other row the share of won rows above it.
    rank, among_won, among_other = rankdata(p), rankdata(p[won]), rankdata(p[~won])
    beaten = np.empty(len(y))
    beaten[won] = (rank[won] - among_won) / n_other
    beaten[~won] = 1 - (rank[~won] - among_other) / n_won
    area = float(beaten[won].mean())
    share = (beaten - area) / np.where(won, n_won, n_other)
    error = np.sqrt((np.bincount(codes, weights=share) ** 2).sum() * n_clusters / (n_clusters - 1))
    reach = float(norm.ppf(0.5 + level / 200) * error)
    return max(0.0, area - reach), min(1.0, area + reach)
