"""Performance over HTTP: whose lines, comparisons and suggestions a key sees, in which language, again and again."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.performance_schemas import PerformanceLine
from forecast.explain.definitions import is_defined
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
ASKED = {"period": "2025Q4", "as_of": "2025-12-15", "batch": "1"}
#: The reps of team T000001, which U000009 manages.
REP, MANAGER = "U000001", "U000009"
TEAM = {"U000001", "U000003", "U000005", "U000007"}


def _lines(client: TestClient) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in client.get("/v1/performance", params=ASKED).json()["lines"]}


def _person(client: TestClient, user_id: str, **also: str) -> Any:
    return client.get(f"/v1/performance/{user_id}", params=ASKED | also)


def test_admin_sees_people_adding_up_to_teams_and_the_company(admin: TestClient) -> None:
    lines = _lines(admin)

    for figure in ("won", "lost", "contacts", "inquiries", "csat_n", "cases", "wins"):
        people = [line[figure] or 0 for line in lines.values() if line["level"] == "user"]
        assert sum(people) == lines["company"][figure] > 0
        assert sum(lines[user][figure] or 0 for user in TEAM) == lines["T000001"][figure] == lines["R-south"][figure]
    total = sum(line["expected_wins"] or 0 for line in lines.values() if line["level"] == "user")
    assert total == pytest.approx(lines["company"]["expected_wins"])


def test_rep_sees_its_own_line_only_and_no_colleague(client: ClientOf, admin: TestClient) -> None:
    rep = client("rep", REP)

    assert _lines(rep) == {REP: _lines(admin)[REP]}
    own = _person(rep, REP).json()
    assert own["line"]["id"] == REP
    assert own["comparisons"] == []
    assert {name for one in own["suggestions"] for name in one["evidence"]["learn_from"]} == set()
    assert not any(other in _person(rep, REP).text for other in (TEAM - {REP}) | {"U000000", "U000002"})


def test_manager_sees_its_team_and_compares_its_people(client: ClientOf, admin: TestClient) -> None:
    every, manager = _lines(admin), client("manager", MANAGER)

    assert _lines(manager) == {name: every[name] for name in TEAM | {"T000001"}}
    assert {pair["other_id"] for pair in _person(manager, REP).json()["comparisons"]} == TEAM - {REP}
    assert {pair["other_id"] for pair in _person(admin, REP).json()["comparisons"]} > TEAM - {REP}


def test_hidden_person_looks_like_nobody(client: ClientOf, admin: TestClient) -> None:
    def answer(caller: TestClient, user_id: str) -> tuple[int, str]:
        got = _person(caller, user_id)
        return got.status_code, got.text.replace(user_id, "ID")

    assert _person(admin, "U000000").status_code == 200
    assert answer(client("rep", REP), "U000000") == answer(client("rep", REP), "nobody")
    assert answer(client("manager", MANAGER), "U000000") == answer(client("manager", MANAGER), "nobody")
    assert answer(client("rep", REP), "U000000")[0] == 404


def test_engineer_sees_no_one(client: ClientOf) -> None:
    for path in ("/v1/performance", f"/v1/performance/{REP}"):
        assert client("engineer").get(path, params=ASKED).status_code == 403


def test_texts_come_in_the_language_asked_for(admin: TestClient) -> None:
    english, chinese = _person(admin, REP), _person(admin, REP, lang="zh")

    assert chinese.headers["Content-Language"] == "zh"
    assert "赢单" in {step["text"] for step in chinese.json()["steps"]}
    assert "Winning deals" in {step["text"] for step in english.json()["steps"]}
    assert "未被记录" in chinese.json()["caveat"]
    assert "nobody recorded" in english.json()["caveat"]


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("", {}, "query.period: Field required"),
        ("", {"period": "soon"}, "A period must look like 2026-03"),
        ("", {"period": "2025Q4", "as_of": "2025-09-01"}, "had not begun"),
        (f"/{REP}", {"period": "2025Q4", "as_of": "2025-09-01"}, "had not begun"),
        (f"/{REP}", {"period": "2025Q4", "colour": "red"}, "colour"),
    ],
)
def test_wrong_query_is_explained(admin: TestClient, path: str, query: dict[str, str], named: str) -> None:
    answer = admin.get(f"/v1/performance{path}", params=query)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


def test_answers_are_the_same_bytes_from_a_new_service(
    workspace: Workspace, serve: Callable[[Workspace], TestClient], admin: TestClient
) -> None:
    again = serve(workspace)

    for path in ("/v1/performance", f"/v1/performance/{REP}"):
        assert again.get(path, params=ASKED).content == admin.get(path, params=ASKED).content


def test_every_number_of_a_line_is_defined() -> None:
    columns = set(PerformanceLine.model_fields) - {"level", "id", "name"}

    assert {name for name in columns if not is_defined(name)} == set()
