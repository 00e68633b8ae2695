"""The gate for forecasts of series: squared errors of the mean on the same folds. Pure; age never promotes."""

import numpy as np
import pandas as pd

from forecast.evaluation.bootstrap import bootstrap_means
from forecast.evaluation.promotion import MIN_CLUSTERS, Decision

#: Share of the champion's squared error by which a successor of its own kind may be worse and still replace it.
MARGIN = 0.01


def scaled_squared_errors(folds: pd.DataFrame, column: str) -> pd.Series:
    """Squared errors of a forecast, each divided by its series' mean square of actuals over all folds.

    So a series counts the same whatever its unit; one that sold nothing is scaled by the panel's mean square.

    Parameters
    ----------
    folds : DataFrame
        ``unique_id``, ``y`` and the forecast.
    """
    squares = folds["y"] ** 2
    scale = squares.groupby(folds["unique_id"]).transform("mean")
    overall = float(squares.mean()) or 1.0
    return (folds[column] - folds["y"]) ** 2 / scale.where(scale > 0, overall)


def decide_series(
    folds: pd.DataFrame,
    champion: str,
    challenger: str,
    *,
    floor: bool,
    margin: float = MARGIN,
    level: float = 95.0,
    random_state: int = 0,
) -> Decision:
    """Compare two forecasts of the same folds.

    Against the floor (the best naive) a challenger must be *better*: the one-sided upper bound of its mean difference
    in scaled squared error lies below 0. Against an earlier champion of its own kind it must be *not worse by the
    margin*. Whole series are drawn; with fewer than 20 of them, whole periods.

    Parameters
    ----------
    folds : DataFrame
        ``unique_id``, ``ds``, ``y`` and both forecasts.
    champion, challenger : str
        Columns of ``folds``.
    floor : bool
        Whether the champion is the best naive.
    margin : float
        Share of the champion's loss.
    level : float in (0, 100)
        Percent, of the bound.

    Returns
    -------
    Decision
        ``numbers``: ``difference`` and ``upper_bound`` as shares of the champion's loss (negative is better),
        ``margin``, ``champion_loss``, ``challenger_loss``, ``n_rows``, ``n_clusters``.
    """
    losses = {name: scaled_squared_errors(folds, name).to_numpy() for name in (champion, challenger)}
    clusters = folds["unique_id"].astype(str).to_numpy()
    if len(np.unique(clusters)) < MIN_CLUSTERS:
        clusters = folds["ds"].astype(str).to_numpy()
    n_clusters = len(np.unique(clusters))
    base = float(losses[champion].mean())
    numbers = {"champion_loss": base, "challenger_loss": float(losses[challenger].mean())}
    numbers |= {"n_rows": float(len(folds)), "n_clusters": float(n_clusters)}
    if base == 0:
        return Decision(False, f"{champion} made no error; nothing can be better.", numbers)
    relative = (losses[challenger] - losses[champion]) / base
    draws = bootstrap_means(relative, clusters, random_state=random_state)
    bound = float(np.percentile(draws, level))
    allowed = 0.0 if floor else margin
    numbers |= {"difference": float(relative.mean()), "upper_bound": bound, "margin": allowed}
    text = f"squared error {relative.mean():+.1%} against {champion}, at most {bound:+.1%} at {level:g} %"
    if bound < allowed:
        return Decision(True, f"{'Better' if bound < 0 else 'Not worse'}: {text}.", numbers)
    wanted = "better than the best naive" if floor else f"within {margin:.0%} of the champion"
    return Decision(False, f"Not shown to be {wanted}: {text}.", numbers)
