"""Forecasts of many series with quantiles and joint paths: the one entry point of demand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.adaptation import adapt_widths, adaptation_windows
from forecast.demand.baselines import BASELINES
from forecast.demand.classes import classify, is_sparse
from forecast.demand.driver_effects import driver_effects
from forecast.demand.errors import ErrorModel, PastErrors, usual_error
from forecast.demand.explanation import explain_means, explanation_frame, rows_of
from forecast.demand.grid import parse_frequency
from forecast.demand.holiday_calendar import WHICH, holiday_calendar
from forecast.demand.inputs import Categories, Inputs, build_inputs
from forecast.demand.learning import (
    WINDOW_SERIES,
    classes_of,
    combination_of,
    error_model_of,
    is_large,
    n_fits,
    past_windows,
)
from forecast.demand.matrix import Floats, SeriesMatrix, to_matrix
from forecast.demand.members import MemberPool, affordable_rows, choose_members, rows_left
from forecast.demand.new_items import predict_new
from forecast.demand.parameters import check_parameters
from forecast.demand.recipe import Recipe, recipe_of
from forecast.demand.stored import Trained, read_members, read_trained, to_files
from forecast.demand.what_if import future_keys, what_if
from forecast.demand.windows import Window, actuals
from forecast.errors import InvalidInput, NotEnoughHistory


class DemandForecaster:
    """Forecasts any panel: mean, quantiles and joint paths for each series and step.

    Parameters
    ----------
    freq : str or int
        ``h``, ``D``, ``W``, ``M``, ``Q``, ``Y`` (pandas' variants too); an integer step when ``ds`` holds integers.
    horizon : int
        Periods ahead, at least 1.
    quantiles : tuple of float in (0, 1), ascending
        May be empty: means only.
    model : str
        ``auto``: all members that the budget allows (global LightGBM models and statistical ones), combined with
        weights learned on past windows and shrunk to equal. Or one member by its name: `GLOBAL_MEMBERS`, `MEMBERS`.
    season_length : int, optional
        Periods after which the pattern repeats; default by frequency (24, 7, 52, 12, 4, 1; 1 for integers).
    n_windows : int
        Past horizons on which weights and ranges are learned.
    budget : float
        Seconds of one reference core for `fit` and `predict` together. Members are chosen by their nominal cost, so
        the same panel and budget give the same members on any machine.
    max_rows : int
        Training rows of a global model are drawn at random up to this number, or to the lower one that the budget
        allows; time and memory follow it.
    params : mapping, optional
        LightGBM parameters that replace the defaults.
    random_state : int
    past_only : tuple of str
        Columns of ``drivers`` that nobody knows ahead, such as the mean price that was paid: models see them as they
        were when the forecast is made, and how far they were from usual.
    country : str
        ISO 3166 code whose holidays the global models see (see `holiday_calendar`); empty for none.

    Attributes
    ----------
    members_ : tuple of str
        The members that forecast.
    combination_ : Combination
        Their weights, for regular and for sparse series.
    errors_ : ErrorModel
        Learned from errors at past windows, out of sample.
    n_series_ : int
    repairs_ : tuple of Repair
        What was found in the panel of the last `fit`, `observe` or `backtest`, and what was done about it.
    feature_names_in_ : list of str
        Features of the global members, empty without one.

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

    errors_: ErrorModel

    def __init__(
        self,
        freq: str | int,
        horizon: int,
        quantiles: tuple[float, ...] = (0.1, 0.5, 0.9),
        *,
        model: str = "auto",
        season_length: int | None = None,
        n_windows: int = 3,
        budget: float = 600.0,
        max_rows: int = 2_000_000,
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
        past_only: tuple[str, ...] = (),
        country: str = "",
    ) -> None:
        self.freq = freq
        self.horizon = horizon
        self.quantiles = quantiles
        self.model = model
        self.season_length = season_length
        self.n_windows = n_windows
        self.budget = budget
        self.max_rows = max_rows
        self.params = params
        self.random_state = random_state
        self.past_only = past_only
        self.country = country

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters as given, after scikit-learn's habit."""
        names = ("freq", "horizon", "quantiles", "model", "season_length", "n_windows", "budget", "max_rows", "params")
        return {name: getattr(self, name) for name in (*names, "random_state", "past_only", "country")}

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
        check_parameters(self.get_params())
        inputs = self._inputs(to_matrix(panel, self.freq, drivers), static, drivers)
        self._remember(inputs, static)
        return self._fit(inputs)

    def observe(
        self, panel: pd.DataFrame, static: pd.DataFrame | None = None, drivers: pd.DataFrame | None = None
    ) -> Self:
        """Replace the history to forecast from, without learning again: a trained model at a later moment."""
        self._check_fitted("errors_")
        matrix = to_matrix(panel, self.freq, drivers)
        self._remember(self._inputs(matrix, static, drivers, self.categories_), static)
        self.errors_ = replace(self.errors_, widths={})
        return self

    def adapt_ranges(self, n_since: int) -> Self:
        """Widen or narrow the ranges by how forecasts over the last ``n_since`` observed periods would have done.

        All of these periods must have come after training; then each forecast is one that the model could have made.
        Means stay as they are. See `adapt_widths`; the next `observe` begins anew.
        """
        self._check_fitted("inputs_")
        inputs, horizon = self.inputs_, self.horizon
        n_windows = adaptation_windows(n_since, horizon, inputs.matrix.n_series)
        found = []
        for back in range(n_windows, 0, -1):
            past = inputs.until(back * horizon)
            mean, usual, classes = self._state(past)
            found.append((actuals(inputs.matrix, past.matrix, back * horizon, horizon) - mean, mean, usual, classes))
        if found:
            error, mean, usual, classes = (np.concatenate(parts) for parts in zip(*found, strict=True))
            window = np.repeat(np.arange(n_windows), [len(one[2]) for one in found])
            outcomes = PastErrors(error, mean, usual, classes, window, self.errors_.is_integer)
            self.errors_ = adapt_widths(self.errors_, outcomes, random_state=self.random_state)
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
            inputs = self._inputs(inputs.matrix, self._static, drivers, self.categories_)
        mean, usual, classes = self._state(inputs)
        frame = future_keys(inputs)
        frame["mean"] = mean.ravel()
        bounds = self.errors_.quantiles(mean, usual, classes, self.quantiles, non_negative=is_non_negative(inputs))
        for index, quantile in enumerate(self.quantiles):
            frame[f"q{quantile:g}"] = bounds[:, :, index].ravel()
        return frame

    def predict_paths(self, n_paths: int = 200) -> tuple[pd.DataFrame, Floats]:
        """Joint sample paths: what sums over series and periods are made from.

        The mean over paths is that of `predict`, but for chance, so that sums of paths lie around sums of means.

        Returns
        -------
        keys : DataFrame
            ``unique_id``, ``ds``; series by series, as `predict` has them.
        paths : array of shape (n_paths, n_series, horizon)
            Each path is one future of all series together.
        """
        self._check_fitted("inputs_")
        inputs = self.inputs_
        mean, usual, classes = self._state(inputs)
        paths = self.errors_.paths(
            mean, usual, classes, n_paths, non_negative=is_non_negative(inputs), random_state=self.random_state
        )
        return future_keys(inputs), paths

    def explain(self, ids: Sequence[object] | None = None) -> pd.DataFrame:
        """Each mean split into parts that add up to it: level, trend, season, calendar, drivers and so on.

        Of all series, or only of ``ids``. Returns ``unique_id``, ``ds``, ``part`` (`forecast.demand.explanation.PARTS`
        and drivers) and ``points``, in the unit of the series.
        """
        self._check_fitted("inputs_")
        inputs = self.inputs_
        rows, sparse = rows_of(inputs.matrix, ids), is_sparse(classes_of(inputs, self._recipe))
        parts = explain_means(inputs, self._pool, self.combination_, self._said(inputs), sparse, rows)
        return explanation_frame(parts, inputs.matrix, rows)

    def what_if(self, drivers: pd.DataFrame) -> pd.DataFrame:
        """The forecast under other drivers of the horizon beside the present one; see `forecast.demand.what_if`.

        It follows how sales and drivers moved together in the past: the effect of a price only where prices were set
        at random. ``drivers`` has ``ds``, optionally ``unique_id``, and what changes; missing values stay as known.
        Returns ``unique_id``, ``ds``, ``mean``, ``mean_if``, ``difference``, ``in_range`` (False: never seen before).
        """
        self._check_fitted("inputs_")
        mean, _, classes = self._state(self.inputs_)
        return what_if(self.inputs_, self._pool, self.combination_, mean, is_sparse(classes), drivers)

    def driver_effects(self) -> pd.DataFrame:
        """How the mean forecast moves with each driver; see `forecast.demand.driver_effects`."""
        self._check_fitted("inputs_")
        mean, _, classes = self._state(self.inputs_)
        sparse, seed = is_sparse(classes), self.random_state
        return driver_effects(self.inputs_, self._pool, self.combination_, mean, sparse, random_state=seed)

    def predict_new(self, static_new: pd.DataFrame, n_ahead: int | None = None) -> pd.DataFrame:
        """Forecasts of items without a history from their siblings; see `forecast.demand.new_items`.

        Parameters
        ----------
        static_new : DataFrame
            ``unique_id`` and the attributes given to `fit`.
        n_ahead : int, optional
            Periods from launch on; default the horizon.
        """
        self._check_fitted("inputs_")
        steps = self.horizon if n_ahead is None else n_ahead
        return predict_new(self.inputs_, static_new, steps, self.quantiles, self._recipe.scale_window)

    def series_classes(self) -> pd.DataFrame:
        """Class of each series at its end, a row for each ``unique_id``; see `classify`."""
        self._check_fitted("inputs_")
        table = classify(self.inputs_.matrix.y, self._recipe.season_length)
        table.insert(0, "unique_id", self.inputs_.matrix.ids)
        return table

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
        check_parameters(self.get_params())
        if n_folds < 1:
            raise InvalidInput(f"`n_folds` must be at least 1, got {n_folds}.")
        inputs = self._inputs(to_matrix(panel, self.freq, drivers), static, drivers)
        self.repairs_ = inputs.matrix.repairs
        if inputs.matrix.n_times <= n_folds * self.horizon:
            raise NotEnoughHistory(
                f"{n_folds} folds of {self.horizon} periods need more than {n_folds * self.horizon} periods of "
                f"history, the longest series has {inputs.matrix.n_times}."
            )
        folds = [self._fold(inputs, fold * self.horizon, static, baselines) for fold in range(n_folds, 0, -1)]
        return pd.concat(folds, ignore_index=True)

    def to_files(self) -> dict[str, bytes]:
        """The trained model without its history: ``forecaster.json`` and one file per global member."""
        self._check_fitted("errors_")
        parameters = {**self.get_params(), "params": dict(self.params or {}) or None}
        trained = Trained(
            parameters, self.combination_, self.errors_, self.categories_, self.n_series_, tuple(self.repairs_)
        )
        return to_files(trained, self._pool)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "DemandForecaster":
        """A trained model from `to_files`; give it a history with `observe` before it predicts.

        Raises
        ------
        InvalidInput
            If the files were written by an earlier form of the forecaster.
        """
        trained, members = read_trained(files)
        forecaster = cls(**trained.parameters)
        forecaster._pool = forecaster._new_pool(members)
        read_members(forecaster._pool, files)
        forecaster.combination_, forecaster.errors_ = trained.combination, trained.errors
        forecaster.categories_, forecaster.n_series_ = trained.categories, trained.n_series
        forecaster.repairs_ = trained.repairs
        return forecaster

    @property
    def members_(self) -> tuple[str, ...]:
        """Members with a weight."""
        return self.combination_.used

    @property
    def feature_names_in_(self) -> list[str]:
        """Features of the global members, sorted by name."""
        return sorted({name for model in self._pool.models_.values() for name in model.feature_names_in_})

    def _fit(self, inputs: Inputs) -> Self:
        self.categories_ = inputs.categories
        self.n_series_ = inputs.matrix.n_series
        n_windows = self._possible_windows(inputs)
        names = self._choose(inputs, n_windows)
        self._rows = min(self.max_rows, affordable_rows(inputs, names, self.budget, n_fits=n_fits(inputs, n_windows)))
        self._pool = self._new_pool(names)
        windows = self._windows(inputs, n_windows)
        if windows and is_large(inputs):
            self._make_room(inputs, windows, n_windows)
        self._pool.fit(inputs)
        if not self._pool.names_:  # a global member alone that had too few rows
            self._pool = self._new_pool(("seasonal_naive",)).fit(inputs)
            windows = self._windows(inputs, n_windows)
        self.combination_ = combination_of(windows, self._pool.names_, inputs)
        self.errors_ = error_model_of(windows, self.combination_, inputs, random_state=self.random_state)
        return self

    def _make_room(self, inputs: Inputs, windows: list[Window], n_windows: int) -> None:
        """Leave out members that hardly count on past windows, for more rows of the others."""
        used = combination_of(windows, tuple(windows[0].forecasts), inputs).counting
        n_forecasts = n_windows * self._window_share(inputs)
        left = rows_left(inputs, self._recipe, self._pool, used, self.budget, n_forecasts=n_forecasts)
        self._rows = min(self.max_rows, left)
        self._pool = self._new_pool(used)

    def _inputs(
        self,
        matrix: SeriesMatrix,
        static: pd.DataFrame | None,
        drivers: pd.DataFrame | None,
        categories: Categories | None = None,
    ) -> Inputs:
        known = dict(categories or {})
        names = known.pop(WHICH, None)
        inputs = build_inputs(matrix, self.horizon, static, drivers, known, self.past_only)
        holidays = holiday_calendar(matrix, self.horizon, self.country, static, names)
        if holidays is None:
            return inputs
        return replace(inputs, holidays=holidays, categories={**inputs.categories, WHICH: holidays.names})

    def _new_pool(self, names: tuple[str, ...]) -> MemberPool:
        params = dict(self.params) if self.params else None
        rows = getattr(self, "_rows", self.max_rows)
        return MemberPool(self._recipe, names, max_rows=rows, params=params, random_state=self.random_state)

    def _choose(self, inputs: Inputs, n_windows: int) -> tuple[str, ...]:
        if self.model != "auto":
            return (self.model,)
        n_forecasts = 1 + n_windows * self._window_share(inputs)
        return choose_members(inputs, self._recipe, self.budget, n_forecasts=n_forecasts)

    def _window_share(self, inputs: Inputs) -> float:
        """Share of the series that is forecast at past windows."""
        return min(1.0, WINDOW_SERIES / inputs.matrix.n_series)

    def _possible_windows(self, inputs: Inputs) -> int:
        """Past windows that leave the longest series a horizon to learn from."""
        if not self.quantiles and self.model != "auto":
            return 0
        return int(np.clip(inputs.matrix.n_times // self.horizon - 1, 0, self.n_windows))

    def _windows(self, inputs: Inputs, n_windows: int) -> list[Window]:
        names = self._pool.names
        return past_windows(inputs, lambda: self._new_pool(names), n_windows, random_state=self.random_state)

    def _state(self, inputs: Inputs) -> tuple[Floats, Floats, NDArray[np.object_]]:
        """Means, usual errors and classes of all series at their end."""
        classes = classes_of(inputs, self._recipe)
        mean = self.combination_.combine(self._said(inputs), is_sparse(classes))
        return mean, usual_error(inputs.matrix.y, self._recipe.season_length), classes

    def _said(self, inputs: Inputs) -> dict[str, Floats]:
        """What each member with a weight forecasts; remembered for the history at hand, since some take their time."""
        key = (inputs, self._pool, self.combination_)
        before = getattr(self, "_remembered", None)
        if before is not None and all(one is other for one, other in zip(key, before[0], strict=True)):
            return dict(before[1])
        said = self._pool.forecast(inputs, self.combination_.used)
        if inputs is self.inputs_:
            self._remembered = (key, said)
        return said

    def _fold(
        self, inputs: Inputs, n_dropped: int, static: pd.DataFrame | None, baselines: tuple[str, ...]
    ) -> pd.DataFrame:
        past = inputs.until(n_dropped)
        forecaster = type(self)(**self.get_params())
        forecaster.inputs_, forecaster._static = past, static
        frame = forecaster._fit(past).predict()
        frame.insert(2, "cutoff", np.repeat(past.matrix.grid.moments(past.matrix.last).to_numpy(), self.horizon))
        frame["cutoff"] = frame["cutoff"].astype(frame["ds"].dtype)
        frame.insert(3, "y", actuals(inputs.matrix, past.matrix, n_dropped, self.horizon).ravel())
        season = self._recipe.season_length
        for name in baselines:
            frame[name] = BASELINES[name](past.matrix.y, self.horizon, season).ravel()
        return frame[frame["y"].notna()].reset_index(drop=True)

    def _remember(self, inputs: Inputs, static: pd.DataFrame | None) -> None:
        self.inputs_ = inputs
        self.repairs_ = inputs.matrix.repairs
        self._static = static

    @property
    def _recipe(self) -> Recipe:
        return recipe_of(parse_frequency(self.freq)[0], self.season_length)

    def _check_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            step = "fit" if attribute == "errors_" else "fit (or, after loading, observe)"
            raise InvalidInput(f"This DemandForecaster has no history yet; call {step} first.")


def is_non_negative(inputs: Inputs) -> bool:
    """Whether no value of any series is negative; then no forecast is."""
    return bool(np.nanmin(inputs.matrix.y) >= 0)
