from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

AS_OF = {"as_of": "2025-12-01"}
REP = "U000001"


@pytest.fixture(scope="module")
def customers(admin: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = admin.get("/v1/customers", params=AS_OF | {"limit": "200"}).json()["items"]
    return items


def test_customers_are_those_of_the_workspace_highest_spend_first(
    workspace: Workspace, customers: list[dict[str, Any]]
) -> None:
    expected = workspace.customers("2025-12-01").sort_values(["spend", "account_id"], ascending=[False, True])

    assert len(customers) > 0
    assert [item["account_id"] for item in customers] == expected["account_id"].tolist()
    assert [item["p_buys"] for item in customers] == expected["p_buys"].tolist()


def test_pages_hold_everybody_once(admin: TestClient, customers: list[dict[str, Any]]) -> None:
    found: list[dict[str, Any]] = []
    asked: dict[str, str] = AS_OF | {"limit": "7"}
    while True:
        page = admin.get("/v1/customers", params=asked).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]

    assert found == customers


def test_a_rep_sees_own_accounts_and_no_other(
    client: Callable[..., TestClient], customers: list[dict[str, Any]]
) -> None:
    own = [item for item in customers if item["owner_id"] == REP]
    hidden = next(item for item in customers if item["owner_id"] != REP)
    rep = client("rep", REP)

    assert own
    assert rep.get("/v1/customers", params=AS_OF | {"limit": "200"}).json()["items"] == own
    seen = rep.get(f"/v1/customers/{own[0]['account_id']}/explanation", params=AS_OF)
    assert (seen.status_code, seen.headers["content-language"]) == (200, "en")
    assert rep.get(f"/v1/customers/{hidden['account_id']}/explanation", params=AS_OF).status_code == 404


def test_lists_filter_by_owner_and_sort_by_chance(admin: TestClient, customers: list[dict[str, Any]]) -> None:
    items = admin.get("/v1/customers", params=AS_OF | {"owner_id": REP, "sort": "p_buys", "limit": "200"}).json()[
        "items"
    ]

    chances = [item["p_buys"] for item in items]
    assert chances == sorted(chances, reverse=True)
    assert {item["account_id"] for item in items} == {c["account_id"] for c in customers if c["owner_id"] == REP}


def test_model_of_another_kind_is_refused(admin: TestClient) -> None:
    answer = admin.get("/v1/customers", params=AS_OF | {"model": "demand/1"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
