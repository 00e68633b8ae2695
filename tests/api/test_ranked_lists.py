"""Lists of the latest scores: what the store gives is what computing gives, for whoever asks."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace
from tests.api.conftest import NOW, ClientOf

AS_OF = (NOW - timedelta(hours=1)).isoformat()
#: What only the present list knows.
TREND = ("previous_probability", "previous_as_of", "change")


def _get(client: TestClient, noun: str = "opportunities", **asked: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/{noun}", params={"limit": 200, **asked})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _ids(body: dict[str, Any]) -> list[str]:
    return [item["entity_id"] for item in body["items"]]


QUERIES: list[dict[str, Any]] = [
    {},
    {"order": "asc"},
    {"sort": "expected_value"},
    {"sort": "amount", "order": "asc"},
    {"sort": "expected_close_date"},
    {"sort": "expected_close_date", "order": "desc"},
    {"sort": "percentile"},
    {"stage": ["proposal", "negotiation"], "min_probability": 0.1},
    {"grade": ["A", "B"]},
    {"min_amount": 5000, "max_amount": 30_000},
    {"closes_from": "2025-12-01", "closes_until": "2026-01-15"},
    {"created_from": "2025-10-01", "created_until": "2025-11-30"},
    {"q": "o"},
    {"team_id": "R-north", "sort": "expected_value"},
    {"owner_id": "U000001"},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_stored_list_is_the_one_that_is_computed(scored_client: ClientOf, query: dict[str, Any]) -> None:
    for client in (scored_client("admin"), scored_client("rep", "U000001")):
        stored, computed = _get(client, **query), _get(client, as_of=AS_OF, **query)

        for item in [*stored["items"], *computed["items"]]:
            for name in TREND:
                item.pop(name)
        assert stored["items"] == computed["items"]
        assert {name: stored[name] for name in ("as_of", "batch", "model_version", "backdated")} == {
            name: computed[name] for name in ("as_of", "batch", "model_version", "backdated")
        }


def test_queries_of_these_tests_find_some_and_not_all(scored_client: ClientOf) -> None:
    n_all = len(_get(scored_client("admin"))["items"])

    found = [len(_get(scored_client("admin"), **query)["items"]) for query in QUERIES[7:]]

    assert all(0 < n < n_all for n in found if n != n_all), found
    assert sum(0 < n < n_all for n in found) >= 6, found


@pytest.mark.parametrize("sort", ["change", "expected_close_date", "probability"])
def test_pages_of_the_latest_list_together_are_the_list(scored_client: ClientOf, sort: str) -> None:
    client = scored_client("admin")
    whole = _ids(_get(client, sort=sort))

    pages = [_get(client, sort=sort, limit=7)]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(_get(client, sort=sort, limit=7, cursor=cursor))

    assert list(itertools.chain.from_iterable(map(_ids, pages))) == whole
    assert len(pages) > 2


def test_trend_is_the_score_of_a_week_before(scored_client: ClientOf, scored: Workspace) -> None:
    before = scored.lake.scores("opportunity", as_of=NOW - timedelta(days=7)).set_index("entity_id")["probability"]

    items = _get(scored_client("admin"), sort="change")["items"]

    known = [item for item in items if item["previous_probability"] is not None]
    assert len(known) > 5
    for item in known:
        assert item["previous_probability"] == before[item["entity_id"]]
        assert item["change"] == pytest.approx(item["probability"] - item["previous_probability"], abs=1e-9)
    assert {item["entity_id"] for item in items} - {item["entity_id"] for item in known} == (
        {item["entity_id"] for item in items} - set(before.index)
    )
    changes = [item["change"] for item in known]
    assert changes == sorted(changes, reverse=True)


def test_explanation_is_of_the_listed_score(scored_client: ClientOf) -> None:
    item = _get(scored_client("admin"), "leads", limit=1)["items"][0]

    body = scored_client("admin").get(f"/v1/leads/{item['entity_id']}/explanation").json()

    assert [body[name] for name in ("as_of", "batch", "model_version", "probability")] == [
        item[name] for name in ("as_of", "batch", "model_version", "probability")
    ]


def test_rep_finds_no_row_of_another(scored_client: ClientOf) -> None:
    rep, other = scored_client("rep", "U000001"), scored_client("rep", "U000002")
    theirs = _get(other)["items"]

    assert {item["owner_id"] for item in _get(rep)["items"]} == {"U000001"}
    assert _get(rep, owner_id="U000002")["items"] == []
    for item in theirs[:3]:
        assert _get(rep, q=item["entity_id"])["items"] == []
        answer = rep.get(f"/v1/opportunities/{item['entity_id']}/explanation")
        assert answer.status_code == 404
        assert other.get(f"/v1/opportunities/{item['entity_id']}/explanation").status_code == 200


def test_list_says_when_facts_are_not_in_its_scores_yet(
    own_workspace: Workspace, serve: Callable[[Workspace], TestClient], tmp_path: Any
) -> None:
    own_workspace.score(save=True)
    client = serve(own_workspace)
    assert _get(client)["stale"] is False

    (tmp_path / "more.yaml").write_text(
        "source: more\ninputs: {rows: {file: rows.csv}}\ntables:\n  leads: select lead_id, created_at from rows\n"
    )
    (tmp_path / "rows.csv").write_text("lead_id,created_at\nnew,2026-01-01T00:00:00Z\n")
    own_workspace.ingest(tmp_path / "more.yaml")

    body = _get(client)
    assert (body["stale"], body["batch"]) == (True, 1)


def test_too_many_to_score_at_once_says_what_to_do(
    admin: TestClient, monkeypatch: pytest.MonkeyPatch, workspace: Workspace, serve: Callable[[Workspace], TestClient]
) -> None:
    monkeypatch.setattr("api.service._SCORED_AT_ONCE", 5)

    answer = serve(workspace).get("/v1/leads")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_scored")
    assert "run `forecast score` once" in answer.json()["detail"]


def test_change_orders_the_present_list_only(admin: TestClient) -> None:
    answer = admin.get("/v1/leads", params={"as_of": "2025-12-01", "sort": "change"})

    assert answer.status_code == 422
    assert "leave out `as_of`" in answer.json()["detail"]


def test_days_at_the_end_of_the_calendar_are_refused_or_answered(admin: TestClient) -> None:
    assert admin.get("/v1/leads", params={"closes_until": "9999-12-31"}).status_code == 422
    assert admin.get("/v1/leads", params={"created_until": "2200-01-01", "as_of": "2025-12-01"}).status_code == 200
