from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

PUBLIC = {"/health/live", "/health/ready"}


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    answer = TestClient(app).get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _nodes(child)


def _resolve(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        errors = {int(status): body for status, body in operation["responses"].items() if int(status) >= 400}
        needed = {500} if path in PUBLIC else {401, 403, 422, 500, 503}
        assert needed <= set(errors), path
        for status, body in errors.items():
            assert list(body["content"]) == ["application/problem+json"], (path, status)
            content = body["content"]["application/problem+json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            assert content["example"]["status"] == status


def test_every_route_but_health_needs_a_key(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert {path for path, operation in _operations(document) if "security" not in operation} == PUBLIC


def test_references_resolve_and_schemas_are_valid(document: dict[str, Any]) -> None:
    for node in _nodes(document):
        if isinstance(node.get("$ref"), str):
            assert _resolve(document, node["$ref"]) is not None

    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_says_what_it_does(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        assert operation["summary"], path
        assert operation["description"], path


def test_answers_keep_their_schema(document: dict[str, Any], admin: TestClient) -> None:
    lead_id = admin.get("/v1/leads", params={"limit": 1}).json()["items"][0]["entity_id"]
    posted = {"entity": "opportunity", "record": {"stage": "proposal", "amount": 1000, "currency": "EUR"}}
    answers = {
        "ScoredPage": admin.get("/v1/opportunities", params={"limit": 3}),
        "Explanation": admin.get(f"/v1/leads/{lead_id}/explanation"),
        "ScoredRecord": admin.post("/v1/scores", json=posted),
        "Problem": admin.get("/v1/leads", params={"limit": 0}),
    }

    for name, answer in answers.items():
        Draft202012Validator({**document, "$ref": f"#/components/schemas/{name}"}).validate(answer.json())


def test_examples_of_request_bodies_are_accepted(document: dict[str, Any], admin: TestClient) -> None:
    for example in document["components"]["schemas"]["RecordToScore"]["examples"]:
        assert admin.post("/v1/scores", json=example).status_code == 200


def test_pages_and_document_need_no_outside_host(app: FastAPI) -> None:
    client = TestClient(app)

    assert "://" not in client.get("/openapi.json").text
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404
