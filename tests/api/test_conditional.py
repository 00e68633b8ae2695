from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from api.conditional import etag_of
from forecast.workspace import Workspace
from tests.api.conftest import NOW, ClientOf

LISTS = ["/v1/leads", "/v1/opportunities?sort=expected_value", "/v1/opportunities?limit=3"]
OTHERS = ["/v1/definitions", "/v1/models", "/v1/leads?as_of=2025-12-01", "/v1/outlook/overrides?period=2025Q4"]


@pytest.mark.parametrize("url", [*LISTS, *OTHERS])
def test_answer_is_not_sent_again_to_who_has_it(scored_client: ClientOf, url: str) -> None:
    client = scored_client("admin")
    first = client.get(url)

    again = client.get(url, headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})

    assert first.headers["ETag"].startswith('"')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == "private, no-cache"
    assert client.get(url, headers={"If-None-Match": '"other"'}).content == first.content


def test_etag_differs_by_question_language_and_rights(scored_client: ClientOf) -> None:
    admin, rep = scored_client("admin"), scored_client("rep", "U000001")

    tags = [
        admin.get("/v1/leads").headers["ETag"],
        admin.get("/v1/leads", params={"lang": "zh"}).headers["ETag"],
        admin.get("/v1/leads", params={"limit": 5}).headers["ETag"],
        admin.get("/v1/leads", params={"sort": "change"}).headers["ETag"],
        admin.get("/v1/opportunities").headers["ETag"],
        rep.get("/v1/leads").headers["ETag"],
        scored_client("rep", "U000002").get("/v1/leads").headers["ETag"],
    ]

    assert len(set(tags)) == len(tags)
    assert admin.get("/v1/leads").headers["ETag"] == tags[0]


def test_etag_changes_with_the_scores(own_workspace: Workspace, clients_of: object) -> None:
    own_workspace.score(NOW - timedelta(hours=2), save=True)
    client = clients_of(own_workspace)("admin")
    before = client.get("/v1/leads")

    own_workspace.store.update_scores(
        own_workspace.store.latest_scores("lead").iloc[:1].assign(probability=0.5, as_of=NOW), "lead"
    )
    after = client.get("/v1/leads", headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]


def test_errors_have_no_etag(scored_client: ClientOf) -> None:
    answer = scored_client("admin").get("/v1/leads", params={"limit": 0}, headers={"If-None-Match": "*"})

    assert answer.status_code == 422
    assert "ETag" not in answer.headers


def test_hidden_row_is_not_told_by_an_etag(scored_client: ClientOf) -> None:
    theirs = scored_client("rep", "U000002").get("/v1/leads").json()["items"][0]["entity_id"]
    url = f"/v1/leads/{theirs}/explanation"

    answer = scored_client("rep", "U000001").get(url, headers={"If-None-Match": "*"})

    assert answer.status_code == 404
    assert TestClient(scored_client("admin").app).get(url).status_code == 401


def test_etag_is_the_same_for_sets_in_any_order() -> None:
    assert etag_of(frozenset({"a", "b", "c"}), 1) == etag_of(frozenset({"c", "a", "b"}), 1) != etag_of("abc", 1)
