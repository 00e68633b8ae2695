"""How forecasts move with each driver, all else as it is known to be (partial dependence)."""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.demand.combination import Combination
from forecast.demand.driver_range import Flags, usual_before
from forecast.demand.inputs import Inputs
from forecast.demand.matrix import Floats
from forecast.demand.members import MemberPool
from forecast.demand.what_if import driver_values, known_drivers, mean_change

#: All values of a driver are tried when they are so few, else its deciles.
MAX_VALUES = 10
#: Effects are means over so many series, drawn at random.
MAX_SERIES = 500
#: Series from which the deciles are taken.
_VALUE_SERIES = 5000
COLUMNS = ("driver", "value", "is_relative", "category", "mean", "difference", "n_series")


def driver_effects(
    inputs: Inputs, pool: MemberPool, combination: Combination, mean: Floats, is_sparse: Flags, *, random_state: int = 0
) -> pd.DataFrame:
    """Mean forecast when a driver has one value throughout the horizon, for each driver and value.

    Follows how sales and drivers moved together, see `forecast.demand.what_if`.

    Parameters
    ----------
    inputs : Inputs
    pool : MemberPool
    combination : Combination
    mean : array of shape (n_series, horizon)
        Combined forecasts under the drivers as they are known.
    is_sparse : bool array of shape (n_series,)
    random_state : int

    Returns
    -------
    DataFrame
        ``driver``; ``value``; ``is_relative``: the value is a multiple of each series' usual one (drivers of single
        series whose values are all positive, such as prices); ``category`` where the value stands for one, else None;
        ``mean`` per series and period; ``difference`` to the mean under the drivers as known; ``n_series``.

    References
    ----------
    Friedman (2001), Greedy function approximation: a gradient boosting machine. Annals of Statistics 29(5).
    """
    drawn = np.random.default_rng(random_state).permutation(inputs.matrix.n_series)[:MAX_SERIES]
    rows = np.sort(drawn)
    part, usual_mean = inputs.rows(rows), float(mean[rows].mean())
    records = []
    for name in known_drivers(inputs):
        values, is_relative = _values_to_try(inputs, name, pool.recipe.scale_window)
        for value in values:
            asked = _with_value(part, name, value, pool.recipe.scale_window if is_relative else None)
            change = float(mean_change(part, asked, pool, combination, is_sparse[rows]).mean())
            category = inputs.categories[name][int(value)] if name in inputs.categories else None
            records.append((name, value, is_relative, category, usual_mean + change, change, len(rows)))
    return pd.DataFrame(records, columns=list(COLUMNS))


def _values_to_try(inputs: Inputs, name: str, window: int) -> tuple[list[float], bool]:
    """Values seen in the past, and whether they are multiples of the usual value."""
    some = inputs.rows(np.arange(min(_VALUE_SERIES, inputs.matrix.n_series)))
    past: Floats = driver_values(some, name)[:, : -inputs.horizon].astype(float)
    known = past[~np.isnan(past)]
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) <= MAX_VALUES or name in inputs.categories:
        most = np.sort(distinct[np.argsort(-counts, kind="stable")[:MAX_VALUES]])
        return [float(value) for value in most], False
    is_relative = name in inputs.series_drivers and bool((known > 0).all())
    if is_relative:
        ratio = past[:, 1:] / usual_before(past, window)[:, :-1]
        known = ratio[~np.isnan(ratio)]
    deciles = np.unique(np.quantile(known, np.arange(0.05, 1, 0.1)))
    return [float(value) for value in deciles], is_relative


def _with_value(inputs: Inputs, name: str, value: float, window: int | None) -> Inputs:
    """Inputs with one value of a driver throughout the horizon; with a window it multiplies the usual value."""
    values = driver_values(inputs, name).copy()
    past = values[:, : -inputs.horizon]
    usual = np.ones(1) if window is None else usual_before(past, window)[:, -1:]
    values[:, -inputs.horizon :] = value * usual
    common = {other: column for other, column in inputs.common_drivers.items() if other != name}
    return replace(inputs, series_drivers={**inputs.series_drivers, name: values}, common_drivers=common)
