"""One page of a list in a total order, and what leads to the next page."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

#: A place in the order: the value sorted by (None: missing) and the key of the last row shown.
Place = tuple[float | None, str]


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
        Numeric column; without it the order is ``key`` alone.
    after : place, optional
        Of the last row shown before; it need not be among ``rows`` any more.
    reverse : bool
        The reverse order, but missing ones still last.
    """
    values = np.full(len(rows), np.nan) if by is None else rows[by].to_numpy(dtype=float, na_value=np.nan)
    keys = rows[key].to_numpy(dtype=object)
    # Negated so that one ascending order serves both; a missing value comes after all.
    ranks = np.where(np.isnan(values), np.inf, values if reverse else -values)
    if after is not None:
        rank = math.inf if after[0] is None else after[0] if reverse else -after[0]
        behind_key = keys < after[1] if reverse else keys > after[1]
        behind = (ranks > rank) | ((ranks == rank) & behind_key)
        rows, values, ranks, keys = rows[behind], values[behind], ranks[behind], keys[behind]
    # Only the rows that can be among the first are sorted by their text.
    likely = np.arange(len(ranks))
    if len(ranks) > limit:
        likely = np.flatnonzero(ranks <= np.partition(ranks, limit - 1)[limit - 1])
    _, places = np.unique(keys[likely].astype(str), return_inverse=True)
    shown = likely[np.lexsort((-places if reverse else places, ranks[likely]))][:limit]
    if len(shown) == len(rows):
        return Page(rows.iloc[shown], None)
    last = shown[-1]
    return Page(rows.iloc[shown], (None if np.isnan(values[last]) else float(values[last]), str(keys[last])))


def json_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries, missing values as None."""
    names = [str(name) for name in frame.columns]
    columns = [_plain(frame.iloc[:, position]) for position in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(values: "pd.Series[Any]") -> list[Any]:
    """Values of a column as Python's own, missing ones as None."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values.tolist()]
    return [None if gone else value for value, gone in zip(plain, values.isna(), strict=True)]
