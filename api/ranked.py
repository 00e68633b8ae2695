"""A page of a ranked list: of the latest scores as the store keeps them, or of scores computed for a moment."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd

from api.ranking import page
from forecast.usecases.ranked import SORT_COLUMNS, RankedFilter, RankedPlace, Sort
from forecast.usecases.search_words import asked_words, words_of

#: A page that holds every row.
ALL = 2**31


@dataclass(frozen=True)
class Ranking:
    """What a list is asked for, beside the rights of who asks."""

    owner_id: str | None = None
    team_id: str | None = None  # with its sub-teams
    where: RankedFilter = field(default_factory=RankedFilter)
    search: str | None = None
    sort: Sort = "probability"
    descending: bool = True
    limit: int = 50


@dataclass(frozen=True)
class RankedList:
    """Some rows of a list and the identity of its numbers.

    Attributes
    ----------
    as_of, batch : datetime, int
        Of the newest score; each row has its own too.
    stale : bool
        Whether batches arrived that are not in the scores yet.
    latest : bool
        Whether the rows are those of the store.
    rows : DataFrame
        The columns of `Workspace.score`, `listed.FACTS`, `listed.PREVIOUS` and ``change``.
    end : RankedPlace, optional
        After which the next page starts; None on the last one.
    """

    as_of: datetime
    batch: int
    model_version: str | None
    backdated: bool
    stale: bool
    latest: bool
    rows: pd.DataFrame
    end: RankedPlace | None


def end_of(rows: pd.DataFrame, sort: Sort) -> RankedPlace:
    """The place of the last of some rows."""
    last = rows.iloc[-1]
    value = last[SORT_COLUMNS[sort]]
    if pd.isna(value):
        return RankedPlace(None, str(last["entity_id"]))
    return RankedPlace(value if isinstance(value, date) else float(value), str(last["entity_id"]))


def computed_page(
    rows: pd.DataFrame, asked: Ranking, after: RankedPlace | None
) -> tuple[pd.DataFrame, RankedPlace | None]:
    """The same page of scores that are in memory as `ranked_scores` gives of those in the store."""
    rows = _found(_kept(rows, asked.where), asked.search)
    column = SORT_COLUMNS[asked.sort]
    place = None if after is None else (_number(after.value), after.entity_id)
    numbers = rows[column].map(_number) if column == "expected_close_date" else rows[column]
    shown = page(
        rows.assign(_rank=numbers.astype(float)),
        by="_rank",
        key="entity_id",
        limit=asked.limit,
        after=place,
        reverse=not asked.descending,
    )
    found = shown.rows.drop(columns="_rank")
    return found, None if shown.end is None else end_of(found, asked.sort)


def _number(value: Any) -> float | None:
    """A value by which rows are ranked as a number: of a day, how many there were."""
    if value is None or pd.isna(value):
        return None
    return float(value.toordinal() if isinstance(value, date) else value)


def _kept(rows: pd.DataFrame, where: RankedFilter) -> pd.DataFrame:
    for name, values in (("stage", where.stages), ("grade", where.grades)):
        rows = rows[rows[name].isin(values)] if values else rows
    for name, low in (("probability", where.min_probability), ("amount_reporting", where.min_amount)):
        rows = rows if low is None else rows[rows[name] >= low]
    rows = rows if where.max_amount is None else rows[rows["amount_reporting"] <= where.max_amount]
    rows = _between(rows, pd.to_datetime(rows["expected_close_date"]), where.closes_from, where.closes_before)
    return _between(rows, rows["created_at"], where.created_from, where.created_before)


def _between(
    rows: pd.DataFrame, values: "pd.Series[Any]", low: date | datetime | None, end: date | datetime | None
) -> pd.DataFrame:
    """The rows whose value is neither before ``low`` nor from ``end`` on."""
    kept = pd.Series(True, index=rows.index)
    kept &= True if low is None else values >= pd.Timestamp(low)
    kept &= True if end is None else values < pd.Timestamp(end)
    return rows[kept]


def _found(rows: pd.DataFrame, search: str | None) -> pd.DataFrame:
    if not search:
        return rows
    asked = asked_words(search)
    texts = rows[["entity_id", "title", "account_name", "stage"]].astype(object).fillna("")
    words = [words_of(*row) for row in texts.itertuples(index=False)]
    hits = [
        bool(asked)
        and all(any(one == word.text if word.whole else one.startswith(word.text) for one in own) for word in asked)
        for own in words
    ]
    return rows[pd.Series(hits, index=rows.index, dtype=bool)]
