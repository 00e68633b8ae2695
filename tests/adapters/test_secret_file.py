"""Secrets of a workspace in files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from forecast.adapters.secret_file import secret_in
from forecast.errors import DataUnavailable


def test_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "panel.key"

    with ThreadPoolExecutor(8) as pool:
        read = set(pool.map(lambda _: secret_in(file), range(16)))

    assert read == {file.read_bytes()}
    assert len(file.read_bytes()) == 32
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]


def test_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "panel.key"
    secret_in(file)
    file.chmod(0o644)

    with pytest.raises(DataUnavailable, match=r"can be read by others.*chmod 600"):
        secret_in(file)
