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

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """Shape (n,)."""
        return np.asarray(self._booster.predict(matrix, raw_score=True, num_threads=_threads(matrix)))

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Path-dependent SHAP values of shape (n, k), in log-odds around their expectation [1]_.

        References
        ----------
        .. [1] Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees.
           Nature Machine Intelligence 2.
        """
        parts = np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=_threads(matrix)))
        return parts[:, :-1]


class GrowingTrees:
    """Boosting that can be watched: what so many trees say of rows that they have not seen."""

    def __init__(self, booster: lgb.Booster, matrix: np.ndarray) -> None:
        self._booster, self._matrix, self._z = booster, matrix, np.zeros(len(matrix))

    def grown_to(self, n_trees: int) -> np.ndarray:
        """Log-odds by ``n_trees`` trees, shape (n,); those that are missing are learned first."""
        start = self._booster.num_trees()
        for _ in range(start, n_trees):
            self._booster.update()
        options = {"num_threads": 1, "verbosity": -1}  # else a prediction makes LightGBM talk again in other threads
        self._z = self._z + self._booster.predict(
            self._matrix, raw_score=True, start_iteration=start, num_iteration=n_trees - start, **options
        )
        return self._z


def _threads(matrix: np.ndarray) -> int:
    """Threads cost more than they bring for few rows, and beside other work they mostly wait for each other."""
    return 1 if len(matrix) < 20_000 else 2


def tree_parameters(
    n_rows: int, *, num_leaves: int, learning_rate: float, random_state: int, n_entities: int | None = None
) -> dict[str, Any]:
    """LightGBM parameters: leaves hold the rows of at least one entity in 200, of 10 to 200 of them.

    Parameters
    ----------
    n_rows : int
    n_entities : int, optional
        Default as many as rows.
    """
    entities = n_entities or n_rows
    repetition = n_rows / entities
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": num_leaves,
        "learning_rate": learning_rate,
        "min_data_in_leaf": int(np.clip(entities // 200, 10, 200) * repetition),
        "min_data_per_group": int(np.clip(entities // 200, 10, 100) * repetition),
        "cat_smooth": 20.0,
        "lambda_l2": 5.0,
        "feature_fraction": 0.6,
        "max_bin": 127,
        "deterministic": True,
        "force_col_wise": True,  # the same trees as row by row, in five sixths of the time where features are drawn
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
    row_weight: np.ndarray | None = None,
) -> TreeMember:
    """Fit ``n_trees`` trees.

    Parameters
    ----------
    matrix : array of shape (n, k); y : array of shape (n,), 0 or 1
    categories : positions of categorical columns
    row_weight : array of shape (n,), optional
        Information of each row, e.g. less for older rows.
    """
    train = _dataset(matrix, y, categories, parameters, row_weight)
    return TreeMember(lgb.train(parameters, train, n_trees).model_to_string(num_iteration=-1))


def grow_trees(
    matrix: np.ndarray,
    y: np.ndarray,
    judged: np.ndarray,
    *,
    categories: Sequence[int],
    parameters: dict[str, Any],
    row_weight: np.ndarray | None = None,
) -> GrowingTrees:
    """The trees of `fit_trees`, learned step by step and watched on ``judged``, of shape (m, k)."""
    return GrowingTrees(lgb.Booster(parameters, _dataset(matrix, y, categories, parameters, row_weight)), judged)


def _dataset(
    matrix: np.ndarray,
    y: np.ndarray,
    categories: Sequence[int],
    parameters: dict[str, Any],
    row_weight: np.ndarray | None,
) -> lgb.Dataset:
    return lgb.Dataset(matrix, y, weight=row_weight, categorical_feature=list(categories), params=parameters)
