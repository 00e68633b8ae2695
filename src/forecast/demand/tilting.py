"""Laws of single values moved to a wanted mean: each part becomes likelier or rarer, as little as that takes."""

import numpy as np

from forecast.demand.matrix import Floats

#: The chance of a part is multiplied by at most the exponential of so many times its distance from the mean in standard
#: deviations; a law that is further off is not about this forecast, and keeps some of its own.
MAX_TILT = 4.0
_MAX_STEPS = 50
_TOLERANCE = 1e-10


def part_means(values: Floats, *, is_integer: bool, non_negative: bool) -> Floats:
    """Mean of what a law gives below its first point, between each two, and above its last one.

    Parameters
    ----------
    values : array of shape (..., n_points)
        Quantiles, ascending; straight lines lie between them, the law is flat outside.
    is_integer : bool
        Values are rounded to whole numbers.
    non_negative : bool
        Then what lies below 0 becomes 0.

    Returns
    -------
    array of shape (..., n_points + 1)
        Exact, by the integral of the rounded and cut line.
    """
    kept = np.maximum(values, 0) if non_negative else values
    rounded = np.rint(kept) if is_integer else kept
    integral = rounded * kept - rounded**2 / 2 if is_integer else kept**2 / 2
    length = np.diff(values)
    flat = length <= 1e-6 * np.abs(values[..., 1:]) + 1e-12
    between = np.where(flat, (rounded[..., 1:] + rounded[..., :-1]) / 2, np.diff(integral) / np.where(flat, 1, length))
    return np.concatenate([rounded[..., :1], between, rounded[..., -1:]], axis=-1)


def tilted(chances: Floats, means: Floats, wanted: Floats) -> Floats:
    """Chances of parts, moved exponentially so that the mean over the parts is the wanted one.

    Of all chances with that mean these are the nearest to the given ones, by Kullback-Leibler divergence [1]_.

    Parameters
    ----------
    chances : array of shape (n_parts,)
        Positive, of sum 1.
    means : array of shape (..., n_parts)
    wanted : array of shape (...)

    Returns
    -------
    array of shape (..., n_parts)
        Of sum 1. Where the wanted mean is out of reach of `MAX_TILT`, as near to it as that allows.

    References
    ----------
    .. [1] Csiszár (1975), I-divergence geometry of probability distributions and minimization problems. Annals of
       Probability 3(1).
    """
    own = means @ chances
    deviation = np.sqrt(np.maximum((means - own[..., None]) ** 2 @ chances, 0))
    away = (means - wanted[..., None]) / np.where(deviation > 0, deviation, 1)[..., None]
    return _weights(chances, away, _tilts(chances, away.reshape(-1, len(chances))).reshape(own.shape))


def _tilts(chances: Floats, away: Floats) -> Floats:
    """Tilts after which the mean of ``away`` (n, n_parts) is 0, or the furthest ones; by Newton's method in bounds."""
    tilt = np.zeros(len(away))
    low, high = np.full(len(away), -MAX_TILT), np.full(len(away), MAX_TILT)
    searching = np.ones(len(away), dtype=bool)
    for bound in (-MAX_TILT, MAX_TILT):
        distance = (_weights(chances, away, np.full(len(away), bound)) * away).sum(axis=-1)
        out_of_reach = distance * bound <= 0
        tilt[out_of_reach], searching[out_of_reach] = bound, False
    for _ in range(_MAX_STEPS):
        rows = np.flatnonzero(searching)
        if not len(rows):
            break
        here, part = tilt[rows], away[rows]
        moved = _weights(chances, part, here)
        distance = (moved * part).sum(axis=-1)
        low[rows], high[rows] = np.where(distance < 0, here, low[rows]), np.where(distance > 0, here, high[rows])
        slope = (moved * part**2).sum(axis=-1) - distance**2
        newton = here - distance / np.where(slope > 0, slope, np.inf)
        inside = (newton > low[rows]) & (newton < high[rows])
        searching[rows] = np.abs(distance) > _TOLERANCE
        tilt[rows] = np.where(~searching[rows], here, np.where(inside, newton, (low[rows] + high[rows]) / 2))
    return tilt


def _weights(chances: Floats, away: Floats, tilt: Floats) -> Floats:
    power = tilt[..., None] * away
    weight = chances * np.exp(power - power.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))
