"""Combining models on log-odds, and correcting the result, from predictions made before the outcomes were known."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

#: Prior standard deviation of a weight around its prior one: a thousand informative rows overrule it.
WEIGHT_SD = 0.15

#: Prior standard deviations of the calibration map around the identity. The shift is narrow: a level that was wrong on
#: earlier refits is mostly put right by the last one, which has seen the newest rows; what is left is re-anchored.
SHIFT_SD = 0.1
LOG_SLOPE_SD = 0.2

#: Prior standard deviation of the level of a block of time, in log-odds: all but free.
BLOCK_SD = 2.0


def log_losses_at(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Log loss of each row from log-odds ``z``, stable for large ``|z|``."""
    return np.asarray(np.logaddexp(0.0, z) - y * z)


def overdispersion(z: np.ndarray, y: np.ndarray, blocks: np.ndarray, *, row_weight: np.ndarray) -> float:
    """How many times more the wins of blocks of time vary around what was said than independent cases would.

    Where the world moves, the rows of a block are wrong together: they are worth that many times fewer independent
    observations (the variance inflation factor of quasi-likelihood [1]_). Nobody can say beforehand that next month
    twice as many will buy, and a comparison must not be decided by who happened to err on that side.

    Parameters
    ----------
    z : array of shape (n,)
        Log-odds said before the outcomes.
    y : array of shape (n,), 0 or 1
    blocks : array of shape (n,), int from 0
    row_weight : array of shape (n,)
        Information of each row while nothing moves; rows of one entity share the information of one case.

    Returns
    -------
    float
        At least 1.

    References
    ----------
    .. [1] McCullagh & Nelder (1989), Generalized Linear Models, section 4.5.
    """
    p = expit(z)
    surplus = np.bincount(blocks, weights=row_weight * (y - p))
    variance = np.bincount(blocks, weights=row_weight * p * (1 - p))
    return float(max(1.0, (surplus**2 / np.maximum(variance, 1e-9)).mean()))


def disagreement(differences: np.ndarray, blocks: np.ndarray, *, row_weight: np.ndarray) -> np.ndarray:
    """How many times more the blocks of time disagree about each comparison than independent rows would.

    Parameters
    ----------
    differences : array of shape (n, m)
        Loss of each row by each of m candidates, less that of the one they are compared with.
    blocks : array of shape (n,), int from 0; at least two
    row_weight : array of shape (n,)
        Information of each row while nothing moves.

    Returns
    -------
    array of shape (m,)
        At least 1. A sum of differences over all rows is worth that many times fewer rows.
    """
    sums = np.column_stack([np.bincount(blocks, weights=row_weight * column) for column in differences.T])
    expected = (row_weight[:, None] * (differences - differences.mean(axis=0)) ** 2).sum(axis=0)
    found = len(sums) * sums.var(axis=0, ddof=1)
    return np.asarray(np.maximum(1.0, found / np.maximum(expected, 1e-12)))


def levelled(z: np.ndarray, y: np.ndarray, blocks: np.ndarray, *, row_weight: np.ndarray) -> np.ndarray:
    """Log-odds with the level of each block of time put right: what is left is how well they tell its rows apart.

    Parameters
    ----------
    z : array of shape (n, m)
        Log-odds by each of m candidates.
    y : array of shape (n,), 0 or 1
    blocks : array of shape (n,), int from 0
    row_weight : array of shape (n,)
        Information of each row.

    Returns
    -------
    array of shape (n, m)
        Each candidate and block moved by its most likely shift, of prior deviation `BLOCK_SD`.
    """
    moved = np.empty_like(z)
    for block in np.unique(blocks):
        rows = blocks == block
        for column in range(z.shape[1]):
            own = z[rows, column]
            moved[rows, column] = own + _shift(own, y[rows], row_weight[rows], sd=BLOCK_SD)
    return moved


def combination_weights(
    z: np.ndarray, y: np.ndarray, *, row_weight: np.ndarray, prior: np.ndarray | None = None
) -> np.ndarray:
    """Weights of models combined linearly on log-odds: non-negative, sum 1, shrunk to the prior ones.

    Minimises the weighted log loss of ``z @ w`` plus a Gaussian prior around ``prior`` [1]_.

    Parameters
    ----------
    z : array of shape (n, m)
        Out-of-time log-odds of m models.
    y : array of shape (n,), 0 or 1
    row_weight : array of shape (n,)
        Information of each row; rows of one entity share the information of one case.
    prior : array of shape (m,), optional
        Weights without data; default equal.

    Returns
    -------
    array of shape (m,)

    References
    ----------
    .. [1] Breiman (1996), Stacked regressions. Machine Learning 24.
    """
    m = z.shape[1]
    centre = np.full(m, 1.0 / m) if prior is None else prior
    if m == 1:
        return centre

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        combined = z @ w
        value = row_weight @ log_losses_at(y, combined) + ((w - centre) ** 2).sum() / (2 * WEIGHT_SD**2)
        gradient = z.T @ (row_weight * (expit(combined) - y)) + (w - centre) / WEIGHT_SD**2
        scale = 1.0 / max(row_weight.sum(), 1.0)
        return value * scale, gradient * scale

    constraint = {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(m)}
    found = minimize(
        loss,
        centre,
        jac=True,
        bounds=[(0.0, 1.0)] * m,
        constraints=[constraint],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )
    weights = np.clip(np.round(found.x, 9), 0.0, None)
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True)
class CalibrationMap:
    """``z -> centre + shift + slope * (z - centre)`` on log-odds, increasing: it never reverses a ranking."""

    centre: float = 0.0
    shift: float = 0.0
    slope: float = 1.0

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Calibrated log-odds."""
        return self.centre + self.shift + self.slope * (z - self.centre)


def fit_calibration(
    z: np.ndarray, y: np.ndarray, *, row_weight: np.ndarray, blocks: np.ndarray | None = None
) -> CalibrationMap:
    """Two-parameter (Platt) map on log-odds, shrunk to the identity [1]_.

    With blocks of time the slope is the one within blocks: each has a level of its own, which only the shift is about.
    Models that learned at different times stand at different levels, and where the world moved none of these is the
    later one: over all blocks together the slope is drawn to 0, though each model told its own rows apart as well as it
    said [2]_.

    Parameters
    ----------
    z : array of shape (n,)
        Out-of-time log-odds.
    y : array of shape (n,), 0 or 1
    row_weight : array of shape (n,)
        Information of each row, e.g. less for older rows.
    blocks : array of shape (n,), int, optional
        Block of time of each row.

    References
    ----------
    .. [1] Platt (1999), Probabilistic outputs for support vector machines. Here with Gaussian priors on the shift and
       on the logarithm of the slope in place of Platt's smoothed targets.
    .. [2] Neuhaus & Kalbfleisch (1998), Between- and within-cluster covariate effects in the analysis of clustered
       data. Biometrics 54.
    """
    centre = float(row_weight @ z / row_weight.sum())
    if blocks is None:
        whole = np.zeros(len(z), dtype=int)
        (shift,), log_slope = _levels_and_log_slope(z - centre, y, whole, np.array([centre]), row_weight, sd=SHIFT_SD)
        return CalibrationMap(centre, float(np.round(shift, 9)), float(np.exp(np.round(log_slope, 9))))
    codes = np.unique(blocks, return_inverse=True)[1]
    means = np.bincount(codes, weights=row_weight * z) / np.bincount(codes, weights=row_weight)
    _, log_slope = _levels_and_log_slope(z - means[codes], y, codes, means, row_weight, sd=BLOCK_SD)
    slope = float(np.exp(np.round(log_slope, 9)))
    return CalibrationMap(centre, round(_shift(centre + slope * (z - centre), y, row_weight), 9), slope)


def _levels_and_log_slope(
    deviation: np.ndarray, y: np.ndarray, codes: np.ndarray, centre: np.ndarray, row_weight: np.ndarray, *, sd: float
) -> tuple[np.ndarray, float]:
    """Most likely shift of each block from its centre, of prior deviation ``sd``, and log of the slope all share."""

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        shift, log_slope = parameters[:-1], parameters[-1]
        slope = np.exp(log_slope)
        mapped = (centre + shift)[codes] + slope * deviation
        residual = row_weight * (expit(mapped) - y)
        prior = 0.5 * ((shift / sd) ** 2).sum() + 0.5 * (log_slope / LOG_SLOPE_SD) ** 2
        by_block = np.bincount(codes, weights=residual, minlength=len(centre)) + shift / sd**2
        gradient = np.append(by_block, slope * (residual @ deviation) + log_slope / LOG_SLOPE_SD**2)
        return float(row_weight @ log_losses_at(y, mapped) + prior), gradient

    options = {"gtol": 1e-8 * max(row_weight.sum(), 1.0)}
    found = minimize(loss, np.zeros(len(centre) + 1), jac=True, method="BFGS", options=options).x
    return found[:-1], float(found[-1])


def _shift(z: np.ndarray, y: np.ndarray, row_weight: np.ndarray, *, sd: float = SHIFT_SD) -> float:
    """Most likely shift of all log-odds, of prior deviation ``sd``, by Newton steps."""
    shift = 0.0
    for _ in range(30):
        p = expit(z + shift)
        move = (row_weight @ (y - p) - shift / sd**2) / (row_weight @ (p * (1 - p)) + sd**-2)
        shift += float(np.clip(move, -1.0, 1.0))
    return shift
