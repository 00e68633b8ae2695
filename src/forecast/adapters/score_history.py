"""Every score ever given, so that it can be compared with what happened. Outside the batches: scores are no facts."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection

from forecast.adapters import delta
from forecast.adapters.delta import relation, stored_form
from forecast.adapters.lease import lease
from forecast.errors import InvalidInput
from forecast.history import cursor_of, naive_utc, open_connection
from forecast.ports import Clock
from forecast.schema import Kind

#: Rows of one part of a stream; with its reasons a row takes about 7 kB.
_STREAMED_ROWS = 2_000

#: What one score is about and where it comes from; a second one is the same score.
KEY = ("as_of", "model_version", "batch", "entity", "entity_id")

_KINDS = {
    "entity": Kind.TEXT,
    "entity_id": Kind.TEXT,
    "owner_id": Kind.TEXT,
    "as_of": Kind.TIMESTAMP,
    "batch": Kind.INTEGER,
    "model_version": Kind.TEXT,
    **dict.fromkeys(("predicted_close_date", "predicted_close_low", "predicted_close_high"), Kind.DATE),
    "grade": Kind.TEXT,
    "reasons": Kind.TEXT,  # JSON
    "backdated": Kind.INTEGER,  # 0 or 1
}


class ScoreHistory:
    """Score history in one Delta table.

    Parameters
    ----------
    folder : path
        Made at the first append.
    clock : Clock
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._newest: int | None = None
        self._database: DuckDBPyConnection | None = None

    def append(self, scores: pd.DataFrame) -> None:
        """Add scores; those that are there already under the same `KEY` are left as they are.

        Parameters
        ----------
        scores : DataFrame
            Columns of an exported score file; ``reasons`` as lists or JSON text. Columns other than the known ones must
            be numbers.

        Raises
        ------
        InvalidInput
            If a column of `KEY` is missing.
        """
        missing = [name for name in KEY if name not in scores]
        if missing:
            raise InvalidInput(f"Scores are missing columns {missing}; there are {list(scores.columns)}.")
        if scores.empty:
            return
        with self._lease("saving scores"), self._cursor() as con:
            con.register("_scores", _stored(con, scores))
            # Scores of other moments cannot be the same; files that hold none of these moments are not even opened.
            moments = scores["as_of"].dt.tz_convert("UTC")
            asked = [f"TIMESTAMPTZ '{moment:%Y-%m-%d %H:%M:%S.%f}+00'" for moment in (moments.min(), moments.max())]
            rows = self._rows(where=f"as_of BETWEEN {' AND '.join(asked)}")
            con.execute(f"CREATE TEMP TABLE _known AS SELECT {', '.join(KEY)} FROM {rows}")
            new = con.sql(f"FROM _scores ANTI JOIN _known USING ({', '.join(KEY)})").to_arrow_table()
            if new.num_rows:
                before = self._version()
                delta.append(con, self._folder, new, _kinds(new.column_names), evolve=True)
                delta.persist(self._folder, before, delta.version_of(self._folder, before))

    def _cursor(self) -> DuckDBPyConnection:
        """A connection of its own: a database takes longer to make than a few scores to save."""
        self._database = self._database or open_connection()
        return cursor_of(self._database)

    def read(
        self,
        *,
        entity: str | None = None,
        entity_id: str | None = None,
        as_of: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str] = ("*",),
    ) -> pd.DataFrame:
        """Scores given, sorted by `KEY`.

        Parameters
        ----------
        entity, entity_id : str, optional
            Only these.
        as_of : datetime, optional
            Only scores as of this moment.
        until : datetime, optional
            Only scores as of this moment or before.
        columns : sequence of str
            Which, beside ``as_of``: reasons take nearly all of the room. All by default.

        Returns
        -------
        DataFrame
            Columns as appended; ``reasons`` as JSON text.
        """
        asked: dict[str, Any] = {"entity =": entity, "entity_id =": entity_id}
        asked |= {"as_of =": as_of and naive_utc(as_of), "as_of <=": until and naive_utc(until)}
        asked = {name: value for name, value in asked.items() if value is not None}
        where = " AND ".join(["true", *(f"{name} ?" for name in asked)])
        with open_connection() as con:
            query = f"SELECT {', '.join(columns)} FROM {self._rows()} WHERE {where} ORDER BY {', '.join(KEY)}"
            frame: pd.DataFrame = con.sql(query, params=list(asked.values())).to_arrow_table().to_pandas()
        frame["as_of"] = frame["as_of"].astype("datetime64[us]").dt.tz_localize("UTC")
        return frame.astype({"backdated": "boolean"}) if "backdated" in frame else frame

    def last(self, entity: str, model_version: str, since: datetime, until: datetime) -> pd.DataFrame:
        """Of each entity of a kind the last score that a model gave.

        Parameters
        ----------
        since, until : datetime
            Only of scores as of these moments or between them.

        Returns
        -------
        DataFrame
            entity_id, probability and as_of, sorted by entity_id.
        """
        if not delta.exists(self._folder):
            return pd.DataFrame({"entity_id": pd.Series(dtype=object), "probability": [], "as_of": []})
        with open_connection() as con:
            frame: pd.DataFrame = con.sql(
                "SELECT entity_id, arg_max(probability, (as_of, batch)) AS probability, max(as_of) AS as_of "
                f"FROM {self._rows()} WHERE entity = ? AND model_version = ? AND as_of BETWEEN ? AND ? "
                "GROUP BY entity_id ORDER BY entity_id",
                params=[entity, model_version, naive_utc(since), naive_utc(until)],
            ).df()
        return frame.assign(as_of=frame["as_of"].astype("datetime64[us]").dt.tz_localize("UTC"))

    def stream(
        self,
        *,
        entity: str | None = None,
        owner_ids: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Scores given, part after part, in the order in which they are stored.

        Parameters
        ----------
        entity : str, optional
        owner_ids : collection of str, optional
            Only of cases that these owned when the score was given; all, also of nobody, without.
        since, until : datetime, optional
            Only as of these moments or between them.
        """
        asked: dict[str, Any] = {
            "entity = ?": entity,
            "as_of >= ?": since and naive_utc(since),
            "as_of <= ?": until and naive_utc(until),
            "list_contains(?, owner_id)": None if owner_ids is None else sorted(owner_ids),
        }
        asked = {condition: value for condition, value in asked.items() if value is not None}
        where = " AND ".join(["true", *asked])
        con = open_connection()
        con.execute("SET threads = 1")  # else every thread holds a part, and the order of parts may change
        query = f"SELECT * REPLACE (CAST(as_of AS TIMESTAMPTZ) AS as_of) FROM {self._rows()} WHERE {where}"
        reader: pa.RecordBatchReader = con.sql(query, params=list(asked.values())).to_arrow_reader(_STREAMED_ROWS)

        def parts() -> Iterator[pa.RecordBatch]:
            with con:
                yield from reader

        return reader.schema, parts()

    def n_small_files(self) -> int:
        """How many files wait to be merged."""
        version = self._version()
        return 0 if version is None else delta.n_small(delta.files_of(self._folder, version))

    def first_of_months(self, entity: str, column: str, until: datetime) -> pd.DataFrame:
        """Of each entity of a kind the first score of every calendar month (UTC), those that are backdated left out.

        Parameters
        ----------
        column : str
            Which probability.
        until : datetime
            Only of scores as of this moment or before.

        Returns
        -------
        DataFrame
            entity_id, as_of, model_version and probability, sorted by as_of and entity_id.
        """
        columns = ["entity_id", "as_of", "model_version", "probability"]
        version = self._version()
        if version is None or column not in delta.columns_in(self._folder, version):
            return pd.DataFrame(columns=columns)
        known = f"{delta.sql_name(column)} IS NOT NULL"
        of_month = "row_number() OVER (PARTITION BY entity_id, date_trunc('month', as_of) ORDER BY as_of, batch)"
        with open_connection() as con:
            frame: pd.DataFrame = con.sql(
                f"SELECT entity_id, as_of, model_version, {delta.sql_name(column)} AS probability FROM {self._rows()} "
                f"WHERE entity = ? AND as_of <= ? AND coalesce(backdated, 0) = 0 AND {known} "
                f"QUALIFY {of_month} = 1 ORDER BY as_of, entity_id",
                params=[entity, naive_utc(until)],
            ).df()
        return frame.assign(as_of=frame["as_of"].astype("datetime64[us]").dt.tz_localize("UTC"))

    def compact(self) -> None:
        """Merge small files. Changes no answer."""
        with self._lease("compacting scores"):
            if (version := self._version()) is not None:
                delta.compact(self._folder, version)

    def vacuum(self, retention_hours: float) -> None:
        """Delete files that were replaced before the last hours."""
        with self._lease("vacuuming scores"):
            if delta.exists(self._folder):
                delta.vacuum(self._folder, retention_hours)

    def _version(self) -> int | None:
        """The newest version; None as long as there is no score."""
        if not delta.exists(self._folder):
            return None
        self._newest = delta.version_of(self._folder, self._newest)
        return self._newest

    def _lease(self, task: str) -> AbstractContextManager[None]:
        return lease(self._folder.with_name(self._folder.name + ".lease"), self._clock, wait_s=60, task=task)

    def _rows(self, where: str = "") -> str:
        """SQL table expression of all stored scores, or of those for which a condition holds."""
        version = self._version()
        if version is None:
            return relation((), _kinds((*KEY, "owner_id")))
        files, kinds = delta.files_of(self._folder, version), _kinds(delta.columns_in(self._folder, version))
        return relation(files, kinds, where=where, evolving=True)


def _kinds(names: Iterable[str]) -> dict[str, Kind]:
    return {name: _KINDS.get(name, Kind.NUMBER) for name in names}


def _stored(con: DuckDBPyConnection, scores: pd.DataFrame) -> pa.Table:
    """The frame in the types of storage; scores that say the same twice are there once."""
    once = scores.drop_duplicates(list(KEY))
    if "reasons" in once:
        once = once.assign(
            reasons=[value if isinstance(value, str) else json.dumps(value) for value in once["reasons"]]
        )
    rows = pa.Table.from_pandas(once, preserve_index=False)
    return stored_form(con, rows, _kinds(rows.column_names))
