"""The store's latest scores: saved whole every night, and in part whenever something happens."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from forecast.adapters.store_changes import note_changes, note_whole, owners_of
from forecast.adapters.store_connection import StoreConnection, records
from forecast.adapters.store_tables import latest_scores, listed_scores, score_closings, score_states, score_words
from forecast.ports import ScoreState
from forecast.schema import SCORED_ENTITIES
from forecast.usecases.listed import FACTS, PREVIOUS
from forecast.usecases.search_words import words_of

#: Rows turned into plain values at once: with its reasons a row takes about 7 kB.
_CHUNK = 2_000

#: Ids named in one statement.
_IDS = 500

_LISTED = ["entity", "entity_id", "owner_id", "probability", "grade", *FACTS, *PREVIOUS]


class ScoreRows(StoreConnection):
    """Latest scores, what lists show of them, and the words by which they are found."""

    def save_scores(
        self,
        scores: pd.DataFrame,
        entity: str | None = None,
        *,
        as_of: datetime | None = None,
        batch: int | None = None,
    ) -> bool:
        """Replace the latest scores by these; scores older than those there are left out.

        What `update_scores` scored or took away as of a later moment stays so.

        Parameters
        ----------
        scores : DataFrame
            Columns as `forecast.usecases.score` gives them, of one (as_of, batch), and those of
            `forecast.usecases.listed`, empty where absent.
        entity : {"lead", "opportunity"}, optional
            Replace only the scores of this kind.
        as_of, batch : optional
            What the scores are of; as the rows say by default. Without rows they say when nothing was open.

        Returns
        -------
        bool
            False when the store holds whole scores of a later moment (or batch), and nothing was replaced.
        """
        said = self._said(scores, as_of, batch)
        with self._writing_scores() as con:
            states = {kind: _state(con, kind) for kind in ([entity] if entity else sorted(SCORED_ENTITIES))}
            if any(state and said < (state.whole_as_of, state.whole_batch) for state in states.values()):
                return False
            for kind, state in states.items():
                rows = scores[scores["entity"] == kind]
                rows = rows[~rows["entity_id"].isin(_clear(con, kind, said[0]))]
                _insert(con, rows)
                self._set_state(con, kind, rows, state, said, whole=True)
                note_whole(con, kind, said[0], self.clock.now())
            for table in (latest_scores, listed_scores, score_words):
                con.execute(sa.text(f"ANALYZE {table.name}"))  # else a database may page through the wrong index
        return True

    def update_scores(
        self,
        scores: pd.DataFrame,
        entity: str,
        closed_ids: Collection[str] = (),
        *,
        as_of: datetime | None = None,
        batch: int | None = None,
    ) -> None:
        """Insert or replace just these scores, and take away those of what closed.

        Rows that are there as of a later moment stay. An earlier score that is shown beside a row stays too, unless
        the frame has its own.

        Parameters
        ----------
        scores : DataFrame
            As for `save_scores`, of one kind of entity and one (as_of, batch).
        closed_ids : collection of str
        as_of, batch : optional
            All facts that were known then, and up to this batch, are in the latest scores now; as the rows say by
            default. Name them when there may be no row.
        """
        said = self._said(scores, as_of, batch)
        with self._writing_scores() as con:
            state = _state(con, entity)
            ids = [*scores["entity_id"], *closed_ids]
            newer = _ids_as_of(con, latest_scores, entity, latest_scores.c.as_of > said[0], ids)
            fresh = scores[~scores["entity_id"].isin(newer)]
            closed = sorted(set(closed_ids) - newer)
            if PREVIOUS[0] not in fresh:
                fresh = _with_kept_previous(con, entity, fresh)
            before = owners_of(con, entity, [*fresh["entity_id"], *closed])
            _remove(con, entity, [*fresh["entity_id"], *closed])
            _insert(con, fresh)
            note_changes(con, fresh, entity, before, closed, said[0], self.clock.now())
            if closed:
                rows = [{"entity": entity, "entity_id": one, "as_of": said[0]} for one in closed]
                con.execute(sa.insert(score_closings), rows)
            self._set_state(con, entity, fresh, state, said, whole=False)

    def latest_scores(
        self, entity: str | None = None, owner_ids: Sequence[str] | None = None, *, after: datetime | None = None
    ) -> pd.DataFrame:
        """The scores saved last, likeliest first within each kind of entity: all rows, with all reasons.

        ``after`` leaves out those as of this moment or an earlier one.
        """
        query = sa.select(latest_scores).order_by(
            latest_scores.c.entity, latest_scores.c.probability.desc(), latest_scores.c.entity_id
        )
        if entity is not None:
            query = query.where(latest_scores.c.entity == entity)
        if owner_ids is not None:
            query = query.where(latest_scores.c.owner_id.in_(owner_ids))
        if after is not None:
            query = query.where(latest_scores.c.as_of > after)
        with self._reading() as con:
            return score_frame([dict(row) for row in con.execute(query).mappings()], list(latest_scores.c.keys()))

    def score_state(self, entity: str) -> ScoreState | None:
        """What the latest scores of a kind of entity are of; None when none were ever saved."""
        with self._reading() as con:
            return _state(con, entity)

    def share_below(self, entity: str, probability: float) -> float | None:
        """Share of the latest scores that are lower, those that are equal by half; None when there is none."""
        scored = listed_scores.c.probability
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.case((scored < probability, 1.0), (scored == probability, 0.5))), 0.0),
        ).where(listed_scores.c.entity == entity)
        with self._reading() as con:
            n, below = con.execute(query).one()
        return float(below) / n if n else None

    # Inside

    @contextmanager
    def _writing_scores(self) -> Iterator[Connection]:
        """A transaction that writes scores while nobody else does."""
        with self._writing() as con:
            if con.dialect.name == "postgresql":
                con.execute(sa.text("LOCK TABLE score_states IN SHARE ROW EXCLUSIVE MODE"))
            yield con

    def _said(self, scores: pd.DataFrame, as_of: datetime | None, batch: int | None) -> tuple[datetime, int]:
        """Of which moment and batch scores are."""
        if scores.empty:
            return as_of or self.clock.now(), batch or 0
        first = scores.iloc[0]
        return as_of or first["as_of"].to_pydatetime(), int(first["batch"]) if batch is None else batch

    def _set_state(
        self,
        con: Connection,
        entity: str,
        rows: pd.DataFrame,
        before: ScoreState | None,
        said: tuple[datetime, int],
        *,
        whole: bool,
    ) -> None:
        newest = max(said, (before.as_of, before.batch)) if before else said
        values = {
            "entity": entity,
            "version": before.version + 1 if before else 1,
            "as_of": newest[0],
            "batch": max(said[1], before.batch) if before else said[1],
            "model_version": rows["model_version"].iloc[0] if len(rows) else before and before.model_version,
            "backdated": bool(rows["backdated"].any()) or (before is not None and not whole and before.backdated),
            "whole_as_of": said[0] if whole or before is None else before.whole_as_of,
            "whole_batch": said[1] if whole or before is None else before.whole_batch,
            "saved_at": self.clock.now(),
        }
        if before is None:
            con.execute(sa.insert(score_states).values(values))
        else:
            con.execute(sa.update(score_states).where(score_states.c.entity == entity).values(values))


def score_frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Stored rows in the columns of scores: the horizons, which are settings, each in its own."""
    at = columns.index("within")
    within = list(rows[0]["within"]) if rows else []
    frame = pd.DataFrame([row | row["within"] for row in rows], columns=columns[:at] + within + columns[at + 1 :])
    frame["as_of"] = pd.to_datetime(frame["as_of"], utc=True).dt.as_unit("us")
    return frame


def _state(con: Connection, entity: str) -> ScoreState | None:
    row = con.execute(sa.select(score_states).where(score_states.c.entity == entity)).mappings().first()
    return None if row is None else ScoreState(**row)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _IDS] for start in range(0, len(ids), _IDS))


def _ids_as_of(
    con: Connection, table: sa.Table, entity: str, condition: sa.ColumnElement[bool], ids: Sequence[str]
) -> set[str]:
    """Which of these ids have a row for which a condition holds."""
    query = sa.select(table.c.entity_id).where(table.c.entity == entity, condition)
    return {one for chunk in _chunks(ids) for one in con.scalars(query.where(table.c.entity_id.in_(chunk)))}


def _clear(con: Connection, entity: str, as_of: datetime) -> set[str]:
    """Take away all scores of a kind that are not of a later moment; gives the ids that are, or closed later."""
    for table in (latest_scores, score_closings):
        con.execute(sa.delete(table).where(table.c.entity == entity, table.c.as_of <= as_of))
    later = sa.select(latest_scores.c.entity_id).where(latest_scores.c.entity == entity)
    for table in (listed_scores, score_words):
        con.execute(sa.delete(table).where(table.c.entity == entity, table.c.entity_id.not_in(later)))
    closed = sa.select(score_closings.c.entity_id).where(score_closings.c.entity == entity)
    return {*con.scalars(later), *con.scalars(closed)}


def _remove(con: Connection, entity: str, ids: Sequence[str]) -> None:
    """Take away every trace of some ids."""
    listed = sa.select(listed_scores.c.entity_id, listed_scores.c.words).where(listed_scores.c.entity == entity)
    for chunk in _chunks(ids):
        found = con.execute(listed.where(listed_scores.c.entity_id.in_(chunk))).all()
        gone = [{"gone_id": one, "gone": word} for one, words in found for word in words.split()]
        if gone:
            same = (score_words.c.word == sa.bindparam("gone")) & (score_words.c.entity_id == sa.bindparam("gone_id"))
            con.execute(sa.delete(score_words).where(score_words.c.entity == entity, same), gone)
        for table in (latest_scores, listed_scores, score_closings):
            con.execute(sa.delete(table).where(table.c.entity == entity, table.c.entity_id.in_(chunk)))


def _insert(con: Connection, scores: pd.DataFrame) -> None:
    """Add rows to the three tables."""
    own = [column.name for column in latest_scores.c if column.name != "within"]
    within = [str(name) for name in scores.columns if name.startswith("p_")]
    for start in range(0, len(scores), _CHUNK):
        chunk = scores.iloc[start : start + _CHUNK]
        wide = records(chunk.reindex(columns=[*own, *within]))
        split = [{name: row[name] for name in own} | {"within": {name: row[name] for name in within}} for row in wide]
        con.execute(sa.insert(latest_scores), split)
        listed = [_listed(row) for row in records(chunk.reindex(columns=_LISTED))]
        con.execute(sa.insert(listed_scores), listed)
        words = [
            {"entity": row["entity"], "word": word, "entity_id": row["entity_id"]}
            for row in listed
            for word in row["words"].split()
        ]
        if words:
            con.execute(sa.insert(score_words), words)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    before = row["previous_probability"]
    words = words_of(row["entity_id"], row["title"], row["account_name"], row["stage"])
    return row | {
        "change": None if before is None else round(row["probability"] - before, 9),
        "words": f" {' '.join(words)} ",
    }


def _with_kept_previous(con: Connection, entity: str, scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with the earlier ones that are stored beside them."""
    query = sa.select(*(listed_scores.c[name] for name in ("entity_id", *PREVIOUS))).where(
        listed_scores.c.entity == entity
    )
    ids = list(scores["entity_id"])
    rows = [row for chunk in _chunks(ids) for row in con.execute(query.where(listed_scores.c.entity_id.in_(chunk)))]
    kept = pd.DataFrame([tuple(row) for row in rows], columns=["entity_id", *PREVIOUS], dtype=object)
    return scores.merge(kept, on="entity_id", how="left")
