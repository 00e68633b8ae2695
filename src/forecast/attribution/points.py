"""From contributions in log-odds to additive points of probability, exactly."""

import numpy as np
from scipy.special import expit


def sigmoid_slope(z: np.ndarray, z0: float | np.ndarray) -> np.ndarray:
    """``(sigmoid(z) - sigmoid(z0)) / (z - z0)``, positive, with its limit ``sigmoid'(z0)`` at ``z = z0``.

    Computed as ``sigmoid(z) * sigmoid(-z0) * (1 - exp(-d)) / d`` with ``d = z - z0``, exact near ``z0``.
    """
    d = np.asarray(z, dtype=float) - z0
    small = np.abs(d) < 1e-12
    safe = np.where(small, 1.0, d)
    # Beyond 700 exp overflows; the product with sigmoid(z) is then taken on the other side, where it is tame.
    forward = expit(z) * expit(-z0) * np.where(small, 1.0, -np.expm1(-np.clip(safe, -30.0, None)) / safe)
    backward = (expit(z) - expit(z0)) / safe
    return np.asarray(np.where(d < -30.0, backward, forward))


def probability_points(phi: np.ndarray, z: np.ndarray, z0: float | np.ndarray) -> np.ndarray:
    """Points of probability that contributions in log-odds are worth; each keeps its sign.

    Parameters
    ----------
    phi : array of shape (n, k)
        Contributions in log-odds that add up to ``z - z0`` in every row.
    z : array of shape (n,)
        Log-odds of the rows.
    z0 : float or array of shape (n,)
        Log-odds of the base rate.

    Returns
    -------
    array of shape (n, k)
        Rows add up to ``sigmoid(z) - sigmoid(z0)``: a contribution's share of the way in log-odds is its share of the
        way in probability.
    """
    return np.asarray(phi * sigmoid_slope(z, z0)[:, None])
