"""The conversion model: a straight line, small trees and the group rate, combined on log-odds and calibrated."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from forecast.attribution import probability_points
from forecast.conversion.checks import SEGMENT_COLUMN, check_training, with_segment
from forecast.conversion.encoding import TableEncoder, named_columns
from forecast.conversion.group_rate import REMAINDER, GroupRateModel
from forecast.conversion.interval import ScoreNeighbourhoods, fit_neighbourhoods
from forecast.conversion.linear import LinearMember
from forecast.conversion.members import (
    TrainingTable,
    extended_matrix,
    owners,
    prior_weights,
    rates_from_state,
    rates_to_state,
    recency,
    summed_by_owner,
)
from forecast.conversion.out_of_time import HeldOut, OutOfTime, Recipe, hold_out, member_names, refit, row_weight
from forecast.conversion.trees import TreeMember
from forecast.conversion.uncertainty import PosteriorDraws, case_deviation, draw_posterior
from forecast.errors import InvalidInput
from forecast.evaluation.combination import CalibrationMap, combination_weights, fit_calibration
from forecast.evaluation.folds import Fold, as_time, rolling_origins, stratified_folds

#: Below this many wins or other outcomes nothing is held out: the prior's weights and strength are taken.
MIN_OUTCOMES = 5

#: Members of less weight are left out: they cost time and change nothing.
LEAST_WEIGHT = 0.02


class ConversionModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Calibrated probability of a win from a table as it comes, with reasons that add up.

    Members are combined linearly on log-odds [1]_: a ridge logistic regression, small-leaved gradient boosting and the
    shrunken group rate; where there is time, line and trees also learn once more with more weight on newer rows.
    Weights are non-negative, sum to one, are learned from predictions for later blocks of time and shrunk to prior
    ones: the line and the rate when outcomes are few, lines and trees alike when they are many. A two-parameter map on
    log-odds, learned from the same predictions and shrunk to the identity, calibrates the result and is carried to the
    refit on all rows. Where the world moves, rows of one block are wrong together and count as fewer observations in
    all these choices.
    Levels and words of high-cardinality columns enter as rates that no row has taught to itself.

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
    n_jobs : int
        Folds, then members, fitted at a time; changes no result.
    half_life : float, optional
        In the unit of ``time`` (days): age at which a row counts half in the calibration; default a third of the
        span of the later blocks.
    anchored : bool
        Whether the level of the scores is set afterwards (`ConversionScorer` does, by its `Anchor`). Members are then
        chosen and weighed by how well they tell the rows of one block of time apart: where the world just moved, all
        say too much or too little of the latest blocks, and least wrong there are those that say little of anybody.
    random_state : int

    Attributes
    ----------
    feature_names_in_ : array of str
        Columns that a table for prediction must have; constant and wholly missing columns are not among them.
    base_ : float
        Mean calibrated probability of the training rows: the published base rate.
    weights_ : dict of member -> weight
    overdispersion_ : float
        How many times more blocks of time vary than chance explains: how much the world moved; 1 when not at all.
    members_ : dict of member -> LinearMember or TreeMember, refitted on all rows
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
        n_folds: int = 5,
        half_life: float | None = None,
        anchored: bool = False,
        n_jobs: int = 2,
        random_state: int = 0,
    ) -> None:
        self.gap_days = gap_days
        self.num_leaves = num_leaves
        self.learning_rate = learning_rate
        self.max_trees = max_trees
        self.strengths = strengths
        self.n_folds = n_folds
        self.half_life = half_life
        self.anchored = anchored
        self.n_jobs = n_jobs
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
        folds, scheme = self._folds(outcomes, codes, moments) if self.encoder_.names else ([], "none")
        table = TrainingTable.prepare(X, outcomes, self.encoder_, codes, moments)
        recipe = self._recipe(timed=scheme == "rolling")
        with threadpool_limits(limits=1):  # folds run side by side; threads inside them would only wait for each other
            held_out = HeldOut.nothing(recipe)
            if folds:
                held_out = hold_out(X, table, folds, segments, recipe, n_jobs=self.n_jobs)
            self._combine_out_of_time(held_out, table, scheme, recipe, grouped=bool(segments))
            self._refit(X, table, held_out, segments, recipe)
        self.base_ = float(expit(self._log_odds(X)).mean())
        return self

    def _recipe(self, *, timed: bool) -> Recipe:
        return Recipe(
            member_names(timed=timed),
            self.strengths,
            self.max_trees,
            self.num_leaves,
            self.learning_rate,
            self.random_state,
            n_columns=len(self.encoder_.names),
            anchored=self.anchored,
        )

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

    def _combine_out_of_time(
        self, held_out: HeldOut, table: TrainingTable, scheme: str, recipe: Recipe, *, grouped: bool
    ) -> None:
        """Weights, calibration and intervals from what was said before the outcomes were known."""
        rows, y = held_out.rows, table.y[held_out.rows]
        cases = len(np.unique(table.groups)) * min(table.y.mean(), 1 - table.y.mean())
        prior = prior_weights(cases, timed=scheme == "rolling", overdispersion=held_out.overdispersion, grouped=grouped)
        shares = np.array(list(prior.values()))
        self.strengths_, self.n_trees_ = held_out.strengths, held_out.n_trees
        self.overdispersion_ = held_out.overdispersion
        self.calibration_, weights = CalibrationMap(), self._without_evidence(shares, recipe, table)
        blocks = held_out.blocks if scheme == "rolling" else None
        if len(rows):
            information = held_out.information
            if scheme == "rolling":
                assert table.time is not None
                age = table.time[rows].max() - table.time[rows]
                information = information * recency(table.time[rows], self.half_life or float(age.max()) / 3)
            judged = held_out.judged(y, anchored=recipe.anchored)
            weights = combination_weights(
                judged, y, row_weight=information / held_out.discord(judged, shares, y), prior=shares
            )
            weights = np.where(weights < LEAST_WEIGHT, 0.0, weights)
            weights = weights / weights.sum()
            information = information / held_out.overdispersion
            self.calibration_ = fit_calibration(held_out.z @ weights, y, row_weight=information, blocks=blocks)
        self.weights_ = dict(zip(recipe.names, weights.tolist(), strict=True))
        calibrated = self.calibration_(held_out.z @ weights)
        self.out_of_time_ = OutOfTime(scheme, rows, y, calibrated)
        self.neighbourhoods_ = fit_neighbourhoods(calibrated, y, table.groups[rows], blocks)

    def _without_evidence(self, prior: np.ndarray, recipe: Recipe, table: TrainingTable) -> np.ndarray:
        """The prior's weights without trees, or the rate alone where a line has nothing to go through."""
        usable = [name == "group_rate" or (name == "linear" and _outcomes(table.y) >= 2) for name in recipe.names]
        usable = usable if table.matrix.shape[1] else [name == "group_rate" for name in recipe.names]
        weights = np.where(usable, prior, 0.0)
        return np.asarray(weights / weights.sum())

    def _refit(
        self, X: pd.DataFrame, table: TrainingTable, held_out: HeldOut, segments: list[str], recipe: Recipe
    ) -> None:
        self.group_rate_ = GroupRateModel(segments).fit(X, table.y, groups=table.groups)
        self.rates_ = table.rates(np.arange(len(table.y)))
        used = [name for name, weight in self.weights_.items() if weight > 0 and name != "group_rate"]
        with ThreadPoolExecutor(max(1, self.n_jobs)) as pool:
            refitted = pool.map(lambda name: refit(table, name, held_out, recipe), used)
            self.members_ = dict(zip(used, refitted, strict=True))
        self.posterior_ = None
        if any(isinstance(member, LinearMember) for member in self.members_.values()):
            name, rows = self._line_name(), np.arange(len(table.y))
            self.posterior_ = draw_posterior(
                self._line(),
                table.to_learn_from(rows),
                row_weight(name, table, rows),
                strength=self.strengths_[name],
                random_state=self.random_state,
            )

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
        return self._log_odds(self._prepared(X))

    def _prepared(self, X: pd.DataFrame) -> pd.DataFrame:
        X = named_columns(X)
        if self.segment_given_ and SEGMENT_COLUMN not in X.columns:
            return X.assign(**{SEGMENT_COLUMN: None})
        return X

    def _log_odds(self, X: pd.DataFrame) -> np.ndarray:
        return self._combine(X, extended_matrix(X, self.encoder_, self.rates_))

    def _combine(self, X: pd.DataFrame, matrix: np.ndarray) -> np.ndarray:
        z = self.weights_["group_rate"] * self.group_rate_.log_odds(X)
        for name, member in self.members_.items():
            z = z + self.weights_[name] * member.log_odds(matrix)
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
        matrix = extended_matrix(X, self.encoder_, self.rates_)
        columns = pd.Index([*self.feature_names_in_, REMAINDER], dtype=object)
        parts, names = np.zeros((len(X), len(columns))), self.encoder_.names
        owner, places = owners(len(names), self.rates_), columns.get_indexer(pd.Index(names, dtype=object))
        for name, member in self.members_.items():
            own = summed_by_owner(member.contributions(matrix), owner, len(names))
            parts[:, places] += self.weights_[name] * own
        groups = self.group_rate_.log_odds_contributions(X)[0][self.group_rate_.feature_names_in_]
        parts[:, columns.get_indexer(groups.columns)] += self.weights_["group_rate"] * groups.to_numpy()
        parts *= self.calibration_.slope
        z, z0 = self._combine(X, matrix), float(logit(self.base_))
        parts[:, -1] = z - z0 - parts.sum(axis=1)
        return pd.DataFrame(parts, index=X.index, columns=columns), z, z0

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
        """Interval of a case's win rate given its features, each of shape (n,); ``level`` in percent.

        It holds what few outcomes leave open (the line's posterior), how far the members disagree about the case, how
        often cases of about this score were won, and how far whole blocks of time moved.
        """
        X = self._prepared(X)
        if not self.members_:
            return self.group_rate_.interval(X, level=level)
        matrix = extended_matrix(X, self.encoder_, self.rates_)
        names = [name for name in self.weights_ if name in self.members_]
        z = np.column_stack([self.group_rate_.log_odds(X), *(self.members_[name].log_odds(matrix) for name in names)])
        weights = np.array([self.weights_["group_rate"], *(self.weights_[name] for name in names)])
        posterior = np.zeros(len(X)) if self.posterior_ is None else self.posterior_.variance(self._line(), matrix)
        deviation = case_deviation(z, weights, posterior)
        return self.neighbourhoods_.interval(self.calibration_(z @ weights), level=level, deviation=deviation)

    def _line(self) -> LinearMember:
        """The line that counts most."""
        line = self.members_[self._line_name()]
        assert isinstance(line, LinearMember)
        return line

    def _line_name(self) -> str:
        return max((n for n, m in self.members_.items() if isinstance(m, LinearMember)), key=self.weights_.__getitem__)

    def to_files(self) -> dict[str, bytes]:
        """The fitted model as named files: JSON, and LightGBM's own text format. No code is stored."""
        lines = {name: m.to_state() for name, m in self.members_.items() if isinstance(m, LinearMember)}
        trees = {name: m.text for name, m in self.members_.items() if isinstance(m, TreeMember)}
        state = {
            "parameters": self.get_params() | {"strengths": list(self.strengths)},
            "segment_given": self.segment_given_,
            "names": list(self.feature_names_in_),
            "encoder": self.encoder_.to_state(),
            "rates": rates_to_state(self.rates_),
            "strengths": self.strengths_,
            "n_trees": self.n_trees_,
            "weights": self.weights_,
            "overdispersion": self.overdispersion_,
            "calibration": asdict(self.calibration_),
            "base": self.base_,
            "neighbourhoods": self.neighbourhoods_.to_state(),
            "group_rate": self.group_rate_.to_state(),
            "linear": lines,
            "posterior": None if self.posterior_ is None else self.posterior_.to_state(),
        }
        files = {"conversion.json": json.dumps(state, indent=1, sort_keys=True).encode()}
        return files | {f"{name}.txt": text.encode() for name, text in trees.items()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ConversionModel":
        """The fitted model that `to_files` stored; it predicts the same. ``out_of_time_`` is not stored.

        Raises
        ------
        InvalidInput
            If an earlier version of the library stored it in another form.
        """
        state = json.loads(files["conversion.json"])
        if "posterior" not in state:
            raise InvalidInput(
                "The model was stored by an earlier version of forecast, got no 'posterior': train again."
            )
        model = cls(**(state["parameters"] | {"strengths": tuple(state["parameters"]["strengths"])}))
        model.classes_ = np.array([0, 1])
        model.segment_given_ = state["segment_given"]
        model.feature_names_in_ = np.array(state["names"], dtype=object)
        model.n_features_in_ = len(state["names"])
        model.encoder_, model.rates_ = TableEncoder.from_state(state["encoder"]), rates_from_state(state["rates"])
        model.strengths_, model.n_trees_, model.weights_ = state["strengths"], state["n_trees"], state["weights"]
        model.overdispersion_ = state["overdispersion"]
        model.calibration_ = CalibrationMap(**state["calibration"])
        model.base_ = state["base"]
        model.neighbourhoods_ = ScoreNeighbourhoods.from_state(state["neighbourhoods"])
        model.group_rate_ = GroupRateModel.from_state(state["group_rate"])
        model.posterior_ = None if state["posterior"] is None else PosteriorDraws.from_state(state["posterior"])
        model.members_ = {}
        for name in member_names(timed=True):
            if name in state["linear"]:
                model.members_[name] = LinearMember.from_state(state["linear"][name])
            elif f"{name}.txt" in files:
                model.members_[name] = TreeMember(files[f"{name}.txt"].decode())
        return model


def _outcomes(y: np.ndarray) -> int:
    """Rows of the rarer outcome."""
    return int(min((y == 0).sum(), (y == 1).sum()))
