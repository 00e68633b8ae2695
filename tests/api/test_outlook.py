from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

ClientOf = Callable[..., TestClient]
ASKED = {"period": "2025Q4", "as_of": "2025-11-01"}


def _lines(client: TestClient) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in client.get("/v1/outlook", params=ASKED).json()["lines"]}


def test_admin_sees_company_teams_and_reps_adding_up(admin: TestClient) -> None:
    lines = _lines(admin)

    for part in ("booked", "open", "arriving", "repeat", "mean"):
        of_level = {
            level: sum(line[part] for line in lines.values() if line["level"] == level)
            for level in ("company", "team", "rep")
        }
        assert of_level["rep"] == pytest.approx(of_level["company"], abs=0.05)
        for parent in ("company", "R-north", "T000000"):
            below = sum(line[part] for line in lines.values() if line["parent"] == parent)
            assert below == pytest.approx(lines[parent][part], abs=0.02)


def test_rep_sees_its_own_line_only(client: ClientOf, admin: TestClient) -> None:
    assert _lines(client("rep", "U000001")) == {"U000001": _lines(admin)["U000001"]}


def test_manager_sees_its_teams_and_their_people(client: ClientOf, admin: TestClient) -> None:
    every = _lines(admin)
    team = {"T000001", "U000001", "U000003", "U000005", "U000007"} & set(every)

    assert _lines(client("manager", "U000009")) == {node: every[node] for node in team}
    assert _lines(client("manager", "U000011")) == {node: every[node] for node in {"R-south", *team}}
    assert _lines(client("manager", "nobody")) == {}


def test_regions_and_categories_are_for_who_sees_everything(client: ClientOf, admin: TestClient) -> None:
    company = _lines(admin)["company"]
    for by in ("region", "category"):
        asked = {"params": {**ASKED, "by": by}}
        lines = admin.get("/v1/outlook", **asked).json()["lines"]
        assert {line["level"] for line in lines} == {"company", by}
        for quantile in ("q0.1", "q0.5", "q0.9"):  # the same paths, summed another way
            assert lines[0][quantile] == company[quantile]
        assert sum(line["mean"] for line in lines[1:]) == pytest.approx(lines[0]["mean"], abs=0.05)
        for role, user in (("rep", "U000001"), ("manager", "U000009"), ("engineer", None)):
            assert client(role, user).get("/v1/outlook", **asked).status_code == 403


def test_wins_are_counted_without_currency(admin: TestClient) -> None:
    answer = admin.get("/v1/outlook", params={**ASKED, "measure": "wins"}).json()

    assert (answer["measure"], answer["currency"]) == ("wins", "")
    assert answer["lines"][0]["booked"] == round(answer["lines"][0]["booked"]) > 0


def test_lines_name_no_person(admin: TestClient) -> None:
    lines = _lines(admin)

    assert lines["T000000"]["name"] == "Team 1"
    assert {line["name"] for line in lines.values() if line["level"] == "rep"} == {None}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({}, "query.period: Field required"),
        ({"period": "soon"}, "A period must look like 2026-03, 2026Q1, FY2026 or 2026-W07, got 'soon'"),
        ({"period": "2025Q4", "as_of": "2020-01-01"}, "2020"),
        ({"period": "2025Q4", "by": "colour"}, "query.by"),
    ],
)
def test_wrong_query_is_explained(admin: TestClient, query: dict[str, str], named: str) -> None:
    answer = admin.get("/v1/outlook", params=query)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]
