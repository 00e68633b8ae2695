from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.workspace import Workspace


def _status(app: FastAPI, **headers: str) -> int:
    return TestClient(app, headers=headers).get("/v1/leads", params={"limit": 1}).status_code


def test_request_without_a_key_is_told_how_to_send_one(app: FastAPI) -> None:
    answer = TestClient(app).get("/v1/leads")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="forecast"'
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "code": "unauthenticated",
        "detail": "Send a valid API key as `Authorization: Bearer <key>`.",
    }


def test_wrong_key_is_an_invalid_token(app: FastAPI) -> None:
    answer = TestClient(app, headers={"Authorization": "Bearer fck_wrong"}).get("/v1/leads")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="forecast", error="invalid_token"'


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "fck_only", "Bearer a b", "Bearer é"])
def test_malformed_authorization_is_refused(app: FastAPI, header: str) -> None:
    client = TestClient(app)

    assert client.get("/v1/leads", headers=[(b"authorization", header.encode("latin-1"))]).status_code == 401


def test_key_in_the_address_is_no_key(app: FastAPI, workspace: Workspace) -> None:
    key = workspace.store.create_key("boss", "admin")

    assert TestClient(app).get("/v1/leads", params={"key": key}).status_code == 401


def test_revoked_and_expired_keys_open_nothing(app: FastAPI, workspace: Workspace) -> None:
    now = workspace.clock.now()
    good = workspace.store.create_key("good", "admin", expires_at=now + timedelta(seconds=1))
    expired = workspace.store.create_key("old", "admin", expires_at=now)
    revoked = workspace.store.create_key("gone", "admin")
    found = workspace.store.find_key(revoked)
    assert found is not None
    workspace.store.revoke_key(found.id)

    assert _status(app, Authorization=f"Bearer {good}") == 200
    assert _status(app, Authorization=f"Bearer {expired}") == 401
    assert _status(app, Authorization=f"Bearer {revoked}") == 401


def test_store_that_is_gone_is_no_wrong_key(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "workspace")
    key = workspace.store.create_key("boss", "admin")
    workspace.store.close()
    (tmp_path / "workspace" / "store.db").unlink()

    answer = TestClient(create_app(workspace), headers={"Authorization": f"Bearer {key}"}).get("/v1/leads")

    assert (answer.status_code, answer.json()["code"]) == (503, "data_unavailable")
    assert "store" not in answer.json()["detail"]
