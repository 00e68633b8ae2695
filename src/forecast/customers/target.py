"""One number that is foretold of each account, by the purchase process and what a line and trees add to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from forecast.conversion.trees import TreeMember
from forecast.customers.line import Line, Link, Standardiser, fit_line

#: In this order everywhere.
MEMBERS = ("process", "line", "trees", "free_trees")
#: What the free trees look at.
RFM = ("orders", "recency_days", "age_days", "mean_amount")
_LEAST_P, _LEAST_MEAN = 1e-5, 1e-6
_N_TREES = 70


@dataclass(frozen=True)
class Target:
    """What is foretold: its name, the scale on which members add up, and how trees measure their error."""

    name: str
    link: Link
    objective: Mapping[str, Any]

    def offset(self, expected: np.ndarray) -> np.ndarray:
        """What the process says on the scale of the link."""
        if self.link == "logit":
            return np.asarray(logit(np.clip(expected, _LEAST_P, 1 - _LEAST_P)))
        return np.asarray(np.log(np.maximum(expected, _LEAST_MEAN)))

    def mean(self, z: np.ndarray) -> np.ndarray:
        """From the scale of the link."""
        return np.asarray(expit(z) if self.link == "logit" else np.exp(np.minimum(z, 30.0)))


TARGETS = (
    Target("p_buys", "logit", {"objective": "binary"}),
    Target("orders", "log", {"objective": "poisson"}),
    Target("spend", "log", {"objective": "tweedie", "tweedie_variance_power": 1.5}),
)


@dataclass(frozen=True)
class Corrections:
    """What is learned of one target: a line and trees that correct the process, and trees that do without it.

    The free trees see recency, frequency, money and age alone, and start from ``free_start``.
    """

    line: Line
    trees: TreeMember
    free_trees: TreeMember
    free_start: float

    def members(
        self, features: pd.DataFrame, columns: np.ndarray, offset: np.ndarray, stretch: np.ndarray
    ) -> np.ndarray:
        """What each member says on the scale of the link, shape (n, 4).

        ``stretch`` is what the process says of the horizon less what it says of the whole one, 0 for the whole one.
        """
        trees = self.trees.log_odds(features.to_numpy(dtype=float))
        free = self.free_start + self.free_trees.log_odds(features[list(RFM)].to_numpy(dtype=float))
        return np.column_stack([offset, offset + self.line(columns), offset + trees, free + stretch])

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        line = {"intercept": self.line.intercept, "coefficients": self.line.coefficients.tolist()}
        return {
            "line": line,
            "trees": self.trees.text,
            "free_trees": self.free_trees.text,
            "free_start": self.free_start,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Corrections":
        """What `to_state` described."""
        line = Line(state["line"]["intercept"], np.array(state["line"]["coefficients"]))
        return cls(line, TreeMember(state["trees"]), TreeMember(state["free_trees"]), state["free_start"])


def fit_corrections(
    features: pd.DataFrame,
    columns: np.ndarray,
    y: np.ndarray,
    offset: np.ndarray,
    stretch: np.ndarray,
    row_weight: np.ndarray,
    target: Target,
    random_state: int,
) -> Corrections:
    """Fit all members on the same rows.

    Parameters
    ----------
    features : DataFrame of n rows
    columns : array of shape (n, k)
        The same, standardised.
    y, offset, stretch : arrays of shape (n,)
        What came; what the process says; and that less what it says of the whole horizon.
    row_weight : array of shape (n,)
        Information of each row, in independent accounts.
    """
    line = fit_line(columns, y, offset, row_weight, target.link)
    trees = _fit_trees(features, y, offset, row_weight, target, random_state, feature_fraction=0.6)
    mean = float(row_weight @ y / row_weight.sum())
    start = float(target.offset(np.array([mean]))[0] - row_weight @ stretch / row_weight.sum())
    free = _fit_trees(features[list(RFM)], y, start + stretch, row_weight, target, random_state, feature_fraction=1.0)
    return Corrections(line, trees, free, start)


def _fit_trees(
    features: pd.DataFrame,
    y: np.ndarray,
    offset: np.ndarray,
    row_weight: np.ndarray,
    target: Target,
    random_state: int,
    *,
    feature_fraction: float,
) -> TreeMember:
    """Trees that add to the offset."""
    options = {"verbosity": -1, "num_threads": 1, "max_bin": 127}
    n_accounts, repetition = row_weight.sum(), 1 / max(row_weight.mean(), 1e-9)
    parameters = {
        **options,
        **target.objective,
        "boost_from_average": False,
        "num_leaves": 8,
        "learning_rate": 0.04,
        "min_data_in_leaf": int(np.clip(n_accounts / 100, 10, 100) * repetition),
        "min_sum_hessian_in_leaf": 1e-3,
        "lambda_l2": 5.0,
        "feature_fraction": feature_fraction,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": random_state,
    }
    data = lgb.Dataset(features.to_numpy(dtype=float), y, weight=row_weight, init_score=offset, params=options)
    return TreeMember(lgb.train(parameters, data, _N_TREES).model_to_string(num_iteration=-1))


def target_values(orders: np.ndarray, spend: np.ndarray, unit: float) -> dict[str, np.ndarray]:
    """What came, by target; spend in units of an ordinary order, and what was sent back at most what was bought."""
    return {"p_buys": (orders > 0).astype(float), "orders": orders, "spend": np.maximum(spend, 0) / unit}


def standardised(features: pd.DataFrame) -> tuple[Standardiser, np.ndarray]:
    """The line's view of training rows."""
    standardiser = Standardiser.fit(features)
    return standardiser, standardiser(features)
