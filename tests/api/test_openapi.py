import re
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

    named = set(re.findall(r"\w+://[^/\"' ]+", client.get("/openapi.json").text))
    assert named <= {"https://crm.example.com"}  # an example of a value, loaded by nobody
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def _bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Media types with their contents of what is sent and of what is answered when all is well."""
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for status, answer in operation["responses"].items():
        if status < "300":
            yield from answer.get("content", {}).items()


def test_every_body_has_an_example_that_keeps_its_schema(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        for media_type, content in _bodies(operation):
            shown = [content.get("example"), *(one["value"] for one in content.get("examples", {}).values())]
            assert any(example is not None for example in shown), (path, media_type)
            if media_type.endswith("json"):
                for example in shown:
                    schema = {**document, **content["schema"]}
                    errors = list(Draft202012Validator(schema).iter_errors(example)) if example is not None else []
                    assert errors == [], (path, media_type, errors[:2])


def test_operations_have_stable_names_and_described_tags(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in _operations(document)]
    described = {tag["name"] for tag in document["tags"] if tag["description"]}

    assert len(set(ids)) == len(ids)
    assert {
        "get_leads",
        "get_leads_explanation",
        "post_scores",
        "get_scores_export",
        "get_demand_forecasts_one",
    } <= set(ids)
    for path, operation in _operations(document):
        assert set(operation["tags"]) <= described, path


def test_limits_conflicts_and_late_answers_are_documented(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1/"):
                needed = {"429", "504"} | ({"409", "413"} if method != "get" else set())
                assert needed <= set(operation["responses"]), (method, path)
