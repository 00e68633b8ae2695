from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.errors import InvalidInput

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_key_is_found_by_its_text_and_kept_only_as_a_hash(shared_store: SqlStore) -> None:
    plaintext = shared_store.create_key("list of Ann", "rep", user_id="u1")

    key = shared_store.find_key(plaintext)

    assert key is not None
    assert (key.name, key.role, key.user_id, key.prefix, key.created_at, key.scopes) == (
        "list of Ann",
        "rep",
        "u1",
        plaintext[:10],
        NOW,
        None,
    )
    assert shared_store.find_key(plaintext + "x") is None
    with shared_store.reading() as con:
        rows = con.execute(sa.text("SELECT * FROM api_keys")).all()
    assert plaintext not in str(rows)


def test_key_keeps_its_scopes(shared_store: SqlStore) -> None:
    plaintext = shared_store.create_key("events of the CRM", "operations", scopes=["events", "data status", "events"])

    key = shared_store.find_key(plaintext)

    assert key is not None
    assert key.scopes == {"events", "data status"}


def test_key_opens_nothing_once_expired(shared_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    plaintext = shared_store.create_key("a day", "admin", expires_at=NOW + timedelta(days=1))

    monkeypatch.setattr(shared_store, "clock", FixedClock(NOW + timedelta(hours=23)))
    assert shared_store.find_key(plaintext) is not None
    monkeypatch.setattr(shared_store, "clock", FixedClock(NOW + timedelta(days=1)))
    assert shared_store.find_key(plaintext) is None


def test_key_opens_nothing_once_revoked_and_keeps_its_first_revocation(
    shared_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    plaintext = shared_store.create_key("gone soon", "engineer")
    key = shared_store.find_key(plaintext)
    assert key is not None

    shared_store.revoke_key(key.id)
    monkeypatch.setattr(shared_store, "clock", FixedClock(NOW + timedelta(days=9)))
    shared_store.revoke_key(key.id)

    assert shared_store.find_key(plaintext) is None
    issued = shared_store.keys()
    assert [one.revoked_at for one in issued if one.id == key.id] == [NOW]


@pytest.mark.parametrize(
    ("role", "user_id", "scopes", "message"),
    [
        ("boss", None, None, "`role` must be one of rep, manager, operations.*got 'boss'"),
        ("rep", None, None, "role 'rep' needs `user_id`"),
        ("admin", None, [], "`scopes` must name at least one"),
    ],
)
def test_create_key_refuses(
    shared_store: SqlStore, role: str, user_id: str | None, scopes: list[str] | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        shared_store.create_key("k", role, user_id, scopes=scopes)


def test_revoke_of_an_unknown_key_says_so(shared_store: SqlStore) -> None:
    with pytest.raises(InvalidInput, match="There is no key 7777"):
        shared_store.revoke_key(7777)
