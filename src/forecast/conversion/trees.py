"""Small-leaved gradient boosting (LightGBM), reproducible, with its SHAP values as contributions in log-odds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np


@dataclass
class TreeMember:
    """A LightGBM model in its text form, so that a stored model and a fresh one are the same."""

    text: str

    def __post_init__(self) -> None:
        self._booster = lgb.Booster(model_str=self.text)

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return int(self._booster.num_trees())

    def log_odds(self, matrix: np.ndarray, *, n_trees: int | None = None) -> np.ndarray:
        """Shape (n,); of the first ``n_trees`` only, when given."""
        count = -1 if n_trees is None else n_trees
        raw = self._booster.predict(matrix, raw_score=True, num_iteration=count, num_threads=_threads(matrix))
        return np.asarray(raw)

    def contributions(self, matrix: np.ndarray) -> tuple[np.ndarray, float]:
        """Path-dependent SHAP values of shape (n, k) and the expectation they add to, in log-odds [1]_.

        References
        ----------
        .. [1] Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees.
           Nature Machine Intelligence 2.
        """
        parts = np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=_threads(matrix)))
        return parts[:, :-1], float(parts[0, -1])


def _threads(matrix: np.ndarray) -> int:
    """Threads cost more than they bring for a handful of rows."""
    return 1 if len(matrix) < 1000 else 2


def tree_parameters(n_rows: int, *, num_leaves: int, learning_rate: float, random_state: int) -> dict[str, Any]:
    """LightGBM parameters for ``n_rows``: leaves hold at least one row in 200, 10 to 200 of them."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": num_leaves,
        "learning_rate": learning_rate,
        "min_data_in_leaf": int(np.clip(n_rows // 200, 10, 200)),
        "min_data_per_group": int(np.clip(n_rows // 200, 10, 100)),
        "cat_smooth": 20.0,
        "lambda_l2": 5.0,
        "feature_fraction": 0.6,
        "max_bin": 127,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": random_state,
        "verbosity": -1,
    }


def fit_trees(
    matrix: np.ndarray,
    y: np.ndarray,
    *,
    categories: Sequence[int],
    n_trees: int,
    parameters: dict[str, Any],
    valid: tuple[np.ndarray, np.ndarray] | None = None,
    patience: int = 50,
) -> tuple[TreeMember, np.ndarray]:
    """Fit up to ``n_trees`` trees.

    Parameters
    ----------
    matrix : array of shape (n, k); y : array of shape (n,), 0 or 1
    categories : positions of categorical columns
    valid : (matrix, y), optional
        Later rows; fitting stops when their log loss has not improved for ``patience`` trees.

    Returns
    -------
    (member, losses)
        ``losses`` of shape (n_fitted_trees,): log loss on ``valid`` after each tree; empty without ``valid``.
    """
    train = lgb.Dataset(matrix, y, categorical_feature=list(categories), params={"verbosity": -1, "max_bin": 127})
    losses: dict[str, dict[str, list[float]]] = {}
    callbacks: list[Any] = []
    valid_sets = []
    if valid is not None:
        valid_sets = [train.create_valid(*valid)]
        callbacks = [lgb.record_evaluation(losses), lgb.early_stopping(patience, verbose=False)]
    booster = lgb.train(
        parameters,
        train,
        n_trees,
        valid_sets=valid_sets,
        valid_names=["valid"] * len(valid_sets),
        callbacks=callbacks,
        keep_training_booster=True,  # else the trees beyond the best iteration on `valid` are cut off
    )
    curve = np.array(losses.get("valid", {}).get("binary_logloss", []))
    return TreeMember(booster.model_to_string(num_iteration=-1)), curve
