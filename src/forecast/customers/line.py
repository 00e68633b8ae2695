"""Ridge regression with an offset: a line through the features that corrects what the purchase process says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit

Link = Literal["logit", "log"]

#: Penalty of each coefficient of a standardised column, in independent accounts.
_PENALTY = 20.0
#: Standard deviations beyond which a value says no more.
_REACH = 3.0
_STEPS = 12


@dataclass(frozen=True)
class Standardiser:
    """Features as numbers of mean 0 and spread 1, the skewed ones by their logarithm, with a column for each missing.

    Attributes
    ----------
    names : list of k str
    is_log, mean, spread : arrays of shape (k,)
    has_missing : array of shape (k,), bool
    """

    names: list[str]
    is_log: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    has_missing: np.ndarray

    @classmethod
    def fit(cls, features: pd.DataFrame) -> "Standardiser":
        """Learn from training rows."""
        matrix = features.to_numpy(dtype=float)
        known = np.isfinite(matrix)
        values = np.where(known, matrix, np.nan)
        least = np.min(np.where(known, matrix, np.inf), axis=0)
        is_log = least >= 0
        with np.errstate(invalid="ignore"):
            moved = np.where(is_log, np.log1p(np.maximum(values, 0)), values)
        n = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, moved, 0).sum(axis=0) / n
        spread = np.sqrt(np.where(known, (moved - mean) ** 2, 0).sum(axis=0) / n)
        return cls(list(features.columns), is_log, mean, np.where(spread > 1e-12, spread, 1.0), (~known).any(axis=0))

    def __call__(self, features: pd.DataFrame) -> np.ndarray:
        """Shape (n, k + number of columns with missing values)."""
        matrix = features[self.names].to_numpy(dtype=float)
        known = np.isfinite(matrix)
        values = np.where(known, matrix, 0.0)
        moved = np.where(self.is_log, np.log1p(np.maximum(values, 0)), values)
        scaled = np.where(known, np.clip((moved - self.mean) / self.spread, -_REACH, _REACH), 0.0)
        return np.column_stack([scaled, ~known[:, self.has_missing]])

    @property
    def owner(self) -> np.ndarray:
        """Feature that each column belongs to, shape (k + …,)."""
        return np.append(np.arange(len(self.names)), np.flatnonzero(self.has_missing))

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in ("is_log", "mean", "spread", "has_missing")}
        return {"names": self.names} | arrays

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Standardiser":
        """What `to_state` described."""
        arrays = {name: np.array(state[name]) for name in ("is_log", "mean", "spread", "has_missing")}
        return cls(list(state["names"]), **arrays)


@dataclass(frozen=True)
class Line:
    """``intercept + columns @ coefficients``, to be added to the offset on the scale of the link."""

    intercept: float
    coefficients: np.ndarray

    def __call__(self, columns: np.ndarray) -> np.ndarray:
        """Correction of each row, shape (n,)."""
        return np.asarray(self.intercept + columns @ self.coefficients)


def fit_line(columns: np.ndarray, y: np.ndarray, offset: np.ndarray, row_weight: np.ndarray, link: Link) -> Line:
    """Penalised quasi-likelihood by Newton's method: logistic, or Poisson with the dispersion that is found.

    Parameters
    ----------
    columns : array of shape (n, k)
        Standardised.
    y : array of shape (n,)
        0 or 1 (``logit``) or non-negative (``log``).
    offset : array of shape (n,)
        On the scale of the link.
    row_weight : array of shape (n,)
        Information of each row, in independent accounts.
    """
    design = np.column_stack([np.ones(len(columns)), columns])
    beta = np.zeros(design.shape[1])
    penalty = np.append(1e-6, np.full(columns.shape[1], _PENALTY))
    loss = _loss(design @ beta + offset, y, row_weight, link)
    for _ in range(_STEPS):
        z = design @ beta + offset
        mean, slope = _mean(z, link)
        dispersion = 1.0 if link == "logit" else max(_dispersion(y, mean, row_weight), 1e-3)
        gradient = design.T @ (row_weight * (y - mean)) / dispersion - penalty * beta
        hessian = (design * (row_weight * slope / dispersion)[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        for shorter in (1.0, 0.5, 0.1):
            found = _loss(design @ (beta + shorter * step) + offset, y, row_weight, link)
            if found <= loss + 1e-9 * abs(loss):
                break
        beta, moved, loss = beta + shorter * step, np.abs(shorter * step).max(), found
        if moved < 1e-6:
            break
    return Line(float(beta[0]), beta[1:])


def _mean(z: np.ndarray, link: Link) -> tuple[np.ndarray, np.ndarray]:
    """Mean and its derivative."""
    if link == "logit":
        mean = expit(z)
        return mean, mean * (1 - mean)
    mean = np.exp(np.clip(z, -30, 30))
    return mean, mean


def _dispersion(y: np.ndarray, mean: np.ndarray, row_weight: np.ndarray) -> float:
    return float((row_weight * (y - mean) ** 2).sum() / max((row_weight * mean).sum(), 1e-9))


def _loss(z: np.ndarray, y: np.ndarray, row_weight: np.ndarray, link: Link) -> float:
    if link == "logit":
        return float(row_weight @ (np.logaddexp(0.0, z) - y * z))
    return float(row_weight @ (np.exp(np.clip(z, -30, 30)) - y * z))
