"""Slip: how likely a win comes later than the rep's expected close date."""

import numpy as np

from forecast.conversion.timing import TimingModel


def slip_probability(
    timing: TimingModel,
    days_ahead: np.ndarray,
    *,
    probability: np.ndarray,
    horizon: float,
    pace: np.ndarray | None = None,
) -> np.ndarray:
    """P(won after the expected close date | won at all within the longest follow-up).

    ``1 - p(by the end of that day) / p(by the end of the follow-up)``, both as the scores say them, so that it agrees
    with every ``p_{h}d``. It is about those that will be won: times the amount it is the part of the pipeline's wins
    that comes later than promised. Deals that are lost do not slip.

    Parameters
    ----------
    timing : TimingModel
    days_ahead : array of shape (n,)
        Days from the day of the score to the expected close date; negative when it has passed, NaN without one.
    probability : array of shape (n,)
        P(won within ``horizon``).
    horizon : float
        Days.
    pace : array of shape (n, n_edges), optional
        As in `TimingModel.share_by`.

    Returns
    -------
    array of shape (n,)
        In 0 to 1; 1 for a date that has passed, NaN without a date.
    """
    days = np.where(np.isnan(days_ahead), 0.0, np.maximum(days_ahead + 1.0, 0.0))
    end = max(timing.supported_days_, horizon)
    by_then = timing.win_probability(np.minimum(days, end), probability=probability, horizon=horizon, pace=pace)
    ever = timing.win_probability(end, probability=probability, horizon=horizon, pace=pace)
    slip = np.clip(1.0 - by_then / np.maximum(ever, 1e-12), 0.0, 1.0)
    return np.where(np.isnan(days_ahead), np.nan, slip)
