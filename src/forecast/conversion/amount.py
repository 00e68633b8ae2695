"""What a case brings if it is won: the amount asked for, corrected for how such amounts end, with a range."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from forecast.errors import InvalidInput
from forecast.evaluation.metrics import pinball_loss

QUANTILES = (0.1, 0.5, 0.9)

#: Cases won, with an amount before and after, below which the amount asked for stands as it is.
MIN_WON = 20

#: Cases that the belief "as asked" is worth in the mean ratio.
PRIOR_CASES = 10.0

#: Trees must be better on later wins by this share of the pinball loss to be preferred.
MIN_GAIN = 0.01

#: Largest correction, as a log ratio either way: an amount mistyped by orders of magnitude teaches nothing.
CLIP = 2.0

N_TREES = 60


@dataclass(frozen=True)
class AmountForecast:
    """Amounts if won, each of shape (n,), NaN where none is asked for: the mean and the 80 % range."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


class AmountModel:
    """Log ratio of the amount won to the amount asked for at a snapshot.

    Errors on later wins, pooled, give the quantiles, and the mean of their exponentials turns a centre into a mean
    (smearing [1]_). The centre is the amount asked for, or small trees on the numeric features when their quantiles,
    learned on the middle third of the wins, have a pinball loss at least 1 % less on the last third.

    Parameters
    ----------
    random_state : int

    Attributes
    ----------
    kind_ : "asked" (no correction known), "pooled" or "trees"
    losses_ : dict of kind -> mean pinball loss of the log ratio on the last third; empty with few wins
    bias_ : dict of kind -> sum of the amounts said over the sum of those won on the last third, less 1
    n_won_ : int
        Cases won that taught it.

    References
    ----------
    .. [1] Duan (1983), Smearing estimate: a nonparametric retransformation method. JASA 78(383).
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state
        self._reset()

    def _reset(self) -> None:
        """As if nothing was known: amounts come as asked."""
        self.kind_, self.text_, self.smearing_, self.n_won_ = "asked", "", 1.0, 0
        self.names_: list[str] = []
        self.residuals_ = np.zeros(len(QUANTILES))
        self.losses_: dict[str, float] = {}
        self.bias_: dict[str, float] = {}

    def fit(
        self, X: pd.DataFrame, asked: np.ndarray, won: np.ndarray, *, time: np.ndarray, groups: np.ndarray
    ) -> "AmountModel":
        """Learn from snapshots of cases that were won.

        Parameters
        ----------
        X : DataFrame of shape (n, k)
            Features; numeric columns are used.
        asked, won : arrays of shape (n,)
            Amount at the snapshot and amount won; rows where either is missing or not positive are left out.
        time : array of shape (n,)
            Moment of each row; later ones judge.
        groups : array of shape (n,)
            Case of each row: many snapshots of one case are worth one.

        Raises
        ------
        InvalidInput
            If lengths differ.
        """
        if not len(X) == len(asked) == len(won) == len(time) == len(groups):
            raise InvalidInput(
                f"All must have {len(X)} rows, got {len(asked)}, {len(won)}, {len(time)}, {len(groups)}."
            )
        self._reset()
        used = (asked > 0) & (won > 0)
        order = np.flatnonzero(used)[np.argsort(time[used], kind="stable")]
        ratio = np.clip(np.log(won[order] / asked[order]), -CLIP, CLIP)
        self.names_ = [str(name) for name in X.columns if pd.api.types.is_numeric_dtype(X[name].dtype)]
        codes = np.unique(groups[order], return_inverse=True)[1]
        self.n_won_ = len(np.unique(codes))
        if self.n_won_ >= MIN_WON:
            matrix = X[self.names_].iloc[order].to_numpy(dtype=float)
            self._choose(matrix, ratio, asked[order], codes)
        return self

    def _choose(self, matrix: np.ndarray, ratio: np.ndarray, asked: np.ndarray, codes: np.ndarray) -> None:
        """Compare the centres on the last third of the cases, then refit the best on all."""
        weight = 1.0 / np.bincount(codes)[codes]
        first_seen = np.unique(codes, return_index=True)[1]
        third = (3 * np.argsort(np.argsort(first_seen)) // len(first_seen))[codes]
        errors = {"asked": ratio, "pooled": ratio}
        if self.names_:
            centre = np.zeros(len(ratio))
            for part in (1, 2):
                centre[third == part] = self._trees(matrix, ratio, weight * (third < part)).predict(
                    matrix[third == part], num_threads=1
                )
            errors["trees"] = ratio - centre
        middle, last = third == 1, third == 2
        for kind, error in errors.items():
            none = kind == "asked"
            quantiles = np.zeros(3) if none else weighted_quantiles(error[middle], weight[middle], QUANTILES)
            self.losses_[kind] = _pinball(error[last], quantiles, weight[last])
            mean = np.exp((ratio - error)[last]) * (1.0 if none else _smearing(error[middle], weight[middle]))
            brought = (weight * asked * np.exp(ratio))[last].sum()
            self.bias_[kind] = round(float((weight[last] * asked[last] * mean).sum() / brought - 1), 9)
        better = self.losses_.get("trees", np.inf) < (1 - MIN_GAIN) * self.losses_["pooled"]
        self.kind_ = "trees" if better else "pooled"
        error, later = errors[self.kind_], middle | last
        self.residuals_ = np.round(weighted_quantiles(error[later], weight[later], QUANTILES), 9)
        self.smearing_ = round(_smearing(error[later], weight[later]), 9)
        if better:
            self.text_ = self._trees(matrix, ratio, weight).model_to_string()

    def _trees(self, matrix: np.ndarray, ratio: np.ndarray, weight: np.ndarray) -> lgb.Booster:
        parameters = {
            "objective": "regression",
            "num_leaves": 6,
            "learning_rate": 0.05,
            "min_data_in_leaf": int(np.clip((weight > 0).sum() // 50, 20, 200)),
            "lambda_l2": 5.0,
            "feature_fraction": 0.6,
            "max_bin": 63,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "seed": self.random_state,
            "verbosity": -1,
        }
        taught = weight > 0
        data = lgb.Dataset(
            matrix[taught], ratio[taught], weight=weight[taught], params={"verbosity": -1, "max_bin": 63}
        )
        return lgb.train(parameters, data, N_TREES)

    def centre(self, X: pd.DataFrame) -> np.ndarray:
        """Log ratio around which the amount of each row is expected, shape (n,)."""
        if self.kind_ != "trees":
            return np.zeros(len(X))
        found = lgb.Booster(model_str=self.text_).predict(X[self.names_].to_numpy(dtype=float), num_threads=1)
        return np.asarray(np.clip(found, -CLIP, CLIP))

    def predict(self, X: pd.DataFrame, asked: np.ndarray) -> AmountForecast:
        """Amounts if won, in the currency of ``asked``; missing where ``asked`` is missing or not positive."""
        amount = np.where(asked > 0, asked, np.nan) * np.exp(self.centre(X))
        low, _, high = np.exp(self.residuals_)
        return AmountForecast(amount * self.smearing_, amount * low, amount * high)

    def to_state(self) -> dict[str, Any]:
        """Plain JSON values; trees as LightGBM's own text."""
        return {
            "random_state": self.random_state,
            "kind": self.kind_,
            "names": self.names_,
            "text": self.text_,
            "losses": self.losses_,
            "bias": self.bias_,
            "n_won": self.n_won_,
            "residuals": self.residuals_.tolist(),
            "smearing": self.smearing_,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "AmountModel":
        """The fitted model that `to_state` described."""
        model = cls(state["random_state"])
        model.kind_, model.names_, model.text_ = state["kind"], list(state["names"]), state["text"]
        model.losses_, model.bias_, model.n_won_ = dict(state["losses"]), dict(state["bias"]), state["n_won"]
        model.residuals_, model.smearing_ = np.array(state["residuals"], dtype=float), state["smearing"]
        return model


def weighted_quantiles(values: np.ndarray, weight: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Smallest value at which the share of the weight reaches each level, shape (n_levels,)."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    place = np.searchsorted(share, np.array(levels) - 1e-12)
    return np.asarray(values[order][np.minimum(place, len(values) - 1)])


def _smearing(error: np.ndarray, weight: np.ndarray) -> float:
    """Mean of the exponentials of the errors, shrunk to 1."""
    return float((weight @ np.exp(error) + PRIOR_CASES) / (weight.sum() + PRIOR_CASES))


def _pinball(error: np.ndarray, quantiles: np.ndarray, weight: np.ndarray) -> float:
    """Mean pinball loss of constant quantiles of the errors."""
    losses = [
        pinball_loss(error, np.full(len(error), value), quantile=level, sample_weight=weight)
        for level, value in zip(QUANTILES, quantiles, strict=True)
    ]
    return round(float(np.mean(losses)), 9)
