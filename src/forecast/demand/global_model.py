"""One LightGBM model for all series and all steps."""

from dataclasses import dataclass
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.features import RowFeatures
from forecast.demand.grid import Positions
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats
from forecast.demand.recipe import Recipe

#: Fewer training rows than this cannot carry a tree model.
MIN_ROWS = 200
#: The same target seen from more origins than this teaches little more.
_STEPS_PER_TARGET = 4
_CHUNK = 400_000
#: Known values from which on trees are larger and more, and training rows from which on they are larger still.
_LARGE, _MANY_ROWS = 500_000, 1_000_000
Kind = Literal["ratio", "difference"]
_PARAMS: dict[str, Any] = {
    "learning_rate": 0.05,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class TrainingRows:
    """Features and targets; all columns of shape (n_rows,)."""

    X: pd.DataFrame
    y: Floats
    centre: Floats | None
    scale: Floats
    categorical: list[str]


class GlobalModel:
    """Direct multi-step forecasts: one model, the step ahead is a feature.

    Parameters
    ----------
    recipe : Recipe
    kind : {"ratio", "difference"}
        ``ratio``: non-negative series learn a Tweedie deviance with the log of the level as offset, so that the model
        predicts a factor and the mean is unbiased whatever the share of zeros; series with negative values learn
        squared errors of the value divided by the level. ``difference``: the distance to the seasonal naive in usual
        changes of the series, for series that trend or whose season is sharp.
    max_rows : int
        Training rows (series, origin, step) are drawn at random up to this number.
    params : dict, optional
        LightGBM parameters that replace the defaults; ``num_iterations`` among them.
    random_state : int
    """

    def __init__(
        self,
        recipe: Recipe,
        kind: Kind = "ratio",
        *,
        max_rows: int = 500_000,
        params: dict[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.recipe = recipe
        self.kind = kind
        self.max_rows = max_rows
        self.params = params
        self.random_state = random_state

    #: Rows of a series per step in `future_rows`.
    n_paths = 1

    def fit(self, inputs: Inputs) -> bool:
        """Learn from all series; False when there are too few rows to learn from."""
        rows = self._training_rows(inputs)
        if rows is None:
            return False
        self._train(rows, inputs)
        return True

    def _training_rows(self, inputs: Inputs) -> TrainingRows | None:
        """Rows to learn from; None when there are too few."""
        features = RowFeatures(inputs, self.recipe)
        series, origin, step = self._draw(inputs, features)
        if len(series) < MIN_ROWS:
            return None
        centre, scale = self._place(features, series, origin, step)
        X = features.rows(series, origin, step, centre=centre, scale=scale)
        return TrainingRows(X, inputs.matrix.y[series, origin + step], centre, scale, features.categorical)

    def _train(self, rows: TrainingRows, inputs: Inputs) -> None:
        X, y, centre, scale = rows.X, rows.y, rows.centre, rows.scale
        self.is_tweedie_ = self.kind == "ratio" and bool(np.nanmin(inputs.matrix.y) >= 0)
        self.feature_names_in_ = list(X.columns)
        data = lgb.Dataset(
            X.to_numpy(),  # LightGBM refuses names with JSON characters, which a column of the user may have
            label=y if self.is_tweedie_ else _winsorised((y - (0 if centre is None else centre)) / scale),
            init_score=np.log(scale) if self.is_tweedie_ else None,
            categorical_feature=[self.feature_names_in_.index(name) for name in rows.categorical],
            params={"max_bin": _PARAMS["max_bin"], "verbose": -1},
        )
        params = self._parameters(int((~np.isnan(inputs.matrix.y)).sum()), len(X))
        self.booster_ = lgb.train(params, data, num_boost_round=params.pop("num_iterations"))

    def predict(self, inputs: Inputs) -> Floats:
        """Means for the horizon after the last column, shape (n_series, horizon)."""
        features = RowFeatures(inputs, self.recipe)
        n_series, horizon = inputs.matrix.n_series, inputs.horizon
        mean = np.empty((n_series, horizon))
        per_chunk = max(_CHUNK // horizon, 1)
        for start in range(0, n_series, per_chunk):
            rows = np.arange(start, min(start + per_chunk, n_series))
            X, centre, scale = self.future_rows(features, rows)
            values = self._values(X, scale)
            mean[rows] = (values if centre is None else values + centre).reshape(len(rows), horizon)
        return mean

    def to_dict(self) -> dict[str, Any]:
        """What was learned beside the booster, for a file."""
        return {"is_tweedie": self.is_tweedie_, "features": self.feature_names_in_}

    def read_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `to_dict`."""
        self.is_tweedie_, self.feature_names_in_ = state["is_tweedie"], state["features"]

    def _values(self, X: pd.DataFrame, scale: Floats) -> Floats:
        """Predictions in the unit of the series, less the centre; shape (n_rows,)."""
        score = np.asarray(self.booster_.predict(X.to_numpy(), raw_score=True, num_threads=2))
        return np.asarray(scale * (np.exp(np.minimum(score, 20)) if self.is_tweedie_ else score))

    def future_rows(self, features: RowFeatures, rows: Positions) -> tuple[pd.DataFrame, Floats | None, Floats]:
        """Features, centre and scale of the horizon of some series, step by step within each."""
        matrix, horizon = features.inputs.matrix, features.inputs.horizon
        series = np.repeat(rows, horizon)
        origin = np.full(len(series), matrix.n_times - 1)
        step = np.tile(np.arange(1, horizon + 1), len(rows))
        centre, scale = self._place(features, series, origin, step)
        X = features.rows(series, origin, step, centre=centre, scale=scale)
        return self._known_features(X), centre, scale

    def _known_features(self, X: pd.DataFrame) -> pd.DataFrame:
        """The features that were learned; NaN for one that needs a longer history than there is."""
        return X.reindex(columns=self.feature_names_in_)

    def _place(
        self, features: RowFeatures, series: Positions, origin: Positions, step: Positions
    ) -> tuple[Floats | None, Floats]:
        """Centre and scale of the rows."""
        if self.kind == "ratio":
            return None, np.maximum(features.level(series, origin), 1e-12)
        return features.seasonal_naive(series, origin, step), features.usual_change(series, origin)

    def _draw(self, inputs: Inputs, features: RowFeatures) -> tuple[Positions, Positions, Positions]:
        """All (series, origin, step) whose target is known and whose level is not 0, or ``max_rows`` of them."""
        n_series, n_times, horizon = inputs.matrix.n_series, inputs.matrix.n_times, inputs.horizon
        total = n_series * n_times * horizon
        if total <= 2 * self.max_rows:
            flat = np.arange(total)
        else:
            drawn = np.random.default_rng(self.random_state).integers(0, total, int(1.5 * self.max_rows))
            flat = np.unique(drawn)
        series, rest = np.divmod(flat, n_times * horizon)
        target, step = np.divmod(rest, horizon)
        step += 1
        origin = target - step
        usable = (origin >= features.first_column[series]) & ~np.isnan(inputs.matrix.y[series, target])
        series, origin, step = series[usable], origin[usable], step[usable]
        usable = features.level(series, origin) > 0  # what was always 0 teaches nothing
        n_rows = min(self.max_rows, _STEPS_PER_TARGET * inputs.matrix.y.size)
        return _at_most(n_rows, self.random_state, series[usable], origin[usable], step[usable])

    def _parameters(self, n_observations: int, n_rows: int) -> dict[str, Any]:
        """Defaults that grow with the data, overridden by ``params``."""
        large = n_observations >= _LARGE
        leaves = (63 if n_rows >= _MANY_ROWS else 31) if large else 15
        sized: dict[str, Any] = {
            "objective": "tweedie" if self.is_tweedie_ else "regression",
            "num_leaves": leaves,
            "min_data_in_leaf": 1000 if large else 50,
            "num_iterations": 300 if large else 150,
            "num_threads": 2 if n_rows > 300_000 else 1,  # below that threads mostly wait; the result is the same
            "seed": self.random_state,
        }
        if self.is_tweedie_:
            sized["tweedie_variance_power"] = 1.5
        return {**_PARAMS, **sized, **(self.params or {})}


def _winsorised(target: Floats) -> Floats:
    """Without its wildest hundredth: a scale that was luckily small must not decide."""
    low, high = np.quantile(target, (0.005, 0.995))
    return np.clip(target, low, high)


def _at_most(n_rows: int, random_state: int, *columns: Positions) -> tuple[Positions, Positions, Positions]:
    """A random ``n_rows`` of the rows, in their order."""
    one, two, three = columns
    if len(one) <= n_rows:
        return one, two, three
    chosen: NDArray[np.int64] = np.sort(np.random.default_rng(random_state).permutation(len(one))[:n_rows])
    return one[chosen], two[chosen], three[chosen]
