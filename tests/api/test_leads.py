from fastapi.testclient import TestClient

from forecast.workspace import Workspace

AS_OF = "2025-12-01"


def test_leads_are_ranked_by_probability_then_id(admin: TestClient) -> None:
    items = admin.get("/v1/leads", params={"as_of": AS_OF, "limit": 200}).json()["items"]

    order = [(-item["probability"], item["entity_id"]) for item in items]
    assert len(items) > 10
    assert order == sorted(order)


def test_leads_are_those_that_the_workspace_scores(admin: TestClient, workspace: Workspace) -> None:
    scores = workspace.score(AS_OF, entity="lead").set_index("entity_id")

    items = admin.get("/v1/leads", params={"as_of": AS_OF, "limit": 200}).json()["items"]

    assert {item["entity_id"] for item in items} == set(scores.index)
    for item in items[:5]:
        score = scores.loc[item["entity_id"]]
        for name in (
            "owner_id",
            "probability",
            "low",
            "high",
            "p_30d",
            "p_60d",
            "p_90d",
            "percentile",
            "grade",
            "base",
        ):
            assert item[name] == score[name], name
        assert item["predicted_close_date"] == score["predicted_close_date"].isoformat()


def test_leads_have_their_status_as_stage_and_no_amount(admin: TestClient, workspace: Workspace) -> None:
    status = workspace.table("leads", AS_OF).set_index("lead_id")["status"]

    items = admin.get("/v1/leads", params={"as_of": AS_OF}).json()["items"]

    assert [item["stage"] for item in items] == [status[item["entity_id"]] for item in items]
    assert {(item["amount"], item["currency"], item["expected_value"]) for item in items} == {(None, None, None)}


def test_body_says_which_numbers_these_are(admin: TestClient) -> None:
    body = admin.get("/v1/leads", params={"as_of": AS_OF, "limit": 1}).json()

    assert (body["as_of"], body["batch"], body["model_version"], body["backdated"]) == (
        "2025-12-01T00:00:00+00:00", 1, "group_rate", False,
    )  # fmt: skip


def test_list_without_as_of_is_of_the_present(admin: TestClient) -> None:
    assert admin.get("/v1/leads", params={"limit": 1}).json()["as_of"] == "2026-01-01T12:00:00+00:00"


def test_lists_name_no_person(admin: TestClient, workspace: Workspace) -> None:
    names = {
        *workspace.table("users")["name"],
        *workspace.table("contacts")["name"],
        *workspace.table("users")["email"],
    }

    text = admin.get("/v1/leads", params={"limit": 200}).text + admin.get("/v1/opportunities?limit=200").text

    assert [name for name in names if f'"{name}"' in text] == []


def test_filters_narrow_the_list(admin: TestClient, workspace: Workspace) -> None:
    def owners(**filters: str) -> set[str]:
        items = admin.get("/v1/leads", params={"as_of": AS_OF, "limit": 200, **filters}).json()["items"]
        return {item["owner_id"] for item in items}

    teams = workspace.table("users").set_index("user_id")["team_id"]

    assert owners(owner_id="U000001") == {"U000001"}
    assert {teams[owner] for owner in owners(team_id="T000000")} == {"T000000"}
    assert owners(team_id="R-north") == owners(team_id="T000000")
    assert owners(team_id="R-north") | owners(team_id="R-south") == owners()
    assert owners(team_id="no such team") == owners(stage="no such stage") == owners(owner_id="nobody") == set()


def test_explanation_has_every_reason_and_adds_up(admin: TestClient) -> None:
    items = admin.get("/v1/leads", params={"as_of": AS_OF}).json()["items"]

    for item in items[:10]:
        body = admin.get(f"/v1/leads/{item['entity_id']}/explanation", params={"as_of": AS_OF}).json()
        total = body["base"] + sum(reason["points"] for reason in body["reasons"])
        shown = item["base"] + sum(reason["points"] for reason in item["reasons"]) + item["rest"]
        assert abs(total - item["probability"]) < 1e-6
        assert abs(shown - item["probability"]) < 1e-6
        assert all(reason["text"] for reason in body["reasons"])


def test_texts_are_in_the_language_asked_for(admin: TestClient) -> None:
    lead_id = admin.get("/v1/leads", params={"as_of": AS_OF}).json()["items"][0]["entity_id"]
    url = f"/v1/leads/{lead_id}/explanation"

    english = admin.get(url, params={"as_of": AS_OF})
    header = admin.get(url, params={"as_of": AS_OF}, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    query = admin.get(url, params={"as_of": AS_OF, "lang": "zh"}, headers={"Accept-Language": "en"})

    assert english.headers["Content-Language"] == "en"
    assert header.headers["Content-Language"] == query.headers["Content-Language"] == "zh"
    assert header.content == query.content != english.content
    listed = admin.get("/v1/leads", params={"as_of": AS_OF, "lang": "zh", "limit": 1}).json()
    assert listed["items"][0]["reasons"][0]["text"] in header.text
