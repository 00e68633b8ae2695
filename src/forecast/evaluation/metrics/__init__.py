"""Metrics by family: ``metric(y_true, y_pred, *, sample_weight=None) -> float``; ``…_by_series`` give an array."""

from forecast.evaluation.metrics.brier import BrierParts, brier_decomposition
from forecast.evaluation.metrics.calibration_noise import (
    NoiseFloor,
    calibration_error_floor,
    debiased_calibration_error,
)
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
from forecast.evaluation.metrics.costs import Payoffs, decision_curve, mean_payoff, net_benefit_score
from forecast.evaluation.metrics.demand import bias, mase, rmsse, wape, wrmsse
from forecast.evaluation.metrics.intervals import (
    interval_coverage_score,
    interval_loss,
    interval_width_error,
    pinball_loss,
)
from forecast.evaluation.metrics.owa import is_seasonal, naive2, owa
from forecast.evaluation.metrics.pit import (
    coverage_of_pit,
    interval_coverage_by_pit,
    randomised_pit,
    randomised_pit_from_paths,
)
from forecast.evaluation.metrics.quantiles import (
    crps_from_paths,
    crps_from_quantiles,
    pinball_losses,
    weighted_scaled_pinball_loss,
)
from forecast.evaluation.metrics.ranking import gains_curve, gains_score, lift_score, roc_auc_interval
from forecast.evaluation.metrics.series import (
    mase_by_series,
    naive_mae,
    naive_mse,
    rmsse_by_series,
    smape_by_series,
)
from forecast.evaluation.metrics.uplift import (
    QiniCurve,
    auuc_score,
    bootstrap_uplift,
    gain_at_score,
    qini_curve,
    qini_score,
)

__all__ = [
    "BrierParts",
    "CalibrationLine",
    "NoiseFloor",
    "Payoffs",
    "QiniCurve",
    "auuc_score",
    "average_precision_score",
    "bias",
    "bootstrap_uplift",
    "brier_decomposition",
    "brier_loss",
    "calibration_error",
    "calibration_error_floor",
    "calibration_intercept",
    "calibration_line",
    "calibration_slope",
    "coverage_of_pit",
    "crps_from_paths",
    "crps_from_quantiles",
    "debiased_calibration_error",
    "decision_curve",
    "gain_at_score",
    "gains_curve",
    "gains_score",
    "interval_coverage_by_pit",
    "interval_coverage_score",
    "interval_loss",
    "interval_width_error",
    "is_seasonal",
    "lift_score",
    "log_loss",
    "log_loss_skill_score",
    "log_losses",
    "mase",
    "mase_by_series",
    "mean_payoff",
    "miscalibration_loss",
    "naive2",
    "naive_mae",
    "naive_mse",
    "net_benefit_score",
    "owa",
    "pinball_loss",
    "pinball_losses",
    "qini_curve",
    "qini_score",
    "randomised_pit",
    "randomised_pit_from_paths",
    "rmsse",
    "rmsse_by_series",
    "roc_auc_interval",
    "roc_auc_score",
    "smape_by_series",
    "wape",
    "weighted_scaled_pinball_loss",
    "wrmsse",
]
