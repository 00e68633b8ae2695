"""One page of a list in a total order, and what leads to the next page."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

#: A place in the order: the value sorted by (None: missing) and the key of the last row shown.
Place = tuple[float | str | None, str]


@dataclass(frozen=True)
class Page:
    """Some rows of a list; ``end`` is the place after which the next page starts, None on the last one."""

    rows: pd.DataFrame
    end: Place | None


def query_text(**asked: Any) -> str:
    """What a query asks for as text that its cursors are tied to: everything but the page and its size."""
    return json.dumps(asked, sort_keys=True)


def page(
    rows: pd.DataFrame,
    *,
    by: str | None,
    key: str,
    limit: int,
    after: Place | None = None,
    reverse: bool = False,
) -> Page:
    """The ``limit`` rows after a place, highest ``by`` first, missing ones last, ties by ``key``.

    Parameters
    ----------
    rows : DataFrame
        ``key`` is unique and text; in any order.
    by : str, optional
        Column of numbers, moments or text; without it the order is ``key`` alone.
    after : place, optional
        Of the last row shown before; it need not be among ``rows`` any more.
    reverse : bool
        The reverse order, but missing ones still last.
    """
    sorted_by = None if by is None else comparable(rows[by])
    values, place = _numbers(sorted_by, len(rows), None if after is None else after[0])
    keys = rows[key].to_numpy(dtype=object)
    # Negated so that one ascending order serves both; a missing value comes after all.
    ranks = np.where(np.isnan(values), np.inf, values if reverse else -values)
    if after is not None:
        rank = math.inf if place is None else place if reverse else -place
        behind_key = keys < after[1] if reverse else keys > after[1]
        behind = (ranks > rank) | ((ranks == rank) & behind_key)
        rows, ranks, keys = rows[behind], ranks[behind], keys[behind]
        sorted_by = None if sorted_by is None else sorted_by[behind]
    # Only the rows that can be among the first are sorted by their text.
    likely = np.arange(len(ranks))
    if len(ranks) > limit:
        likely = np.flatnonzero(ranks <= np.partition(ranks, limit - 1)[limit - 1])
    _, places = np.unique(keys[likely].astype(str), return_inverse=True)
    shown = likely[np.lexsort((-places if reverse else places, ranks[likely]))][:limit]
    if len(shown) == len(rows):
        return Page(rows.iloc[shown], None)
    last = shown[-1]
    value = None if sorted_by is None or pd.isna(sorted_by.iloc[last]) else sorted_by.iloc[last]
    return Page(rows.iloc[shown], (value if value is None or isinstance(value, str) else float(value), str(keys[last])))


def comparable(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """The values of a column as numbers, where they are numbers or moments (in microseconds), else as text."""
    if is_datetime64_any_dtype(values):
        return ((values - pd.Timestamp(0, tz=values.dt.tz)) / pd.Timedelta(microseconds=1)).astype(float)
    if is_numeric_dtype(values):
        return values.astype(float) if is_bool_dtype(values) else values
    if infer_dtype(values, skipna=True) in ("decimal", "floating", "integer", "mixed-integer-float"):
        return values.astype(float)
    return values.astype(object).map(str, na_action="ignore")


def _numbers(
    values: "pd.Series[Any] | None", n_rows: int, place: float | str | None
) -> tuple[npt.NDArray[np.float64], float | None]:
    """Values and a place among them as numbers of the same order; of text, its rank among all that there is."""
    if values is None:
        return np.full(n_rows, np.nan), None
    if is_numeric_dtype(values):
        return values.to_numpy(dtype=float, na_value=np.nan), None if place is None else float(place)
    known = sorted({*values.dropna(), *([] if place is None else [str(place)])})
    ranks = {text: float(rank) for rank, text in enumerate(known)}
    return values.map(ranks).to_numpy(dtype=float), None if place is None else ranks[str(place)]


def json_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries, missing values as None."""
    names = [str(name) for name in frame.columns]
    columns = [_plain(frame.iloc[:, position]) for position in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(values: "pd.Series[Any]") -> list[Any]:
    """Values of a column as Python's own, missing ones as None."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values.tolist()]
    return [None if gone else value for value, gone in zip(plain, values.isna(), strict=True)]
