"""What a forecaster learns from its past windows: weights of the members, and how wrong they are together."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forecast.demand.classes import classify, is_sparse, kinds_of_demand
from forecast.demand.combination import Combination, learn_combination
from forecast.demand.errors import ErrorModel, PastErrors, usual_error
from forecast.demand.inputs import Inputs
from forecast.demand.members import MemberPool, prior_weights, trust_in
from forecast.demand.recipe import Recipe
from forecast.demand.windows import Window, actuals, sum_by

#: Past windows are forecast for at most so many series: weights and ranges need no more.
WINDOW_SERIES = 3000
#: Panels up to this size learn their global members anew for each past window.
_REFIT_VALUES = 300_000


def is_large(inputs: Inputs) -> bool:
    """Whether the global members are learned once for all past windows; smaller panels learn them for each."""
    return inputs.matrix.y.size > _REFIT_VALUES


def n_fits(inputs: Inputs, n_windows: int) -> int:
    """How often the global members are learned: for the future, and for each past window or once for all of them."""
    return 1 + (1 if is_large(inputs) else n_windows)


def classes_of(inputs: Inputs, recipe: Recipe) -> NDArray[np.object_]:
    """Class of each series at its end by which it is learned from, shape (n_series,); see `kinds_of_demand`."""
    return kinds_of_demand(classify(inputs.matrix.y, recipe.season_length))


def past_windows(
    inputs: Inputs, new_pool: Callable[[], MemberPool], n_windows: int, *, random_state: int = 0
) -> list[Window]:
    """The last ``n_windows`` horizons, oldest first, each forecast by members that saw none of it.

    Parameters
    ----------
    inputs : Inputs
    new_pool : callable
        Gives the members, unfitted. Large panels learn them once, before the first window.
    n_windows : int
        At least 0. Windows in which no member could forecast are left out.
    random_state : int
        Draws the series of panels with more than `WINDOW_SERIES`.
    """
    if n_windows < 1:
        return []
    refit = not is_large(inputs)
    pool = new_pool().fit(inputs.until(n_windows * inputs.horizon))
    windows = []
    for back in range(n_windows, 0, -1):
        past = inputs.until(back * inputs.horizon)
        if refit and back < n_windows:
            pool = new_pool().fit(past)
        windows.append(_window(inputs, past, pool, back * inputs.horizon, random_state))
    return [window for window in windows if window.forecasts]


def _window(inputs: Inputs, past: Inputs, pool: MemberPool, n_dropped: int, random_state: int) -> Window:
    actual = actuals(inputs.matrix, past.matrix, n_dropped, inputs.horizon)
    rows = np.sort(np.random.default_rng(random_state).permutation(len(actual))[:WINDOW_SERIES])
    part, length = past.rows(rows), pool.recipe.season_length
    sums = [(codes, usual_error(sum_by(np.nan_to_num(part.matrix.y), codes), length)) for codes in part.groups()]
    usual = usual_error(past.matrix.y, length)[rows]
    return Window(pool.forecast(part), actual[rows], usual, classes_of(part, pool.recipe), sums)


def combination_of(windows: list[Window], names: tuple[str, ...], inputs: Inputs) -> Combination:
    """Weights of the members by the windows in which all of them forecast."""
    drivers = bool(inputs.series_drivers or inputs.common_drivers)
    regular, sparse = (prior_weights(names, sparse=kind, drivers=drivers) for kind in (False, True))
    usable = [window for window in windows if set(names) <= set(window.forecasts)]
    errors = [np.empty((len(names), 0, inputs.horizon)), *(window.errors(names) for window in usable)]
    sums = [
        np.concatenate([window.errors_of_sums(names, level) for window in usable], axis=1)
        for level in range(len(usable[0].sums) if usable else 0)
    ]
    of_sparse = [np.empty(0, dtype=bool), *(is_sparse(window.classes) for window in usable)]
    return learn_combination(
        names,
        np.concatenate(errors, axis=1),
        np.concatenate(of_sparse),
        regular,
        sparse,
        sums,
        trust_in(names, drivers=drivers),
    )


def error_model_of(
    windows: list[Window], combination: Combination, inputs: Inputs, *, random_state: int = 0
) -> ErrorModel:
    """The law of the combination's errors; members that a window lacked are made up for by the others."""
    horizon = inputs.horizon
    empty = [np.empty((0, horizon)), np.empty((0, horizon)), np.empty(0), np.empty(0, dtype=object)]
    cases = [empty] + [
        [window.actual - mean, mean, window.usual, window.classes]
        for window in windows
        for mean in [combination.combine(window.complete(combination.names), is_sparse(window.classes))]
    ]
    error, mean, usual, classes = (np.concatenate(parts) for parts in zip(*cases, strict=True))
    index = np.repeat(np.arange(len(windows)), [len(window.usual) for window in windows])
    known = inputs.matrix.y[~np.isnan(inputs.matrix.y)]
    is_integer = bool((known == np.rint(known)).all())
    past = PastErrors(error, mean, usual, classes, index.astype(np.int64), is_integer)
    return ErrorModel.fit(past, horizon, random_state=random_state)
