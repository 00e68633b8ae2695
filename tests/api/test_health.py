from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.usecases.readiness import WORKER
from forecast.workspace import Workspace


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    return Workspace.init(tmp_path / "workspace")


def test_health_and_readiness_need_no_key(app: FastAPI) -> None:
    client = TestClient(app)

    checks = {"store": True, "lake": True, "models": True, "disk": True}
    for path in ("/health/live", "/health"):
        assert (client.get(path).status_code, client.get(path).json()) == (200, {"status": "ok"})
    for path in ("/health/ready", "/ready"):
        assert client.get(path).json() == {"status": "ready", "checks": checks}


def test_process_without_its_store_lives_but_is_not_ready(empty: Workspace) -> None:
    empty.store.close()
    (empty.path / "store.db").unlink()
    client = TestClient(create_app(empty))

    answer = client.get("/health/ready")

    assert client.get("/health/live").status_code == 200
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["code"]) == (503, "5", "data_unavailable")
    assert answer.json()["checks"] == {"store": False, "lake": True, "models": False, "disk": True}


def test_outsiders_do_not_learn_what_is_wrong(empty: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    empty.settings = empty.settings.model_copy(update={"disk_floor_mib": 10**12})

    answer = TestClient(create_app(empty)).get("/health/ready")

    assert answer.json()["checks"]["disk"] is False
    assert "MiB" not in answer.text
    assert "less than `disk_floor_mib` 1,000,000,000,000" in caplog.text


def test_store_of_an_older_release_is_not_ready(own_workspace: Workspace) -> None:
    with own_workspace.store._writing() as con:
        con.exec_driver_sql("UPDATE alembic_version SET version_num = '0004'")

    checks = {check.name: check for check in own_workspace.readiness()}

    assert not checks["store"].ok
    assert "is at revision 0004, this release needs" in checks["store"].finding
    assert checks["store"].finding.endswith("run `forecast db migrate`.")


@pytest.mark.slow
def test_model_that_cannot_be_loaded_is_not_ready(own_workspace: Workspace, crown: Callable[..., str]) -> None:
    label = crown(own_workspace, own_workspace.clock.now().date())
    assert {check.name: check.finding for check in own_workspace.readiness()}["models"] == label

    broken = Workspace(own_workspace.path, own_workspace.clock)
    for file in (broken.path / "models" / "copies").rglob("files/*"):
        file.write_bytes(b"")

    assert not {check.name: check.ok for check in broken.readiness()}["models"]


def test_expected_worker_that_is_silent_is_not_ready(empty: Workspace) -> None:
    expecting = empty.settings.model_copy(update={"expects_worker": True})
    empty.settings = expecting
    assert not {check.name: check.ok for check in empty.readiness()}[WORKER]

    empty.store.beat(WORKER)
    assert {check.name: check.ok for check in empty.readiness()}[WORKER]

    late = Workspace(empty.path, type("Late", (), {"now": lambda self: empty.clock.now() + timedelta(seconds=91)})())
    late.settings = expecting
    found = {check.name: check.finding for check in late.readiness()}[WORKER]
    assert found.startswith("The worker was last seen 91 s ago, limit 90")
