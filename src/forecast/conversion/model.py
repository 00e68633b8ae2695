"""The conversion model: a straight line, small trees and the group rate, combined on log-odds and calibrated."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin

from forecast.attribution import probability_points
from forecast.conversion.checks import SEGMENT_COLUMN, check_training, entity_weight, with_segment
from forecast.conversion.encoding import TableEncoder, named_columns
from forecast.conversion.group_rate import REMAINDER, GroupRateModel
from forecast.conversion.interval import ScoreNeighbourhoods, fit_neighbourhoods
from forecast.conversion.linear import LinearMember, fit_linear
from forecast.conversion.trees import TreeMember, fit_trees, tree_parameters
from forecast.errors import InvalidInput
from forecast.evaluation.combination import CalibrationMap, combination_weights, fit_calibration, log_losses_at
from forecast.evaluation.folds import Fold, as_time, rolling_origins, stratified_folds

#: Below this many wins or other outcomes nothing but the group rate is fitted.
MIN_OUTCOMES = 5

MEMBERS = ("linear", "trees", "group_rate")


@dataclass(frozen=True)
class OutOfTime:
    """Predictions made before their outcomes: what the weights and the calibration were learned from.

    ``scheme`` is "rolling" (later blocks of time), "stratified" (shuffled folds) or "none". ``rows`` are positions in
    the training table; ``z`` are calibrated log-odds.
    """

    scheme: str
    rows: np.ndarray
    y: np.ndarray
    z: np.ndarray


class ConversionModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrated probability of a win from a table as it comes, with reasons that add up.

    Three members are combined linearly on log-odds [1]_: a ridge logistic regression, small-leaved gradient boosting
    and the shrunken group rate. Weights are non-negative, sum to one, are learned from predictions for later blocks of
    time and shrunk to equal, so that the model falls back to the group rate when there is nothing to learn. A
    two-parameter map on log-odds, learned from the same predictions and shrunk to the identity, calibrates the result
    and is carried to the refit on all rows.

    Parameters
    ----------
    gap_days : float
        Days after a row's ``time`` until its label is known (the horizon), so that earlier rows are used only with
        labels known at the time. In the unit of ``time`` when that is a number.
    num_leaves, learning_rate, max_trees : int, float, int
        Of the boosted trees; how many trees are kept is chosen on later blocks.
    strengths : tuple of float
        Prior variances of the logistic coefficients to choose from.
    n_folds : int
        Later blocks of time (or stratified folds without ``time``).
    half_life : float, optional
        In the unit of ``time`` (days): age at which a row counts half in the calibration; default a third of the
        span of the later blocks.
    random_state : int

    Attributes
    ----------
    feature_names_in_ : array of str
        Columns that a table for prediction must have; constant and wholly missing columns are not among them.
    base_ : float
        Mean calibrated probability of the training rows: the published base rate.
    weights_ : dict of member -> weight
    calibration_ : CalibrationMap
    out_of_time_ : OutOfTime

    References
    ----------
    .. [1] Ranjan & Gneiting (2010), Combining probability forecasts. JRSS B 72(1): linear pools need recalibration.
    """

    def __init__(
        self,
        *,
        gap_days: float = 0.0,
        num_leaves: int = 8,
        learning_rate: float = 0.05,
        max_trees: int = 400,
        strengths: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0),
        n_folds: int = 4,
        half_life: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.gap_days = gap_days
        self.num_leaves = num_leaves
        self.learning_rate = learning_rate
        self.max_trees = max_trees
        self.strengths = strengths
        self.n_folds = n_folds
        self.half_life = half_life
        self.random_state = random_state

    def fit(
        self, X: pd.DataFrame, y: Any, *, time: Any = None, segment: Any = None, groups: Any = None
    ) -> "ConversionModel":
        """Fit the members, their weights and the calibration.

        Parameters
        ----------
        X : DataFrame of shape (n, k)
            Numeric, boolean, categorical, text and datetime columns with missing values, as they come.
        y : array-like of shape (n,)
            1 or True for won. One class only gives the smoothed base rate.
        time : array-like of shape (n,), optional
            Moment of each row (datetimes or numbers). Without it folds are stratified and shuffled.
        segment : str, list of str or array-like of shape (n,), optional
            Column names of X, or values, of groups whose rates are shrunk to the overall rate.
        groups : array-like of shape (n,), optional
            Entity of each row: rows of one entity stay together in shuffled folds and count as one case.

        Raises
        ------
        InvalidInput
            If the table is empty, lengths differ, or ``y`` or ``time`` holds anything unusable.
        """
        self._check_parameters()
        X, outcomes, codes = check_training(X, y, groups)
        moments = None if time is None else as_time(time, len(X))
        X, segments, self.segment_given_ = with_segment(X, segment)
        self.classes_ = np.array([0, 1])
        self.encoder_ = TableEncoder().fit(X)
        names = list(dict.fromkeys([*self.encoder_.names, *segments]))
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)
        matrix = self.encoder_.transform(X)
        folds, scheme = self._folds(outcomes, codes, moments) if self.encoder_.names else ([], "none")
        held_out = self._fit_out_of_time(X, matrix, outcomes, codes, folds, segments)
        rows = held_out.rows
        weight = entity_weight(codes)[rows]
        self.weights_ = self._weights(held_out, outcomes, weight)
        combined = held_out.z @ np.array([self.weights_[member] for member in MEMBERS])
        recency = weight * self._recency(moments, rows)
        self.calibration_ = (
            fit_calibration(combined, outcomes[rows], row_weight=recency) if len(rows) else CalibrationMap()
        )
        calibrated = self.calibration_(combined)
        self.out_of_time_ = OutOfTime(scheme, rows, outcomes[rows], calibrated)
        blocks = held_out.blocks if scheme == "rolling" else None
        self.neighbourhoods_ = fit_neighbourhoods(calibrated, outcomes[rows], codes[rows], blocks)
        self._refit(X, matrix, outcomes, codes, segments)
        self.base_ = float(expit(self._combine(X, matrix)).mean())
        return self

    def _check_parameters(self) -> None:
        if self.n_folds < 2:
            raise InvalidInput(f"`n_folds` must be at least 2, got {self.n_folds}.")
        if self.gap_days < 0:
            raise InvalidInput(f"`gap_days` must not be negative, got {self.gap_days}.")
        if not self.strengths or min(self.strengths) <= 0:
            raise InvalidInput(f"`strengths` must be positive numbers, got {self.strengths}.")

    def _folds(self, y: np.ndarray, codes: np.ndarray, time: np.ndarray | None) -> tuple[list[Fold], str]:
        """Later blocks of time where they hold enough outcomes, else shuffled folds, else none."""
        if min((y == 0).sum(), (y == 1).sum()) < MIN_OUTCOMES:
            return [], "none"
        if time is not None:
            rolling = rolling_origins(time, n_folds=self.n_folds, gap=self.gap_days)
            rolling = [fold for fold in rolling if _outcomes(y[fold.train]) >= 2 * MIN_OUTCOMES]
            seen = np.concatenate([y[fold.valid] for fold in rolling]) if rolling else np.zeros(0)
            if len(rolling) >= 2 and _outcomes(seen) >= 4 * MIN_OUTCOMES:
                return rolling, "rolling"
        folds = stratified_folds(y, groups=codes, n_folds=self.n_folds + 1, random_state=self.random_state)
        folds = [fold for fold in folds if _outcomes(y[fold.train]) >= 1]
        return (folds, "stratified") if folds else ([], "none")

    def _fit_out_of_time(
        self,
        X: pd.DataFrame,
        matrix: np.ndarray,
        y: np.ndarray,
        codes: np.ndarray,
        folds: list[Fold],
        segments: list[str],
    ) -> "_HeldOut":
        """Fit every member before each fold, choose strength and number of trees, predict the held-out rows."""
        if not folds:
            self.strength_, self.n_trees_ = min(self.strengths), 0
            return _HeldOut(np.zeros(0, dtype=int), np.zeros((0, len(MEMBERS))), np.zeros(0, dtype=int))
        linear: list[np.ndarray] = []
        trees: list[TreeMember] = []
        curves: list[np.ndarray] = []
        rates: list[np.ndarray] = []
        for fold in folds:
            train, valid = fold.train, fold.valid
            members = fit_linear(matrix[train], y[train], self.encoder_, strengths=self.strengths)
            linear.append(np.column_stack([member.log_odds(matrix[valid]) for member in members]))
            tree, curve = self._fit_trees(matrix[train], y[train], self.max_trees, valid=(matrix[valid], y[valid]))
            trees.append(tree)
            curves.append(curve)
            rate = GroupRateModel(segments).fit(X.iloc[train], y[train], groups=codes[train])
            rates.append(rate.log_odds(X.iloc[valid]))
        rows = np.concatenate([fold.valid for fold in folds])
        by_strength = np.concatenate(linear)
        losses = log_losses_at(y[rows][:, None], by_strength).mean(axis=0)
        best = int(np.argmin(losses))
        self.strength_ = self.strengths[best]
        self.n_trees_ = best_tree_count(curves, [len(fold.valid) for fold in folds])
        by_tree = [
            tree.log_odds(matrix[fold.valid], n_trees=self.n_trees_) for tree, fold in zip(trees, folds, strict=True)
        ]
        z = np.column_stack([by_strength[:, best], np.concatenate(by_tree), np.concatenate(rates)])
        return _HeldOut(rows, z, np.repeat(np.arange(len(folds)), [len(fold.valid) for fold in folds]))

    def _fit_trees(
        self, matrix: np.ndarray, y: np.ndarray, n_trees: int, valid: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[TreeMember, np.ndarray]:
        parameters = tree_parameters(
            len(y), num_leaves=self.num_leaves, learning_rate=self.learning_rate, random_state=self.random_state
        )
        return fit_trees(
            matrix, y, categories=self.encoder_.categories, n_trees=n_trees, parameters=parameters, valid=valid
        )

    def _weights(self, held_out: "_HeldOut", y: np.ndarray, weight: np.ndarray) -> dict[str, float]:
        if not len(held_out.rows):
            return {"linear": 0.0, "trees": 0.0, "group_rate": 1.0}
        found = combination_weights(held_out.z, y[held_out.rows], row_weight=weight)
        return dict(zip(MEMBERS, found.tolist(), strict=True))

    def _recency(self, time: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
        """Weight of each held-out row by its age: halved every `half_life`."""
        if time is None or not len(rows):
            return np.ones(len(rows))
        age = time[rows].max() - time[rows]
        half_life = self.half_life or float(age.max()) / 3 or 1.0
        return np.asarray(0.5 ** (age / half_life))

    def _refit(
        self, X: pd.DataFrame, matrix: np.ndarray, y: np.ndarray, codes: np.ndarray, segments: list[str]
    ) -> None:
        self.group_rate_ = GroupRateModel(segments).fit(X, y, groups=codes)
        self.linear_, self.trees_ = None, None
        if self.weights_["linear"] > 0:
            (self.linear_,) = fit_linear(matrix, y, self.encoder_, strengths=(self.strength_,))
        if self.weights_["trees"] > 0:
            self.trees_, _ = self._fit_trees(matrix, y, self.n_trees_)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Calibrated probabilities of shape (n, 2): not won, won.

        Raises
        ------
        InvalidInput
            If X is empty or lacks columns of the training table, naming them. Other columns are ignored.
        """
        p = expit(self.log_odds(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """1 where winning is more likely than not."""
        return (self.log_odds(X) > 0).astype(int)

    def log_odds(self, X: pd.DataFrame) -> np.ndarray:
        """Calibrated log-odds of shape (n,)."""
        X = self._prepared(X)
        return self._combine(X, self.encoder_.transform(X))

    def _prepared(self, X: pd.DataFrame) -> pd.DataFrame:
        X = named_columns(X)
        if self.segment_given_ and SEGMENT_COLUMN not in X.columns:
            return X.assign(**{SEGMENT_COLUMN: None})
        return X

    def _combine(self, X: pd.DataFrame, matrix: np.ndarray) -> np.ndarray:
        z = self.weights_["group_rate"] * self.group_rate_.log_odds(X)
        if self.linear_ is not None:
            z = z + self.weights_["linear"] * self.linear_.log_odds(matrix)
        if self.trees_ is not None:
            z = z + self.weights_["trees"] * self.trees_.log_odds(matrix)
        return self.calibration_(z)

    def log_odds_contributions(self, X: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, float]:
        """Contributions of the features in log-odds.

        Returns
        -------
        (contributions, z, z0)
            ``contributions`` of shape (n, k + 1), one column per feature and ``remainder``; rows add up to ``z - z0``,
            where ``z0`` is the log-odds of `base_`.
        """
        X = self._prepared(X)
        matrix = self.encoder_.transform(X)
        parts = pd.DataFrame(0.0, index=X.index, columns=[*self.feature_names_in_, REMAINDER])
        names = self.encoder_.names
        if self.linear_ is not None:
            parts[names] += self.weights_["linear"] * self.linear_.contributions(matrix)
        if self.trees_ is not None:
            parts[names] += self.weights_["trees"] * self.trees_.contributions(matrix)[0]
        groups = self.group_rate_.log_odds_contributions(X)[0]
        for name in self.group_rate_.feature_names_in_:
            parts[name] += self.weights_["group_rate"] * groups[name]
        parts *= self.calibration_.slope
        z, z0 = self._combine(X, matrix), float(logit(self.base_))
        parts[REMAINDER] = z - z0 - parts.to_numpy().sum(axis=1)
        return parts, z, z0

    def explain(self, X: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Points of probability per feature.

        Returns
        -------
        (contributions, base)
            ``contributions`` a DataFrame of shape (n, k + 1), one column per feature and ``remainder`` (what the mean
            of log-odds differs from the log-odds of the mean); its rows plus ``base`` give ``predict_proba(X)[:, 1]``.
        """
        phi, z, z0 = self.log_odds_contributions(X)
        points = probability_points(phi.to_numpy(), z, z0)
        return pd.DataFrame(points, columns=phi.columns, index=phi.index), self.base_

    def interval(self, X: pd.DataFrame, *, level: float = 80.0) -> tuple[np.ndarray, np.ndarray]:
        """Interval of the win rate among cases that the model sees alike; ``level`` in percent."""
        if self.linear_ is None and self.trees_ is None:
            return self.group_rate_.interval(self._prepared(X), level=level)
        return self.neighbourhoods_.interval(self.log_odds(X), level=level)

    def to_files(self) -> dict[str, bytes]:
        """The fitted model as named files: JSON, and LightGBM's own text format. No code is stored."""
        state = {
            "parameters": self.get_params() | {"strengths": list(self.strengths)},
            "segment_given": self.segment_given_,
            "names": list(self.feature_names_in_),
            "encoder": self.encoder_.to_state(),
            "strength": self.strength_,
            "n_trees": self.n_trees_,
            "weights": self.weights_,
            "calibration": asdict(self.calibration_),
            "base": self.base_,
            "neighbourhoods": self.neighbourhoods_.to_state(),
            "group_rate": self.group_rate_.to_state(),
            "linear": None if self.linear_ is None else self.linear_.to_state(),
        }
        files = {"conversion.json": json.dumps(state, indent=1, sort_keys=True).encode()}
        return files if self.trees_ is None else files | {"trees.txt": self.trees_.text.encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ConversionModel":
        """The fitted model that `to_files` stored; it predicts the same. ``out_of_time_`` is not stored."""
        state = json.loads(files["conversion.json"])
        model = cls(**(state["parameters"] | {"strengths": tuple(state["parameters"]["strengths"])}))
        model.classes_ = np.array([0, 1])
        model.segment_given_ = state["segment_given"]
        model.feature_names_in_ = np.array(state["names"], dtype=object)
        model.n_features_in_ = len(state["names"])
        model.encoder_ = TableEncoder.from_state(state["encoder"])
        model.strength_, model.n_trees_, model.weights_ = state["strength"], state["n_trees"], state["weights"]
        model.calibration_ = CalibrationMap(**state["calibration"])
        model.base_ = state["base"]
        model.neighbourhoods_ = ScoreNeighbourhoods.from_state(state["neighbourhoods"])
        model.group_rate_ = GroupRateModel.from_state(state["group_rate"])
        model.linear_ = None if state["linear"] is None else LinearMember.from_state(state["linear"])
        model.trees_ = TreeMember(files["trees.txt"].decode()) if "trees.txt" in files else None
        return model


@dataclass(frozen=True)
class _HeldOut:
    """Rows predicted before their outcomes, the log-odds of each member, shape (n, 3), and the fold of each row."""

    rows: np.ndarray
    z: np.ndarray
    blocks: np.ndarray


def _outcomes(y: np.ndarray) -> int:
    """Rows of the rarer outcome."""
    return int(min((y == 0).sum(), (y == 1).sum()))


def best_tree_count(curves: Sequence[np.ndarray], sizes: Sequence[int]) -> int:
    """Number of trees of least pooled loss; a fold that stopped early keeps its last loss.

    Returns
    -------
    int
        At least 1.
    """
    length = max(len(curve) for curve in curves)
    padded = np.array([np.append(curve, np.full(length - len(curve), curve[-1])) for curve in curves])
    return int(np.argmin(np.average(padded, axis=0, weights=sizes))) + 1
