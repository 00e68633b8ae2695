"""A forecaster whose items add up to reconciled sums: of categories, of regions, of the company."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.demand.explanation import SUMS
from forecast.demand.forecaster import DemandForecaster, is_non_negative
from forecast.demand.hierarchy import Hierarchy
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats
from forecast.demand.reconcile import node_matrix
from forecast.demand.reconciliation import (
    Reconciliation,
    fold_base,
    hierarchy_of,
    node_panel,
    series_nodes,
    sum_levels,
)
from forecast.demand.what_if import future_keys
from forecast.errors import NotEnoughHistory

_UPPER = "sums."
#: Errors of nodes are measured against their changes over at least so many periods before the folds.
_SCALE_PERIODS = 60


class CoherentForecaster(DemandForecaster):
    """Forecasts sums on their own too, and moves items so that both agree; parameters of `DemandForecaster`.

    Means of sums are the sums of the items' means, ranges of sums come from joint paths around the moved means. Without
    `fit_sums`, and where past folds support nothing better, that is bottom-up: items stay as they are.

    Attributes
    ----------
    reconciliation_ : Reconciliation or None
    sums_ : DemandForecaster or None
        Forecasts the nodes above the series; None when sums are bottom-up.
    """

    reconciliation_: Reconciliation | None = None
    sums_: DemandForecaster | None = None

    def fit_sums(self, folds: pd.DataFrame) -> "CoherentForecaster":
        """Learn to forecast the sums, and choose by past folds how items and sums agree; after `fit`.

        Parameters
        ----------
        folds : DataFrame
            From `backtest` of the same panel.
        """
        self._check_fitted("errors_")
        matrix = self.inputs_.matrix
        self.reconciliation_ = self.sums_ = None
        if matrix.n_series < 2 or len(np.unique(matrix.last)) > 1:
            return self
        hierarchy = hierarchy_of(matrix, self._static, sum_levels(self._static))
        history = node_panel(matrix, hierarchy)
        n_folds = int(folds["cutoff"].nunique())
        sums = self._sums_forecaster().backtest(history, n_folds, baselines=())
        recent = n_folds * self.horizon + max(4 * self._recipe.season_length, _SCALE_PERIODS)
        row, column = np.nonzero(~np.isnan(matrix.y[:, -recent:]))
        column += matrix.n_times - min(recent, matrix.n_times)
        moments = matrix.grid.moments(matrix.last[0] - (matrix.n_times - 1) + column)
        ids = series_nodes(pd.Series([str(name) for name in matrix.ids], dtype=object)).to_numpy()
        actuals = pd.DataFrame({"unique_id": ids[row], "ds": moments, "y": matrix.y[row, column]})
        try:
            chosen = Reconciliation.choose(
                fold_base(folds, sums, hierarchy),
                actuals,
                hierarchy,
                non_negative=is_non_negative(self.inputs_),
                random_state=self.random_state,
            )
        except NotEnoughHistory:  # nothing to judge by, as where sales never change
            return self
        self.reconciliation_ = chosen
        if not chosen.is_bottom_up:
            self.sums_ = self._sums_forecaster().fit(history)
        return self

    def explain(self, ids: Sequence[object] | None = None) -> pd.DataFrame:
        """As `DemandForecaster.explain`; what the sums moved is a part of its own."""
        told = super().explain(ids)
        if self.sums_ is None:
            return told
        before, after = (state[0] for state in (super()._state(self.inputs_), self._state(self.inputs_)))
        moved = future_keys(self.inputs_).assign(part=SUMS, points=(after - before).ravel())
        moved = moved[moved["unique_id"].isin(told["unique_id"])]
        place = {key: number for number, key in enumerate(told["unique_id"].drop_duplicates())}
        both = pd.concat([told, moved], ignore_index=True)
        both = both.assign(_place=both["unique_id"].map(place)).sort_values(["_place", "ds"], kind="stable")
        return both.drop(columns="_place").reset_index(drop=True)

    def to_files(self) -> dict[str, bytes]:
        """As `DemandForecaster.to_files`, with the reconciliation and the model of the sums."""
        files = super().to_files()
        if self.reconciliation_ is not None:
            files |= self.reconciliation_.to_files()
        if self.sums_ is not None:
            files |= {_UPPER + name: content for name, content in self.sums_.to_files().items()}
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "CoherentForecaster":
        """A trained model from `to_files`; models of before sums were forecast are bottom-up."""
        forecaster = super().from_files(files)
        assert isinstance(forecaster, cls)
        forecaster.reconciliation_ = Reconciliation.from_files(files)
        upper = {name.removeprefix(_UPPER): content for name, content in files.items() if name.startswith(_UPPER)}
        forecaster.sums_ = DemandForecaster.from_files(upper) if upper else None
        return forecaster

    def _sums_forecaster(self) -> DemandForecaster:
        return DemandForecaster(**{**self.get_params(), "quantiles": (), "past_only": ()})

    def _state(self, inputs: Inputs) -> tuple[Floats, Floats, NDArray[np.object_]]:
        mean, usual, classes = super()._state(inputs)
        if self.reconciliation_ is None or self.sums_ is None or len(np.unique(inputs.matrix.last)) > 1:
            return mean, usual, classes
        hierarchy, sums = self._said_of_sums(inputs)
        moved = self.reconciliation_.bottom(mean, sums, hierarchy, non_negative=is_non_negative(inputs))
        return moved, usual, classes

    def _said_of_sums(self, inputs: Inputs) -> tuple[Hierarchy, Floats]:
        """The sums of a history and their forecasts; remembered for the history at hand."""
        before = getattr(self, "_remembered_sums", None)
        if before is not None and before[0] is inputs.matrix:
            return before[1], before[2]
        assert self.reconciliation_ is not None
        assert self.sums_ is not None
        hierarchy = hierarchy_of(inputs.matrix, self._static, self.reconciliation_.levels)
        said = self.sums_.observe(node_panel(inputs.matrix, hierarchy)).predict()
        sums = node_matrix(said, hierarchy, "mean", ["ds"])[0][: hierarchy.n_upper]
        self._remembered_sums = (inputs.matrix, hierarchy, sums)
        return hierarchy, sums
