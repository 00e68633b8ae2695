"""The reliability curve: how often things happened that were said to have this probability."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from forecast.evaluation.bootstrap import cluster_codes
from forecast.evaluation.metrics.classification import checked, equal_mass_bins
from forecast.evaluation.plots import as_png, new_figure

Array = Any


def reliability_curve(
    y_true: Array,
    y_pred: Array,
    *,
    sample_weight: Array = None,
    clusters: Array = None,
    n_bins: int = 10,
    level: float = 95.0,
) -> pd.DataFrame:
    """Observed rate against mean prediction in bins of equal mass.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,)
    sample_weight : array of shape (n,), optional
    clusters : array of shape (n,), optional
        Entity of each row: snapshots of one entity count as one case in the interval.
    n_bins : int
        The result has fewer rows when many predictions are equal.
    level : float in (0, 100)
        Percent, of the binomial interval (Jeffreys) [1]_.

    Returns
    -------
    DataFrame
        ``predicted``, ``observed``, ``low``, ``high`` (0 to 1), ``n`` (rows), ``n_cases``; ascending.

    References
    ----------
    .. [1] Brown, Cai & DasGupta (2001), Interval estimation for a binomial proportion. Statistical Science 16.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    codes, _ = cluster_codes(clusters, len(y))
    rows = pd.DataFrame(
        {"bin": equal_mass_bins(p, weight, n_bins), "weight": weight, "y": weight * y, "p": weight * p, "case": codes}
    )
    sums = rows.groupby("bin", sort=True).agg(
        weight=("weight", "sum"), y=("y", "sum"), p=("p", "sum"), n=("y", "size"), n_cases=("case", "nunique")
    )
    sums = sums[sums["weight"] > 0]
    observed = (sums["y"] / sums["weight"]).to_numpy()
    cases = sums["n_cases"].to_numpy(dtype=float)
    tail = (1 - level / 100) / 2
    low = beta.ppf(tail, observed * cases + 0.5, (1 - observed) * cases + 0.5)
    high = beta.ppf(1 - tail, observed * cases + 0.5, (1 - observed) * cases + 0.5)
    return pd.DataFrame(
        {
            "predicted": (sums["p"] / sums["weight"]).to_numpy(),
            "observed": observed,
            "low": np.minimum(low, observed),
            "high": np.maximum(high, observed),
            "n": sums["n"].to_numpy(),
            "n_cases": sums["n_cases"].to_numpy(),
        }
    )


def reliability_plot(curve: pd.DataFrame, *, predictions: Array = None, title: str = "") -> bytes:
    """The curve as a PNG image: points with their intervals against the diagonal.

    Parameters
    ----------
    curve : DataFrame
        From `reliability_curve`.
    predictions : array of shape (n,), optional
        Drawn as a histogram below: where the model's words lie.
    title : str
    """
    heights = [1.0] if predictions is None else [4.0, 1.0]
    figure = new_figure(5, 5 if predictions is None else 6)
    axes, *below = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    observed = curve["observed"].to_numpy()
    errors = np.vstack([observed - curve["low"].to_numpy(), curve["high"].to_numpy() - observed])
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.errorbar(curve["predicted"], observed, yerr=np.maximum(errors, 0), fmt="o-", capsize=2, markersize=4)
    said = curve["predicted"] if predictions is None else np.asarray(predictions, dtype=float)
    limit = min(1.0, max(1.1 * float(max(curve["predicted"].max(), curve["high"].max())), float(said.max())))
    axes.set(xlim=(0, limit), ylim=(0, limit), ylabel="observed rate", title=title)
    for histogram in below:
        histogram.hist(said, bins=np.linspace(0, limit, 41), color="0.5")
        histogram.set(ylabel="rows")
    (below or [axes])[-1].set_xlabel("predicted probability")
    return as_png(figure)
