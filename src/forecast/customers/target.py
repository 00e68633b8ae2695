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
MEMBERS = ("process", "line", "trees")
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
        return np.log(np.maximum(expected, _LEAST_MEAN))

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
    """A line and trees that correct the process in one target."""

    line: Line
    trees: TreeMember

    def members(self, features: pd.DataFrame, columns: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """What each member says on the scale of the link, shape (n, 3)."""
        trees = self.trees.log_odds(features.to_numpy(dtype=float))
        return np.column_stack([offset, offset + self.line(columns), offset + trees])

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values."""
        line = {"intercept": self.line.intercept, "coefficients": self.line.coefficients.tolist()}
        return {"line": line, "trees": self.trees.text}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Corrections":
        """What `to_state` described."""
        line = state["line"]
        return cls(Line(line["intercept"], np.array(line["coefficients"])), TreeMember(state["trees"]))


def fit_corrections(
    features: pd.DataFrame,
    columns: np.ndarray,
    y: np.ndarray,
    offset: np.ndarray,
    row_weight: np.ndarray,
    target: Target,
    random_state: int,
) -> Corrections:
    """Fit both members on the same rows.

    Parameters
    ----------
    features : DataFrame of n rows
    columns : array of shape (n, k)
        The same, standardised.
    y, offset : arrays of shape (n,)
    row_weight : array of shape (n,)
        Information of each row, in independent accounts.
    """
    line = fit_line(columns, y, offset, row_weight, target.link)
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
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": random_state,
    }
    data = lgb.Dataset(features.to_numpy(dtype=float), y, weight=row_weight, init_score=offset, params=options)
    trees = TreeMember(lgb.train(parameters, data, _N_TREES).model_to_string(num_iteration=-1))
    return Corrections(line, trees)


def target_values(orders: np.ndarray, spend: np.ndarray, unit: float) -> dict[str, np.ndarray]:
    """What came, by target; spend in units of an ordinary order, and what was sent back at most what was bought."""
    return {"p_buys": (orders > 0).astype(float), "orders": orders, "spend": np.maximum(spend, 0) / unit}


def standardised(features: pd.DataFrame) -> tuple[Standardiser, np.ndarray]:
    """The line's view of training rows."""
    standardiser = Standardiser.fit(features)
    return standardiser, standardiser(features)
