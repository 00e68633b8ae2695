"""The leak hunter on a bare table, where no history tells what was known when: it names, and drops nothing.

Evidence is what one column alone says of the outcome. What is plausible before the event: in published conversion sets
an honest column reaches an AUC of 0.6 to 0.79, and no value of it settles the outcome.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import fisher_exact

from forecast.errors import InvalidInput
from forecast.evaluation.univariate import auc, log_loss_share, out_of_fold_rates
from forecast.features.suspects import SUSPICIOUS, Fact, Suspect

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Evidence = dict[str, Fact]

#: Rows of each outcome below which a table tells nothing.
MIN_OUTCOMES = 20
#: AUC of one column: nearly perfect; more than honest columns reach.
NEARLY_PERFECT, TOO_GOOD = 0.97, 0.8
_RARE, _BINS, _EXACT_VALUES, _FOLDS = 5, 32, 40, 5
_P = 1e-6
_DAY = r"\d{4}-\d{2}-\d{2}.*"


def hunt_table(X: pd.DataFrame, y: ArrayLike, *, time: ArrayLike | None = None) -> list[Suspect]:
    """Columns of a table that tell its outcome suspiciously well, each with the strongest evidence.

    Parameters
    ----------
    X : DataFrame of shape (n, k)
        Columns of any kind, missing values as they come.
    y : array-like of shape (n,)
        1 or True for a win, 0 or False; rows without an outcome (NaN, None) are left out.
    time : array-like of shape (n,), optional
        When each row was to be scored: moments at or after it are no forecast.

    Returns
    -------
    list of Suspect
        In order of the columns; ``verdict`` is always ``suspicious``. Empty with fewer than 20 rows of an outcome.
        The order of the rows changes nothing.

    Raises
    ------
    InvalidInput
        If lengths differ or ``y`` holds anything else.
    """
    won, known = _outcomes(y, len(X))
    if time is not None and len(np.asarray(time)) != len(X):
        raise InvalidInput(f"`time` has {len(np.asarray(time))} rows, `X` has {len(X)}; give one moment per row.")
    if min(won[known].sum(), (1 - won[known]).sum()) < MIN_OUTCOMES:
        return []
    moments = None if time is None else _moments(pd.Series(np.asarray(time)))
    suspects = []
    for place, name in enumerate(X.columns):
        column = X.iloc[:, place].reset_index(drop=True)
        later = _later(column, moments)[known] if moments is not None else None
        judged = _Judged(_codes(column[known]), won[known], later)
        for kind, rule in _RULES.items():
            if evidence := rule(judged):
                suspects.append(Suspect("", str(name), SUSPICIOUS, kind, evidence | judged.summary))
                break
    return suspects


@dataclass(frozen=True)
class _Judged:
    """One column's codes beside the outcomes; ``later`` marks moments at or after the row's time."""

    code: Ints
    y: Ints
    later: Ints | None

    @cached_property
    def rates(self) -> Floats:
        """Out-of-fold win rate of each row's value; folds are dealt by (value, outcome): row order cannot matter."""
        order = pd.Series(self.code).groupby([self.code, self.y]).cumcount().to_numpy()
        return out_of_fold_rates(self.code, self.y, (order + self.code) % _FOLDS, n_folds=_FOLDS)

    @cached_property
    def auc(self) -> float:
        return max(0.5, auc(self.y, self.rates))

    @cached_property
    def counts(self) -> Ints:
        """(lost, won) rows by code."""
        n = int(self.code.max()) + 1
        return np.stack([np.bincount(self.code[self.y == value], minlength=n) for value in (0, 1)], axis=1)

    @property
    def filled(self) -> Ints:
        """(lost, won) rows with a value."""
        return np.asarray(self.counts[1:].sum(axis=0))

    @property
    def missing(self) -> Ints:
        """(lost, won) rows without."""
        return np.asarray(self.counts[0])

    @property
    def summary(self) -> Evidence:
        total = self.counts.sum(axis=0)
        return {
            "auc_alone": round(self.auc, 4),
            "log_loss_removed_alone": round(float(log_loss_share(self.y, self.rates)), 4),
            "filled_share_of_won": round(float(self.filled[1] / total[1]), 4),
            "filled_share_of_lost": round(float(self.filled[0] / total[0]), 4),
        }


def filled_for_one_outcome(judged: _Judged) -> Evidence | None:
    """A value is there for one outcome; of the other at most one filled row in a hundred."""
    minor, n = int(judged.filled.min()), int(judged.filled.sum())
    if not judged.missing.sum() or n < 20 or minor > 0.01 * n or not _significant(judged.filled, judged.missing):
        return None
    return {"filled_rows": n, "filled_for": "won" if judged.filled[1] > judged.filled[0] else "lost"}


def nearly_perfect(judged: _Judged) -> Evidence | None:
    """Alone it ranks won before lost almost without error."""
    return {"n_rows": len(judged.y)} if judged.auc >= NEARLY_PERFECT else None


def missing_tells(judged: _Judged) -> Evidence | None:
    """Where it is missing an outcome is ten times rarer than where it is filled, or the other way round."""
    return _tenfold(judged, judged.missing, "missing")


def values_apart(judged: _Judged) -> Evidence | None:
    """Values that hardly ever came with an outcome that chance would bring at least five times for each of them."""
    counts, total = judged.counts[1:], judged.counts.sum(axis=0)
    for outcome, name in ((1, "won"), (0, "lost")):
        other = counts[:, 1 - outcome]
        expected = counts.sum(axis=1) * total[1 - outcome] / total.sum()
        pure = (expected >= 5) & (other <= 0.05 * expected)
        rows, n_expected = counts[pure].sum(axis=0), float(expected[pure].sum())
        if rows[outcome] >= 0.1 * total[outcome] and n_expected >= 14:
            found: Evidence = {"rows_with_such_values": int(rows.sum()), "came_with": name}
            return found | {"others": int(rows[1 - outcome]), "others_expected": n_expected}
    return None


def too_good_alone(judged: _Judged) -> Evidence | None:
    """Alone it tells more than columns known before the event do in published conversion sets."""
    return {"n_rows": len(judged.y)} if judged.auc >= TOO_GOOD else None


def later_than_time(judged: _Judged) -> Evidence | None:
    """A moment that lies after the row's time in nine filled rows of ten."""
    if judged.later is None or (n := int((judged.later >= 0).sum())) < 20:
        return None
    n_later = int((judged.later == 1).sum())
    return {"filled_rows": n, "later_than_time": n_later} if n_later >= 0.9 * n else None


_RULES: dict[str, Callable[[_Judged], Evidence | None]] = {
    "filled_for_one_outcome": filled_for_one_outcome,
    "later_than_time": later_than_time,
    "nearly_perfect": nearly_perfect,
    "missing_tells": missing_tells,
    "values_apart": values_apart,
    "too_good_alone": too_good_alone,
}


def _tenfold(judged: _Judged, part: Ints, name: str) -> Evidence | None:
    rest = judged.counts.sum(axis=0) - part
    if min(part.sum(), rest.sum()) < 20 or not _significant(part, rest):
        return None
    rates = [(group + 0.5) / (group.sum() + 1) for group in (part, rest)]
    ratio = float(np.max(np.maximum(rates[0] / rates[1], rates[1] / rates[0])))
    return {f"win_rate_{name}": float(part[1] / part.sum()), "times_apart": ratio} if ratio >= 10 else None


def _significant(part: Ints, rest: Ints) -> bool:
    return float(fisher_exact(np.array([part, rest]))[1]) < _P


def _outcomes(y: ArrayLike, n: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Outcomes as 0 and 1, and which rows have one."""
    given = pd.to_numeric(pd.Series(np.asarray(y)).astype(object), errors="coerce").to_numpy(dtype=float)
    if len(given) != n:
        raise InvalidInput(f"`y` has {len(given)} rows, `X` has {n}; give one outcome per row.")
    missing = np.asarray(pd.isna(pd.Series(np.asarray(y))), dtype=bool)
    wrong = ~missing & ~np.isin(given, (0.0, 1.0))
    if wrong.any():
        first = pd.Series(np.asarray(y))[wrong].tolist()[0]
        raise InvalidInput(f"`y` must hold 0 and 1 (or missing), got {first!r}; map the outcomes.")
    return np.nan_to_num(given).astype(np.int64), ~missing


def _codes(column: "pd.Series[Any]") -> Ints:
    """0 missing, 1 a rare text, then texts, exact numbers, or ranks of numbers and moments in 32 parts."""
    if not pd.api.types.is_numeric_dtype(column):
        text = column.astype(object)
        if (moments := _moments(text)) is None:
            return _text_codes(text)
        column = pd.Series(np.where(moments.isna(), np.nan, moments.astype("int64").to_numpy() / 1e6))
    values = column.astype(float)
    if values.nunique() <= _EXACT_VALUES:
        return np.where(values.isna(), 0, pd.factorize(values, sort=True)[0] + 2).astype(np.int64)
    parts = np.floor((values.rank(method="min") - 1) / values.notna().sum() * _BINS)
    return np.asarray(np.nan_to_num(parts + 2), dtype=np.int64)


def _text_codes(values: "pd.Series[Any]") -> Ints:
    text = values.where(values.isna(), values.astype(str))
    text = text.where(text != "")
    codes, names = pd.factorize(text, sort=True)
    n_rows = np.bincount(codes[codes >= 0], minlength=max(len(names), 1))
    return np.where(codes < 0, 0, np.where(n_rows[codes] < _RARE, 1, codes + 2)).astype(np.int64)


def _moments(values: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """Moments of a column of dates, as text too; None when it holds anything else."""
    if isinstance(values.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
    if pd.api.types.is_numeric_dtype(values) or values.notna().sum() == 0:
        return None
    text = values.dropna().astype(str)
    if not text.str.fullmatch(_DAY).all():
        return None
    read = pd.to_datetime(values.where(values.isna(), values.astype(str)), utc=True, errors="coerce", format="ISO8601")
    return read.astype("datetime64[us, UTC]") if read.notna().sum() == len(text) else None


def _later(column: "pd.Series[Any]", moments: "pd.Series[Any] | None") -> Ints:
    """1 where the column's moment lies after the row's, 0 where not, -1 where there is none."""
    own = None if moments is None else _moments(column)
    if own is None or moments is None:
        return np.full(len(column), -1, dtype=np.int64)
    none = (own.isna() | moments.isna()).to_numpy()
    return np.where(none, -1, (own > moments).to_numpy().astype(np.int64))
