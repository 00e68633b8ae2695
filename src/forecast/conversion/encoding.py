"""A feature table as it comes, typed once: numbers, categories, moments and missing values become one matrix."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast.errors import InvalidInput

#: Levels kept per categorical column; the rest share one code, so that a column of ids cannot be memorised.
MAX_LEVELS = 40

Kind = Literal["number", "moment", "category"]


@dataclass(frozen=True)
class EncodedColumn:
    """How one column of the table becomes one column of the matrix."""

    name: str
    kind: Kind
    levels: tuple[str, ...] = ()
    """Known levels of a category, sorted; code = position, ``len(levels)`` = any other level, NaN = missing."""


def column_kind(values: pd.Series) -> Kind:
    """What a column holds, by its dtype, and for objects by the values themselves."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return "category"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "moment"
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype):
        return "number"
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred in ("boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty"):
        return "number"
    return "moment" if inferred in ("datetime", "datetime64", "date") else "category"


def as_numbers(values: pd.Series) -> np.ndarray:
    """Numbers as float64; durations in days; infinite and unreadable values are missing."""
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        numbers = values.astype("timedelta64[us]").dt.total_seconds().to_numpy(dtype=float, na_value=np.nan) / 86400
    else:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def as_days(values: pd.Series) -> np.ndarray:
    """Moments as days since 1970-01-01 UTC; a moment without a zone is taken as UTC."""
    moments = pd.to_datetime(values, utc=True, errors="coerce")
    return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(dtype=float, na_value=np.nan)


def as_texts(values: pd.Series) -> pd.Series:
    """Levels as text; whole numbers lose their ".0", so that 3 and 3.0 are one level."""
    texts = values.astype(object)
    inferred = pd.api.types.infer_dtype(texts, skipna=True)
    if inferred == "string":
        return texts
    if inferred in ("floating", "mixed-integer-float", "integer"):
        texts = pd.to_numeric(texts).map(lambda number: f"{number:.15g}", na_action="ignore").astype(object)
    return texts.where(texts.isna(), texts.astype(str))


def named_columns(X: Any) -> pd.DataFrame:
    """``X`` as a frame whose column names are unique texts.

    Raises
    ------
    InvalidInput
        If it is no DataFrame, has no row or has a column name twice.
    """
    if not isinstance(X, pd.DataFrame):
        raise InvalidInput(f"X must be a pandas DataFrame, got {type(X).__name__}.")
    if not len(X):
        raise InvalidInput("X must have at least one row, got an empty frame.")
    names = pd.Index([str(name) for name in X.columns])
    if names.has_duplicates:
        raise InvalidInput(f"X has columns of the same name: {sorted(set(names[names.duplicated()]))[:3]}.")
    return X.set_axis(names, axis=1)


@dataclass
class TableEncoder:
    """Remembers the columns of the training table and turns tables into matrices.

    Columns that are constant or wholly missing in training are ignored, and so are columns that were not there.
    """

    columns: list[EncodedColumn] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def fit(self, X: pd.DataFrame) -> "TableEncoder":
        """Learn kinds and levels; unsupervised, in the order of the columns."""
        self.columns, self.ignored = [], []
        for name in X.columns:
            values = X[name]
            kind = column_kind(values)
            levels: tuple[str, ...] = ()
            if kind == "category":
                texts = as_texts(values)
                constant = len(texts.unique()) <= 1
                levels = frequent_levels(texts)
            else:
                numbers = as_numbers(values) if kind == "number" else as_days(values)
                constant = len(np.unique(numbers)) <= 1  # NaN counts as one value
            if constant:
                self.ignored.append(name)
            else:
                self.columns.append(EncodedColumn(name, kind, levels))
        return self

    @property
    def names(self) -> list[str]:
        """Columns that carry information, in matrix order."""
        return [column.name for column in self.columns]

    @property
    def categories(self) -> list[int]:
        """Positions of the categorical columns in the matrix."""
        return [position for position, column in enumerate(self.columns) if column.kind == "category"]

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Matrix of shape (n, k), float64: numbers, days since 1970, level codes; NaN = missing.

        Raises
        ------
        InvalidInput
            If columns of the training table are missing, naming them.
        """
        check_columns(X, self.names)
        matrix = np.full((len(X), len(self.columns)), np.nan)
        types = dict(zip(X.columns, X.dtypes, strict=True))
        # Nearly all columns are plain numbers: taken together, since each costs as much as a thousand rows.
        plain = [
            position
            for position, column in enumerate(self.columns)
            if column.kind == "number" and types[column.name] == np.float64
        ]
        numbers = X[[self.columns[position].name for position in plain]].to_numpy(dtype=float)
        matrix[:, plain] = np.where(np.isfinite(numbers), numbers, np.nan)
        for position in sorted(set(range(len(self.columns))) - set(plain)):
            column = self.columns[position]
            values = X[column.name]
            if column.kind == "category":
                matrix[:, position] = level_codes(as_texts(values), column.levels)
            else:
                matrix[:, position] = as_numbers(values) if column.kind == "number" else as_days(values)
        return matrix

    def to_state(self) -> dict[str, Any]:
        """Everything needed to encode again, as plain JSON values."""
        return {
            "columns": [[column.name, column.kind, list(column.levels)] for column in self.columns],
            "ignored": list(self.ignored),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TableEncoder":
        """The encoder that `to_state` described."""
        columns = [EncodedColumn(name, kind, tuple(levels)) for name, kind, levels in state["columns"]]
        return cls(columns, list(state["ignored"]))


def check_columns(X: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse a table that lacks columns the model was trained on.

    Raises
    ------
    InvalidInput
        Naming the first missing columns and how many there are.
    """
    present = set(X.columns)
    missing = [name for name in names if name not in present]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InvalidInput(
            f"The model expects {len(names)} columns, the table has {len(present)}; missing {missing[:5]}{more}."
        )


def frequent_levels(texts: pd.Series) -> tuple[str, ...]:
    """Levels seen often enough to learn from, sorted by name: at least 10 times (fewer below 500 rows)."""
    counts = texts.value_counts()
    min_count = 10 if len(texts) >= 500 else max(2, len(texts) // 50)
    frequent = counts[counts >= min_count]
    ranked = sorted(frequent.items(), key=_most_frequent_first)
    return tuple(sorted(str(level) for level, _ in ranked[:MAX_LEVELS]))


def _most_frequent_first(item: tuple[Hashable, int]) -> tuple[int, str]:
    return -item[1], str(item[0])


def level_codes(texts: pd.Series, levels: Sequence[str]) -> np.ndarray:
    """Position of each text in ``levels``; ``len(levels)`` for any other, NaN for missing."""
    codes = pd.Categorical(texts, categories=list(levels)).codes.astype(float)
    return np.where(texts.isna().to_numpy(), np.nan, np.where(codes < 0, float(len(levels)), codes))
