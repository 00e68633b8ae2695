"""The Brier score in parts: how far from the rates, how well cases are told apart, how uncertain the world is."""

from dataclasses import dataclass

import numpy as np

from forecast.errors import InvalidInput
from forecast.evaluation.metrics.classification import Array, checked, equal_mass_bins


@dataclass(frozen=True)
class BrierParts:
    """``reliability - resolution + uncertainty + within_variance - within_covariance`` is the Brier score, exactly.

    Attributes
    ----------
    reliability : float
        Mean squared gap of the bins' observed rates to their mean predictions; 0 is best.
    resolution : float
        Variance of the bins' observed rates; higher is better.
    uncertainty : float
        ``rate * (1 - rate)``: nobody's merit, nobody's fault.
    within_variance, within_covariance : float
        Variance of predictions inside bins, and twice their covariance with outcomes there: what the first three
        would leave out because predictions of one bin differ.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float

    @property
    def generalised_resolution(self) -> float:
        """Resolution with what bins hide: the Brier score is reliability - this + uncertainty."""
        return self.resolution - self.within_variance + self.within_covariance

    @property
    def score(self) -> float:
        """The Brier score."""
        return self.reliability - self.generalised_resolution + self.uncertainty


def brier_decomposition(y_true: Array, y_pred: Array, *, sample_weight: Array = None, n_bins: int = 10) -> BrierParts:
    """Murphy's parts of the Brier score over bins of equal mass [1]_, with the two within-bin terms [2]_.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,)
    sample_weight : array of shape (n,), optional
    n_bins : int
        With as many bins as distinct predictions the within-bin terms are 0. Reliability and resolution both grow by
        chance with the number of bins: compare only at one number.

    References
    ----------
    .. [1] Murphy (1973), A new vector partition of the probability score. J. Applied Meteorology 12.
    .. [2] Stephenson, Coelho & Jolliffe (2008), Two extra components in the Brier score decomposition. Weather and
       Forecasting 23.
    """
    y, p, weight = checked(y_true, y_pred, sample_weight)
    if n_bins < 1:
        raise InvalidInput(f"`n_bins` must be at least 1, got {n_bins}.")
    share = weight / weight.sum()
    _, bins = np.unique(equal_mass_bins(p, weight, n_bins), return_inverse=True)
    mass = np.bincount(bins, weights=share)
    filled = np.where(mass > 0, mass, 1.0)
    observed = np.bincount(bins, weights=share * y) / filled
    predicted = np.bincount(bins, weights=share * p) / filled
    rate = float(share @ y)
    inside = p - predicted[bins]
    return BrierParts(
        reliability=float(mass @ (predicted - observed) ** 2),
        resolution=float(mass @ (observed - rate) ** 2),
        uncertainty=rate * (1 - rate),
        within_variance=float(share @ inside**2),
        within_covariance=float(2 * share @ (inside * (y - observed[bins]))),
    )
