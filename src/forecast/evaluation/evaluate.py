"""The table of a comparison: models by row, metrics by column, all on the same rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecast.evaluation.bootstrap import bootstrap_means, cluster_codes
from forecast.evaluation.metrics.brier import brier_decomposition
from forecast.evaluation.metrics.calibration_noise import calibration_error_floor, debiased_calibration_error
from forecast.evaluation.metrics.classification import (
    average_precision_score,
    brier_loss,
    calibration_error,
    calibration_line,
    log_losses,
    miscalibration_loss,
    roc_auc_score,
)
from forecast.evaluation.metrics.ranking import lift_score, roc_auc_interval
from forecast.evaluation.promotion import MARGIN, Decision, decide

Array = Any

#: Columns of the table that a screen has no room for; files and JSON have them.
DETAILS = ["roc_auc_low", "roc_auc_high", "average_precision", "calibration_intercept", "calibration_error_floor_high"]
DETAILS += (
    "calibration_error_debiased",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "mean_probability",
)


def probability_metrics(y_true: Array, y_pred: Array, *, clusters: Array = None) -> dict[str, float]:
    """Every metric of one model's probabilities.

    Returns
    -------
    dict
        ``log_loss`` with ``log_loss_low`` and ``log_loss_high`` (95 %, drawing clusters), ``brier_loss``, ``roc_auc``
        with ``roc_auc_low`` and ``_high`` (95 %), ``average_precision``, ``calibration_slope`` with
        ``calibration_slope_low`` and ``_high`` (95 %), ``calibration_intercept``, ``calibration_error`` with
        ``calibration_error_floor`` and ``_floor_high`` (mean and 95th percentile of what right probabilities would
        show), ``calibration_error_debiased``, ``brier_reliability``, ``brier_resolution`` (generalised: what bins hide
        is in it), ``brier_uncertainty``, ``lift_10`` (at the best tenth), ``win_rate``, ``mean_probability``,
        ``n_rows``, ``n_entities``. NaN where undefined.
    """
    y, p = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    losses = log_losses(y, p)
    low, high = np.percentile(bootstrap_means(losses, clusters, n_draws=1000), [2.5, 97.5])
    line = calibration_line(y, p, clusters=clusters)
    slope_low, slope_high = line.slope_interval()
    auc_low, auc_high = roc_auc_interval(y, p, clusters=clusters)
    floor = calibration_error_floor(p, clusters=clusters)
    parts = brier_decomposition(y, p)
    return {
        "log_loss": float(losses.mean()),
        "log_loss_low": float(low),
        "log_loss_high": float(high),
        "brier_loss": brier_loss(y, p),
        "roc_auc": roc_auc_score(y, p),
        "roc_auc_low": auc_low,
        "roc_auc_high": auc_high,
        "average_precision": average_precision_score(y, p),
        "calibration_slope": line.slope,
        "calibration_slope_low": slope_low,
        "calibration_slope_high": slope_high,
        "calibration_intercept": line.intercept,
        "calibration_error": calibration_error(y, p),
        "calibration_error_floor": floor.mean,
        "calibration_error_floor_high": floor.high,
        "calibration_error_debiased": debiased_calibration_error(y, p, clusters=clusters),
        "brier_reliability": parts.reliability,
        "brier_resolution": parts.generalised_resolution,
        "brier_uncertainty": parts.uncertainty,
        "lift_10": lift_score(y, p, share=0.1),
        "win_rate": float(y.mean()),
        "mean_probability": float(p.mean()),
        "n_rows": float(len(y)),
        "n_entities": float(cluster_codes(clusters, len(y))[1]),
    }


def evaluate(
    y_true: Array, predictions: Mapping[str, Array], *, clusters: Array = None, baseline: str | None = None
) -> pd.DataFrame:
    """Metrics of several models on the same rows.

    Parameters
    ----------
    y_true : array of shape (n,), 0 or 1
    predictions : mapping of model name to array of shape (n,)
    clusters : array of shape (n,), optional
        Entity of each row.
    baseline : str, optional
        Model that ``skill`` (1 - log loss / its log loss) refers to; default the first.

    Returns
    -------
    DataFrame
        One row per model in the given order: ``model``, the metrics of `probability_metrics`, ``skill``.
    """
    rows = [{"model": name} | probability_metrics(y_true, p, clusters=clusters) for name, p in predictions.items()]
    table = pd.DataFrame(rows)
    reference = table["model"] == (baseline or next(iter(predictions)))
    return table.assign(skill=1 - table["log_loss"] / float(table.loc[reference, "log_loss"].iloc[0]))


def gate(
    y_true: Array,
    champion: Array,
    challenger: Array,
    clusters: Array,
    *,
    floor: bool,
    leaking: tuple[str, ...] = (),
    margin: float = MARGIN,
) -> Decision:
    """`promotion.decide` on probabilities: log loss and calibration of both models on the same later rows.

    Parameters
    ----------
    y_true : array of shape (n,), 0 or 1
    champion, challenger : arrays of shape (n,)
        Probabilities.
    clusters : array of shape (n,)
        Entity of each row.
    floor : bool
        Whether the champion is the group rate.
    """
    return decide(
        log_losses(y_true, champion),
        log_losses(y_true, challenger),
        clusters,
        floor=floor,
        miscalibration=(miscalibration_loss(y_true, champion), miscalibration_loss(y_true, challenger)),
        leaking=leaking,
        margin=margin,
    )
