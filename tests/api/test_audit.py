"""Which requests leave a line in the audit log, and what it says."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.audit import AuditBuffer
from forecast.adapters.store_audit import AuditLine
from forecast.errors import DataUnavailable
from forecast.workspace import Workspace

PERIOD = {"period": "2025Q4"}


@pytest.fixture(scope="module")
def empty_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(Workspace.init(tmp_path_factory.mktemp("empty") / "workspace"))


@pytest.fixture
def audited(empty_app: FastAPI) -> Callable[..., tuple[Any, list[dict[str, Any]]]]:
    """Sends one request with a new key of a role; its answer, and the lines that it left."""
    store = empty_app.state.service.workspace.store

    def send(method: str, path: str, role: str = "admin", **more: Any) -> tuple[Any, list[dict[str, Any]]]:
        key = store.create_key("somebody", role, "U1")
        before = len(store.audit_log())
        answer = TestClient(empty_app, headers={"Authorization": f"Bearer {key}"}).request(method, path, **more)
        empty_app.state.audit.flush()
        return answer, store.audit_log().iloc[before:].to_dict("records")

    return send


def test_read_of_rows_leaves_one_line_with_ids_only(audited: Callable[..., Any]) -> None:
    answer, lines = audited("GET", "/v1/targets/approvals", "manager", params=PERIOD)

    (line,) = lines
    assert answer.status_code == 200
    assert line["action"] == "GET /v1/targets/approvals"
    assert (line["subject"], line["role"]) == ("period=2025Q4", "manager")
    assert line["actor"].startswith("key ")
    assert line["request_id"] == answer.headers["X-Request-ID"]


def test_line_names_what_was_asked_for_by_id_and_nothing_that_was_typed(audited: Callable[..., Any]) -> None:
    _, (line,) = audited("GET", "/v1/leads/L-7/explanation", "engineer", params={"lang": "en"})
    _, (typed,) = audited("GET", "/v1/leads", "engineer", params={"owner_id": "U7", "q": "Ms Miller"})

    assert (line["action"], line["subject"]) == ("refused: GET /v1/leads/{lead_id}/explanation", "lead_id=L-7")
    assert (typed["action"], typed["subject"]) == ("refused: GET /v1/leads", "owner_id=U7")


@pytest.mark.parametrize("path", ["/v1/definitions", "/health/live"])
def test_what_is_nobodys_leaves_no_line(audited: Callable[..., Any], path: str) -> None:
    assert audited("GET", path)[1] == []


def test_refusal_leaves_a_line(audited: Callable[..., Any]) -> None:
    _, (line,) = audited("GET", "/v1/models", "rep")

    assert (line["action"], line["role"]) == ("refused: GET /v1/models", "rep")


def test_reading_the_audit_log_leaves_a_line_and_shows_the_latest_first(audited: Callable[..., Any]) -> None:
    for _ in range(3):
        audited("GET", "/v1/targets/approvals", params=PERIOD)

    answer, lines = audited("GET", "/v1/audit", "operations", params={"limit": 2})

    assert [line["action"] for line in lines] == ["GET /v1/audit"]
    page = answer.json()
    ids = [item["id"] for item in page["items"]]
    assert ids == sorted(ids, reverse=True)
    assert page["next_cursor"] == ids[-1]
    after = audited("GET", "/v1/audit", params={"limit": 2, "cursor": page["next_cursor"]})[0].json()["items"]
    assert max(item["id"] for item in after) < ids[-1]
    oldest = audited("GET", "/v1/audit", params={"limit": 2, "order": "asc"})[0].json()
    behind = audited("GET", "/v1/audit", params={"limit": 1, "order": "asc", "cursor": oldest["next_cursor"]})[0].json()
    first = [item["id"] for item in [*oldest["items"], *behind["items"]]]
    assert first == sorted(first)
    assert first[-1] < ids[-1]


def test_audit_log_is_filtered_by_actor_and_time(audited: Callable[..., Any]) -> None:
    (line,) = audited("GET", "/v1/targets/approvals", params=PERIOD)[1]

    mine = audited("GET", "/v1/audit", params={"actor": line["actor"]})[0].json()["items"]
    future = audited("GET", "/v1/audit", params={"since": "2999-01-01"})[0].json()

    assert [item["id"] for item in mine] == [line["id"]]
    assert future == {"items": [], "next_cursor": None}


class SlowStore:
    """A store that fails while it is gone."""

    def __init__(self) -> None:
        self.is_gone = False
        self.kept: list[AuditLine] = []
        self.n_writes = 0

    def append_audit(self, lines: list[AuditLine]) -> None:
        if self.is_gone:
            raise DataUnavailable("gone")
        self.n_writes += 1
        self.kept += lines


class SlowWorkspace:
    """All that the buffer asks of a workspace."""

    def __init__(self) -> None:
        self.store = SlowStore()


def _line(empty_app: FastAPI, subject: str) -> AuditLine:
    return AuditLine(empty_app.state.service.workspace.clock.now(), "key 1", "read", subject)


@pytest.fixture
def buffer() -> tuple[AuditBuffer, SlowStore]:
    workspace: Any = SlowWorkspace()
    return AuditBuffer(workspace), workspace.store


def test_lines_are_written_together_within_a_second_or_two(buffer: Any, empty_app: FastAPI) -> None:
    made, store = buffer

    for number in range(200):
        made.add(_line(empty_app, str(number)))
    deadline = time.monotonic() + 10
    while not store.kept and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [line.subject for line in store.kept] == [str(number) for number in range(200)]
    assert store.n_writes == 1


def test_lines_outlive_a_store_that_is_gone(buffer: Any, empty_app: FastAPI) -> None:
    made, store = buffer
    store.is_gone = True
    made.add(_line(empty_app, "read"))
    made.flush()
    with pytest.raises(DataUnavailable):
        made.write(_line(empty_app, "change"))

    store.is_gone = False
    made.flush()

    assert [line.subject for line in store.kept] == ["read", "change"]


def test_many_threads_lose_and_double_nothing(buffer: Any, empty_app: FastAPI) -> None:
    made, store = buffer

    def add(first: int) -> None:
        for number in range(first, first + 100):
            made.add(_line(empty_app, str(number)))
            if number % 10 == 0:
                made.flush()

    threads = [threading.Thread(target=add, args=[100 * number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.flush()

    assert sorted(int(line.subject) for line in store.kept) == list(range(400))
