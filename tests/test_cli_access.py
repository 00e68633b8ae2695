"""Keys, users and the audit log by command."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from forecast.adapters import store_logins
from forecast.workspace import Workspace

Answer = Callable[..., Any]
Forecast = Callable[..., int]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_logins, "_hasher", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
        yield Workspace.init(tmp_path_factory.mktemp("access") / "workspace").path


@pytest.fixture
def store(folder: Path) -> Any:
    return Workspace(folder).store


def test_key_is_made_listed_and_revoked(answer: Answer, folder: Path, store: Any) -> None:
    scopes = ("--scope", "events", "--scope", "data status")
    made = answer("keys", "create", "CRM events", "--role", "operations", *scopes, "--expires", "90d", "-w", folder)

    key = store.find_key(made["key"])
    assert (key.role, key.scopes) == ("operations", {"events", "data status"})
    assert abs(key.expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    (listed,) = [row for row in answer("keys", "list", "-w", folder) if row["id"] == made["id"]]
    assert listed["scopes"] == "data status, events"
    answer("keys", "revoke", made["id"], "-w", folder)
    assert store.find_key(made["key"]) is None


def test_key_without_an_end_or_scope_opens_all_of_its_role(answer: Answer, folder: Path, store: Any) -> None:
    made = answer("keys", "create", "for ever", "--role", "admin", "--expires", "never", "-w", folder)

    key = store.find_key(made["key"])
    assert (key.expires_at, key.scopes) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--role", "engineer", "--scope", "rows"), "A key of role 'engineer' has the scopes ad-hoc scores, models"),
        (("--role", "boss"), "`role` must be one of"),
        (("--role", "admin", "--expires", "soon"), "A date must look like"),
        (("--role", "admin", "--expires", "2020-01-01"), "`--expires` must lie ahead, got '2020-01-01'"),
    ],
)
def test_wrong_key_is_explained(
    forecast: Forecast, folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert forecast("keys", "create", "k", *arguments, "-w", folder) == 2
    assert message in capsys.readouterr().err


def test_user_with_a_password_from_standard_input_can_log_in(
    answer: Answer, folder: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("four unrelated words\n"))
    options = ("--role", "rep", "--user", "U1", "--email", "ann@example.com", "--lang", "zh", "--stdin")

    said = answer("users", "add", "Ann", *options, "-w", folder)

    login = store.check_password("ann", "four unrelated words")
    assert said == {"added": "ann"}
    assert (login.role, login.user_id, login.email, login.lang) == ("rep", "U1", "ann@example.com", "zh")


def test_made_up_password_is_shown_once_and_works(answer: Answer, folder: Path, store: Any) -> None:
    first = answer("users", "add", "bob", "--role", "admin", "--generate", "-w", folder)["password"]
    second = answer("users", "set-password", "bob", "--generate", "-w", folder)["password"]

    assert first != second
    assert store.check_password("bob", first) is None
    assert store.check_password("bob", second) is not None
    assert second not in str(answer("users", "list", "-w", folder))


def test_user_is_disabled_enabled_and_given_another_role(answer: Answer, folder: Path, store: Any) -> None:
    password = answer("users", "add", "cleo", "--role", "engineer", "--generate", "-w", folder)["password"]

    answer("users", "disable", "cleo", "-w", folder)
    assert store.check_password("cleo", password) is None
    answer("users", "enable", "cleo", "-w", folder)
    answer("users", "set-role", "cleo", "--role", "manager", "--user", "U9", "-w", folder)

    login = store.check_password("cleo", password)
    assert (login.role, login.user_id) == ("manager", "U9")


def test_audit_log_names_who_and_what(answer: Answer, folder: Path, store: Any) -> None:
    made = answer("keys", "create", "list of Dora", "--role", "admin", "-w", folder)
    store.audit(f"key {made['id']}", "read", "lead L-1")

    lines = answer("audit", "--last", "2", "-w", folder)

    assert [(line["actor"], line["name"], line["action"]) for line in lines] == [
        ("command line", "", "create key"),
        (f"key {made['id']}", "list of Dora", "read"),
    ]
    assert lines[0]["subject"] == f"key {made['id']} of role admin"
    assert answer("audit", "--actor", f"key {made['id']}", "--since", "2020-01-01", "-w", folder) == lines[1:]
