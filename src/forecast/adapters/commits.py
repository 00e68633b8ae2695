"""Commit records: the small files that decide what of a lake is visible.

A record names the Delta version of every table, so that a reader of one record sees one state of all tables. It is
written last and appears whole or not at all; what no record names does not exist. Records are
``commits/<batch>.<revision>.json``: data makes a new batch; compaction, which changes no answer, a new revision.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from forecast.errors import DataUnavailable

_FORMAT = 1


@dataclass(frozen=True)
class StoredTable:
    """One table as of a commit: its Delta version and how many rows it has."""

    version: int
    rows: int


@dataclass(frozen=True)
class Commit:
    """One commit record.

    ``added`` counts the rows that the batch brought, by table; ``attributes`` is the whole catalogue of attribute
    types as of the batch, by table and name; ``filled`` likewise when columns are filled, where a mapping says so;
    ``summary`` is what the committer says of it. Moments are ISO text in UTC;
    ``revised_at`` is empty until the files behind the batch are changed.
    """

    batch: int
    revision: int = 0
    committed_at: str = ""
    revised_at: str = ""
    tables: Mapping[str, StoredTable] = field(default_factory=dict)
    added: Mapping[str, int] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    filled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def revised(self, tables: Mapping[str, StoredTable], now: datetime) -> "Commit":
        """The same batch over other files."""
        return replace(self, revision=self.revision + 1, revised_at=now.isoformat(), tables=tables)


#: What a lake without commits is.
EMPTY = Commit(batch=0)


def read_head(folder: Path, known: Commit = EMPTY) -> Commit:
    """The newest record; `EMPTY` when there is none.

    Parameters
    ----------
    folder : path
    known : Commit
        A record that was read before: it is given again, or later ones are looked for from there on, so that asking
        often costs nothing that grows with the number of batches.
    """
    if known.batch and (folder / _name(known.batch, known.revision)).exists():
        newest = _newest_after(folder, known)
        return known if newest == (known.batch, known.revision) else _read(folder, _name(*newest))
    names = _names(folder)
    return _read(folder, names[-1]) if names else EMPTY


def _newest_after(folder: Path, known: Commit) -> tuple[int, int]:
    """Batch and revision of the newest record: batches have no gaps, nor have revisions of a batch."""
    batch, revision = known.batch, known.revision
    while True:
        if (folder / _name(batch + 1, 0)).exists():
            batch, revision = batch + 1, 0
        elif (folder / _name(batch, revision + 1)).exists():
            revision += 1
        else:
            return batch, revision


def read_commits(folder: Path) -> list[Commit]:
    """The last revision of every batch, oldest first."""
    latest = {name.split(".")[0]: name for name in _names(folder)}
    return [_read(folder, name) for name in latest.values()]


def read_batch(folder: Path, batch: int) -> Commit:
    """The last revision of the last batch up to ``batch``; `EMPTY` when there is none."""
    names = [name for name in _names(folder) if int(name.split(".")[0]) <= batch]
    return _read(folder, names[-1]) if names else EMPTY


def write_commit(folder: Path, commit: Commit) -> None:
    """Make a record visible: it is on the disk before it has its name, and has its name for good on return."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _name(commit.batch, commit.revision)
    draft = folder / (file.name + ".draft")
    with draft.open("w", encoding="utf-8") as stream:
        json.dump({"format": _FORMAT, **asdict(commit)}, stream, ensure_ascii=False, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
    flush([folder])


def flush(paths: Iterable[Path]) -> None:
    """Have files, or the entries of folders, on the disk before going on."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _name(batch: int, revision: int) -> str:
    return f"{batch:09d}.{revision:06d}.json"


def _names(folder: Path) -> list[str]:
    """Names of the records, oldest first."""
    # There may be one for every second of a day: making a path of each would take longer than reading the newest.
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.endswith(".json"))


def _read(folder: Path, name: str) -> Commit:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        if content.pop("format") != _FORMAT:
            raise DataUnavailable(f"{folder / name} was written by a newer version of forecast; upgrade to read it.")
        tables = {table: StoredTable(**stored) for table, stored in content.pop("tables").items()}
        return Commit(tables=tables, **content)
    except (ValueError, KeyError, TypeError) as error:
        raise DataUnavailable(
            f"Commit record {folder / name} is damaged ({error}); restore it from a backup."
        ) from None
