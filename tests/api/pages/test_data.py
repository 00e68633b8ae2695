"""The data page and its routes: sources, rejected rows for those who may see them, trying again, drift."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]

MAPPING = """
source: web
inputs:
  forms: {file: forms.csv}
tables:
  leads: |
    select id as lead_id, visitor, created as created_at, created as recorded_at, owner as owner_id from forms
personal: {leads: [visitor]}
quarantine: 1
"""


@pytest.fixture(scope="module")
def rejected(
    make_workspace: Callable[..., Workspace],
    clients_of: Callable[[Workspace], ClientOf],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Workspace, ClientOf]:
    """A company with two rejected leads of a web form; one waits for its owner."""
    folder: Path = tmp_path_factory.mktemp("rejected")
    workspace = make_workspace(folder, n=60)
    (folder / "web.yaml").write_text(MAPPING, encoding="utf-8")
    rows = "id,visitor,created,owner\nW1,Anna,2025-06-01,U999999\nW2,Bea,yesterday,\nW3,Cem,2025-06-02,\n"
    (folder / "forms.csv").write_text(rows, encoding="utf-8")
    workspace.ingest(folder / "web.yaml")
    return workspace, clients_of(workspace)


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_operations_see_sources_and_rules_and_no_persons(rejected: tuple[Workspace, ClientOf]) -> None:
    page = rejected[1]("operations").get("/data")

    words = _words(page.text)
    assert "web web.yaml" in words
    assert "created_at: … is no ISO time" in words
    assert "owner_id: … is not in users" in words
    assert "U999999" in words
    assert not {"Anna", "Bea"} & set(words.split())
    assert "Anna" in _words(rejected[1]("admin").get("/data").text)


def test_engineer_sees_counts_and_no_row(rejected: tuple[Workspace, ClientOf]) -> None:
    engineer = rejected[1]("engineer")

    words = _words(engineer.get("/data").text)

    assert "created_at: … is no ISO time" in words
    assert "U999999" not in words
    assert engineer.get("/v1/data/quarantine").status_code == 403
    assert engineer.post("/data/retry", data={"mapping": "web.yaml"}).status_code == 403


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_reps_and_managers_have_no_data_page(rejected: tuple[Workspace, ClientOf], role: str) -> None:
    for path in ("/data", "/data/drift", "/v1/data", "/v1/data/drift"):
        assert rejected[1](role, "U000001").get(path).status_code == 403


def test_rejected_rows_are_tried_again_by_a_button(rejected: tuple[Workspace, ClientOf], tmp_path: Path) -> None:
    workspace, client = rejected
    (tmp_path / "hr.yaml").write_text(
        "source: hr\ninputs: {people: {file: people.csv}}\n"
        "tables: {users: \"select id as user_id, '2025-01-01' as recorded_at from people\"}\n",
        encoding="utf-8",
    )
    (tmp_path / "people.csv").write_text("id\nU999999\n", encoding="utf-8")
    workspace.ingest(tmp_path / "hr.yaml")
    before = client("operations").get("/v1/data/quarantine").json()["total"]

    answer = client("operations").post("/data/retry", data={"mapping": "web.yaml"}, follow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/data?retried=1")
    assert client("operations").get("/v1/data/quarantine").json()["total"] == before - 1
    again = client("operations").post("/v1/data/quarantine/retries", json={"mapping": "web.yaml"}).json()
    assert (again["taken"], again["quarantined"]) == (0, 1)
    assert "W1" in set(workspace.table("leads")["lead_id"])


def test_unknown_mapping_is_explained(rejected: tuple[Workspace, ClientOf]) -> None:
    answer = rejected[1]("admin").post("/v1/data/quarantine/retries", json={"mapping": "../forecast.toml"})

    assert answer.status_code == 422
    assert "is not kept" in answer.json()["detail"]


def test_drift_without_a_champion_says_what_to_do(rejected: tuple[Workspace, ClientOf]) -> None:
    assert "尚无现役模型" in rejected[1]("engineer").get("/data/drift", headers={"Accept-Language": "zh-CN"}).text
    assert rejected[1]("engineer").get("/v1/data/drift").json()["features"] is None
