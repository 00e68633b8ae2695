"""The funnel over HTTP: whose deals it counts, what it refuses, and that it replays."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
AS_OF = "2025-12-01"
REP, MANAGER, HEAD = "U000001", "U000009", "U000011"
TEAM = {"U000001", "U000003", "U000005", "U000007", "U000009"}


def _body(client: TestClient, **query: str) -> dict[str, Any]:
    answer = client.get("/v1/funnel", params={"as_of": AS_OF, **query})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _counts(rows: list[dict[str, Any]], segment: str = "all") -> dict[str, int]:
    return {row["stage"]: row["n_entered"] for row in rows if row["segment"] == segment}


def test_answer_adds_up_and_says_what_it_found(admin: TestClient) -> None:
    body = _body(admin, by="owner")

    assert body["stages"] == ["(lead)", "qualification", "needs_analysis", "proposal", "negotiation"]
    for row in body["table"]:
        if row["converted"] is not None:
            parts = sum(row[name] for name in ("advance_share", "won_share", "lost_share", "back_share", "still"))
            assert parts == pytest.approx(1, abs=1e-6)
            assert row["converted_low"] <= row["converted"] <= row["converted_high"]
    owners = [row for row in body["table"] if row["segment"] != "all"]
    assert sum(row["n_entered"] for row in owners) == sum(_counts(body["table"]).values())
    assert {text["code"] for text in body["texts"]} >= {"bottleneck", "change", "naive"}


@pytest.mark.parametrize(
    ("role", "user_id", "owners"),
    [("rep", REP, {REP}), ("manager", MANAGER, TEAM), ("manager", HEAD, TEAM | {HEAD}), ("rep", "nobody", set())],
)
def test_only_deals_of_visible_owners_are_counted(
    client: ClientOf, admin: TestClient, workspace: Workspace, role: str, user_id: str, owners: set[str]
) -> None:
    every, seen = _body(admin, by="owner"), _body(client(role, user_id), by="owner")

    expected = [row for row in every["table"] if row["segment"] in owners]
    counted = [row for row in seen["table"] if row["segment"] != "all"]
    alike = [{name: row[name] for name in ("segment", "stage", "n_won", "n_lost")} for row in counted]
    assert alike == [{name: row[name] for name in ("segment", "stage", "n_won", "n_lost")} for row in expected]
    assert {row["segment"] for row in (*seen["whole"], *seen["changes"])} <= owners | {"all"}
    # what is told of "all" rests on the same rows: a workspace that holds no others says the same
    alone = workspace.funnel(as_of=AS_OF, owners=owners)
    assert _counts(seen["table"]) == dict(alone.table[["stage", "n_entered"]].itertuples(index=False))
    assert [line["value"] for line in seen["bottlenecks"]] == [
        None if value != value else value for value in alone.bottlenecks["value"]
    ]


def test_engineer_sees_no_funnel(client: ClientOf) -> None:
    answer = client("engineer").get("/v1/funnel")

    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_texts_come_in_the_language_asked_for(admin: TestClient) -> None:
    texts = {lang: _body(admin, lang=lang)["texts"] for lang in ("en", "zh")}

    assert [text["code"] for text in texts["en"]] == [text["code"] for text in texts["zh"]]
    assert any("naive ratio" in text["text"] for text in texts["en"])
    assert any("简单比率" in text["text"] for text in texts["zh"])
    preferred = admin.get("/v1/funnel", params={"as_of": AS_OF}, headers={"Accept-Language": "zh-CN"})
    assert preferred.headers["Content-Language"] == "zh"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"by": "colour"}, "query.by"),
        ({"period": "soon"}, "A period must look like 2026-03, 2026Q1, FY2026 or 2026-W07, got 'soon'"),
        ({"period": "2025Q1", "since": "2025-01-01"}, "either `period` or `since` and `until`"),
        (
            {"since": "2025-06-01", "until": "2025-05-01"},
            "`until` must be after `since`, got 2025-05-01 and 2025-06-01",
        ),
        ({"as_of": "2020-01-01"}, "No lead and no opportunity was known at 2020-01-01"),
        ({"as_of": "2027-01-01"}, "must not lie ahead"),
        ({"batch": "99"}, "`batch` must be between"),
        ({"owner_id": "U000000"}, "owner_id"),
    ],
)
def test_wrong_query_is_explained(admin: TestClient, query: dict[str, str], named: str) -> None:
    answer = admin.get("/v1/funnel", params=query)

    assert answer.status_code == 422
    assert named in answer.json()["detail"]


LATER = """
source: crm
stages: [negotiation, proposal, needs_analysis, qualification]
inputs: {rows: {file: late.csv}}
tables:
  opportunities: |
    select opportunity_id, stage, cast(amount as double) as amount, 'EUR' as currency, outcome, created_at, closed_at,
      recorded_at from rows
"""


@pytest.mark.slow
def test_replay_gives_the_same_bytes_after_later_data(
    own_workspace: Workspace, serve: Callable[[Workspace], TestClient], tmp_path: Any
) -> None:
    asked = {"as_of": AS_OF, "batch": "1", "by": "quarter"}
    before = serve(own_workspace).get("/v1/funnel", params=asked)
    assert before.status_code == 200

    (tmp_path / "late.csv").write_text(
        "opportunity_id,stage,amount,outcome,created_at,closed_at,recorded_at\n"
        "O000001,closed,9e6,won,2025-02-01T00:00:00Z,2025-11-01T00:00:00Z,2025-11-02T00:00:00Z\n"
        "X1,proposal,5e5,,2025-02-01T00:00:00Z,,2025-02-01T00:00:00Z\n"
    )
    (tmp_path / "late.yaml").write_text(LATER)
    own_workspace.ingest(tmp_path / "late.yaml")

    assert serve(own_workspace).get("/v1/funnel", params=asked).content == before.content
    assert serve(own_workspace).get("/v1/funnel", params=asked | {"batch": "2"}).content != before.content
