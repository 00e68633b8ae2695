from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher, Type, extract_parameters

from forecast.adapters import store_logins
from forecast.adapters.clock import FixedClock
from forecast.adapters.store import SqlStore
from forecast.adapters.store_logins import Login
from forecast.errors import InvalidInput

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PASSWORD = "four unrelated words"
WEEK, IDLE = timedelta(days=7), timedelta(hours=8)


@pytest.fixture(scope="module", autouse=True)
def _light_hashes() -> Iterator[None]:
    """Hashes of 1 MiB: what is tested here does not depend on how heavy they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_logins, "_hasher", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
        yield


def _login(store: SqlStore, name: str, password: str = PASSWORD) -> Login:
    return store.add_login(name, "rep", password, user_id="u1")


def _stored(store: SqlStore, name: str) -> str:
    with store.reading() as con:
        query = sa.text("SELECT password_hash FROM logins WHERE name = :name")
        return str(con.execute(query, {"name": name}).scalar_one())


def test_right_password_opens_and_is_kept_only_as_an_argon2id_hash(shared_store: SqlStore) -> None:
    made = _login(shared_store, "Ann ")

    assert shared_store.check_password(" ANN", PASSWORD) == made
    assert made.name == "ann"
    assert extract_parameters(_stored(shared_store, "ann")).type is Type.ID


@pytest.mark.parametrize("password", ["", "four unrelated word", "Four unrelated words", PASSWORD + "x", "x" * 5000])
def test_wrong_password_opens_nothing(shared_store: SqlStore, password: str) -> None:
    if shared_store.check_password("bob", PASSWORD) is None:
        _login(shared_store, "bob")

    assert shared_store.check_password("bob", password) is None


def test_unknown_and_disabled_logins_are_checked_as_long_as_known_ones(
    shared_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _login(shared_store, "cleo")
    shared_store.disable_login("cleo")
    checked: list[str] = []
    monkeypatch.setattr(store_logins, "_matches", lambda stored, password: bool(checked.append(stored)) or True)

    answers = [shared_store.check_password(name, PASSWORD) for name in ("cleo", "nobody", "")]

    assert answers == [None, None, None]
    assert [extract_parameters(stored).memory_cost for stored in checked] == [1024] * 3


def test_hash_grows_with_the_parameters_at_the_next_login(
    shared_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    _login(shared_store, "dora")
    monkeypatch.setattr(store_logins, "_hasher", PasswordHasher(time_cost=2, memory_cost=2048, parallelism=1))

    assert shared_store.check_password("dora", "wrong password of hers") is None
    assert extract_parameters(_stored(shared_store, "dora")).memory_cost == 1024
    assert shared_store.check_password("dora", PASSWORD) is not None
    assert extract_parameters(_stored(shared_store, "dora")).memory_cost == 2048


@pytest.mark.parametrize(
    ("name", "role", "password", "message"),
    [
        ("eve", "rep", "short", "12 to 256 characters, got 5"),
        ("eve", "rep", "x" * 300, "12 to 256 characters, got 300"),
        ("eve", "rep", "aaaabbbbaaaabbbb", "5 different characters"),
        ("eve-the-great", "rep", "eve-the-great-1", "not hold the login's name"),
        ("eve", "boss", PASSWORD, "`role` must be one of"),
        (" ", "rep", PASSWORD, "1 to 200 printable characters, got 0"),
        ("Taken", "rep", PASSWORD, "There is a login 'taken' already"),
    ],
)
def test_add_login_refuses(shared_store: SqlStore, name: str, role: str, password: str, message: str) -> None:
    if name == "Taken" and shared_store.check_password("taken", PASSWORD) is None:
        _login(shared_store, "taken")

    with pytest.raises(InvalidInput, match=message):
        shared_store.add_login(name, role, password, user_id="u1")


def test_session_is_known_by_its_token_alone(shared_store: SqlStore) -> None:
    login = _login(shared_store, "fred")

    token = shared_store.open_session(login, WEEK)

    found = shared_store.session_login(token, IDLE)
    assert found is not None
    assert (found.name, found.last_login_at) == ("fred", NOW)
    assert shared_store.session_login(token[:-1], IDLE) is None
    with shared_store.reading() as con:
        assert token not in str(con.execute(sa.text("SELECT * FROM sessions")).all())


def test_session_ends_unused_and_at_its_end(shared_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    login = _login(shared_store, "gina")
    used, unused = (shared_store.open_session(login, timedelta(hours=20)) for _ in range(2))

    def is_open(token: str, hours: float) -> bool:
        monkeypatch.setattr(shared_store, "clock", FixedClock(NOW + timedelta(hours=hours)))
        return shared_store.session_login(token, IDLE) is not None

    assert [is_open(used, hours) for hours in (7, 14, 19.9, 20)] == [True, True, True, False]
    assert not is_open(unused, 8)


@pytest.mark.parametrize(
    "change",
    [
        lambda store, name: store.set_password(name, "another few words"),
        lambda store, name: store.set_role(name, "admin"),
        lambda store, name: store.disable_login(name),
    ],
)
def test_sessions_end_with_a_new_password_a_new_role_and_a_disabled_login(
    shared_store: SqlStore, change: object, request: pytest.FixtureRequest
) -> None:
    name = f"hugo {request.node.name}"
    login, other = _login(shared_store, name), _login(shared_store, f"not {name}")
    tokens = [shared_store.open_session(one, WEEK) for one in (login, login, other)]

    assert callable(change)
    change(shared_store, name)

    assert [shared_store.session_login(token, IDLE) is None for token in tokens] == [True, True, False]


def test_logging_out_ends_that_session_only(shared_store: SqlStore) -> None:
    login = _login(shared_store, "ida")
    here, there = (shared_store.open_session(login, WEEK) for _ in range(2))

    shared_store.end_session(here)

    assert shared_store.session_login(here, IDLE) is None
    assert shared_store.session_login(there, IDLE) is not None


def test_enabled_again_login_needs_its_password_again(shared_store: SqlStore) -> None:
    login = _login(shared_store, "jo")
    token = shared_store.open_session(login, WEEK)

    shared_store.disable_login("jo")
    assert shared_store.check_password("jo", PASSWORD) is None
    shared_store.disable_login("jo", disabled=False)

    assert shared_store.session_login(token, IDLE) is None
    assert shared_store.check_password("jo", PASSWORD) is not None


def test_change_of_an_unknown_login_names_it(shared_store: SqlStore) -> None:
    with pytest.raises(InvalidInput, match="There is no login 'nobody'; `forecast users list`"):
        shared_store.disable_login("nobody")
