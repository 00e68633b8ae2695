import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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


def _start(workspace: Workspace, workers: int) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = f"from api.serve import serve; serve({str(workspace.path)!r}, port={port}, workers={workers})"
    server = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)
    return server, f"http://127.0.0.1:{port}"


@pytest.fixture
def address(workspace: Workspace) -> Iterator[str]:
    """A served workspace, with two worker processes."""
    server, address = _start(workspace, workers=2)
    try:
        yield address
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
    metrics = httpx2.get(f"{address}/metrics", headers=headers).text.splitlines()
    counted = 'forecast_http_request_duration_seconds_count{method="GET",route="/v1/leads",status="200"} 6.0'
    assert counted in metrics, "the requests of both processes"
    assert sum(line.startswith("forecast_process_resident_memory_bytes{") for line in metrics) == 2


@pytest.mark.slow
def test_told_to_end_it_answers_what_is_open_and_writes_what_waits(own_workspace: Workspace) -> None:
    key = own_workspace.store.create_key("last words", "admin")
    server, address = _start(own_workspace, workers=1)
    try:
        _wait_for(address)
        client = httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        with ThreadPoolExecutor(1) as pool, client.stream("GET", "/v1/changes/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry: ")
            slow = pool.submit(client.get, "/v1/outlook?period=2025Q4&as_of=2025-12-01")
            time.sleep(0.3)
            assert not slow.done(), "the request must be open when the signal comes"
            server.send_signal(signal.SIGTERM)
            assert slow.result().status_code == 200
            assert list(lines)[-1] == "", "a whole stream, not one that breaks off"
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.communicate()
    with pytest.raises(httpx2.ConnectError):
        client.get("/health/live")
    assert "period=2025Q4" in own_workspace.store.audit_log()["subject"].tolist()


def test_store_of_another_release_is_refused_in_one_line(
    own_workspace: Workspace, forecast: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with own_workspace.store._writing() as con:
        con.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")

    assert forecast("serve", "--no-worker", "--workspace", own_workspace.path) == 2

    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "is at revision 0004" in said[0]
    assert said[0].endswith("run `forecast db migrate`.")
