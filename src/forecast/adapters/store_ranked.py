"""One page of the latest scores in any order: read through indexes, so that its cost does not grow with the list."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forecast.adapters.store_scores import ScoreRows, score_frame
from forecast.adapters.store_tables import latest_scores, listed_scores, score_words
from forecast.usecases.listed import FACTS, PREVIOUS
from forecast.usecases.ranked import SORT_COLUMNS, RankedFilter, RankedPlace, Sort
from forecast.usecases.search_words import AskedWord, asked_words

#: So many owners are read one by one, each in order, and merged; of more, everybody's rows are gone through in order.
_MERGED_OWNERS = 60

#: So few rows with a searched word are sorted; of more, rows are gone through in order until enough have the word.
_FEW_HITS = 500

_LAST = "\U0010ffff"  # no text that begins with a word is behind the word with this

_SHOWN = [*FACTS, *PREVIOUS, "change"]

Conditions = list[sa.ColumnElement[bool]]


@dataclass(frozen=True)
class _Stretch:
    """A part of the list in which one index gives the order: ``conditions`` say where it begins and ends."""

    conditions: Conditions
    value: sa.ColumnElement[Any]
    descending: bool
    by_value: bool = True  # else all of its rows have the same value

    def order(self, value: sa.ColumnElement[Any], key: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
        """The order of rows with this value and id."""
        by_id = key.asc() if self.descending else key.desc()
        by_value = value.desc() if self.descending else value.asc()
        return [by_value, by_id] if self.by_value else [by_id]


class RankedRows(ScoreRows):
    """Pages of the latest scores."""

    def ranked_scores(
        self,
        entity: str,
        *,
        owner_ids: Collection[str] | None = None,
        where: RankedFilter | None = None,
        search: str | None = None,
        sort: Sort = "probability",
        descending: bool = True,
        after: RankedPlace | None = None,
        limit: int = 50,
    ) -> pd.DataFrame:
        """The next rows of a list: missing values last; ties by id, in the reverse order when ascending.

        Parameters
        ----------
        entity : {"lead", "opportunity"}
        owner_ids : collection of str, optional
            Only rows of these owners; all rows, also of nobody, without.
        where : RankedFilter, optional
        search : str, optional
            Rows that have all of its words in id, title, account or stage; by the beginning of each word.
        sort : str
            One of `SORT_COLUMNS`.
        descending : bool
        after : RankedPlace, optional
            Of the last row shown before; it need not be there any more.
        limit : int

        Returns
        -------
        DataFrame
            At most ``limit`` rows with the columns of `latest_scores` and what lists show beside them.
        """
        words = asked_words(search or "")
        if (owner_ids is not None and not owner_ids) or (search and not words):
            return self._rows(entity, [])
        column = listed_scores.c[SORT_COLUMNS[sort]]
        asked = [listed_scores.c.entity == entity, *_conditions(where or RankedFilter())]
        with self._reading() as con:
            few = _few_hits(con, entity, words)
            asked += [_has(word) for word in words] if few is None else [listed_scores.c.entity_id.in_(few)]
            ids: list[str] = []
            for stretch in _stretches(column, descending, after):
                ids += con.scalars(_ordered(stretch, asked, owner_ids, limit - len(ids))).all()
                if len(ids) == limit:
                    break
        return self._rows(entity, ids)

    def score_parts(
        self,
        entity: str,
        *,
        owner_ids: Collection[str] | None = None,
        where: RankedFilter | None = None,
        search: str | None = None,
        size: int = 1_000,
    ) -> Iterator[pd.DataFrame]:
        """All rows of a list, as in `ranked_scores`, part after part by id: a row that changes meanwhile comes once."""
        words = asked_words(search or "")
        if (owner_ids is not None and not owner_ids) or (search and not words):
            return
        key = listed_scores.c.entity_id
        asked = [
            listed_scores.c.entity == entity,
            *_conditions(where or RankedFilter()),
            *(_has(word) for word in words),
        ]
        asked += [] if owner_ids is None else [listed_scores.c.owner_id.in_(sorted(owner_ids))]
        last = ""
        while True:
            with self._reading() as con:
                ids = con.scalars(sa.select(key).where(*asked, key > last).order_by(key).limit(size)).all()
            if not ids:
                return
            yield self._rows(entity, ids)
            last = ids[-1]

    def score_row(self, entity: str, entity_id: str) -> pd.DataFrame:
        """The one row of an entity, as in `ranked_scores`; empty when it has no latest score."""
        return self._rows(entity, [entity_id])

    def listed_stages(self, entity: str) -> list[str]:
        """The stages that latest scores have, sorted."""
        query = sa.select(listed_scores.c.stage).where(listed_scores.c.entity == entity).distinct()
        with self._reading() as con:
            return sorted(stage for stage in con.scalars(query) if stage)

    def _rows(self, entity: str, ids: Sequence[str]) -> pd.DataFrame:
        """Whole rows of some ids, in their order."""
        shown = [listed_scores.c[name] for name in _SHOWN]
        query = (
            sa.select(latest_scores, *shown)
            .join(
                listed_scores,
                (listed_scores.c.entity == latest_scores.c.entity)
                & (listed_scores.c.entity_id == latest_scores.c.entity_id),
            )
            .where(latest_scores.c.entity == entity, latest_scores.c.entity_id.in_(ids))
        )
        with self._reading() as con:
            found = {row["entity_id"]: dict(row) for row in con.execute(query).mappings()} if ids else {}
        frame = score_frame([found[one] for one in ids if one in found], [*latest_scores.c.keys(), *_SHOWN])
        moments = {name: pd.to_datetime(frame[name], utc=True) for name in ("created_at", "previous_as_of")}
        return frame.assign(**moments)


def _conditions(where: RankedFilter) -> Conditions:
    c = listed_scores.c
    found: Conditions = []
    for column, values in ((c.stage, where.stages), (c.grade, where.grades)):
        found += [column.in_(values)] if values else []
    for column, low in (
        (c.probability, where.min_probability),
        (c.amount_reporting, where.min_amount),
        (c.expected_close_date, where.closes_from),
        (c.created_at, where.created_from),
    ):
        found += [column >= low] if low is not None else []
    for column, end in ((c.expected_close_date, where.closes_before), (c.created_at, where.created_before)):
        found += [column < end] if end is not None else []
    return found + ([c.amount_reporting <= where.max_amount] if where.max_amount is not None else [])


def _stretches(column: sa.Column[Any], descending: bool, after: RankedPlace | None) -> Iterator[_Stretch]:
    """The rest of the list in the order of an index: rows that tie with the last one, those behind, missing values."""
    key = listed_scores.c.entity_id
    missing: Conditions = [column.is_(None)]
    if after is None:
        yield _Stretch([column.is_not(None)], column, descending)
    else:
        behind_id = key > after.entity_id if descending else key < after.entity_id
        if after.value is None:
            missing.append(behind_id)
        else:
            yield _Stretch([column == after.value, behind_id], column, descending, by_value=False)
            yield _Stretch([column < after.value if descending else column > after.value], column, descending)
    if column.nullable:  # else a database would look for what cannot be there in every row
        yield _Stretch(missing, column, descending, by_value=False)


def _ordered(stretch: _Stretch, asked: Conditions, owner_ids: Collection[str] | None, limit: int) -> sa.Select[Any]:
    """Ids of the first rows of a stretch."""
    key, owner = listed_scores.c.entity_id, listed_scores.c.owner_id
    conditions = [*asked, *stretch.conditions]
    if owner_ids is None or len(owner_ids) > _MERGED_OWNERS:
        whose = [] if owner_ids is None else [owner.in_(sorted(owner_ids))]
        return sa.select(key).where(*conditions, *whose).order_by(*stretch.order(stretch.value, key)).limit(limit)
    first = sa.select(key, stretch.value.label("value")).order_by(*stretch.order(stretch.value, key)).limit(limit)
    parts = [sa.select(first.where(*conditions, owner == one).subquery()) for one in sorted(owner_ids)]
    merged = sa.union_all(*parts).subquery()
    return sa.select(merged.c.entity_id).order_by(*stretch.order(merged.c.value, merged.c.entity_id)).limit(limit)


def _matches(word: AskedWord) -> sa.ColumnElement[bool]:
    if word.whole:
        return score_words.c.word == word.text
    return (score_words.c.word >= word.text) & (score_words.c.word < word.text + _LAST)


def _has(word: AskedWord) -> sa.ColumnElement[bool]:
    """Whether a row has a word, from the row alone."""
    return listed_scores.c.words.contains(f" {word.text} " if word.whole else f" {word.text}", autoescape=True)


def _few_hits(con: Connection, entity: str, words: Sequence[AskedWord]) -> list[str] | None:
    """Ids of the rows with all words, where one word is in few rows; None where every word is in many."""
    for word in words:
        query = sa.select(score_words.c.entity_id).distinct().where(score_words.c.entity == entity, _matches(word))
        hits = con.scalars(query.limit(_FEW_HITS + 1)).all()
        if len(hits) <= _FEW_HITS:
            rest = [_has(other) for other in words if other != word]
            found = sa.select(listed_scores.c.entity_id).where(
                listed_scores.c.entity == entity, listed_scores.c.entity_id.in_(hits), *rest
            )
            return list(con.scalars(found))
    return None
