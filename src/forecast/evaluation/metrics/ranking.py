"""How much of what is won lies at the top of the list."""

import numpy as np
import pandas as pd

from forecast.errors import InvalidInput
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
