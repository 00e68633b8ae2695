"""Every route as every role: who gets an answer, and whose rows are in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.rights import PARTS
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
AS_OF = "2025-12-01"

#: U000001, U000003, U000005 and U000007 are the reps of team T000001, which U000009 manages in region R-south, which
#: U000011 manages.
REP, MANAGER, HEAD = "U000001", "U000009", "U000011"
TEAM = {"U000001", "U000003", "U000005", "U000007", "U000009"}

#: Role and user of each caller, and the owners of the rows that it may see.
CALLERS: list[tuple[str, str | None, set[str]]] = [
    ("rep", REP, {REP}),
    ("manager", MANAGER, TEAM),
    ("manager", HEAD, TEAM | {HEAD}),
    ("manager", "U000000", {"U000000"}),  # manages nothing
    ("rep", "not a user", set()),
]

BODIES = {
    "/v1/outlook/overrides": {"period": "2020-01", "level": "rep", "id": REP, "amount": 1, "reason": "a test"},
    "/v1/scores": {"entity": "lead", "record": {"status": "new"}, "as_of": AS_OF},
    "/v1/targets/approvals": {"period": "2025Q4", "as_of": AS_OF, "batch": 1},
    "/v1/targets/what-if": {"period": "2025Q4", "as_of": AS_OF, "batch": 1, "owner_id": REP, "amount": 10_000},
}

#: Each route with the part of the service that it belongs to.
ROUTES = {
    ("GET", "/v1/leads"): "rows",
    ("GET", "/v1/leads/{lead_id}/explanation"): "rows",
    ("GET", "/v1/opportunities"): "rows",
    ("GET", "/v1/opportunities/{opportunity_id}/explanation"): "rows",
    ("GET", "/v1/customers"): "rows",
    ("GET", "/v1/customers/{account_id}/explanation"): "rows",
    ("GET", "/v1/funnel"): "rows",
    ("GET", "/v1/outlook"): "rows",
    ("GET", "/v1/outlook/accuracy"): "rows",
    ("GET", "/v1/outlook/against-actual"): "rows",
    ("GET", "/v1/outlook/overrides"): "overrides",
    ("POST", "/v1/outlook/overrides"): "overrides",
    ("GET", "/v1/outlook/moved"): "rows",
    ("GET", "/v1/performance"): "rows",
    ("GET", "/v1/performance/{user_id}"): "rows",
    ("GET", "/v1/targets"): "rows",
    ("GET", "/v1/targets/approvals"): "rows",
    ("GET", "/v1/targets/attainment"): "rows",
    ("GET", "/v1/targets/levels"): "rows",
    ("POST", "/v1/targets/what-if"): "company targets",
    ("POST", "/v1/targets/approvals"): "target approval",
    ("POST", "/v1/scores"): "ad-hoc scores",
    ("GET", "/v1/definitions"): "definitions",
    ("GET", "/v1/models"): "models",
    ("GET", "/v1/demand/forecasts"): "demand",
    ("GET", "/v1/demand/forecasts/{unique_id}"): "demand",
    ("GET", "/v1/demand/forecasts/{unique_id}/explanation"): "demand",
    ("GET", "/v1/demand/forecasts/{unique_id}/what-if"): "demand",
    ("GET", "/v1/demand/new-items"): "demand",
}


def _call(client: TestClient, method: str, path: str) -> Any:
    path = path.replace("{", "no-such-").replace("}", "")
    if method == "POST":
        return client.post(path, json=BODIES[path])
    needs_period = path.startswith(("/v1/outlook", "/v1/performance", "/v1/targets")) and "accuracy" not in path
    since = {"since": "2025-11-24"} if path.endswith("/moved") else {}
    return client.get(
        path, params={"period": "2025Q4"} | since if needs_period else {"batch": "1"} if "model" not in path else {}
    )


def test_table_of_routes_is_complete(app: FastAPI) -> None:
    document = app.openapi()

    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    assert routes - {("GET", "/health"), ("GET", "/ready")} == set(ROUTES)


@pytest.mark.parametrize("role", ["rep", "manager", "engineer", "admin"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_role_opens_its_parts_and_no_other(client: ClientOf, role: str, method: str, path: str) -> None:
    answer = _call(client(role, REP if role in ("rep", "manager") else None), method, path)

    if role in PARTS[ROUTES[method, path]]:
        refused_as_a_whole = role == "manager" and path == "/v1/targets/approvals" and method == "POST"
        assert answer.status_code == (403 if refused_as_a_whole else 404 if "{" in path else answer.status_code)
        assert answer.status_code < 500
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert f"role {role}" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_opens_without_a_key(app: FastAPI, method: str, path: str) -> None:
    assert _call(TestClient(app), method, path).status_code == 401


@pytest.mark.parametrize(("role", "user_id", "owners"), CALLERS)
@pytest.mark.parametrize("noun", ["leads", "opportunities"])
def test_lists_hold_the_rows_of_visible_owners(
    client: ClientOf, admin: TestClient, noun: str, role: str, user_id: str, owners: set[str]
) -> None:
    asked = {"as_of": AS_OF, "limit": "200"}
    every = admin.get(f"/v1/{noun}", params=asked).json()["items"]

    seen = client(role, user_id).get(f"/v1/{noun}", params=asked).json()

    assert seen["items"] == [item for item in every if item["owner_id"] in owners]
    assert seen["next_cursor"] is None


@pytest.mark.parametrize(("role", "user_id", "owners"), CALLERS)
@pytest.mark.parametrize("noun", ["leads", "opportunities"])
def test_filters_and_cursors_open_no_hidden_row(
    client: ClientOf, admin: TestClient, noun: str, role: str, user_id: str, owners: set[str]
) -> None:
    caller = client(role, user_id)
    asked = {"as_of": AS_OF, "limit": "2"}
    cursor = admin.get(f"/v1/{noun}", params=asked).json()["next_cursor"]

    answers = [
        caller.get(f"/v1/{noun}", params=asked | {"cursor": cursor}),
        *(caller.get(f"/v1/{noun}", params=asked | {"owner_id": f"U{number:06}"}) for number in range(12)),
        *(caller.get(f"/v1/{noun}", params=asked | {"team_id": team}) for team in ("T000000", "R-north", "R-south")),
    ]

    assert {item["owner_id"] for answer in answers for item in answer.json()["items"]} <= owners


@pytest.mark.parametrize("noun", ["leads", "opportunities"])
def test_hidden_row_looks_like_no_row(client: ClientOf, admin: TestClient, noun: str) -> None:
    items = admin.get(f"/v1/{noun}", params={"as_of": AS_OF, "limit": 200}).json()["items"]
    hidden = next(item["entity_id"] for item in items if item["owner_id"] not in TEAM)
    own = next(item["entity_id"] for item in items if item["owner_id"] == REP)
    rep, manager = client("rep", REP), client("manager", MANAGER)

    def answer(caller: TestClient, entity_id: str) -> tuple[int, str]:
        got = caller.get(f"/v1/{noun}/{entity_id}/explanation", params={"as_of": AS_OF})
        return got.status_code, got.text.replace(entity_id, "ID")

    assert answer(rep, own)[0] == answer(manager, own)[0] == answer(admin, hidden)[0] == 200
    assert answer(rep, hidden) == answer(rep, "no-such-row") == answer(manager, hidden)
    assert answer(rep, hidden)[0] == 404


MOVE = """
source: hr
inputs: {moves: {file: moves.csv}}
tables:
  users: select user_id, team_id, recorded_at from moves
"""


def test_rights_follow_the_teams_of_today_and_filters_those_of_then(
    own_workspace: Workspace, clients_of: Callable[[Workspace], ClientOf], tmp_path: Path
) -> None:
    client = clients_of(own_workspace)

    def owners(user_id: str, **filters: str) -> set[str]:
        asked = {"as_of": AS_OF, "limit": "200", **filters}
        items = client("manager", user_id).get("/v1/opportunities", params=asked).json()["items"]
        return {item["owner_id"] for item in items}

    before = owners(MANAGER)
    assert REP in before
    assert REP not in owners("U000008")

    # The rep changes over to the other team after the day asked about.
    (tmp_path / "moves.csv").write_text(f"user_id,team_id,recorded_at\n{REP},T000000,2025-12-20T00:00:00Z\n")
    (tmp_path / "moves.yaml").write_text(MOVE)
    own_workspace.ingest(tmp_path / "moves.yaml")

    assert owners(MANAGER) == before - {REP}
    assert REP in owners("U000008")
    assert REP in owners("U000008", team_id="T000001")
    assert REP not in owners("U000008", team_id="T000000")
