"""Copies of registered models in a folder, so that scoring goes on without the tracking server."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from forecast.ports import ModelVersion

_ABOUT = "version.json"
_FILES = "files"


class ModelCache:
    """Registered versions as ``<folder>/<name>/<version>/``: ``version.json`` and, once fetched, ``files/``.

    A registered version never changes, so a copy is never out of date.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, version: ModelVersion, files: Mapping[str, bytes] | None = None) -> None:
        """Keep a version; with its files when given. A reader sees all of the files or none."""
        home = self._home(version.name, version.version)
        home.mkdir(parents=True, exist_ok=True)
        if not (home / _ABOUT).exists():
            _write_whole(home / _ABOUT, json.dumps(_to_json(version), sort_keys=True, indent=1).encode())
        if files is not None and not (home / _FILES).is_dir():
            partial = Path(tempfile.mkdtemp(prefix=".files-", dir=home))
            for name, content in files.items():
                (partial / name).write_bytes(content)
            try:
                partial.rename(home / _FILES)
            except OSError:  # another process was first, with the same files
                shutil.rmtree(partial, ignore_errors=True)

    def files(self, name: str, version: str) -> dict[str, bytes] | None:
        """The files of a version, or None when they were never fetched."""
        home = self._home(name, version) / _FILES
        if not home.is_dir():
            return None
        return {file.name: file.read_bytes() for file in sorted(home.iterdir())}

    def version(self, name: str, version: str) -> ModelVersion | None:
        """A kept version, or None."""
        about = self._home(name, version) / _ABOUT
        return _from_json(json.loads(about.read_bytes())) if about.is_file() else None

    def versions(self, name: str | None = None) -> list[ModelVersion]:
        """All kept versions, by name and then oldest first."""
        found = [_from_json(json.loads(about.read_bytes())) for about in self.folder.glob(f"{name or '*'}/*/{_ABOUT}")]
        return sorted(found, key=lambda version: (version.name, int(version.version)))

    def _home(self, name: str, version: str) -> Path:
        # Names and versions reach us from a request or a command line: they must not lead out of the folder.
        if not (name.replace("_", "").replace("-", "").replace(".", "").isalnum() and version.isdigit()):
            return self.folder / ".none"
        return self.folder / name / version


def _write_whole(file: Path, content: bytes) -> None:
    partial = file.with_name(f".{file.name}-{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(file)


def _to_json(version: ModelVersion) -> dict[str, object]:
    return {
        "name": version.name,
        "version": version.version,
        "cutoff": version.cutoff.astimezone(UTC).isoformat(),
        "batch": version.batch,
        "run_id": version.run_id,
        "metrics": dict(version.metrics),
        "tags": dict(version.tags),
    }


def _from_json(about: dict[str, object]) -> ModelVersion:
    return ModelVersion(**(about | {"cutoff": datetime.fromisoformat(str(about["cutoff"]))}))  # type: ignore[arg-type]
