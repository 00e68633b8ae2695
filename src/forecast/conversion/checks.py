"""What every conversion model checks about its input, once, at the edge."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecast.conversion.encoding import named_columns
from forecast.errors import InvalidInput

#: Column that carries ``segment`` when it is given as values rather than as column names.
SEGMENT_COLUMN = "segment"


def check_training(X: Any, y: Any, groups: Any = None) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The table, outcomes as 0.0 / 1.0, and the group (entity) code of each row.

    Raises
    ------
    InvalidInput
        If lengths differ, the table is empty, or an outcome is missing or neither 0 nor 1.
    """
    X = named_columns(X)
    outcomes = pd.to_numeric(pd.Series(np.asarray(y, dtype=object)), errors="coerce").to_numpy(dtype=float)
    if len(outcomes) != len(X):
        raise InvalidInput(f"`y` must have one value per row of X, got {len(outcomes)} for {len(X)} rows.")
    wrong = ~np.isin(outcomes, (0.0, 1.0))
    if wrong.any():
        raise InvalidInput(f"`y` must be 0 or 1, got {np.asarray(y, dtype=object)[wrong][0]!r} in {wrong.sum()} rows.")
    codes = np.arange(len(X)) if groups is None else pd.factorize(np.asarray(groups))[0]
    if len(codes) != len(X):
        raise InvalidInput(f"`groups` must have one value per row of X, got {len(codes)} for {len(X)} rows.")
    return X, outcomes, codes


def with_segment(X: pd.DataFrame, segment: Any) -> tuple[pd.DataFrame, list[str], bool]:
    """The table, the names of its segment columns, and whether the segment came as values.

    ``segment`` is the name of a column, a list of names (coarsest first), or one value per row.

    Raises
    ------
    InvalidInput
        If a named column is not in X, or values have another length or would replace a column.
    """
    if segment is None:
        return X, [], False
    names = [segment] if isinstance(segment, str) else segment
    if (
        isinstance(names, list | tuple)
        and all(isinstance(name, str) for name in names)
        and set(names) <= set(X.columns)
    ):
        return X, list(names), False
    if isinstance(segment, str) or len(segment) != len(X):
        raise InvalidInput(f"`segment` must name columns of X or have {len(X)} values, got {_shown(segment)}.")
    if SEGMENT_COLUMN in X.columns:
        raise InvalidInput(f"X already has a column {SEGMENT_COLUMN!r}: give its name as `segment`, not values.")
    return X.assign(**{SEGMENT_COLUMN: np.asarray(segment, dtype=object)}), [SEGMENT_COLUMN], True


def _shown(segment: Any) -> str:
    return repr(segment) if isinstance(segment, str) else f"{len(segment)} values"


def entity_weight(groups: np.ndarray) -> np.ndarray:
    """Information of each row when rows of one group are worth one observation together: the mean share, shape (n,).

    All rows get the same weight: weights that depend on how long an entity lived would bias the probability.
    """
    return np.full(len(groups), len(np.unique(groups)) / max(len(groups), 1))


def names_of(columns: Sequence[str] | str | None) -> list[str]:
    """A list of column names from what a caller may give."""
    return [columns] if isinstance(columns, str) else list(columns or [])
