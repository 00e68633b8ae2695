"""The members whose forecasts are combined: global LightGBM models and statistical ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecast.demand.budget import affordable, nominal_seconds
from forecast.demand.global_model import GlobalModel, Kind
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats
from forecast.demand.recipe import Recipe
from forecast.demand.recursive_model import RecursiveModel
from forecast.demand.statistical import MEMBERS, statistical_forecasts


@dataclass(frozen=True)
class GlobalMember:
    """A global model: what it learns, and with which parameters beside the defaults."""

    kind: Kind
    params: Mapping[str, Any]
    recursive: bool = False


#: Global members by name.
GLOBAL_MEMBERS: Mapping[str, GlobalMember] = {
    "lightgbm": GlobalMember("ratio", {}),
    "lightgbm_difference": GlobalMember("difference", {}),
    "lightgbm_median": GlobalMember("difference", {"objective": "regression_l1"}),
    "lightgbm_recursive": GlobalMember("ratio", {}, recursive=True),
}
#: Members that count fully in the prior weights; all others count for a twentieth.
_CORE = (*GLOBAL_MEMBERS, "smoothing", "slow_smoothing", "double_smoothing", "theta", "dynamic_theta", "ces")
#: The same for sparse series.
_SPARSE_CORE = ("lightgbm", "lightgbm_recursive", "smoothing", "theta", "tsb", "sba", "window_mean")
#: Above this share of zeros a panel is sparse.
_SPARSE_SHARE = 0.3
#: A statistical member sees no driver: where there are some, it counts for so much of that, and past windows can move
#: it as little. They share what no driver explains, and a member that is wrong would be taken to offset it: on M5 the
#: last Sunday's sales, far too high, for members that were too low.
_BLIND = 0.03
#: Costly and no better than cheaper ones: only when asked for by name.
_BY_NAME_ONLY = ("arima", "ets")
#: Share of the time budget for statistical members; the rest is for the global ones.
_STATISTICAL_SHARE = 0.6
#: Nominal seconds of the reference core for a training row of a global model: features, 150 to 300 rounds, prediction.
_ROW_SECONDS = 5e-5
_LEAST_ROWS = 1000
#: The recursive member is for panels with so many known values: shown to help on those of M5; small panels, which
#: are learned anew for each past window, would wait for it for a third longer.
_RECURSIVE_VALUES = 500_000
#: Nominal seconds of a step of a path of a series.
_PATH_SECONDS = 2e-5


def choose_members(inputs: Inputs, recipe: Recipe, seconds: float, *, n_forecasts: float) -> tuple[str, ...]:
    """Members that a time budget allows: all global ones, and the statistical ones by priority.

    Parameters
    ----------
    inputs : Inputs
    recipe : Recipe
    seconds : float
        Time budget on the reference core.
    n_forecasts : float
        How often the whole panel is forecast: once for the future and for each past window, or a part of it.
    """
    affordable_now = affordable(
        inputs.matrix.y,
        inputs.horizon,
        recipe.season_length,
        tuple(name for name in MEMBERS if name not in _BY_NAME_ONLY),
        _STATISTICAL_SHARE * seconds / n_forecasts,
    )
    # The median of what is mostly 0 is 0: no member for sparse panels.
    is_sparse = np.mean(inputs.matrix.y == 0) > _SPARSE_SHARE
    return (
        *(name for name in global_members(inputs, recipe, seconds) if not (is_sparse and name == "lightgbm_median")),
        *affordable_now,
    )


def global_members(inputs: Inputs, recipe: Recipe, seconds: float) -> tuple[str, ...]:
    """Global members for a panel of that size and season.

    The recursive one where it goes on at least once, season by season (a period at a time it was no better than the
    direct ones), and where its forecasts take at most half of the global members' share of a time budget.
    """
    is_large = np.count_nonzero(~np.isnan(inputs.matrix.y)) >= _RECURSIVE_VALUES
    goes_on = 1 < recipe.season_length < inputs.horizon
    has_time = _path_seconds(inputs) <= (1 - _STATISTICAL_SHARE) * seconds / 2
    recursive = is_large and goes_on and has_time
    return tuple(name for name, member in GLOBAL_MEMBERS.items() if recursive or not member.recursive)


def _path_seconds(inputs: Inputs) -> float:
    return _PATH_SECONDS * RecursiveModel.n_paths * inputs.matrix.n_series * inputs.horizon


def prior_weights(names: Sequence[str], *, sparse: bool = False, drivers: bool = False) -> Floats:
    """What the weights of the members are shrunk to; shape (n_members,), positive.

    Parameters
    ----------
    names : sequence of str
        Members.
    sparse : bool
        For sparse series instead of regular ones.
    drivers : bool
        Something is known ahead, which only the global members see.
    """
    core = _SPARSE_CORE if sparse else _CORE
    return np.array([1.0 if name in core else 0.05 for name in names]) * trust_in(names, drivers=drivers)


def trust_in(names: Sequence[str], *, drivers: bool) -> Floats:
    """How far members can be believed that may not see what is known ahead, shape (n_members,), in (0, 1]."""
    blind = _BLIND if drivers else 1.0
    return np.array([1.0 if name in GLOBAL_MEMBERS else blind for name in names])


def affordable_rows(inputs: Inputs, names: Sequence[str], seconds: float, *, n_fits: int) -> int:
    """Training rows of each global member of ``names`` that a time budget allows, all fitted ``n_fits`` times.

    Statistical members among them leave `_STATISTICAL_SHARE` less of it.
    """
    share = 1 - _STATISTICAL_SHARE * any(name in MEMBERS for name in names)
    return _rows_within(inputs, names, share * seconds, n_fits=n_fits)


def rows_left(
    inputs: Inputs, recipe: Recipe, pool: "MemberPool", used: Sequence[str], seconds: float, *, n_forecasts: float
) -> int:
    """Training rows of each global member of ``used`` when past windows have shown which members are needed.

    What the members of ``pool`` cost, learned once and forecasting ``n_forecasts`` times the panel, is gone from the
    time budget; the rest is for those in use, which are learned and forecast once more.
    """

    def statistical_seconds(names: Sequence[str]) -> float:
        values, length = inputs.matrix.y, recipe.season_length
        return sum(nominal_seconds(values, length, name) for name in names if name in MEMBERS)

    models = [name for name in pool.names if name in GLOBAL_MEMBERS]
    gone = statistical_seconds(pool.names) * n_forecasts + _ROW_SECONDS * len(models) * pool.max_rows
    gone += any(GLOBAL_MEMBERS[name].recursive for name in models) * _path_seconds(inputs) * n_forecasts
    return max(_rows_within(inputs, used, seconds - gone - statistical_seconds(used), n_fits=1), pool.max_rows)


def _rows_within(inputs: Inputs, names: Sequence[str], seconds: float, *, n_fits: int) -> int:
    models = [GLOBAL_MEMBERS[name] for name in names if name in GLOBAL_MEMBERS]
    left = seconds - any(model.recursive for model in models) * _path_seconds(inputs)
    return max(int(left / (_ROW_SECONDS * max(len(models), 1) * n_fits)), _LEAST_ROWS)


class MemberPool:
    """Fits the global members and forecasts with all.

    Parameters
    ----------
    recipe : Recipe
    names : sequence of str
        Of `GLOBAL_MEMBERS` and `MEMBERS`.
    max_rows : int
        Training rows of each global model.
    params : mapping, optional
        LightGBM parameters for all of them.
    random_state : int

    Attributes
    ----------
    models_ : dict of str to GlobalModel
        The global members that had enough rows to learn from.
    names_ : tuple of str
        All members that forecast.
    """

    def __init__(
        self,
        recipe: Recipe,
        names: Sequence[str],
        *,
        max_rows: int,
        params: Mapping[str, Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.recipe = recipe
        self.names = tuple(names)
        self.max_rows = max_rows
        self.params = params
        self.random_state = random_state

    def fit(self, inputs: Inputs) -> Self:
        """Learn the global members; those with too few rows are left out."""
        fitted = {name: self.global_model(name) for name in self.names if name in GLOBAL_MEMBERS}
        self.models_ = {name: model for name, model in fitted.items() if model.fit(inputs)}
        return self

    def global_model(self, name: str) -> GlobalModel:
        """An unfitted global member."""
        member = GLOBAL_MEMBERS[name]
        params = {**member.params, **(self.params or {})}
        return (RecursiveModel if member.recursive else GlobalModel)(
            self.recipe, member.kind, max_rows=self.max_rows, params=params, random_state=self.random_state
        )

    @property
    def names_(self) -> tuple[str, ...]:
        """Members that forecast, global ones first."""
        return (*self.models_, *(name for name in self.names if name in MEMBERS))

    def forecast(self, inputs: Inputs, names: Sequence[str] | None = None) -> dict[str, Floats]:
        """Forecasts of the horizon after the last column by each member, arrays of shape (n_series, horizon).

        Non-negative where the panel is.

        Parameters
        ----------
        inputs : Inputs
        names : sequence of str, optional
            Only these of `names_`.
        """
        wanted = self.names_ if names is None else tuple(name for name in self.names_ if name in names)
        values = inputs.matrix.y
        non_negative = bool(np.nanmin(values) >= 0)
        forecasts = {}
        for name in wanted:
            if name in self.models_:
                mean = self.models_[name].predict(inputs)
                forecasts[name] = np.maximum(mean, 0) if non_negative else mean
        statistical = [name for name in wanted if name in MEMBERS]
        if statistical:
            length = self.recipe.season_length
            forecasts |= statistical_forecasts(values, inputs.horizon, length, statistical, non_negative=non_negative)
        return forecasts
