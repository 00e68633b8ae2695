from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

AS_OF = "2025-12-01"


def _pages(admin: TestClient, limit: int, **filters: str) -> list[dict[str, Any]]:
    pages = [admin.get("/v1/opportunities", params={"limit": limit, **filters}).json()]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(admin.get("/v1/opportunities", params={"limit": limit, "cursor": cursor, **filters}).json())
    return pages


@pytest.mark.parametrize("sort", ["probability", "expected_value"])
@pytest.mark.parametrize("limit", [7, 50])
def test_pages_together_are_the_list(admin: TestClient, sort: str, limit: int) -> None:
    whole = admin.get("/v1/opportunities", params={"as_of": AS_OF, "limit": 200, "sort": sort}).json()

    pages = _pages(admin, limit, as_of=AS_OF, sort=sort)

    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert len(pages[0]["items"]) == min(limit, len(whole["items"]))
    assert whole["next_cursor"] is None


def test_opportunities_are_ranked_by_expected_value_when_asked(admin: TestClient) -> None:
    items = admin.get("/v1/opportunities", params={"as_of": AS_OF, "limit": 200, "sort": "expected_value"}).json()[
        "items"
    ]

    values = [item["expected_value"] for item in items]
    assert values == sorted(values, reverse=True)
    assert all(item["currency"] in ("EUR", "USD") for item in items)


def test_expected_value_is_in_the_reporting_currency(admin: TestClient, workspace: Workspace) -> None:
    rates = workspace.table("fx_rates", AS_OF).sort_values("date")
    rate = {"EUR": 1.0, "USD": rates["rate"].iloc[-1]}

    body = admin.get("/v1/opportunities", params={"as_of": AS_OF, "limit": 200}).json()

    assert body["reporting_currency"] == "EUR"
    assert {item["currency"] for item in body["items"]} == {"EUR", "USD"}
    for item in body["items"]:
        expected = item["probability"] * item["amount"] * rate[item["currency"]]
        assert item["expected_value"] == pytest.approx(expected, abs=0.005000001)


def test_stage_filter_keeps_one_stage(admin: TestClient) -> None:
    items = admin.get("/v1/opportunities", params={"as_of": AS_OF, "stage": "proposal", "limit": 200}).json()["items"]

    assert {item["stage"] for item in items} == {"proposal"}


def test_misspelt_filter_is_refused(admin: TestClient) -> None:
    answer = admin.get("/v1/opportunities", params={"stages": "proposal"})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "query.stages: Extra inputs are not permitted."


def test_cursor_goes_on_with_the_numbers_of_the_first_page(admin: TestClient) -> None:
    first = admin.get("/v1/opportunities", params={"limit": 5}).json()

    second = admin.get("/v1/opportunities", params={"limit": 5, "cursor": first["next_cursor"]}).json()

    assert [second[name] for name in ("as_of", "batch", "model_version")] == [
        first[name] for name in ("as_of", "batch", "model_version")
    ]


def test_unknown_opportunity_has_no_explanation(admin: TestClient) -> None:
    answer = admin.get("/v1/opportunities/nope/explanation", params={"as_of": AS_OF})

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown_entity"
    assert "'nope' at 2025-12-01T00:00:00+00:00" in answer.json()["detail"]


def test_id_may_have_a_slash(admin: TestClient) -> None:
    answer = admin.get("/v1/opportunities/2025%2F17/explanation", params={"as_of": AS_OF})

    assert answer.json()["code"] == "unknown_entity"
    assert "'2025/17'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "Next step unknown: the model that serves has learned no effects of actions"),
        ("zh", "下一步未知：当前使用的模型未学习任何行动的效果"),
    ],
)
def test_group_rate_has_no_next_step_and_says_why(admin: TestClient, lang: str, text: str) -> None:
    first = admin.get("/v1/opportunities", params={"limit": 1}).json()["items"][0]["entity_id"]

    step = admin.get(f"/v1/opportunities/{first}/explanation", params={"lang": lang}).json()["next_step"]

    assert step == {
        "action": None, "effect": None, "low": None, "high": None, "cost_minutes": None, "n": 0, "reason": "no_model",
        "text": text,
    }  # fmt: skip
