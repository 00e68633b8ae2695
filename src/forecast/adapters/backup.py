"""A workspace in one archive, consistent while others read and write."""

import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from forecast.adapters.lake import DeltaLake
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput

_SQLITE = (".db", ".sqlite")
_VOLATILE = ("-wal", "-shm", ".lock")


def write_backup(
    folder: Path, lake: DeltaLake, store: SqlStore, file: Path, progress: Callable[[str], None] = lambda _: None
) -> int:
    """Write settings, lake, embedded databases and models of a workspace into ``file`` (.tar.gz).

    The writer lease is held meanwhile, so that the lake stands still; SQLite files are copied by SQLite's own backup.
    A store or tracking server elsewhere is not part of the archive. Returns the archive's size in bytes.

    Raises
    ------
    InvalidInput
        If the file exists, ends otherwise, or lies inside the workspace.
    """
    if not file.name.endswith(".tar.gz") or file.exists():
        raise InvalidInput(f"The backup must be a new file ending in .tar.gz, got {file}{' (exists)' * file.exists()}.")
    if file.resolve().is_relative_to(folder.resolve()):
        raise InvalidInput(f"The backup must lie outside the workspace {folder}, got {file}.")
    partial = file.with_name(file.name + ".partial")
    with lake.writing(), tempfile.TemporaryDirectory() as scratch, tarfile.open(partial, "w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_dir() or path.name.endswith(_VOLATILE):
                continue
            progress(str(name))
            if path.suffix in _SQLITE:
                copy = Path(scratch) / "copy.db"
                copy.unlink(missing_ok=True)
                with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(copy)) as target:
                    live.backup(target)
                archive.add(copy, arcname=str(name))
            else:
                archive.add(path, arcname=str(name))
    partial.replace(file)
    store.audit("backup", "backup", file.name)
    return file.stat().st_size
