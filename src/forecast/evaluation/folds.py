"""Folds that respect time: what is fitted on the past is judged on what came later."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from forecast.errors import InvalidInput


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to judge on. ``cutoff`` is the last moment the fit may know, NaN without time."""

    cutoff: float
    train: np.ndarray
    valid: np.ndarray


def as_time(time: Any, n_rows: int) -> np.ndarray:
    """Moments as days since 1970-01-01 UTC, numbers as they are; shape (n_rows,).

    Raises
    ------
    InvalidInput
        If the length differs from ``n_rows`` or a value is missing.
    """
    values = pd.Series(np.asarray(time) if not isinstance(time, pd.Series) else time.to_numpy())
    if isinstance(time, pd.Series | pd.DatetimeIndex) and isinstance(time.dtype, pd.DatetimeTZDtype):
        values = pd.Series(pd.DatetimeIndex(time).tz_convert("UTC").tz_localize(None))
    if not pd.api.types.is_numeric_dtype(values.dtype):
        moments = pd.to_datetime(values, utc=True)
        values = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    if len(numbers) != n_rows:
        raise InvalidInput(f"`time` must have one value per row, got {len(numbers)} for {n_rows} rows.")
    if not np.isfinite(numbers).all():
        raise InvalidInput(f"`time` must not be missing, got {int((~np.isfinite(numbers)).sum())} missing values.")
    return numbers


def rolling_origins(time: np.ndarray, *, n_folds: int, gap: float = 0.0, first_share: float = 0.3) -> list[Fold]:
    """Consecutive later blocks of about equal size, each with everything known before it.

    A row of time t is in the training part of the fold with cutoff c when ``t + gap <= c`` and ``t < c``: with ``gap``
    the length of the outcome's window, its label was known at c. Validation rows start at the cutoff.

    Parameters
    ----------
    time : array of shape (n,)
        Days, or any numbers that order the rows.
    n_folds : int
        Most folds; fewer when there are fewer distinct moments.
    gap : float
        In the unit of ``time``.
    first_share : float in (0, 1)
        Share of the rows that the first fold may train on.

    Returns
    -------
    list of Fold, oldest first; empty when no moment leaves rows on both sides.
    """
    moments = np.unique(time)
    first_cutoff = np.quantile(time, first_share, method="lower") + gap
    later = np.sort(time[(time >= first_cutoff) & (time > moments[0])])
    if not len(later):
        return []
    starts = np.unique(later[(np.arange(n_folds) * len(later)) // n_folds])
    ends = np.append(starts[1:], np.inf)
    folds = []
    for start, end in zip(starts, ends, strict=True):
        train = np.flatnonzero((time + gap <= start) & (time < start))
        valid = np.flatnonzero((time >= start) & (time < end))
        if len(train) and len(valid):
            folds.append(Fold(float(start), train, valid))
    return folds


def stratified_folds(
    y: np.ndarray, *, groups: Sequence[Any] | np.ndarray | None = None, n_folds: int = 5, random_state: int = 0
) -> list[Fold]:
    """Shuffled folds of equal class shares; rows of one group (entity) stay together.

    Returns
    -------
    list of Fold
        At most as many as the rarer class has rows (groups); empty when that is fewer than two.
    """
    codes = np.arange(len(y)) if groups is None else pd.factorize(np.asarray(groups))[0]
    rarer = min(len(np.unique(codes[y == label])) for label in (0, 1))
    n_folds = min(n_folds, rarer)
    if n_folds < 2:
        return []
    parts: Iterator[tuple[np.ndarray, np.ndarray]]
    if len(np.unique(codes)) == len(codes):  # no repetition: the plain splitter does the same, much faster
        parts = StratifiedKFold(n_folds, shuffle=True, random_state=random_state).split(codes, y)
    else:
        parts = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state).split(codes, y, codes)
    return [Fold(float("nan"), train, valid) for train, valid in parts]
