import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace


def test_threads_that_ask_at_once_get_the_same_answer(admin: TestClient) -> None:
    asked = {"as_of": "2025-11-15", "limit": "200"}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: admin.get("/v1/opportunities", params=asked), range(16)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


@pytest.fixture
def address(workspace: Workspace) -> Iterator[str]:
    """A served workspace, with two worker processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"from api.serve import serve; serve({str(workspace.path)!r}, port={port}, workers=2)"
    server = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        _, errors = server.communicate(timeout=30)
        assert b"Traceback" not in errors, errors.decode()


def _wait_for(address: str) -> None:
    for _ in range(600):
        try:
            if httpx2.get(f"{address}/health").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not start within a minute")


@pytest.mark.slow
def test_served_workspace_answers_with_the_same_bytes_from_each_worker(address: str, admin: TestClient) -> None:
    _wait_for(address)
    asked = {"as_of": "2025-12-01"}
    headers = {"Authorization": admin.headers["Authorization"]}

    answers = [httpx2.get(f"{address}/v1/leads", params=asked, headers=headers, timeout=60) for _ in range(6)]

    assert {answer.content for answer in answers} == {admin.get("/v1/leads", params=asked).content}
    assert "server" not in answers[0].headers
    assert httpx2.get(f"{address}/v1/leads").status_code == 401
