"""What moved over HTTP: whose lines and opportunities a key sees, in which language, again and again."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.datasets import make_company
from forecast.outlook.moved import STEPS
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
ASKED = {"period": "2025Q4", "since": "2025-10-20", "as_of": "2025-11-10", "batch": "1"}
#: The reps of team T000001, which U000009 manages.
REP, MANAGER = "U000001", "U000009"
TEAM = {"U000001", "U000003", "U000005", "U000007"}


def _body(client: TestClient, **also: str) -> dict[str, Any]:
    answer = client.get("/v1/outlook/moved", params=ASKED | also)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _lines(client: TestClient) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in _body(client)["lines"]}


@pytest.mark.slow
def test_steps_lead_from_one_outlook_to_the_other_in_cents(admin: TestClient) -> None:
    lines = _lines(admin)

    for line in lines.values():
        assert [step["step"] for step in line["steps"]] == list(STEPS)
        cents = round(100 * line["before"]) + sum(round(100 * step["amount"]) for step in line["steps"])
        assert cents == round(100 * line["after"])
    for end, day in (("before", "2025-10-20"), ("after", "2025-11-10")):
        outlook = admin.get("/v1/outlook", params={"period": "2025Q4", "as_of": day, "batch": "1"}).json()["lines"]
        assert {line["id"]: line["mean"] for line in outlook} == {name: line[end] for name, line in lines.items()}
    assert {line["name"] for line in lines.values() if line["level"] == "rep"} == {None}


def test_rep_sees_its_own_line_and_opportunities_only(client: ClientOf, admin: TestClient) -> None:
    own = _body(client("rep", REP), deals="100")

    assert {line["id"]: line for line in own["lines"]} == {REP: _lines(admin)[REP]}
    assert {deal["owner_id"] for deal in own["deals"]} == {REP}
    every = _body(admin, deals="100")["deals"]
    assert own["deals"] == [deal for deal in every if deal["owner_id"] == REP]


def test_manager_sees_its_teams_and_their_people(client: ClientOf, admin: TestClient) -> None:
    manager = client("manager", MANAGER)
    seen = TEAM | {"T000001"}

    assert _lines(manager) == {name: line for name, line in _lines(admin).items() if name in seen}
    assert {deal["owner_id"] for deal in _body(manager)["deals"]} <= TEAM
    assert _body(client("manager", "nobody"))["lines"] == []


def test_only_those_that_moved_most_are_named(admin: TestClient) -> None:
    few = _body(admin, deals="1")["deals"]

    assert _body(admin, deals="0")["deals"] == []
    assert len({deal["step"] for deal in few}) == len(few) > 2


def test_texts_come_in_the_language_asked_for(admin: TestClient) -> None:
    answer = admin.get("/v1/outlook/moved", params=ASKED, headers={"Accept-Language": "zh-CN,en;q=0.5"})

    assert answer.headers["Content-Language"] == "zh"
    body = answer.json()
    assert body["steps"][2] == {"step": "won", "title": "赢单", "meaning": "由预期金额变为报价金额"}
    assert body["lines"][0]["text"].startswith("原预期 ")
    assert "were expected" in _body(admin, lang="en")["lines"][0]["text"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"since": None}, "query.since: Field required"),
        ({"since": "soon"}, "got 'soon'"),
        ({"since": "2025-12-01"}, "must not be after the later one"),
        ({"since": "2020-01-01"}, "2020-01-01"),
        ({"since_batch": "7"}, "`batch` must be between 1 and 1, the last one, got 7"),
        ({"since_batch": "0"}, "query.since_batch"),
        ({"deals": "101"}, "query.deals: Input should be less than or equal to 100"),
        ({"period": "soon"}, "A period must look like"),
        ({"lang": "fr"}, "query.lang"),
        ({"until": "2025-12-01"}, "query.until"),
    ],
)
def test_wrong_query_is_explained(admin: TestClient, change: dict[str, str | None], named: str) -> None:
    query = {name: value for name, value in (ASKED | change).items() if value is not None}

    answer = admin.get("/v1/outlook/moved", params=query)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


@pytest.mark.slow
def test_body_is_the_same_after_later_data_and_a_backfill(
    own_workspace: Workspace, serve: Callable[[Workspace], TestClient], tmp_path: Path
) -> None:
    client = serve(own_workspace)
    asked = ASKED | {"since_batch": "1"}
    first = client.get("/v1/outlook/moved", params=asked).content
    vars(own_workspace.clock)["moment"] += timedelta(days=60)  # the clock of tests can be put forward
    other = make_company(
        n_opportunities=60, n_leads=60, n_accounts=60, months=14, start=date(2024, 12, 1), random_state=5
    )

    own_workspace.ingest(other.write(tmp_path / "more"))

    assert client.get("/v1/outlook/moved", params=asked).content == first
    assert serve(own_workspace).get("/v1/outlook/moved", params=asked).content == first
    corrected = client.get("/v1/outlook/moved", params=asked | {"batch": "2"}).json()["lines"][0]["steps"][0]
    assert corrected["step"] == "corrected_data"
    assert corrected["amount"] != 0
