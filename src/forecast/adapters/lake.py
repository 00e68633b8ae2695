"""The lake: a folder of Delta tables that only grow, read as of any moment and any batch, without locks.

    <folder>/tables/<name>/     one Delta table per canonical table, and those of `forecast.adapters.layout`
    <folder>/commits/           one small record per commit; the newest decides what is visible
    <folder>/scores/            score history
    <folder>/demand/            the last whole forecasts of demand
    <folder>/lease              the one writer's lock

A reader takes the newest record and reads exactly the Delta versions that it names: one state of all tables, whatever
is written meanwhile. What a killed writer left is named by no record, so nobody sees it; the next writer removes it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import duckdb
import pandas as pd
import pyarrow as pa
from deltalake.exceptions import DeltaError
from duckdb import DuckDBPyConnection

from forecast.adapters import delta
from forecast.adapters.as_of import read_in_force
from forecast.adapters.clock import SystemClock
from forecast.adapters.commits import EMPTY, Commit, StoredTable, read_batch, read_commits, read_head, write_commit
from forecast.adapters.demand_runs import DemandRuns
from forecast.adapters.lake_follower import LakeFollower
from forecast.adapters.lake_views import open_histories, read_quarantine
from forecast.adapters.lake_writer import LakeWriter
from forecast.adapters.layout import PERSONAL, QUARANTINE, RESOLVED, Files
from forecast.adapters.lease import lease
from forecast.adapters.score_history import ScoreHistory
from forecast.adapters.stored_rows import StoredRows
from forecast.errors import DataUnavailable, InvalidInput
from forecast.ports import Clock
from forecast.schema import TABLES

T = TypeVar("T")

#: Tables up to this many stored rows are held in memory by `DeltaLake.connect`; about 200 bytes a row.
IN_MEMORY_ROWS = 3_000_000
#: Small files of a table above which `DeltaLake.tidy` merges them: each costs a reader about a millisecond.
MANY_FILES = 200
#: delta-rs takes the folder for a URL and fails on these.
_FORBIDDEN_IN_PATHS = set("%[]^|\\\n\r\t")


class DeltaLake:
    """The history of one workspace; implements `forecast.ports.Lake`.

    Parameters
    ----------
    folder : path
        Made at the first commit when absent.
    clock : Clock, optional
        The system's by default; stamps commit records, and nothing else.
    on_step : callable, optional
        Called with each of `lake_writer.STEPS` as a commit passes it, so that tests can end the process there.

    Raises
    ------
    InvalidInput
        If the path of the folder has a character that Delta cannot handle.
    """

    def __init__(
        self, folder: Path, *, clock: Clock | None = None, on_step: Callable[[str], None] = lambda step: None
    ) -> None:
        self.folder = Path(folder).absolute()
        wrong = sorted(_FORBIDDEN_IN_PATHS & set(str(self.folder)))
        if wrong:
            raise InvalidInput(
                f"The path of a lake cannot hold the characters {' '.join(wrong)}: {str(self.folder)!r}."
            )
        self._clock = clock or SystemClock()
        self._on_step = on_step
        self._tables, self._commits = self.folder / "tables", self.folder / "commits"
        self._newest = EMPTY
        self._follower: LakeFollower | None = None
        self._scores = ScoreHistory(self.folder / "scores", self._clock)

    # Reading

    def head(self) -> int:
        """Number of the last committed batch; 0 for an empty lake."""
        return self._head().batch

    def versions(self, *names: str) -> tuple[int | None, ...]:
        """Numbers that change whenever rows of these tables do; None for a table without any."""
        tables = self._head().tables
        return tuple(tables[name].version if name in tables else None for name in names)

    def committed_at(self) -> datetime | None:
        """When the last batch was committed; None for an empty lake."""
        text = self._head().committed_at
        return datetime.fromisoformat(text) if text else None

    @contextmanager
    def connect(self, batch: int | None = None, tables: Collection[str] | None = None) -> Iterator[DuckDBPyConnection]:
        """A private connection with every canonical table as a history; see `forecast.ports.Lake.connect`.

        Tables up to `IN_MEMORY_ROWS` are held in memory, larger ones stay views that read their files at each query.

        Parameters
        ----------
        batch : int, optional
            Later batches are hidden; default none.
        tables : collection of str, optional
            Hold only these in memory and leave the others views: for a reader of few tables.

        Raises
        ------
        InvalidInput
            If the batch was never committed.
        """
        con = self._follower.connect(batch) if self._follower else None
        if con is None:
            con = self._read(lambda commit: self._open(commit, batch, tables))
        try:
            yield con
        finally:
            con.close()

    def hold(self) -> None:
        """Keep the tables in memory between `connect` calls: for a process that reads often."""
        if self._follower is None:
            self._follower = LakeFollower(self)

    def reading(self, read: Callable[[Commit, Mapping[str, Files]], T]) -> T:
        """What ``read`` makes of the newest record and the files of its tables."""
        return self._read(lambda commit: read(commit, self._files(commit)))

    def table(self, name: str, as_of: datetime | None = None, batch: int | None = None) -> pd.DataFrame:
        """Rows of a canonical table in force at a moment.

        Parameters
        ----------
        name : str
            Canonical table name.
        as_of : datetime, optional
            What was known before it; default everything known. Without a zone it is UTC.
        batch : int, optional
            Later batches are hidden; default none.

        Returns
        -------
        DataFrame
            One row per id, sorted by key, deleted and merged ones left out: the table's own columns, ``source``,
            ``recorded_at``, ``batch``, then one column per attribute, typed by the catalogue and sorted by name; one
            that is named like another column is called ``<name>_attribute``. Moments are datetime64[us, UTC], days
            datetime64[us], integers Int64, other numbers float64.

        Raises
        ------
        InvalidInput
            If there is no such table, or the batch was never committed.
        """
        if name not in TABLES:
            raise InvalidInput(f"There is no table {name!r}; there are {sorted(TABLES)}.")

        def read(commit: Commit) -> pd.DataFrame:
            catalogue = self.visible(commit, batch).attributes.get(name, {})
            return read_in_force(name, self._files(commit, name, PERSONAL), catalogue, as_of=as_of, batch=batch)

        return self._read(read)

    def quarantine(self, open_only: bool = True) -> pd.DataFrame:
        """Rejected rows with their reason, oldest first.

        Returns
        -------
        DataFrame
            rejected_id, source, table_name, reason, row_number, content (JSON of the source row), mapping, batch that
            rejected it, resolved_batch that took it after all (missing for open ones).
        """

        def read(commit: Commit) -> pd.DataFrame:
            return read_quarantine(self._files(commit, QUARANTINE, RESOLVED), open_only=open_only)

        return self._read(read)

    def commits(self) -> pd.DataFrame:
        """One row per batch: batch, committed_at, source, the rows that it added to each table, its summary."""
        records = read_commits(self._commits)
        added = pd.DataFrame([record.added for record in records], columns=list(TABLES), dtype="Int64").fillna(0)
        return pd.DataFrame(
            {
                "batch": pd.Series([record.batch for record in records], dtype="int64"),
                "committed_at": pd.to_datetime([record.committed_at for record in records], utc=True).as_unit("us"),
                "source": pd.Series([record.summary.get("source") for record in records], dtype="object"),
                **added.astype("int64"),
                "summary": pd.Series([dict(record.summary) for record in records], dtype="object"),
            }
        )

    # Writing

    @contextmanager
    def writing(self, wait_s: float = 60) -> Iterator[LakeWriter]:
        """Make one commit; leaving without `LakeWriter.commit` discards everything.

        Parameters
        ----------
        wait_s : float
            Seconds to wait for another writer.

        Raises
        ------
        DataUnavailable
            If another writer holds the lease for longer; the message names it.
        """
        with self._lease(wait_s, "writing"):
            head = self._head()
            self._discard_orphans(head)
            followed = self._follower.connect() if self._follower else None
            con = self._open(head, None, ()) if followed is None else followed
            held = set() if followed is None else self.small_tables(head)
            stored = StoredRows(con, self._files(head), held)
            writer = LakeWriter(self._tables, self._commits, head, stored, self._clock, self._on_step)
            try:
                yield writer
            finally:
                writer.close()

    def compact(self, wait_s: float = 60) -> None:
        """Merge small files. Changes no answer."""
        self._maintain(wait_s, "compacting", delta.compact)
        self._scores.compact()

    def tidy(self) -> bool:
        """Merge small files where a table has many of them, and delete what was dropped a week ago.

        Returns
        -------
        bool
            Whether there was anything to do.
        """
        small = [delta.n_small(files) for files in self._files(self._head()).values()]
        if max([*small, self._scores.n_small_files()], default=0) <= MANY_FILES:
            return False
        self.compact()
        self.vacuum()
        return True

    def vacuum(self, retention_hours: float = 168, wait_s: float = 60) -> None:
        """Delete files that nobody needs any more. Changes no answer.

        Parameters
        ----------
        retention_hours : float
            Files that a commit dropped within the last hours stay, so a reader must finish within this time.
        """
        self._maintain(wait_s, "vacuuming", lambda folder, version: delta.vacuum(folder, retention_hours))
        self._scores.vacuum(retention_hours)

    # Score history

    def append_scores(self, scores: pd.DataFrame) -> None:
        """Add to the score history; see `ScoreHistory.append`."""
        self._scores.append(scores)

    def scores(
        self,
        entity: str | None = None,
        entity_id: str | None = None,
        as_of: datetime | None = None,
        until: datetime | None = None,
        columns: Sequence[str] = ("*",),
    ) -> pd.DataFrame:
        """Scores given in the past; see `ScoreHistory.read`."""
        return self._scores.read(entity=entity, entity_id=entity_id, as_of=as_of, until=until, columns=columns)

    def score_stream(
        self,
        entity: str | None = None,
        owner_ids: Collection[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Scores given in the past, part after part; see `ScoreHistory.stream`."""
        return self._scores.stream(entity=entity, owner_ids=owner_ids, since=since, until=until)

    def last_scores(self, entity: str, model_version: str, since: datetime, until: datetime) -> pd.DataFrame:
        """Of each entity the last score that a model gave between two moments; see `ScoreHistory.last`."""
        return self._scores.last(entity, model_version, since, until)

    def first_scores(self, entity: str, column: str, until: datetime) -> pd.DataFrame:
        """Of each entity the first score of every month; see `ScoreHistory.first_of_months`."""
        return self._scores.first_of_months(entity, column, until)

    @property
    def demand_runs(self) -> DemandRuns:
        """The last whole forecasts of demand."""
        return DemandRuns(self.folder / "demand")

    # Inside

    def _head(self) -> Commit:
        self._newest = newest = read_head(self._commits, self._newest)
        return newest

    def _read(self, read: Callable[[Commit], T]) -> T:
        """Read what the newest record names; once more when its files were vacuumed meanwhile."""
        commit = self._head()
        while True:
            try:
                return read(commit)
            except (duckdb.IOException, DeltaError, FileNotFoundError) as error:
                newer = self._head()
                if (newer.batch, newer.revision) == (commit.batch, commit.revision):
                    raise DataUnavailable(f"{self.folder} cannot be read: {str(error).splitlines()[0]}") from error
                commit = newer

    def visible(self, commit: Commit, batch: int | None) -> Commit:
        """The record of a batch, by default the commit's own: the state of the catalogue then."""
        if batch is None or batch == commit.batch:
            return commit
        if not 0 <= batch <= commit.batch:
            raise InvalidInput(f"Batch {batch} was never committed; the last one is {commit.batch}.")
        return read_batch(self._commits, batch)

    def _open(self, commit: Commit, batch: int | None, tables: Collection[str] | None) -> DuckDBPyConnection:
        visible = self.visible(commit, batch)
        held = self.small_tables(commit) & set(TABLES if tables is None else tables)
        return open_histories(self._files(commit), visible.attributes, visible.filled, batch=batch, held=held)

    def small_tables(self, commit: Commit) -> set[str]:
        """The canonical tables that can be held in memory."""
        return {name for name in TABLES if name not in commit.tables or commit.tables[name].rows <= IN_MEMORY_ROWS}

    def _files(self, commit: Commit, *only: str) -> dict[str, Files]:
        """The parquet files of the tables of a commit, or of some of them."""
        names = [name for name in only or commit.tables if name in commit.tables]
        return {name: delta.files_of(self._tables / name, commit.tables[name].version) for name in names}

    def _lease(self, wait_s: float, task: str) -> AbstractContextManager[None]:
        return lease(self.folder / "lease", self._clock, wait_s=wait_s, task=task)

    def _discard_orphans(self, head: Commit) -> None:
        """Remove what a killed writer left."""
        for folder in self._tables.iterdir() if self._tables.is_dir() else ():
            if folder.name in head.tables:
                delta.undo(folder, head.tables[folder.name].version)
            else:
                delta.remove(folder)

    def _maintain(self, wait_s: float, task: str, change: Callable[[Path, int], None]) -> None:
        """Change the files of every table and none of its rows, as a new revision of the last batch."""
        with self._lease(wait_s, task):
            head = self._head()
            self._discard_orphans(head)
            tables = {}
            for name, stored in head.tables.items():
                folder = self._tables / name
                self._on_step("between tables")
                change(folder, stored.version)
                version = delta.version_of(folder, stored.version)
                if version != stored.version:
                    delta.persist(folder, stored.version, version)
                tables[name] = StoredTable(version, stored.rows)
            if tables != head.tables:
                self._on_step("before commit record")
                write_commit(self._commits, head.revised(tables, self._clock.now()))
                self._on_step("after commit record")
