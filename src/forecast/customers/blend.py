"""How much of each member's correction is believed, and the level that was missed, from windows judged later."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from forecast.customers.line import Link
from forecast.evaluation.combination import (
    SHIFT_SD,
    WEIGHT_SD,
    CalibrationMap,
    combination_weights,
    fit_calibration,
)

_LARGEST = 30.0


@dataclass(frozen=True)
class Blend:
    """Members combined linearly on the scale of the link, then put right.

    Attributes
    ----------
    weights : array of shape (m,)
        Non-negative, sum 1.
    calibration : CalibrationMap
        On that scale; for ``log`` a shift alone.
    """

    weights: np.ndarray
    calibration: CalibrationMap

    def __call__(self, z: np.ndarray) -> np.ndarray:
        """Combined value on the scale of the link, shape (n,), of members' values of shape (n, m)."""
        return self.calibration(z @ self.weights)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        map_ = self.calibration
        return {"weights": self.weights.tolist(), "calibration": [map_.centre, map_.shift, map_.slope]}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Blend":
        """What `to_state` described."""
        return cls(np.array(state["weights"]), CalibrationMap(*state["calibration"]))

    @classmethod
    def equal(cls, n_members: int) -> "Blend":
        """Where nothing could be judged."""
        return cls(np.full(n_members, 1 / n_members), CalibrationMap())


def fit_blend(
    z: np.ndarray, y: np.ndarray, row_weight: np.ndarray, is_latest: np.ndarray, link: Link, level_spread: float
) -> Blend:
    """Weights from all judged rows, calibration from those of the latest window.

    Parameters
    ----------
    z : array of shape (n, m)
        What the members said before, on the scale of the link.
    y : array of shape (n,)
        What came: 0 or 1 for ``logit``, non-negative for ``log``.
    row_weight : array of shape (n,)
        Information of each row, in independent accounts.
    is_latest : array of shape (n,), bool
    link : {"logit", "log"}
    level_spread : float
        Standard deviation of the level between windows: however many accounts it holds, one window knows the level of
        the next no better.
    """
    if link == "logit":
        weights = combination_weights(z, y, row_weight=row_weight)
    else:
        mean = _mean(z.mean(axis=1), link)[0]
        row_weight = row_weight / max(float((row_weight * (y - mean) ** 2).sum() / (row_weight @ mean)), 1e-3)
        weights = mean_weights(z, y, row_weight)
    latest, came, information = z[is_latest] @ weights, y[is_latest], row_weight[is_latest]
    information = information / (1 + level_spread**2 * (information @ _mean(latest, link)[1]))
    if link == "logit":
        return Blend(weights, fit_calibration(latest, came, row_weight=information))
    return Blend(weights, CalibrationMap(0.0, _level(came, _mean(latest, link)[0], information), 1.0))


def mean_weights(z: np.ndarray, y: np.ndarray, row_weight: np.ndarray) -> np.ndarray:
    """Weights of means combined on log scale: non-negative, sum 1, of least Poisson loss, shrunk to equal ones.

    Parameters
    ----------
    z : array of shape (n, m)
        Logarithms of the means.
    y : array of shape (n,), non-negative
    row_weight : array of shape (n,)
        Information of each row: less where ``y`` varies more than a count.
    """
    m = z.shape[1]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        combined = np.minimum(z @ weights, _LARGEST)
        mean = np.exp(combined)
        value = row_weight @ (mean - y * combined) + ((weights - 1 / m) ** 2).sum() / (2 * WEIGHT_SD**2)
        gradient = z.T @ (row_weight * (mean - y)) + (weights - 1 / m) / WEIGHT_SD**2
        scale = 1 / max(row_weight.sum(), 1.0)
        return value * scale, gradient * scale

    constraint = {"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(m)}
    found = minimize(
        loss, np.full(m, 1 / m), jac=True, bounds=[(0.0, 1.0)] * m, constraints=[constraint], method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )  # fmt: skip
    weights = np.clip(np.round(found.x, 9), 0.0, None)
    return np.asarray(weights / weights.sum())


def level_shift(y: np.ndarray, z: np.ndarray, link: Link) -> float:
    """What to add to ``z`` so that its means sum to what came, on the scale of the link."""
    if not y.sum() > 0 or (link == "logit" and y.all()):
        return 0.0
    shift = 0.0
    for _ in range(30):
        mean, slope = _mean(z + shift, link)
        shift += float(np.clip((y - mean).sum() / slope.sum(), -1.0, 1.0))
    return shift


def _mean(z: np.ndarray, link: Link) -> tuple[np.ndarray, np.ndarray]:
    """Mean and its derivative."""
    mean = expit(z) if link == "logit" else np.exp(np.minimum(z, _LARGEST))
    return mean, mean * (1 - mean) if link == "logit" else mean


def _level(y: np.ndarray, mean: np.ndarray, information: np.ndarray) -> float:
    """Logarithm by which the level was missed, shrunk to 0: the posterior mode under a normal prior."""
    came, said = float(information @ y), float(information @ mean)
    shift = 0.0
    for _ in range(20):
        slope = said * np.exp(shift) - came + shift / SHIFT_SD**2
        shift -= slope / (said * np.exp(shift) + 1 / SHIFT_SD**2)
    return round(shift, 9)
