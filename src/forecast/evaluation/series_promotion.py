"""The gate for forecasts of series: scaled errors of the mean on the same folds. Pure; age never promotes."""

import numpy as np
import pandas as pd

from forecast.evaluation.bootstrap import bootstrap_means
from forecast.evaluation.promotion import MIN_CLUSTERS, Decision

#: Share of the champion's error by which a successor of its own kind may be worse and still replace it.
MARGIN = 0.01


def rmsse_by_fold(folds: pd.DataFrame, panel: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Root mean squared scaled error of each series in each fold.

    Errors are scaled by the root mean square of the series' changes from period to period before the first fold, so
    that a series counts the same whatever its unit; a series without changes is scaled by the panel's.

    Parameters
    ----------
    folds : DataFrame
        ``unique_id``, ``cutoff``, ``y`` and the forecasts.
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``; sorted.
    columns : list of str
        Forecasts of ``folds``.

    Returns
    -------
    DataFrame
        ``unique_id``, ``cutoff`` and a column per forecast; one row per series and fold.

    References
    ----------
    Hyndman & Koehler (2006), Another look at measures of forecast accuracy. Int. J. Forecasting 22(4).
    """
    past = panel[panel["ds"] <= folds["cutoff"].min()]
    squares = past.groupby("unique_id")["y"].diff() ** 2
    overall = float(squares.mean()) or 1.0
    scale = squares.groupby(past["unique_id"]).mean()
    scale = scale.where(scale > 0).reindex(folds["unique_id"].unique()).fillna(overall)
    keys = ["unique_id", "cutoff"]
    errors = folds[columns].sub(folds["y"], axis=0) ** 2
    errors = errors.div(folds["unique_id"].map(scale), axis=0)
    return errors.groupby([folds[key] for key in keys]).mean().pow(0.5).reset_index()


def decide_series(
    folds: pd.DataFrame,
    panel: pd.DataFrame,
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
    in RMSSE lies below 0. Against an earlier champion of its own kind it must be *not worse by the margin*. Whole
    series are drawn, so that at least 20 are needed.

    Parameters
    ----------
    folds : DataFrame
        ``unique_id``, ``cutoff``, ``y`` and both forecasts.
    panel : DataFrame
        ``unique_id``, ``ds``, ``y``: where scales come from.
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
        ``margin``, ``champion_loss``, ``challenger_loss``, ``n_rows``, ``n_series``.
    """
    rows = rmsse_by_fold(folds, panel, [champion, challenger])
    losses = {name: rows[name].to_numpy() for name in (champion, challenger)}
    clusters = rows["unique_id"].astype(str).to_numpy()
    n_clusters = len(np.unique(clusters))
    base = float(losses[champion].mean())
    numbers = {"champion_loss": base, "challenger_loss": float(losses[challenger].mean())}
    numbers |= {"n_rows": float(len(rows)), "n_series": float(n_clusters)}
    if n_clusters < MIN_CLUSTERS:
        return Decision(False, f"Too few series to decide: {n_clusters}, at least {MIN_CLUSTERS} are needed.", numbers)
    if base == 0:
        return Decision(False, f"{champion} made no error; nothing can be better.", numbers)
    relative = (losses[challenger] - losses[champion]) / base
    draws = bootstrap_means(relative, clusters, random_state=random_state)
    bound = float(np.percentile(draws, level))
    allowed = 0.0 if floor else margin
    numbers |= {"difference": float(relative.mean()), "upper_bound": bound, "margin": allowed}
    text = f"RMSSE {relative.mean():+.1%} against {champion}, at most {bound:+.1%} at {level:g} %"
    if bound < allowed:
        return Decision(True, f"{'Better' if bound < 0 else 'Not worse'}: {text}.", numbers)
    wanted = "better than the best naive" if floor else f"within {margin:.0%} of the champion"
    return Decision(False, f"Not shown to be {wanted}: {text}.", numbers)
