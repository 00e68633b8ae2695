from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

AS_OF = "2025-12-01"
RECORD = {"stage": "proposal", "amount": 12000, "currency": "EUR", "created_at": "2025-11-03T10:00:00Z"}


def _post(client: TestClient, **record: Any) -> Any:
    return client.post("/v1/scores", json={"entity": "opportunity", "record": RECORD | record, "as_of": AS_OF})


def test_posted_record_is_scored_with_every_reason(admin: TestClient) -> None:
    body = _post(admin).json()

    assert body["model_version"] == "group_rate"
    assert body["base"] + sum(reason["points"] for reason in body["reasons"]) == pytest.approx(body["probability"])
    assert 0 < body["low"] <= body["probability"] <= body["high"] < 1
    assert 0 < body["p_30d"] <= body["p_60d"] <= body["p_90d"]


def test_posted_record_scores_as_its_like_in_the_lake(admin: TestClient) -> None:
    listed = admin.get("/v1/opportunities", params={"as_of": AS_OF, "stage": "proposal", "limit": 1}).json()["items"][0]

    assert _post(admin).json()["probability"] == listed["probability"]


def test_posting_stores_nothing(admin: TestClient, workspace: Workspace) -> None:
    before = admin.get("/v1/opportunities", params={"as_of": AS_OF}).content
    head = workspace.lake.head()

    _post(admin, opportunity_id="new-1")

    assert workspace.lake.head() == head
    assert admin.get("/v1/opportunities", params={"as_of": AS_OF}).content == before


def test_texts_follow_the_body_and_the_header(admin: TestClient) -> None:
    body = {"entity": "opportunity", "record": RECORD, "as_of": AS_OF}

    by_body = admin.post("/v1/scores", json=body | {"lang": "zh"})
    by_header = admin.post("/v1/scores", json=body, headers={"Accept-Language": "zh"})

    assert by_body.headers["Content-Language"] == by_header.headers["Content-Language"] == "zh"
    assert by_body.content == by_header.content != admin.post("/v1/scores", json=body).content


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"amount": "much"}, "`amount` must be a number of at least 0, got 'much'"),
        ({"amount": -1}, "`amount` must be a number of at least 0, got -1"),
        ({"created_at": "soon"}, "`created_at` must be a moment such as"),
        ({"expected_close_date": "2025-13-01"}, "`expected_close_date` must be a day such as"),
        ({"outcome": "maybe"}, "`outcome` must be one of won, lost, got 'maybe'"),
        ({"closed_at": "2025-11-20T00:00:00Z", "outcome": "won"}, "only an open one can be scored"),
        ({"stage": 5}, "`stage` must be a text, got 5"),
    ],
)
def test_wrong_field_is_named(admin: TestClient, record: dict[str, Any], named: str) -> None:
    answer = _post(admin, **record)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"entity": "opportunity"}',
        b'{"entity": "account", "record": {}}',
        b'{"entity": "lead", "record": {}, "typo": 1}',
        b'{"entity": "lead", "record": {"a": {"nested": 1}}}',
        b'{"entity": "lead", "record": {"a": NaN}}',
        b'{"entity": "lead", "record": {"a": 1e999}}',
        b'{"entity": "lead", "record": {"a": ' + b"9" * 5000 + b"}}",
        b'{"entity": "lead", "record": {"a": "\\u0000"}}',
        b'{"entity": "lead", "record": {"": 1}}',
        b'{"entity": "lead", "record": ' + b"[" * 100_000 + b"}",
        b"\xff\xfe",
    ],
)
def test_broken_body_is_refused_in_one_line(admin: TestClient, body: bytes) -> None:
    answer = admin.post("/v1/scores", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize("value", [True, 5, 2.5, "text", "", None, "2025-01-01", 10**15])
def test_attribute_of_any_kind_is_taken(admin: TestClient, value: Any) -> None:
    assert _post(admin, priority=value, tier=value).status_code == 200


def test_rep_may_only_name_what_it_may_see(client: Callable[..., TestClient], workspace: Workspace) -> None:
    rep = client("rep", "U000001")
    opportunities = workspace.table("opportunities")
    is_open = opportunities["closed_at"].isna()
    own = opportunities[is_open & (opportunities["owner_id"] == "U000001")].iloc[0]
    of_own_account = set(opportunities.loc[opportunities["owner_id"] == "U000001", "account_id"])
    accounts = workspace.table("accounts")
    hidden = accounts[(accounts["owner_id"] != "U000001") & ~accounts["account_id"].isin(of_own_account)]
    leads = workspace.table("leads")
    seen_by_leads = set(leads.loc[leads["owner_id"] == "U000001", "account_id"])
    hidden = hidden[~hidden["account_id"].isin(seen_by_leads)]
    other = opportunities[opportunities["owner_id"] == "U000002"].iloc[0]

    assert _post(rep).status_code == 200
    assert _post(rep, owner_id="U000001", account_id=own["account_id"]).status_code == 200
    assert _post(rep, opportunity_id=own["opportunity_id"]).status_code == 200
    for refused in (
        {"owner_id": "U000002"},
        {"account_id": hidden["account_id"].iloc[0]},
        {"account_id": "no such account"},
        {"opportunity_id": other["opportunity_id"]},
        {"opportunity_id": "no such opportunity"},
    ):
        answer = _post(rep, **refused)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), refused


def test_engineer_may_score_a_record_that_names_nobody(client: Callable[..., TestClient]) -> None:
    engineer = client("engineer")

    assert _post(engineer).status_code == 200
    assert _post(engineer, owner_id="U000001").status_code == 403
