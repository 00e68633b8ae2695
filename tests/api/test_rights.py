"""Every route as every role: who gets an answer, and whose rows are in it."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.rights import PARTS
from forecast.adapters.store_access import ROLES
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

#: What is no part of the service: open to everybody, or to everybody who is known.
OPEN, KNOWN = "open", "known"

BODIES: dict[str, Any] = {
    "/v1/data/quarantine/retries": {"mapping": "no-such-mapping"},
    "/v1/models/promotions": {"model": "no_such_model/1", "reason": "a test"},
    "/v1/models/rollbacks": {"name": "no_such_model", "reason": "a test"},
    "/v1/events": {"id": "e1", "table": "interactions", "row": {"interaction_id": "I1", "at": "2025-12-01T00:00:00Z"}},
    "/v1/events/dead/retry": {"ids": ["no-such-event"]},
    "/v1/outlook/overrides": {"period": "2020-01", "level": "rep", "id": REP, "amount": 1, "reason": "a test"},
    "/v1/panel-tokens": {"entity": "lead", "entity_id": "L000001", "origin": "https://crm.example", "user_id": REP},
    "/v1/reports/{name}": {"spec": {}},
    "/v1/report-schedules": {
        "report": "sales-performance",
        "period": "last month",
        "every": "month",
        "day": 1,
        "hour": 7,
        "format": "pdf",
        "lang": "en",
        "recipients": ["no such login"],
    },
    "/v1/report-schedules/{schedule_id}": {"is_active": False},
    "/v1/scores": {"entity": "lead", "record": {"status": "new"}, "as_of": AS_OF},
    "/v1/targets/approvals": {"period": "2025Q4", "as_of": AS_OF, "batch": 1},
    "/v1/targets/what-if": {"period": "2025Q4", "as_of": AS_OF, "batch": 1, "owner_id": REP, "amount": 10_000},
}

FORMS = {
    "/report-schedules": {"report": "x", "period": "last month", "every": "month", "format": "pdf", "lang": "en"},
    "/reports/{name}/definition": {"definition": "no definition"},
    "/targets/approvals": {"period": "2025Q4", "as_of": AS_OF, "batch": "1", "effective_from": AS_OF, "sure": "true"},
    "/data/retry": {"mapping": "no-such-mapping"},
    "/forecast/overrides": {"period": "2020-01", "node": f"rep:{REP}", "amount": "1", "reason": "a test"},
    "/models/promote": {"model": "no-such-model/1", "reason": "a test"},
    "/models/rollback": {"name": "no-such-model", "reason": "a test"},
}

#: Each route with the part of the service that it belongs to. A new route stands here, or the tests fail.
ROUTES = {
    ("GET", "/v1/leads"): "rows",
    ("GET", "/v1/leads/{lead_id}/explanation"): "rows",
    ("GET", "/v1/opportunities"): "rows",
    ("GET", "/v1/opportunities/{opportunity_id}/explanation"): "rows",
    ("GET", "/v1/customers"): "rows",
    ("GET", "/v1/customers/{account_id}/explanation"): "rows",
    ("GET", "/v1/changes"): "rows",
    ("GET", "/v1/changes/stream"): "rows",
    ("GET", "/v1/funnel"): "rows",
    ("GET", "/v1/outlook"): "rows",
    ("GET", "/v1/outlook/accuracy"): "rows",
    ("GET", "/v1/outlook/against-actual"): "rows",
    ("GET", "/v1/outlook/overrides"): "overrides",
    ("POST", "/v1/outlook/overrides"): "overrides",
    ("GET", "/v1/outlook/moved"): "rows",
    ("GET", "/v1/outlook/moved/deals"): "rows",
    ("GET", "/v1/performance"): "rows",
    ("GET", "/v1/performance/{user_id}"): "rows",
    ("GET", "/v1/targets"): "company targets",
    ("GET", "/v1/targets/approvals"): "rows",
    ("GET", "/v1/targets/attainment"): "rows",
    ("GET", "/v1/targets/levels"): "company targets",
    ("POST", "/v1/targets/what-if"): "company targets",
    ("POST", "/v1/targets/approvals"): "target approval",
    ("POST", "/v1/scores"): "ad-hoc scores",
    ("POST", "/v1/events"): "events",
    ("GET", "/v1/events/dead"): "events",
    ("POST", "/v1/events/dead/retry"): "events",
    ("GET", "/metrics"): "metrics",
    ("GET", "/v1/audit"): "audit",
    ("GET", "/v1/users"): "users",
    ("POST", "/v1/panel-tokens"): "panel",
    ("GET", "/v1/reports"): "reports",
    ("GET", "/v1/report-measures"): "reports",
    ("GET", "/v1/reports/{name}"): "reports",
    ("GET", "/v1/reports/{name}/definition"): "reports",
    ("PUT", "/v1/reports/{name}"): "reports",
    ("DELETE", "/v1/reports/{name}"): "reports",
    ("GET", "/v1/report-schedules"): "report schedules",
    ("GET", "/v1/report-schedules/deliveries"): "report schedules",
    ("POST", "/v1/report-schedules"): "report schedules",
    ("PUT", "/v1/report-schedules/{schedule_id}"): "report schedules",
    ("DELETE", "/v1/report-schedules/{schedule_id}"): "report schedules",
    ("GET", "/v1/scores/export"): "rows",
    ("GET", "/v1/models/ledger"): "models",
    ("GET", "/v1/models/record"): "models",
    ("GET", "/v1/models/{name}/{version}"): "models",
    ("POST", "/v1/models/promotions"): "promotion",
    ("POST", "/v1/models/rollbacks"): "promotion",
    ("GET", "/v1/definitions"): "definitions",
    ("GET", "/v1/data"): "data status",
    ("GET", "/v1/data/drift"): "data status",
    ("GET", "/v1/data/quarantine"): "quarantine",
    ("POST", "/v1/data/quarantine/retries"): "quarantine",
    ("GET", "/v1/models"): "models",
    ("GET", "/v1/models/{name}/{version}/reliability"): "models",
    ("GET", "/v1/demand/forecasts"): "demand",
    ("GET", "/v1/demand/forecasts/{unique_id}"): "demand",
    ("GET", "/v1/demand/forecasts/{unique_id}/explanation"): "demand",
    ("GET", "/v1/demand/forecasts/{unique_id}/what-if"): "demand",
    ("GET", "/v1/demand/new-items"): "demand",
    ("GET", "/v1/demand/sums"): "demand",
    ("GET", "/health"): OPEN,
    ("GET", "/ready"): OPEN,
    ("GET", "/health/live"): OPEN,
    ("GET", "/health/ready"): OPEN,
    ("GET", "/openapi.json"): OPEN,
    ("GET", "/"): KNOWN,
    ("GET", "/account"): KNOWN,
    ("POST", "/account/password"): KNOWN,
    ("GET", "/login"): OPEN,
    ("POST", "/login"): OPEN,
    ("POST", "/logout"): KNOWN,
    ("GET", "/data"): "data status",
    ("GET", "/data/drift"): "data status",
    ("GET", "/deals"): "rows",
    ("GET", "/deals/next-steps"): "rows",
    ("GET", "/deals/{entity_id}"): "rows",
    ("GET", "/deals/{entity_id}/history"): "rows",
    ("GET", "/deals/{entity_id}/next-step"): "rows",
    ("GET", "/deals/{entity_id}/similar"): "rows",
    ("GET", "/demand"): "demand",
    ("GET", "/demand/parts/{unique_id}"): "demand",
    ("GET", "/demand/series/{unique_id}"): "demand",
    ("GET", "/embed/{entity}/{entity_id}"): OPEN,
    ("GET", "/embed/{entity}/{entity_id}/part"): OPEN,
    ("GET", "/forecast"): "rows",
    ("GET", "/forecast/accuracy"): "rows",
    ("GET", "/forecast/moved"): "rows",
    ("GET", "/funnel"): "rows",
    ("GET", "/leads"): "rows",
    ("GET", "/leads/next-steps"): "rows",
    ("GET", "/leads/{entity_id}"): "rows",
    ("GET", "/leads/{entity_id}/history"): "rows",
    ("GET", "/leads/{entity_id}/next-step"): "rows",
    ("GET", "/leads/{entity_id}/similar"): "rows",
    ("GET", "/models"): "models",
    ("GET", "/models/record"): "models",
    ("GET", "/models/{name}/{version}"): "models",
    ("GET", "/team"): "rows",
    ("GET", "/team/{user_id}"): "rows",
    ("POST", "/data/events/retry"): "events",
    ("POST", "/data/retry"): "quarantine",
    ("POST", "/forecast/overrides"): "overrides",
    ("POST", "/models/promote"): "promotion",
    ("POST", "/models/rollback"): "promotion",
    ("GET", "/report-schedules"): "report schedules",
    ("GET", "/reports"): "reports",
    ("GET", "/reports/new"): "reports",
    ("GET", "/reports/preview"): "reports",
    ("GET", "/reports/{name}"): "reports",
    ("GET", "/reports/{name}/chart/{number}"): "reports",
    ("GET", "/reports/{name}/file"): "reports",
    ("GET", "/reports/{name}/preview"): "reports",
    ("GET", "/targets"): "rows",
    ("GET", "/targets/levels"): "company targets",
    ("GET", "/targets/odds"): "company targets",
    ("GET", "/targets/proposal"): "company targets",
    ("POST", "/report-schedules"): "report schedules",
    ("POST", "/report-schedules/{schedule_id}/delete"): "report schedules",
    ("POST", "/report-schedules/{schedule_id}/start"): "report schedules",
    ("POST", "/report-schedules/{schedule_id}/stop"): "report schedules",
    ("POST", "/reports/own"): "reports",
    ("POST", "/reports/{name}/definition"): "reports",
    ("POST", "/reports/{name}/delete"): "reports",
    ("POST", "/targets/approvals"): "target approval",
}
PROTECTED = [route for route, part in ROUTES.items() if part != OPEN]
PARTED = [route for route, part in ROUTES.items() if part in PARTS]

#: Its answer ends only when the client goes.
ENDLESS = {("GET", "/v1/changes/stream")}

#: What a route needs to answer with data; others take a snapshot.
ASKED: dict[str, dict[str, str]] = {
    "/deals/next-steps": {"id": "O000001"},
    "/leads/next-steps": {"id": "L000001"},
    "/forecast/moved": {"period": "2025Q4", "node": f"rep:{REP}", "since": "2025-11-24"},
    "/reports/{name}/file": {"format": "csv"},
    "/targets/levels": {"period": "2025Q4"},
    "/targets/odds": {"period": "2025Q4"},
    "/targets/proposal": {"period": "2025Q4"},
    "/v1/outlook": {"period": "2025Q4"},
    "/v1/outlook/against-actual": {"period": "2025Q4"},
    "/v1/outlook/moved": {"period": "2025Q4", "since": "2025-11-24"},
    "/v1/outlook/moved/deals": {"period": "2025Q4", "since": "2025-11-24"},
    "/v1/outlook/overrides": {"period": "2025Q4"},
    "/v1/performance": {"period": "2025Q4"},
    "/v1/performance/{user_id}": {"period": "2025Q4"},
    "/v1/targets": {"period": "2025Q4"},
    "/v1/targets/approvals": {"period": "2025Q4"},
    "/v1/targets/attainment": {"period": "2025Q4"},
    "/v1/targets/levels": {"period": "2025Q4"},
}
NO_SNAPSHOT = (
    *("/v1/audit", "/v1/changes", "/v1/definitions", "/v1/events/dead", "/v1/models", "/v1/models/ledger", "/v1/users"),
    *("/v1/models/{name}/{version}", "/v1/report-measures", "/v1/report-schedules", "/v1/reports", "/v1/scores/export"),
    *("/v1/reports/{name}/definition", "/v1/data/quarantine", "/v1/models/{name}/{version}/reliability", "/v1/data"),
    "/v1/report-schedules/deliveries",
)


def _routes(routes: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and address of every route of an application, also of those that no document lists."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes, prefix + route.include_context.prefix)
        elif getattr(route, "methods", None):
            yield from ((method, (prefix + route.path).replace(":path}", "}")) for method in route.methods - {"HEAD"})


def _call(client: TestClient, method: str, path: str, **asked: str) -> Any:
    address = path.replace("{number}", "0").replace("{", "no-such-").replace("}", "")
    if method != "GET":
        if path.startswith("/v1/"):
            return client.request(method, address, json=BODIES.get(path))
        return client.request(method, address, data=FORMS.get(path, {}), follow_redirects=False)
    query = ASKED.get(path, {"batch": "1"} if path.startswith("/v1/") and path not in NO_SNAPSHOT else {})
    return client.get(address, params=query | asked, follow_redirects=False)


def test_table_of_routes_is_complete(app: FastAPI) -> None:
    assert set(_routes(app.routes)) == set(ROUTES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), PARTED)
def test_role_opens_its_parts_and_no_other(client: ClientOf, role: str, method: str, path: str) -> None:
    if role in PARTS[ROUTES[method, path]] and (method, path) in ENDLESS:
        return

    answer = _call(client(role, REP if role in ("rep", "manager") else None), method, path)

    if role in PARTS[ROUTES[method, path]]:
        refused_as_a_whole = role == "manager" and path.endswith("/targets/approvals") and method == "POST"
        named_nothing = method == "GET" and "{" in path
        assert answer.status_code == (403 if refused_as_a_whole else 404 if named_nothing else answer.status_code)
        assert answer.status_code < 500, answer.text
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert f"role {role}" in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_no_route_opens_without_a_key(app: FastAPI, method: str, path: str) -> None:
    assert _call(TestClient(app), method, path).status_code == 401


@pytest.mark.parametrize(("method", "path"), PARTED)
def test_scoped_key_opens_what_its_scopes_name_and_nothing_else(
    app: FastAPI, scoped: Callable[[str], TestClient], method: str, path: str
) -> None:
    answer = _call(scoped("definitions"), method, path)

    assert (answer.status_code == 403) == (path != "/v1/definitions")
    assert path == "/v1/definitions" or answer.json()["detail"] == (
        f"This key does not open {ROUTES[method, path]}; its scopes: definitions."
    )


@pytest.fixture(scope="module")
def scoped(app: FastAPI, workspace: Workspace) -> Callable[[str], TestClient]:
    """A function from a scope to the client of an admin's key that has no other."""

    def client(scope: str) -> TestClient:
        key = workspace.store.create_key(scope, "admin", scopes=[scope])
        return TestClient(app, headers={"Authorization": f"Bearer {key}"})

    return cache(client)


def owners_ever(workspace: Workspace) -> tuple[dict[str, set[str]], list[tuple[str, str]]]:
    """Owners of each lead, opportunity, account and person, whoever had them when; and accounts and people by name."""
    query = """
        SELECT id, list(DISTINCT owner_id) AS owners FROM (
            SELECT unnest([lead_id, account_id]) AS id, owner_id FROM leads
            UNION SELECT unnest([opportunity_id, account_id]), owner_id FROM opportunities
            UNION SELECT account_id, owner_id FROM accounts
            UNION SELECT survivor_id, owner_id FROM opportunities JOIN accounts_aliases ON alias_id = account_id
            UNION SELECT user_id, user_id FROM users
        ) WHERE id IS NOT NULL GROUP BY id
    """
    with workspace.lake.connect() as con:
        had_by = {str(key): set(owners) for key, owners in con.sql(query).fetchall()}
        names = con.sql("SELECT DISTINCT account_id, name FROM accounts").fetchall()
    return had_by, names + list(workspace.table("users")[["user_id", "name"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def others(workspace: Workspace) -> Callable[[frozenset[str]], set[str]]:
    """A function from owners to ids and names that belong to other owners alone."""
    had_by, names = owners_ever(workspace)

    def hidden(owners: frozenset[str]) -> set[str]:
        ids = {key for key, had in had_by.items() if owners.isdisjoint(had)}
        return ids | {name for key, name in names if key in ids} - {name for key, name in names if key not in ids}

    return cache(hidden)


READABLE = [
    path
    for (method, path), part in ROUTES.items()
    if method == "GET" and path.startswith("/v1/") and "{" not in path and (method, path) not in ENDLESS
]


@pytest.mark.parametrize(("role", "user_id", "owners"), CALLERS)
@pytest.mark.parametrize("path", READABLE)
def test_no_answer_names_what_belongs_to_hidden_owners_alone(
    client: ClientOf, others: Callable[[frozenset[str]], set[str]], path: str, role: str, user_id: str, owners: set[str]
) -> None:
    answer = _call(client(role, user_id), "GET", path)

    assert answer.status_code in (200, 403, 404), answer.text
    assert set(re.findall(r"[ALOU]\d{6}|(?:Company|User) \d+", answer.text)) & others(frozenset(owners)) == set()


PRICES = """
source: crm
inputs: {prices: {file: prices.csv}}
tables:
  opportunities: select opportunity_id, amount, recorded_at from prices
"""


@pytest.fixture(scope="module")
def repriced(
    make_workspace: Callable[..., Workspace],
    clients_of: Callable[[Workspace], ClientOf],
    tmp_path_factory: pytest.TempPathFactory,
) -> TestClient:
    """A rep of a workspace whose second batch makes the open opportunities of the other team ten times dearer."""
    folder = tmp_path_factory.mktemp("repriced")
    workspace = make_workspace(folder, n=100)
    deals = workspace.table("opportunities", workspace.moment("2025-12-19"))
    dearer = deals[deals["closed_at"].isna() & ~deals["owner_id"].isin(TEAM)]
    assert len(dearer) > 5
    prices = dearer[["opportunity_id"]].assign(amount=dearer["amount"] * 10, recorded_at="2025-12-19T00:00:00Z")
    prices.to_csv(folder / "prices.csv", index=False)
    (folder / "prices.yaml").write_text(PRICES)
    workspace.ingest(folder / "prices.yaml")
    return clients_of(workspace)("rep", REP)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in READABLE if path not in NO_SNAPSHOT])
def test_what_others_sell_for_changes_nothing_that_a_rep_sees(repriced: TestClient, path: str) -> None:
    before, after = (_call(repriced, "GET", path, as_of="2025-12-20", batch=str(batch)) for batch in (1, 2))

    assert before.status_code == after.status_code
    assert re.sub(r'(batch"):\d+', r"\1:1", after.text) == re.sub(r'(batch"):\d+', r"\1:1", before.text)


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
