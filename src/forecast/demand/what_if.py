"""What would be forecast under other drivers: another price, one promotion more.

A forecast under other prices follows how sales and prices moved together in the past. That is the effect of a price
only where prices were set at random: whoever cut prices when sales were slow sees less of an effect than there is.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.demand.combination import Combination
from forecast.demand.driver_range import Flags, seen_before
from forecast.demand.grid import Positions
from forecast.demand.inputs import Inputs, Singles
from forecast.demand.matrix import Floats
from forecast.demand.members import MemberPool
from forecast.demand.series_ids import series_codes
from forecast.errors import InvalidInput


def known_drivers(inputs: Inputs) -> list[str]:
    """Names of the drivers, sorted."""
    return sorted([*inputs.series_drivers, *inputs.common_drivers])


def future_keys(inputs: Inputs) -> pd.DataFrame:
    """``unique_id`` and ``ds`` of the horizon after each series' end."""
    matrix, horizon = inputs.matrix, inputs.horizon
    positions = (matrix.last[:, None] + np.arange(1, horizon + 1)).ravel()
    ids = pd.Series(np.repeat(matrix.ids, horizon)).infer_objects()
    return pd.DataFrame({"unique_id": ids, "ds": matrix.grid.moments(positions)})


def future_drivers(inputs: Inputs) -> pd.DataFrame:
    """Drivers of the horizon as they are known: ``unique_id``, ``ds`` and one column each, to change and ask about."""
    frame = future_keys(inputs)
    for name in known_drivers(inputs):
        values = driver_values(inputs, name)[:, -inputs.horizon :].ravel().astype(float)
        if name in inputs.categories:
            names = np.array([*inputs.categories[name], None], dtype=object)
            frame[name] = names[np.where(np.isnan(values), -1, values).astype(int)]
        else:
            frame[name] = values
    return frame


def what_if(
    inputs: Inputs, pool: MemberPool, combination: Combination, mean: Floats, is_sparse: Flags, drivers: pd.DataFrame
) -> pd.DataFrame:
    """Forecasts under other drivers beside the present ones.

    Parameters
    ----------
    inputs : Inputs
    pool : MemberPool
    combination : Combination
    mean : array of shape (n_series, horizon)
        Combined forecasts under the drivers as they are known.
    is_sparse : bool array of shape (n_series,)
    drivers : DataFrame
        See `with_drivers`.

    Returns
    -------
    DataFrame
        ``unique_id``, ``ds``, ``mean``, ``mean_if``, ``difference`` (``mean_if`` less ``mean``), ``in_range`` (False
        where a value is asked that the model has no experience of).
    """
    asked, in_range = with_drivers(inputs, drivers, pool.recipe.scale_window)
    change = mean_change(inputs, asked, pool, combination, is_sparse)
    frame = future_keys(inputs)
    frame["mean"], frame["mean_if"] = mean.ravel(), (mean + change).ravel()
    frame["difference"], frame["in_range"] = change.ravel(), in_range.ravel()
    return frame


def mean_change(inputs: Inputs, asked: Inputs, pool: MemberPool, combination: Combination, is_sparse: Flags) -> Floats:
    """Combined forecasts of ``asked`` less those of ``inputs``, shape (n_series, horizon).

    Only global members see drivers: all others say the same.
    """
    names = [name for name in combination.used if name in pool.models_]
    before, after = pool.forecast(inputs, names), pool.forecast(asked, names)
    weights = np.where(is_sparse[:, None], combination.sparse, combination.regular)
    change = np.zeros((inputs.matrix.n_series, inputs.horizon))
    for name in names:
        change += weights[:, combination.names.index(name), None] * (after[name] - before[name])
    return change


def with_drivers(inputs: Inputs, drivers: pd.DataFrame, window: int) -> tuple[Inputs, Flags]:
    """Inputs with other values of drivers in the horizon, and whether each forecast stays within what was seen.

    Parameters
    ----------
    inputs : Inputs
    drivers : DataFrame
        ``ds``, optionally ``unique_id``, and columns of known drivers. Missing values stay as they are; without
        ``unique_id`` all series get the same.
    window : int
        Periods of the usual value, see `seen_before`.

    Returns
    -------
    inputs : Inputs
        Changed drivers have values per series.
    in_range : bool array of shape (n_series, horizon)
        True where nothing was asked.

    Raises
    ------
    InvalidInput
        If a driver or series is unknown, a category was never seen, a key occurs twice, or a moment lies outside the
        horizon.
    """
    names = [name for name in drivers.columns if name not in ("unique_id", "ds")]
    unknown = [str(name) for name in names if str(name) not in known_drivers(inputs)]
    if unknown or not names:
        raise InvalidInput(f"Drivers to change must be of {known_drivers(inputs)}, got {unknown or 'none'}.")
    source, rows, steps = _places(inputs, drivers)
    changed = dict(inputs.series_drivers)
    in_range = np.ones((inputs.matrix.n_series, inputs.horizon), dtype=bool)
    for name in names:
        values = driver_values(inputs, str(name)).copy()
        target = np.full(in_range.shape, np.nan, dtype=np.float32)
        target[rows, steps] = _numbers(drivers[name], str(name), inputs)[source]
        past = values[:, : -inputs.horizon]
        in_range &= seen_before(past, target, window, is_code=str(name) in inputs.categories)
        values[:, -inputs.horizon :] = np.where(np.isnan(target), values[:, -inputs.horizon :], target)
        changed[str(name)] = values
    common = {name: values for name, values in inputs.common_drivers.items() if name not in changed}
    return replace(inputs, series_drivers=changed, common_drivers=common), in_range


def driver_values(inputs: Inputs, name: str) -> Singles:
    """Values of a driver series by series, shape (n_series, n_times + horizon)."""
    if name in inputs.series_drivers:
        return inputs.series_drivers[name]
    matrix = inputs.matrix
    begin = matrix.last - (matrix.n_times - 1) - inputs.first_position
    return np.asarray(inputs.common_drivers[name][begin[:, None] + np.arange(matrix.n_times + inputs.horizon)])


def _places(inputs: Inputs, drivers: pd.DataFrame) -> tuple[Positions, Positions, Positions]:
    """Row of ``drivers``, row of the matrix and step of every value that is asked."""
    if "ds" not in drivers:
        raise InvalidInput(f"Drivers are missing column 'ds'; there are {sorted(map(str, drivers.columns))}.")
    matrix, horizon = inputs.matrix, inputs.horizon
    positions = matrix.grid.positions(drivers["ds"])
    source = np.arange(len(drivers))
    if "unique_id" in drivers:
        codes, ids = series_codes(drivers["unique_id"])
        of_id = pd.Index([str(name) for name in matrix.ids]).get_indexer(pd.Index([str(name) for name in ids]))
        if (of_id < 0).any():
            raise InvalidInput(f"{int((of_id < 0).sum())} series are not in the panel (first: {ids[of_id < 0][0]!r}).")
        rows = of_id[codes]
    else:
        rows = np.repeat(np.arange(matrix.n_series), len(drivers))
        source, positions = np.tile(source, matrix.n_series), np.tile(positions, matrix.n_series)
    steps = positions - matrix.last[rows] - 1
    inside = (steps >= 0) & (steps < horizon)
    outside = len(drivers) - len(np.unique(source[inside]))
    if outside:
        raise InvalidInput(
            f"Only drivers of the {horizon} periods after a series' end can be changed; "
            f"{outside} of {len(drivers)} rows lie outside."
        )
    if len(np.unique(rows[inside] * horizon + steps[inside])) < int(inside.sum()):
        raise InvalidInput("Drivers must have one row per (unique_id, ds); some occur twice.")
    return source[inside], rows[inside], steps[inside]


def _numbers(column: pd.Series, name: str, inputs: Inputs) -> Singles:
    """Asked values as numbers, categories as their codes; NaN where nothing is asked."""
    if name in inputs.categories:
        known = inputs.categories[name]
        codes = pd.Index(known).get_indexer(pd.Index(column.astype(str)))
        unseen = column.notna().to_numpy() & (codes < 0)
        if unseen.any():
            raise InvalidInput(f"{name!r} must be of {list(known)[:20]}, got {str(column[unseen].iloc[0])!r}.")
        return np.where(codes < 0, np.nan, codes).astype(np.float32)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float32, na_value=np.nan)
    if np.isnan(numbers[column.notna().to_numpy()]).any() or np.isinf(numbers).any():
        raise InvalidInput(f"{name!r} must hold numbers, got {str(column[column.notna()].iloc[0])!r}.")
    return numbers
