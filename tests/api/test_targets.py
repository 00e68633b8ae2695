from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
ASKED = {"period": "2025Q4", "as_of": "2025-11-01"}
APPROVAL = ASKED | {"batch": 1}


def _lines(client: TestClient, **more: Any) -> dict[str, dict[str, Any]]:
    answer = client.get("/v1/targets", params=ASKED | more)
    assert answer.status_code == 200, answer.text
    return {line["owner_id"]: line for line in answer.json()["lines"]}


def test_targets_add_up_to_the_cent(admin: TestClient) -> None:
    lines = _lines(admin, company_target="400000.01")

    for kind in ("company", "team", "user"):
        amounts = [Decimal(str(line["amount"])) for line in lines.values() if line["owner_kind"] == kind]
        assert sum(amounts) == Decimal("400000.01"), kind


def test_rep_sees_its_own_target_only(client: ClientOf, admin: TestClient) -> None:
    assert _lines(client("rep", "U000001")) == {"U000001": _lines(admin)["U000001"]}


def test_rep_may_not_try_company_targets(client: ClientOf) -> None:
    answer = client("rep", "U000001").get("/v1/targets", params=ASKED | {"company_target": 1})

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_manager_sees_the_targets_of_its_teams(client: ClientOf, admin: TestClient) -> None:
    every = _lines(admin, company_target=300_000)

    seen = _lines(client("manager", "U000009"), company_target=300_000)

    assert seen == {node: every[node] for node in {"T000001", "U000001", "U000003", "U000005", "U000007"} & set(every)}


def test_target_out_of_reach_tells_the_companys_range_to_admins_only(client: ClientOf, admin: TestClient) -> None:
    asked = ASKED | {"company_target": 10**12}

    full, kept = admin.get("/v1/targets", params=asked), client("manager", "U000009").get("/v1/targets", params=asked)

    assert full.status_code == kept.status_code == 422
    assert "for certain" in full.json()["detail"]
    assert kept.json()["detail"] == "`company_target` is out of reach; choose one nearer to what the company expects."


@pytest.mark.parametrize("value", ["-1", "NaN", "inf", "much", "1e15"])
def test_company_target_must_be_an_amount(admin: TestClient, value: str) -> None:
    answer = admin.get("/v1/targets", params=ASKED | {"company_target": value})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("query.company_target: ")


def test_approved_targets_are_stored_with_author_version_and_audit(admin: TestClient, workspace: Workspace) -> None:
    asked = APPROVAL | {"period": "2025-11", "company_target": 100_000}

    first = admin.post("/v1/targets/approvals", json=asked | {"effective_from": "2025-11-01"})
    second = admin.post("/v1/targets/approvals", json=asked | {"company_target": 120_000})

    assert (first.status_code, first.json()) == (201, {"period": "2025-11", "version": 1})
    assert second.json()["version"] == 2
    stored = workspace.store.approved_targets("2025-11")
    assert stored[stored["version"] == 1]["effective_from"].iloc[0].isoformat() == "2025-11-01T00:00:00+00:00"
    assert set(stored["author"]) == {"admin None"}
    log = workspace.store.audit_log().tail(2)
    assert log["subject"].tolist() == ["2025-11 version 1", "2025-11 version 2"]


def test_approved_targets_are_read_by_those_who_may_see_them(client: ClientOf, admin: TestClient) -> None:
    asked = APPROVAL | {"period": "2025-12", "company_target": 90_000}
    admin.post("/v1/targets/approvals", json=asked)

    def approved(caller: TestClient) -> dict[str, Any]:
        return dict(caller.get("/v1/targets/approvals", params={"period": "2025-12"}).json())

    full, own = approved(admin), approved(client("rep", "U000001"))

    assert next(line["amount"] for line in full["lines"] if line["owner_kind"] == "company") == 90_000
    assert own["lines"] == [line for line in full["lines"] if line["owner_id"] == "U000001"]
    assert own["version"] == full["version"] == 1
    assert approved(client("rep", "nobody")) == {
        "period": "2025-12", "version": None, "author": None, "effective_from": None, "lines": [],
    }  # fmt: skip


def test_targets_are_approved_as_a_whole(client: ClientOf) -> None:
    answer = client("manager", "U000009").post("/v1/targets/approvals", json=APPROVAL)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert answer.json()["detail"].startswith("Targets are approved as a whole; this key sees ")


def test_approval_names_the_proposal_that_was_looked_at(admin: TestClient) -> None:
    answer = admin.post("/v1/targets/approvals", json={"period": "2025Q4"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "body.as_of: Field required; body.batch: Field required."
