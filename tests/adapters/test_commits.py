"""Finding the newest record without listing all."""

from datetime import UTC, datetime
from pathlib import Path

from forecast.adapters.commits import EMPTY, Commit, read_head, write_commit

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_newest_record_is_found_from_any_earlier_one(tmp_path: Path) -> None:
    first = Commit(batch=1)
    revised = first.revised({}, NOW)
    for commit in (first, revised, Commit(batch=2), Commit(batch=3), Commit(batch=3).revised({}, NOW)):
        write_commit(tmp_path, commit)

    found = [read_head(tmp_path, known) for known in (EMPTY, first, revised, Commit(batch=3))]

    assert {(commit.batch, commit.revision) for commit in found} == {(3, 1)}


def test_a_known_record_that_a_restored_backup_does_not_have_is_forgotten(tmp_path: Path) -> None:
    write_commit(tmp_path, Commit(batch=1))

    assert read_head(tmp_path, Commit(batch=7)).batch == 1
