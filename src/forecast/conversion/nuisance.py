"""Cross-fitted helper regressions: what a straight line and small trees say of a case when they never saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import expit, logit

from forecast.conversion.design import Inputs

Link = Literal["logit", "identity"]

#: Prior variances of the standardised coefficients, and numbers of trees, that the stack chooses between.
STRENGTHS = (0.01, 0.3)
TREES = (15, 45)

#: How LightGBM sees a table; leaves may become smaller after it was made.
DATA_PARAMETERS = {"verbosity": -1, "max_bin": 31, "num_threads": 1, "feature_pre_filter": False}

#: Log-odds of a member are kept within this distance of 0, so that one sure tree cannot rule a weight.
MAX_LOG_ODDS = 8.0


@dataclass
class Blend:
    """Lines and trees added with non-negative weights on the scale of the link.

    ``coefficients`` has shape (len(STRENGTHS), p + 1), ``trees`` is a LightGBM model in text form, ``weights`` has
    shape (len(STRENGTHS) + len(TREES),).
    """

    link: Link
    coefficients: np.ndarray
    trees: str
    intercept: float
    weights: np.ndarray

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probabilities, or values with the identity link; shape (n,)."""
        raw = self.intercept + _raw(inputs, self.coefficients, _booster(self.trees), self.link) @ self.weights
        return np.asarray(expit(raw) if self.link == "logit" else raw)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "link": self.link,
            "coefficients": self.coefficients.tolist(),
            "trees": self.trees,
            "intercept": self.intercept,
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Blend":
        """The blend that `to_state` described."""
        return cls(
            state["link"],
            np.array(state["coefficients"], dtype=float),
            state["trees"],
            float(state["intercept"]),
            np.array(state["weights"], dtype=float),
        )


def cross_fit(
    inputs: Inputs, y: np.ndarray, fold: np.ndarray, *, link: Link, at: Sequence[Inputs] = (), random_state: int = 0
) -> tuple[list[np.ndarray], Blend]:
    """Predictions of rows by models that saw only other folds, and the model of all rows.

    Each fold's lines and trees are fitted on the other folds. How they are weighed is learned once, from the held-out
    predictions of all folds (stacking [1]_), and the weighted sum is calibrated by its free intercept.

    Parameters
    ----------
    inputs : Inputs of n rows
    y : array of shape (n,)
    fold : int array of shape (n,)
        Rows of one group must share a fold.
    at : sequence of Inputs, each of n rows
        Variants of the rows to predict as well (the same cases with and without the action).

    Returns
    -------
    (predictions, model)
        Predictions of ``inputs`` and of each of ``at``, of shape (n,).

    References
    ----------
    .. [1] Wolpert (1992), Stacked generalization. Neural Networks 5; Breiman (1996), Stacked regressions.
    """
    variants = [inputs, *at]
    held_out = [np.zeros((len(y), len(STRENGTHS) + len(TREES))) for _ in variants]
    data = lgb.Dataset(inputs.matrix, y, params=DATA_PARAMETERS).construct()
    for number in np.unique(fold):
        train, valid = fold != number, fold == number
        lines, trees = _fit_members(
            inputs.design[train], y[train], data.subset(np.flatnonzero(train)), link, random_state
        )
        for raw, variant in zip(held_out, variants, strict=True):
            raw[valid] = _raw(variant.rows(valid), lines, trees, link)
    intercept, weights = _stack(held_out[0], y, link)
    predictions = [intercept + raw @ weights for raw in held_out]
    lines, trees = _fit_members(inputs.design, y, data, link, random_state)
    model = Blend(link, lines, trees.model_to_string(), intercept, weights)
    return ([expit(z) for z in predictions] if link == "logit" else predictions), model


def group_folds(groups: np.ndarray, stratum: np.ndarray, n_folds: int, random_state: int = 0) -> np.ndarray:
    """A fold for each row, shape (n,): groups stay together and the largest stratum of each is dealt out evenly.

    Parameters
    ----------
    groups : int array of shape (n,), codes from 0 on
    stratum : int array of shape (n,)
        For example twice the action plus the outcome.
    """
    rng = np.random.default_rng(random_state)
    largest = np.zeros(groups.max() + 1, dtype=int)
    np.maximum.at(largest, groups, stratum)
    order = np.lexsort([rng.random(len(largest)), largest])
    fold = np.empty(len(largest), dtype=int)
    fold[order] = np.arange(len(largest)) % n_folds
    return np.asarray(fold[groups])


def _fit_members(
    design: np.ndarray, y: np.ndarray, data: lgb.Dataset, link: Link, random_state: int
) -> tuple[np.ndarray, lgb.Booster]:
    """Lines of each strength, shape (len(STRENGTHS), p + 1), and the trees; ``data`` holds the same rows."""
    fit = _ridge_logistic if link == "logit" else _ridge
    lines = np.array([fit(design, y, strength) for strength in STRENGTHS])
    parameters = DATA_PARAMETERS | {
        "objective": "binary" if link == "logit" else "regression",
        "num_leaves": 6,
        "learning_rate": 0.1,
        "min_data_in_leaf": int(np.clip(len(y) // (60 if link == "logit" else 25), 10, 200)),
        "lambda_l2": 5.0,
        "feature_fraction": 0.7 if design.shape[1] < 20 else 0.4,
        "deterministic": True,
        "force_row_wise": True,
        "seed": random_state,
    }
    return lines, lgb.train(parameters, data, max(TREES))


def _raw(inputs: Inputs, lines: np.ndarray, trees: lgb.Booster, link: Link) -> np.ndarray:
    """What each member says, on the scale of the link; shape (n, n_members)."""
    by_line = lines[:, 0] + inputs.design @ lines[:, 1:].T
    by_trees = [
        np.asarray(trees.predict(inputs.matrix, raw_score=True, num_iteration=count, num_threads=1)) for count in TREES
    ]
    raw = np.column_stack([by_line, *by_trees])
    return np.clip(raw, -MAX_LOG_ODDS, MAX_LOG_ODDS) if link == "logit" else raw


def _booster(text: str) -> lgb.Booster:
    return lgb.Booster(model_str=text)


def _ridge_logistic(design: np.ndarray, y: np.ndarray, variance: float) -> np.ndarray:
    """Posterior mode with normal priors on all coefficients but the intercept, by Newton's method; shape (p + 1,)."""
    columns = np.hstack([np.ones((len(y), 1)), design])
    penalty = np.diag(np.concatenate([[1e-6], np.full(design.shape[1], 1 / variance)]))
    rate = np.clip(y.mean(), 1e-4, 1 - 1e-4)
    b = np.concatenate([[logit(rate)], np.zeros(design.shape[1])])
    for _ in range(10):
        p = expit(np.clip(columns @ b, -30, 30))
        curvature = columns.T @ (columns * np.maximum(p * (1 - p), 1e-6)[:, None]) + penalty
        step = np.linalg.solve(curvature, columns.T @ (y - p) - penalty @ b)
        b = b + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-3:
            break
    return b


def _ridge(design: np.ndarray, y: np.ndarray, variance: float) -> np.ndarray:
    """Ridge regression; the prior variance is that of a coefficient relative to that of the residual times 0.1."""
    columns = np.hstack([np.ones((len(y), 1)), design])
    penalty = np.diag(np.concatenate([[1e-6], np.full(design.shape[1], 10 / variance)]))
    return np.asarray(np.linalg.solve(columns.T @ columns + penalty, columns.T @ y))


def _stack(raw: np.ndarray, y: np.ndarray, link: Link) -> tuple[float, np.ndarray]:
    """Intercept and non-negative weights of least loss on held-out predictions."""
    if link == "identity":
        middle = raw.mean(axis=0)
        weights = nnls(raw - middle, y - y.mean())[0]
        return float(y.mean() - middle @ weights), weights

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        z = b[0] + raw @ b[1:]
        error = expit(z) - y
        gradient = np.concatenate([[error.sum()], raw.T @ error])
        return float((np.logaddexp(0.0, z) - y * z).sum()) / len(y), gradient / len(y)

    start = np.concatenate([[0.0], np.full(raw.shape[1], 1 / raw.shape[1])])
    bounds = [(None, None), *[(0.0, None)] * raw.shape[1]]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), np.asarray(found.x[1:])
