"""What changed among the latest scores, in order, so that open pages follow; and events that could not be stored."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from forecast.adapters.store_connection import StoreConnection
from forecast.adapters.store_tables import dead_events, listed_scores, score_changes
from forecast.ports import DeadEvent, ScoreChange, ScoreChanges

#: Changes are kept for so long; a page that slept longer loads everything anew.
KEPT = timedelta(days=3)

#: Ids named in one statement.
_IDS = 500


class ChangeRows(StoreConnection):
    """The numbered changes of the latest scores, and the dead letters of events."""

    def score_changes(
        self, since: int, *, owner_ids: Collection[str] | None = None, limit: int = 1_000
    ) -> ScoreChanges:
        """What changed after change number ``since``, oldest first.

        Parameters
        ----------
        since : int
            The ``until`` of the answer before; 0 at first.
        owner_ids : collection of str, optional
            Only rows of these owners; by default all, also those of nobody.

        Returns
        -------
        ScoreChanges
            ``until`` counts changes of rows that are not told, too: it says nothing of whose they are.
        """
        with self._reading() as con:
            first, last = con.execute(sa.select(sa.func.min(score_changes.c.number), _last_number())).one()
            query = sa.select(score_changes).where(
                score_changes.c.number > since, score_changes.c.number <= (last or 0)
            )
            if owner_ids is not None:
                mine = score_changes.c.owner_id.in_(sorted(owner_ids))
                query = query.where(mine | (score_changes.c.what == "all"))
            rows = con.execute(query.order_by(score_changes.c.number).limit(limit + 1)).mappings().all()
        if last is None:
            return ScoreChanges(0, since != 0, ())
        # A number that was never given, or whose successors are no longer kept, tells nothing.
        lost = since > last or (first is not None and since and since < first - 1)
        if lost or len(rows) > limit or any(row["what"] == "all" for row in rows):
            return ScoreChanges(last, True, ())
        told = {(row["entity"], row["entity_id"]): row for row in rows}  # the last word on each
        return ScoreChanges(last, False, tuple(_change(row) for row in told.values()))

    def last_change(self) -> int:
        """Number of the last change; 0 when there was none."""
        with self._reading() as con:
            return con.scalar(sa.select(_last_number())) or 0

    def probabilities(self, entity: str) -> NDArray[np.float64]:
        """The probabilities of the latest scores of a kind, ascending."""
        query = sa.select(listed_scores.c.probability).where(listed_scores.c.entity == entity)
        with self._reading() as con:
            return np.sort(np.fromiter(con.scalars(query), dtype=np.float64))

    def bury_events(self, dead: Sequence[DeadEvent]) -> None:
        """Keep events that could not be stored, each once, with the last reason."""
        with self._writing() as con:
            for event in dead:
                con.execute(sa.delete(dead_events).where(dead_events.c.event_id == event.event_id))
                row = vars(event) | {"content": json.dumps(dict(event.content), ensure_ascii=False)}
                con.execute(sa.insert(dead_events).values(row))

    def dead_events(
        self,
        event_ids: Collection[str] | None = None,
        *,
        tables: Collection[str] = (),
        after: tuple[datetime, str] | None = None,
        newest_first: bool = False,
        limit: int = 1_000,
    ) -> list[DeadEvent]:
        """Events that could not be stored, oldest failure first; of these ids and tables when given.

        Parameters
        ----------
        event_ids, tables : collection of str, optional
        after : datetime and str, optional
            When the last event of the page before failed, and its id.
        newest_first : bool
            The latest failure first.
        limit : int
        """
        failed_at, event_id = dead_events.c.failed_at, dead_events.c.event_id
        order = (failed_at.desc(), event_id.desc()) if newest_first else (failed_at, event_id)
        query = sa.select(dead_events).order_by(*order).limit(limit)
        if event_ids is not None:
            query = query.where(event_id.in_(sorted(event_ids)))
        if tables:
            query = query.where(dead_events.c.table_name.in_(sorted(tables)))
        if after is not None:
            at, behind = after
            later, same = (failed_at < at, event_id < behind) if newest_first else (failed_at > at, event_id > behind)
            query = query.where(later | ((failed_at == at) & same))
        with self._reading() as con:
            rows = con.execute(query).mappings()
            return [DeadEvent(**dict(row) | {"content": json.loads(row["content"])}) for row in rows]

    def count_dead_events(self) -> int:
        """How many events could not be stored."""
        with self._reading() as con:
            return con.scalar(sa.select(sa.func.count()).select_from(dead_events)) or 0

    def revive_events(self, event_ids: Collection[str]) -> None:
        """Forget that these events could not be stored: they are in the queue again."""
        with self._writing() as con:
            con.execute(sa.delete(dead_events).where(dead_events.c.event_id.in_(sorted(event_ids))))


def owners_of(con: Connection, entity: str, ids: Sequence[str]) -> dict[str, str | None]:
    """Whose rows of the latest scores these are, before they change."""
    query = sa.select(listed_scores.c.entity_id, listed_scores.c.owner_id).where(listed_scores.c.entity == entity)
    owners: dict[str, str | None] = {}
    for start in range(0, len(ids), _IDS):
        chunk = query.where(listed_scores.c.entity_id.in_(ids[start : start + _IDS]))
        owners |= {row.entity_id: row.owner_id for row in con.execute(chunk)}
    return owners


def note_changes(
    con: Connection,
    scores: pd.DataFrame,
    entity: str,
    owners_before: Mapping[str, str | None],
    closed_ids: Collection[str],
    as_of: datetime,
    now: datetime,
) -> None:
    """Number what an update changed: ``scored`` for its owner, ``gone`` for who no longer has it."""
    rows = [(one, owner, "scored") for one, owner in zip(scores["entity_id"], _texts(scores["owner_id"]), strict=True)]
    now_of = {one: owner for one, owner, _ in rows}
    gone = [(one, owner, "gone") for one, owner in owners_before.items() if one in closed_ids]
    gone += [(one, owner, "gone") for one, owner in owners_before.items() if now_of.get(one, owner) != owner]
    names = ("entity_id", "owner_id", "what")
    common = {"entity": entity, "as_of": as_of, "at": now}
    changed = [dict(zip(names, row, strict=True)) | common for row in gone + rows]  # the new owner has the last word
    if changed:
        con.execute(sa.insert(score_changes), changed)


def note_whole(con: Connection, entity: str, as_of: datetime, now: datetime) -> None:
    """Number that all scores of a kind were replaced, and forget what nobody asks for any more."""
    con.execute(sa.delete(score_changes).where(score_changes.c.at < now - KEPT))
    con.execute(sa.insert(score_changes).values(entity=entity, what="all", as_of=as_of, at=now))


def _last_number() -> sa.ColumnElement[int]:
    return sa.func.max(score_changes.c.number)


def _change(row: sa.RowMapping) -> ScoreChange:
    return ScoreChange(**{name: row[name] for name in ScoreChange.__dataclass_fields__})


def _texts(owners: "pd.Series[Any]") -> list[str | None]:
    return [None if pd.isna(owner) else str(owner) for owner in owners]
