from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.workspace import Workspace


def test_health_and_readiness_need_no_key(app: FastAPI) -> None:
    client = TestClient(app)

    assert (client.get("/health").status_code, client.get("/health").json()) == (200, {"status": "ok"})
    assert (client.get("/ready").status_code, client.get("/ready").json()) == (200, {"status": "ready"})


def test_process_without_its_store_lives_but_is_not_ready(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "workspace")
    workspace.store.close()
    (tmp_path / "workspace" / "store.db").unlink()
    client = TestClient(create_app(workspace))

    answer = client.get("/ready")

    assert client.get("/health").status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "5", "data_unavailable")
