"""Secrets that a workspace makes for itself: each a file that only its owner can read."""

import os
import secrets
import tempfile
from pathlib import Path

from forecast.errors import DataUnavailable

_BYTES = 32


def secret_in(file: Path) -> bytes:
    """The secret in a file, made when there is none yet; of several processes that make it at once one wins.

    Raises
    ------
    DataUnavailable
        If the file cannot be read or made, or others can read it.
    """
    try:
        if not file.exists():
            _make(file)
        if file.stat().st_mode & 0o077:
            raise DataUnavailable(
                f"{file} can be read by others; run `chmod 600 {file}`, or delete it to get a new one."
            )
        return file.read_bytes()
    except OSError as error:
        raise DataUnavailable(f"{file} cannot be read or made: {error.strerror}.") from error


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The name appears only with the whole content behind it.
    handle, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(_BYTES))
        os.link(name, file)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink()
