"""Metrics, one family per file: ``metric(y_true, y_pred, *, sample_weight=None) -> float``."""

from forecast.evaluation.metrics.classification import (
    CalibrationLine,
    average_precision_score,
    brier_loss,
    calibration_error,
    calibration_intercept,
    calibration_line,
    calibration_slope,
    log_loss,
    log_loss_skill_score,
    log_losses,
    miscalibration_loss,
    roc_auc_score,
)
from forecast.evaluation.metrics.demand import bias, mase, rmsse, wape, wrmsse
from forecast.evaluation.metrics.intervals import (
    interval_coverage_score,
    interval_loss,
    interval_width_error,
    pinball_loss,
)

__all__ = [
    "CalibrationLine",
    "average_precision_score",
    "bias",
    "brier_loss",
    "calibration_error",
    "calibration_intercept",
    "calibration_line",
    "calibration_slope",
    "interval_coverage_score",
    "interval_loss",
    "interval_width_error",
    "log_loss",
    "log_loss_skill_score",
    "log_losses",
    "mase",
    "miscalibration_loss",
    "pinball_loss",
    "rmsse",
    "roc_auc_score",
    "wape",
    "wrmsse",
]
