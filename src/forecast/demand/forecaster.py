"""Forecasts of many series with quantiles: the one entry point of demand."""

import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from forecast.demand.baselines import BASELINES
from forecast.demand.errors import ErrorModel, usual_error
from forecast.demand.global_model import GlobalModel
from forecast.demand.grid import parse_frequency
from forecast.demand.inputs import Inputs, build_inputs
from forecast.demand.matrix import Floats, SeriesMatrix, to_matrix
from forecast.demand.recipe import recipe_of
from forecast.errors import InvalidInput, NotEnoughHistory

MODELS = ("lightgbm", *BASELINES)


class DemandForecaster:
    """Forecasts any panel: mean and quantiles for each series and step.

    Parameters
    ----------
    freq : str or int
        ``h``, ``D``, ``W``, ``M``, ``Q``, ``Y`` (pandas' variants too); an integer step when ``ds`` holds integers.
    horizon : int
        Periods ahead, at least 1.
    quantiles : tuple of float in (0, 1), ascending
        May be empty: means only, in half the time.
    model : {"lightgbm", "ets", "naive", "seasonal_naive"}
        A global LightGBM model over all series, or a baseline. Panels too small for trees get ``ets``.
    season_length : int, optional
        Periods after which the pattern repeats; default by frequency (24, 7, 52, 12, 4, 1; 1 for integers).
    n_windows : int
        Past horizons whose errors give the quantiles.
    max_rows : int
        Training rows are drawn at random up to this number; time and memory follow it.
    params : mapping, optional
        LightGBM parameters that replace the defaults.
    random_state : int

    Attributes
    ----------
    model_ : str
        The model that forecasts: ``model``, or ``ets`` when the panel was too small for it.
    errors_ : ErrorModel
        Fitted on errors at past origins, out of sample.
    n_series_ : int
    feature_names_in_ : list of str
        Features of the LightGBM model, empty for baselines.

    Notes
    -----
    Each series is forecast from its own last observation on. Series that ended must carry their zeros. A gap inside a
    series is unknown, not 0.

    Examples
    --------
    >>> panel = pd.DataFrame({"unique_id": "a", "ds": range(8), "y": [1.0, 2.0] * 4})
    >>> forecaster = DemandForecaster(1, 2, model="seasonal_naive", season_length=2).fit(panel)
    >>> forecaster.predict()[["ds", "mean"]].to_numpy().tolist()
    [[8.0, 1.0], [9.0, 2.0]]
    """

    def __init__(
        self,
        freq: str | int,
        horizon: int,
        quantiles: tuple[float, ...] = (0.1, 0.5, 0.9),
        *,
        model: str = "lightgbm",
        season_length: int | None = None,
        n_windows: int = 3,
        max_rows: int = 500_000,
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.freq = freq
        self.horizon = horizon
        self.quantiles = quantiles
        self.model = model
        self.season_length = season_length
        self.n_windows = n_windows
        self.max_rows = max_rows
        self.params = params
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters as given, after scikit-learn's habit."""
        names = ("freq", "horizon", "quantiles", "model", "season_length", "n_windows", "max_rows", "params")
        return {name: getattr(self, name) for name in (*names, "random_state")}

    def fit(self, panel: pd.DataFrame, static: pd.DataFrame | None = None, drivers: pd.DataFrame | None = None) -> Self:
        """Learn from a panel.

        Parameters
        ----------
        panel : DataFrame
            ``unique_id``, ``ds``, ``y``.
        static : DataFrame, optional
            ``unique_id`` and attributes of the series.
        drivers : DataFrame, optional
            ``ds``, optionally ``unique_id``, and one column per driver, past and future.

        Raises
        ------
        InvalidInput
            If a parameter is out of range or the panel breaks a rule; the message names it in one line.
        """
        self._check_parameters()
        inputs = build_inputs(to_matrix(panel, self.freq), self.horizon, static, drivers)
        self._remember(panel, static, drivers, inputs)
        return self._fit(inputs)

    def observe(
        self, panel: pd.DataFrame, static: pd.DataFrame | None = None, drivers: pd.DataFrame | None = None
    ) -> Self:
        """Replace the history to forecast from, without learning again: a trained model at a later moment."""
        self._check_fitted("errors_")
        matrix = to_matrix(panel, self.freq)
        self._remember(panel, static, drivers, build_inputs(matrix, self.horizon, static, drivers, self.categories_))
        return self

    def predict(self, drivers: pd.DataFrame | None = None) -> pd.DataFrame:
        """Forecasts of the horizon after each series' last observation.

        Parameters
        ----------
        drivers : DataFrame, optional
            Replaces the drivers given to `fit` or `observe`: their past and future.

        Returns
        -------
        DataFrame
            ``unique_id``, ``ds``, ``mean``, and one column per quantile (``q0.1`` …), sorted; never NaN. Quantiles do
            not cross; series without negative values get no negative forecast.
        """
        self._check_fitted("inputs_")
        inputs = self.inputs_
        if drivers is not None:
            inputs = build_inputs(inputs.matrix, self.horizon, self._static, drivers, self.categories_)
        mean = self._mean(inputs)
        matrix = inputs.matrix
        non_negative = bool(np.nanmin(matrix.y) >= 0)
        frame = _future(matrix, self.horizon)
        frame["mean"] = mean.ravel()
        usual = usual_error(matrix.y, self._recipe.season_length)
        bounds = self.errors_.predict(mean, usual, non_negative=non_negative)
        for index, quantile in enumerate(self.quantiles):
            frame[f"q{quantile:g}"] = bounds[:, :, index].ravel()
        return frame

    def backtest(
        self,
        panel: pd.DataFrame,
        n_folds: int,
        static: pd.DataFrame | None = None,
        drivers: pd.DataFrame | None = None,
        *,
        baselines: tuple[str, ...] = ("ets", "naive", "seasonal_naive"),
    ) -> pd.DataFrame:
        """Forecasts of the last ``n_folds`` horizons, each learned from what came before it.

        Returns
        -------
        DataFrame
            ``unique_id``, ``ds``, ``cutoff`` (last moment seen), ``y``, ``mean``, the quantiles, one column per
            baseline; sorted by cutoff, series, moment. Series too short for a fold are absent from it.

        Raises
        ------
        NotEnoughHistory
            If no series is longer than ``n_folds`` horizons.
        """
        self._check_parameters()
        if n_folds < 1:
            raise InvalidInput(f"`n_folds` must be at least 1, got {n_folds}.")
        inputs = build_inputs(to_matrix(panel, self.freq), self.horizon, static, drivers)
        if inputs.matrix.n_times <= n_folds * self.horizon:
            raise NotEnoughHistory(
                f"{n_folds} folds of {self.horizon} periods need more than {n_folds * self.horizon} periods of "
                f"history, the longest series has {inputs.matrix.n_times}."
            )
        folds = [self._fold(inputs, fold * self.horizon, static, baselines) for fold in range(n_folds, 0, -1)]
        return pd.concat(folds, ignore_index=True)

    def to_files(self) -> dict[str, bytes]:
        """The trained model without its history: ``forecaster.json`` and, for LightGBM, ``booster.txt``."""
        self._check_fitted("errors_")
        state = {
            "parameters": {**self.get_params(), "params": dict(self.params or {}) or None},
            "model": self.model_,
            "errors": self.errors_.to_dict(),
            "categories": {name: list(values) for name, values in self.categories_.items()},
            "n_series": self.n_series_,
            "is_tweedie": getattr(self._global, "is_tweedie_", None),
            "features": self.feature_names_in_,
        }
        files = {"forecaster.json": json.dumps(state, sort_keys=True, indent=1).encode()}
        if self.model_ == "lightgbm":
            files["booster.txt"] = self._global.booster_.model_to_string().encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "DemandForecaster":
        """A trained model from `to_files`; give it a history with `observe` before it predicts."""
        import lightgbm as lgb

        state = json.loads(files["forecaster.json"])
        parameters = {**state["parameters"], "quantiles": tuple(state["parameters"]["quantiles"])}
        forecaster = cls(**parameters)
        forecaster._prepare()
        forecaster.model_ = state["model"]
        forecaster.errors_ = ErrorModel.from_dict(state["errors"])
        forecaster.categories_ = {name: tuple(values) for name, values in state["categories"].items()}
        forecaster.n_series_ = state["n_series"]
        forecaster.feature_names_in_ = state["features"]
        if state["model"] == "lightgbm":
            forecaster._global.booster_ = lgb.Booster(model_str=files["booster.txt"].decode())
            forecaster._global.is_tweedie_ = state["is_tweedie"]
            forecaster._global.feature_names_in_ = state["features"]
        return forecaster

    def _fit(self, inputs: Inputs) -> Self:
        self._prepare()
        self.categories_ = inputs.categories
        self.n_series_ = inputs.matrix.n_series
        self.errors_ = self._past_errors(inputs)
        self.model_ = self._fit_point(inputs)
        self.feature_names_in_ = self._global.feature_names_in_ if self.model_ == "lightgbm" else []
        return self

    def _fit_point(self, inputs: Inputs) -> str:
        """Fit the point model; the name of the one that serves."""
        if self.model != "lightgbm":
            return self.model
        return "lightgbm" if self._global.fit(inputs) else "ets"

    def _mean(self, inputs: Inputs) -> Floats:
        if self.model_ == "lightgbm":
            mean = self._global.predict(inputs)
        else:
            mean = BASELINES[self.model_](inputs.matrix.y, self.horizon, self._recipe.season_length)
        return np.maximum(mean, 0) if np.nanmin(inputs.matrix.y) >= 0 else mean

    def _past_errors(self, inputs: Inputs) -> ErrorModel:
        """Errors on the last windows of a model that saw none of them."""
        matrix = inputs.matrix
        collected: list[list[Floats]] = []
        n_windows = min(self.n_windows, matrix.n_times // (2 * self.horizon)) if self.quantiles else 0
        if n_windows:
            self.model_ = self._fit_point(inputs.until(n_windows * self.horizon))
        for window in range(n_windows, 0, -1):
            past = inputs.until(window * self.horizon)
            mean = self._mean(past)
            usual = usual_error(past.matrix.y, self._recipe.season_length)
            actual = _actuals(matrix, past.matrix, window * self.horizon, self.horizon)
            step = np.broadcast_to(np.arange(1, self.horizon + 1), mean.shape)
            repeated = np.broadcast_to(usual[:, None], mean.shape)
            collected.append([np.ravel(part).astype(float) for part in (actual - mean, mean, repeated, step)])
        if not collected:
            collected = [[np.empty(0)] * 4]
        error, level, spread, ahead = (np.concatenate(parts) for parts in zip(*collected, strict=True))
        quantiles, horizon = tuple(self.quantiles), self.horizon
        return ErrorModel.fit(error, level, spread, ahead.astype(np.int64), quantiles=quantiles, horizon=horizon)

    def _fold(
        self, inputs: Inputs, n_dropped: int, static: pd.DataFrame | None, baselines: tuple[str, ...]
    ) -> pd.DataFrame:
        past = inputs.until(n_dropped)
        forecaster = type(self)(**self.get_params())
        forecaster.inputs_, forecaster._static = past, static
        frame = forecaster._fit(past).predict()
        frame.insert(2, "cutoff", np.repeat(past.matrix.grid.moments(past.matrix.last).to_numpy(), self.horizon))
        frame["cutoff"] = frame["cutoff"].astype(frame["ds"].dtype)
        frame.insert(3, "y", _actuals(inputs.matrix, past.matrix, n_dropped, self.horizon).ravel())
        season = forecaster._recipe.season_length
        for name in baselines:
            frame[name] = BASELINES[name](past.matrix.y, self.horizon, season).ravel()
        return frame[frame["y"].notna()].reset_index(drop=True)

    def _remember(
        self, panel: pd.DataFrame, static: pd.DataFrame | None, drivers: pd.DataFrame | None, inputs: Inputs
    ) -> None:
        self.inputs_ = inputs
        self._static = static

    def _prepare(self) -> None:
        unit, _ = parse_frequency(self.freq)
        self._recipe = recipe_of(unit, self.season_length)
        self._global = GlobalModel(
            self._recipe,
            max_rows=self.max_rows,
            params=dict(self.params) if self.params else None,
            random_state=self.random_state,
        )

    def _check_parameters(self) -> None:
        parse_frequency(self.freq)
        for name in ("horizon", "n_windows", "max_rows", "season_length"):
            value = getattr(self, name)
            if name == "season_length" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise InvalidInput(f"`{name}` must be a whole number of at least 1, got {value!r}.")
        if self.model not in MODELS:
            raise InvalidInput(f"`model` must be one of {list(MODELS)}, got {self.model!r}.")
        given = list(self.quantiles)
        if any(not 0 < quantile < 1 for quantile in given) or given != sorted(set(given)):
            raise InvalidInput(f"`quantiles` must be ascending numbers between 0 and 1, got {given}.")

    def _check_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            step = "fit" if attribute == "errors_" else "fit (or, after loading, observe)"
            raise InvalidInput(f"This DemandForecaster has no history yet; call {step} first.")


def _future(matrix: SeriesMatrix, horizon: int) -> pd.DataFrame:
    """``unique_id`` and ``ds`` of the horizon after each series' end."""
    positions = (matrix.last[:, None] + np.arange(1, horizon + 1)).ravel()
    ids = pd.Series(np.repeat(matrix.ids, horizon)).infer_objects()
    return pd.DataFrame({"unique_id": ids, "ds": matrix.grid.moments(positions)})


def _actuals(matrix: SeriesMatrix, past: SeriesMatrix, n_dropped: int, horizon: int) -> Floats:
    """What followed a past cutoff, in the rows of the past matrix; shape (n_series, horizon)."""
    rows = np.flatnonzero(~np.isnan(matrix.y[:, : matrix.n_times - n_dropped]).all(axis=1))
    assert len(rows) == past.n_series
    start = matrix.n_times - n_dropped
    return matrix.y[rows, start : start + horizon]
