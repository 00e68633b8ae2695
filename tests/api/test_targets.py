from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
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

    for node in {line["parent"] for line in lines.values()} - {""}:
        amounts = [Decimal(str(line["amount"])) for line in lines.values() if line["parent"] == node]
        assert sum(amounts) == Decimal(str(lines[node]["amount"])), node
    assert lines["company"]["amount"] == 400_000.01


@pytest.mark.parametrize("path", ["", "/levels"])
def test_rep_sees_no_proposal_whose_odds_would_tell_what_others_bring(client: ClientOf, path: str) -> None:
    answer = client("rep", "U000001").get(f"/v1/targets{path}", params=ASKED)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_rep_may_not_try_company_targets(client: ClientOf) -> None:
    answer = client("rep", "U000001").get("/v1/targets", params=ASKED | {"company_target": 1})

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("total", [150_000, 200_000.01])
def test_manager_shares_a_target_among_the_own_people_so_that_nothing_is_left_to_others(
    client: ClientOf, total: float
) -> None:
    seen = _lines(client("manager", "U000009"), company_target=total)

    people = {owner for owner, line in seen.items() if line["owner_kind"] == "user"}
    assert "U000003" in people <= {"U000001", "U000003", "U000005", "U000007", "U000009"}
    assert set(seen) == people | {"T000001"}
    assert sum(Decimal(str(seen[person]["amount"])) for person in people) == Decimal(str(total))
    assert seen["T000001"]["amount"] == total


def test_manager_of_everybody_who_has_a_target_gets_the_company_s_proposal(
    own_workspace: Workspace, clients_of: Callable[[Workspace], ClientOf], tmp_path: Path
) -> None:
    (tmp_path / "team.csv").write_text(
        "team_id,parent_team_id,recorded_at\nR-north,R-south,2025-12-20T00:00:00Z\nR-south,,2025-12-20T00:00:00Z\n"
    )
    (tmp_path / "team.yaml").write_text(
        "source: hr\ninputs: {moves: {file: team.csv}}\n"
        "tables: {teams: 'select team_id, parent_team_id, recorded_at from moves'}\n"
    )
    own_workspace.ingest(tmp_path / "team.yaml")
    client = clients_of(own_workspace)
    every = _lines(client("admin"), batch=1)

    seen = _lines(client("manager", "U000011"), batch=1)

    assert {"U000000", "U000001"} <= set(seen) < set(every)
    assert seen == {node: every[node] for node in seen}


def test_target_out_of_reach_tells_the_range_of_who_may_be_seen(client: ClientOf, admin: TestClient) -> None:
    asked = ASKED | {"company_target": 10**12}

    full, own = (caller.get("/v1/targets", params=asked) for caller in (admin, client("manager", "U000009")))

    assert full.status_code == own.status_code == 422
    assert "for certain" in full.json()["detail"]
    assert "for certain" in own.json()["detail"] != full.json()["detail"]


@pytest.mark.parametrize("value", ["-1", "NaN", "inf", "much", "1e15"])
def test_company_target_must_be_an_amount(admin: TestClient, value: str) -> None:
    answer = admin.get("/v1/targets", params=ASKED | {"company_target": value})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("query.company_target: ")


def test_approved_targets_are_stored_with_author_version_and_audit(admin: TestClient, workspace: Workspace) -> None:
    asked = APPROVAL | {"period": "2025-11", "company_target": 100_000}

    first = admin.post("/v1/targets/approvals", json=asked | {"effective_from": "2025-11-01"})
    second = admin.post("/v1/targets/approvals", json=asked | {"company_target": 120_000})

    basis = "equal odds on the outlook of territories as of 2025-11-01T00:00:00Z, batch 1"
    assert (first.status_code, first.json()) == (201, {"period": "2025-11", "version": 1, "basis": basis})
    assert second.json()["version"] == 2
    stored = workspace.store.approved_targets("2025-11")
    assert stored[stored["version"] == 1]["effective_from"].iloc[0].isoformat() == "2025-11-01T00:00:00+00:00"
    assert set(stored["author"]) == {"admin None"}
    log = workspace.store.audit_log()
    assert log.loc[log["action"] == "approve targets", "subject"].tolist()[-2:] == [
        "2025-11 version 1",
        "2025-11 version 2",
    ]


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
        "period": "2025-12", "version": None, "author": None, "effective_from": None, "basis": None, "lines": [],
        "next_cursor": None,
    }  # fmt: skip


def test_targets_are_approved_as_a_whole(client: ClientOf) -> None:
    answer = client("manager", "U000009").post("/v1/targets/approvals", json=APPROVAL)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert answer.json()["detail"].startswith("Targets are approved as a whole; this key sees ")


def test_approval_names_the_proposal_that_was_looked_at(admin: TestClient) -> None:
    answer = admin.post("/v1/targets/approvals", json={"period": "2025Q4"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "body.as_of: Field required; body.batch: Field required."


def test_constraints_hold_in_a_proposal(admin: TestClient) -> None:
    asked = {"company_target": 400_000, "constraint": ["fixed:U000003=12345.67", "ceiling:U000001=20000"]}

    lines = _lines(admin, **asked)

    assert lines["U000003"]["amount"] == 12_345.67
    assert lines["U000001"]["amount"] <= 20_000
    assert lines["company"]["amount"] == 400_000
    assert lines["U000003"]["held"] == "fixed"


def test_constraints_that_cannot_all_hold_are_named(admin: TestClient) -> None:
    asked = ASKED | {"company_target": 400_000, "constraint": ["floor:U000003=900", "ceiling:U000003=800"]}

    answer = admin.get("/v1/targets", params=asked)

    assert answer.status_code == 422
    assert "floor 900.00 EUR of U000003; ceiling 800.00 EUR of U000003" in answer.json()["detail"]


def test_manager_constrains_nobody_elses_people(client: ClientOf) -> None:
    asked = ASKED | {"constraint": "floor:U000000=1"}

    answer = client("manager", "U000009").get("/v1/targets", params=asked)

    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no person or team 'U000000' among those of this key."


@pytest.mark.parametrize("tried", [{"constraint": "floor:U000001=1"}, {"skill": True}, {"ramp_months": 6}])
def test_rep_may_not_try_constraints(client: ClientOf, tried: dict[str, Any]) -> None:
    answer = client("rep", "U000001").get("/v1/targets", params=ASKED | tried)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("constraint", ["U3=5", "floor:U000001", "cap:U000001=3", "floor:=3"])
def test_constraint_must_have_its_form(admin: TestClient, constraint: str) -> None:
    answer = admin.get("/v1/targets", params=ASKED | {"constraint": constraint})

    assert answer.status_code == 422
    assert "must look like floor:U3=80000" in answer.json()["detail"]


def test_targets_seen_in_another_currency_add_up_there(admin: TestClient) -> None:
    euros, dollars = _lines(admin, company_target=400_000.01), _lines(admin, company_target=400_000.01, currency="USD")

    for node in {line["parent"] for line in dollars.values()} - {""}:
        amounts = [Decimal(str(line["amount"])) for line in dollars.values() if line["parent"] == node]
        assert sum(amounts) == Decimal(str(dollars[node]["amount"])), node
    rate = dollars["company"]["amount"] / euros["company"]["amount"]
    for node, line in dollars.items():
        assert line["amount"] == pytest.approx(euros[node]["amount"] * rate, abs=0.03)
        assert line["odds"] == euros[node]["odds"]


def test_currency_without_a_rate_is_named(admin: TestClient) -> None:
    answer = admin.get("/v1/targets", params=ASKED | {"currency": "JPY"})

    assert answer.status_code == 422
    assert "no rate from JPY to EUR" in answer.json()["detail"]


def test_wins_are_whole_and_have_no_currency(admin: TestClient) -> None:
    lines = _lines(admin, measure="wins", company_target=40)

    assert {line["currency"] for line in lines.values()} == {""}
    assert all(line["amount"] == int(line["amount"]) for line in lines.values())
    assert lines["company"]["amount"] == 40


def test_drag_moves_everybody_elses_odds_and_stores_nothing(admin: TestClient, workspace: Workspace) -> None:
    body = APPROVAL | {"company_target": 400_000, "owner_id": "U000003"}
    stored = len(workspace.store.approved_targets("2025Q4"))

    lines = admin.post("/v1/targets/what-if", json=body | {"amount": 80_000}).json()["lines"]

    users = {line["owner_id"]: line for line in lines if line["owner_kind"] == "user"}
    assert users["U000003"]["amount"] == 80_000 > users["U000003"]["amount_before"]
    others = [line for owner, line in users.items() if owner != "U000003"]
    assert all(line["odds"] >= line["odds_before"] for line in others)
    assert any(line["odds"] > line["odds_before"] for line in others)
    assert sum(Decimal(str(line["amount"])) for line in users.values()) == 400_000
    assert len(workspace.store.approved_targets("2025Q4")) == stored


def test_manager_drags_own_people_only(client: ClientOf) -> None:
    manager, body = client("manager", "U000009"), APPROVAL | {"company_target": 150_000, "amount": 30_000}

    own = manager.post("/v1/targets/what-if", json=body | {"owner_id": "U000003"})
    other = manager.post("/v1/targets/what-if", json=body | {"owner_id": "U000000"})

    assert {line["owner_id"] for line in own.json()["lines"]} <= {
        "R-south", "T000001", "U000001", "U000003", "U000005", "U000007",
    }  # fmt: skip
    assert other.status_code == 404


def test_levels_have_their_stated_odds(admin: TestClient) -> None:
    lines = admin.get("/v1/targets/levels", params=ASKED).json()["lines"]

    users = [line for line in lines if line["owner_kind"] == "user" and not line["held"]]
    assert {line["level"] for line in users} == {"target", "stretch", "challenge"}
    assert all(line["odds"] == pytest.approx(line["stated_odds"], abs=1e-3) for line in users if line["amount"] > 0)


def test_attainment_of_a_version_is_seen_by_those_who_may(client: ClientOf, admin: TestClient) -> None:
    version = admin.post("/v1/targets/approvals", json=APPROVAL | {"company_target": 400_000}).json()["version"]
    asked = ASKED | {"version": version}

    full, own = (
        caller.get("/v1/targets/attainment", params=asked).json() for caller in (admin, client("rep", "U000001"))
    )

    company = next(line for line in full["lines"] if line["owner_kind"] == "company")
    assert company["target"] == 400_000
    assert company["attainment"] == pytest.approx(company["booked"] / 400_000)
    assert company["pace"] == pytest.approx(company["attainment"] / company["usual_share"])
    assert own["lines"] == [line for line in full["lines"] if line["owner_id"] == "U000001"]


def test_attainment_says_when_no_targets_were_in_force(admin: TestClient) -> None:
    answer = admin.get("/v1/targets/attainment", params=ASKED | {"period": "2025-10"})

    assert answer.status_code == 422
    assert "No revenue targets of 2025-10 were in force" in answer.json()["detail"]


def test_unknown_version_is_named(admin: TestClient) -> None:
    answer = admin.get("/v1/targets/attainment", params=ASKED | {"version": 99})

    assert answer.status_code == 422
    assert "have no version 99" in answer.json()["detail"]
