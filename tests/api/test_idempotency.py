"""Writes that are sent twice."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.testclient import TestClient

from api.app import create_app
from api.idempotency import answer_once
from api.view import ViewOf
from forecast.workspace import Workspace


class Counter:
    """A route that counts how often it ran, and can be held open."""

    def __init__(self) -> None:
        self.n_runs = 0
        self.may_end = threading.Event()
        self.may_end.set()

    def run(self, body: dict[str, Any]) -> dict[str, int]:
        self.n_runs += 1
        self.may_end.wait(30)
        if body.get("fails"):
            raise HTTPException(500, "broken")
        return {"run": self.n_runs}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[FastAPI, Counter, Workspace]:
    workspace = Workspace.init(tmp_path_factory.mktemp("empty") / "workspace")
    app, counter = create_app(workspace), Counter()

    @app.post("/v1/counted", status_code=201, dependencies=[Depends(answer_once)])
    def count(view: ViewOf, body: dict[str, Any]) -> dict[str, int]:
        return counter.run(body)

    return app, counter, workspace


Send = Callable[..., Any]


@pytest.fixture
def send(counted: tuple[FastAPI, Counter, Workspace], request: pytest.FixtureRequest) -> Send:
    """Sends a change under a key, as the holder of one and the same API key."""
    app, _, workspace = counted
    client = TestClient(app, headers={"Authorization": f"Bearer {workspace.store.create_key('k', 'admin')}"})

    def post(key: str | None = "one", **body: Any) -> Any:
        return client.post("/v1/counted", json=body, headers={"Idempotency-Key": key} if key else {})

    return post


def test_same_request_with_the_same_key_runs_once(send: Send, counted: tuple[FastAPI, Counter, Workspace]) -> None:
    before = counted[1].n_runs

    first, again = send(a=1), send(a=1)

    assert counted[1].n_runs == before + 1
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/json"


def test_other_keys_and_no_key_run_again(send: Send) -> None:
    runs = [send(key, a=1).json()["run"] for key in ("x", "y", None, None)]

    assert len(set(runs)) == 4


def test_other_request_under_a_used_key_is_a_mistake(send: Send) -> None:
    send(a=1)

    answer = send(a=2)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_refused_request_is_refused_again_and_a_failed_one_runs_again(
    send: Send, counted: tuple[FastAPI, Counter, Workspace]
) -> None:
    before = counted[1].n_runs

    failed = [send("fails", fails=True).status_code for _ in range(2)]

    assert failed == [500, 500]
    assert counted[1].n_runs == before + 2


def test_second_request_at_the_same_time_has_to_wait(send: Send, counted: tuple[FastAPI, Counter, Workspace]) -> None:
    counter = counted[1]
    counter.may_end.clear()
    n_before = counter.n_runs
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(send("race")))
    first.start()
    for _ in range(1000):
        if counter.n_runs > n_before:
            break
        threading.Event().wait(0.01)

    second = send("race")
    counter.may_end.set()
    first.join()

    assert (second.status_code, second.json()["code"]) == (409, "being_answered")
    assert answers[0].status_code == 201
    assert send("race").content == answers[0].content


def test_answer_is_not_given_to_another_caller(send: Send, counted: tuple[FastAPI, Counter, Workspace]) -> None:
    app, _, workspace = counted
    send("mine", a=1)
    other = TestClient(app, headers={"Idempotency-Key": "mine"})

    assert other.post("/v1/counted", json={"a": 1}).status_code == 401
    key = workspace.store.create_key("other", "admin")
    answer = other.post("/v1/counted", json={"a": 1}, headers={"Authorization": f"Bearer {key}"})
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["a b", "x" * 201, "é".encode("latin-1")])
def test_key_of_odd_text_is_refused(send: Send, key: Any) -> None:
    answer = send(key)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert "1 to 200 printable ASCII" in answer.json()["detail"]


def test_every_write_says_that_it_takes_a_key(tmp_path: Path, counted: tuple[FastAPI, Counter, Workspace]) -> None:
    paths = counted[0].openapi()["paths"]

    writes = [
        operation
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path.startswith("/v1/") and method != "get"
    ]

    assert len(writes) > 3
    for operation in writes:
        assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]
        assert {"409", "413"} <= set(operation["responses"])
