from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from forecast.workspace import Workspace


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/opportunities"])
@pytest.mark.parametrize(
    ("query", "status", "code", "named"),
    [
        ("as_of=2020-01-01", 422, "invalid_input", "Nothing was known at 2020-01-01 00:00:00Z"),
        ("as_of=0001-01-01", 422, "invalid_input", ""),
        ("as_of=2026-01-02", 422, "invalid_input", "`as_of` must not lie ahead: it is 2026-01-01T12:00:00Z"),
        ("as_of=9999-12-31", 422, "invalid_input", "`as_of` must not lie ahead"),
        ("as_of=soon", 422, "invalid_input", "got 'soon'"),
        ("as_of=2025-02-30", 422, "invalid_input", "A date must look like 2026-03-31"),
        ("as_of=", 422, "invalid_input", "A date must look like 2026-03-31"),
        ("as_of=2025-12-01&as_of=2025-11-01x", 422, "invalid_input", "A date must look like"),
        ("batch=0", 422, "invalid_input", "query.batch: Input should be greater than or equal to 1"),
        ("batch=2", 422, "invalid_input", "`batch` must be between 1 and 1, the last one, got 2"),
        ("batch=99999999999999999999999999", 422, "invalid_input", "`batch` must be between 1 and 1"),
        ("batch=first", 422, "invalid_input", "query.batch: Input should be a valid integer"),
        ("limit=201", 422, "invalid_input", "query.limit: Input should be less than or equal to 200"),
        ("limit=-1", 422, "invalid_input", "query.limit"),
        ("cursor=nonsense", 422, "invalid_input", "`cursor` is not one that this list gave"),
        ("cursor=%00%FF", 422, "invalid_input", "`cursor` is not one that this list gave"),
        ("lang=fr", 422, "invalid_input", "query.lang"),
        ("sort=name", 422, "invalid_input", "query.sort"),
        ("unknown=1", 422, "invalid_input", "query.unknown"),
        ("model=77", 404, "unknown_model", "/77"),
        ("model=demand/1", 422, "invalid_input", "got 'demand/1'"),
        ("model=../../etc/passwd", 422, "invalid_input", "query.model"),
        ("owner_id=%00", 422, "invalid_input", "query.owner_id: Value error, must not contain a NUL character"),
        ("stage=", 422, "invalid_input", "query.stage"),
    ],
)
def test_wrong_query_is_explained_in_one_line(
    admin: TestClient, path: str, query: str, status: int, code: str, named: str
) -> None:
    answer = admin.get(f"{path}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def test_model_of_another_kind_does_not_give_an_empty_list(admin: TestClient) -> None:
    answer = admin.get("/v1/leads", params={"model": "conversion_opportunity/1"})

    assert answer.status_code == 422
    assert "must look like conversion_lead/3" in answer.json()["detail"]


def test_empty_workspace_says_what_is_missing(tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "workspace")
    key = workspace.store.create_key("boss", "admin")
    client = TestClient(create_app(workspace), headers={"Authorization": f"Bearer {key}"})

    answer = client.get("/v1/leads")

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("There is no lead and no opportunity yet")
    assert client.get("/ready").status_code == 200
