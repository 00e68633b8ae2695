"""Writing to the lake: rows of many tables that become visible together, or not at all."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecast.adapters import delta
from forecast.adapters.commits import Commit, StoredTable, write_commit
from forecast.adapters.delta import sql_name, sql_text
from forecast.adapters.layout import EVENTS, PERSONAL, QUARANTINE, RESOLVED, accepted_columns, columns_of
from forecast.adapters.stored_rows import StoredRows
from forecast.errors import InvalidInput
from forecast.history import cursor_of
from forecast.ports import Clock
from forecast.schema import TABLES

#: Moments at which a test may end the process, in order: the seams of a commit.
STEPS = ("before write", "between tables", "before commit record", "after commit record")

ATTRIBUTE_TYPES = ("text", "number", "boolean", "timestamp")


class LakeWriter:
    """One commit in the making; comes from `DeltaLake.writing`.

    Attributes
    ----------
    batch : int
        Number that this commit will have.
    con : DuckDB connection
        The lake as of the last commit: what `DeltaLake.connect` gives. `stored` tells of all stored rows.
    """

    def __init__(
        self,
        tables: Path,
        commits: Path,
        head: Commit,
        stored: StoredRows,
        clock: Clock,
        on_step: Callable[[str], None],
    ) -> None:
        self.batch = head.batch + 1
        self.con = stored.con
        self.committed = False
        self._tables, self._commits, self._head, self._stored = tables, commits, head, stored
        self._clock, self._on_step = clock, on_step
        self._work = cursor_of(self.con)  # apart from `con`, which its user may have an unread result on
        self._added: dict[str, int] = {}
        self._attributes = {table: dict(types) for table, types in head.attributes.items()}
        self._filled = {table: dict(columns) for table, columns in head.filled.items()}

    def stored(self, table: str) -> str:
        """SQL table expression in `con`: all stored rows of a canonical table, personal columns included."""
        return self._stored.rows(table)

    def stored_ids(self, table: str) -> str:
        """SQL table expression in `con`: the key of every stored row, which is less to read than `stored`."""
        return self._stored.ids(table)

    def stored_events(self) -> str:
        """SQL table expression in `con`: id, fingerprint and batch of every event that came in."""
        return self._stored.events()

    def create_stored_of(self, ids: str, table: str, name: str) -> None:
        """Make a temp table of the rows of `stored` with some ids.

        Parameters
        ----------
        ids : str
            Relation in `con` with the key of the table.
        table : str
            Canonical table.
        name : str
            Of the temp table; one of that name is replaced.
        """
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {self._stored.of(ids, table)}")

    def append(self, table: str, rows: pa.Table) -> None:
        """Add versions to a canonical table.

        Parameters
        ----------
        table : str
            Canonical table name.
        rows : pyarrow.Table
            Any of the table's own columns, personal ones too, and of source, recorded_at, deleted_at, merged_into and
            attributes (JSON text); absent columns are NULL. Moments without zone are UTC. Among versions of one id with
            equal ``recorded_at`` the later row wins.

        Raises
        ------
        InvalidInput
            If a column is unknown, or a key or ``recorded_at`` is missing.
        """
        accepted = accepted_columns(table)
        _check_rows(table, rows, [*TABLES[table].key, "recorded_at"], accepted)
        if rows.num_rows == 0:
            return
        numbered = _numbered(rows.select([name for name in rows.column_names if name in accepted]), self)
        first = self._added.get(table, 0)
        numbered = numbered.append_column("row", pa.array(np.arange(first, first + rows.num_rows)))
        personal = [name for name in TABLES[table].personal if name in rows.column_names]
        if personal:
            numbered = self._set_apart(table, numbered, personal)
        self._write(table, numbered)

    def reject(self, rows: pa.Table) -> None:
        """Keep rows that cannot be taken: source, table_name, reason, row_number, content (JSON), mapping."""
        accepted = [name for name in columns_of(QUARANTINE) if name not in ("rejected_id", "batch")]
        _check_rows(QUARANTINE, rows, ["table_name", "reason"], accepted)
        if rows.num_rows == 0:
            return
        first = self._added.get(QUARANTINE, 0)
        ids = pa.array([f"{self.batch}-{first + place}" for place in range(rows.num_rows)])
        self._write(QUARANTINE, _numbered(rows, self).append_column("rejected_id", ids))

    def resolve(self, rejected_ids: Sequence[str]) -> None:
        """Note that rejected rows came in with this commit."""
        if len(rejected_ids):
            self._write(RESOLVED, _numbered(pa.table({"rejected_id": pa.array(rejected_ids, pa.string())}), self))

    def note_events(self, events: pa.Table) -> None:
        """Note that events, given by event_id and fingerprint, come in with this commit."""
        if events.num_rows:
            self._write(EVENTS, _numbered(events, self))

    def attribute_types(self, table: str) -> dict[str, str]:
        """Types of the attributes of a table, by name, as noted so far."""
        return dict(self._attributes.get(table, {}))

    def note_attributes(self, table: str, types: Mapping[str, str]) -> None:
        """Add to the catalogue of attributes: text, number, boolean or timestamp by name.

        A name that had another type before becomes text, which can hold either.
        """
        wrong = {name: kind for name, kind in types.items() if kind not in ATTRIBUTE_TYPES}
        if wrong:
            raise InvalidInput(
                f"An attribute's type must be one of {ATTRIBUTE_TYPES}, got {dict(list(wrong.items())[:3])}."
            )
        known = self._attributes.setdefault(table, {})
        known.update({name: kind if known.get(name, kind) == kind else "text" for name, kind in types.items()})

    def filled(self, table: str) -> dict[str, str]:
        """When columns of a table are filled, as noted so far."""
        return dict(self._filled.get(table, {}))

    def note_filled(self, table: str, columns: Mapping[str, str]) -> None:
        """Note when columns are filled: creation, open or closing by name; the last word counts."""
        self._filled.setdefault(table, {}).update(columns)

    def commit(self, summary: Mapping[str, Any]) -> int:
        """Make everything appended visible at once and for good.

        Parameters
        ----------
        summary : mapping
            What to keep beside the commit, as JSON: the source, the counts.

        Returns
        -------
        int
            The batch number.
        """
        assert not self.committed, "a writer commits once"
        tables = dict(self._head.tables)
        for name, added in self._added.items():
            before = tables.get(name)
            last = before.version if before else None
            version = delta.version_of(self._tables / name, last)
            delta.persist(self._tables / name, last, version)
            tables[name] = StoredTable(version, added + (before.rows if before else 0))
        self._on_step("before commit record")
        record = Commit(
            batch=self.batch,
            committed_at=self._clock.now().isoformat(),
            tables=tables,
            added=self._added,
            attributes=self._attributes,
            filled=self._filled,
            summary=summary,
        )
        write_commit(self._commits, record)
        self.committed = True
        self._on_step("after commit record")
        return self.batch

    def close(self) -> None:
        """Let go of everything; what was appended and not committed is undone."""
        self._work.close()
        self.con.close()
        if self.committed:
            return
        for name in self._added:
            if name in self._head.tables:
                delta.undo(self._tables / name, self._head.tables[name].version)
            elif (self._tables / name).exists():
                delta.remove(self._tables / name)

    def _set_apart(self, table: str, rows: pa.Table, personal: Sequence[str]) -> pa.Table:
        """Move the personal columns into their own table; rows keep an opaque id instead."""
        self._work.register("_rows", rows)
        named = ", ".join(sql_name(name) for name in personal)
        self._work.execute(
            f"CREATE OR REPLACE TEMP TABLE _identified AS SELECT *, CASE WHEN coalesce({named}) IS NOT NULL "
            "THEN replace(CAST(uuid() AS VARCHAR), '-', '') END AS personal_id FROM _rows"
        )
        self._work.unregister("_rows")
        content = ", ".join(f"{sql_name(name)}: {sql_name(name)}" for name in personal)
        told = self._work.sql(
            f"SELECT {sql_text(table)} AS table_name, personal_id, recorded_at, batch, row, "
            f"CAST(to_json({{{content}}}) AS VARCHAR) AS content FROM _identified "
            "WHERE personal_id IS NOT NULL ORDER BY row"
        ).to_arrow_table()
        rest = self._work.sql(f"SELECT * EXCLUDE ({named}) FROM _identified ORDER BY row").to_arrow_table()
        self._work.execute("DROP TABLE _identified")
        if told.num_rows:
            self._write(PERSONAL, told)
        return rest

    def _write(self, name: str, rows: pa.Table) -> None:
        self._on_step("between tables" if self._added else "before write")
        self._added.setdefault(name, 0)  # before writing, so that a failing write is undone too
        delta.append(self._work, self._tables / name, rows, columns_of(name))
        self._added[name] += rows.num_rows


def _numbered(rows: pa.Table, writer: LakeWriter) -> pa.Table:
    return rows.append_column("batch", pa.repeat(writer.batch, rows.num_rows))


def _check_rows(
    name: str, rows: pa.Table, required: Sequence[str], accepted: Mapping[str, Any] | Sequence[str]
) -> None:
    unknown = [column for column in rows.column_names if column not in accepted and column not in ("batch", "row")]
    if unknown:
        raise InvalidInput(f"{name} has no columns {unknown[:5]}; it has {list(accepted)}.")
    for column in required:
        missing = rows.num_rows if column not in rows.column_names else pc.sum(pc.is_null(rows[column])).as_py() or 0
        if missing:
            raise InvalidInput(f"{missing} of {rows.num_rows} rows for {name} have no {column}; every row needs one.")
