from typing import Any

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

AS_OF = {"as_of": "2025-12-01"}


@pytest.fixture(scope="module")
def series(admin: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = admin.get("/v1/demand/forecasts", params=AS_OF | {"limit": "200"}).json()["items"]
    return items


def test_series_are_listed_by_id_over_pages(admin: TestClient, series: list[dict[str, Any]]) -> None:
    found: list[dict[str, Any]] = []
    asked: dict[str, str] = AS_OF | {"limit": "2"}
    while True:
        page = admin.get("/v1/demand/forecasts", params=asked).json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]

    assert [item["unique_id"] for item in series] == sorted(item["unique_id"] for item in series)
    assert found == series


def test_series_shows_what_the_workspace_forecasts(
    admin: TestClient, workspace: Workspace, series: list[dict[str, Any]]
) -> None:
    unique_id = series[0]["unique_id"]
    forecasts = workspace.forecast_demand("2025-12-01")
    expected = forecasts[forecasts["unique_id"] == unique_id]

    body = admin.get(f"/v1/demand/forecasts/{unique_id}", params=AS_OF).json()

    assert [point["ds"] for point in body["points"]] == [str(day.date()) for day in expected["ds"]]
    for column in ("mean", "q0.1", "q0.5", "q0.9"):
        assert [point[column] for point in body["points"]] == expected[column].tolist()
    assert series[0]["mean"] == pytest.approx(expected["mean"].sum())
    assert body["cutoff"] < body["points"][0]["ds"]
    assert (body["model_version"], body["batch"]) == ("seasonal_naive", 1)


def test_horizon_shortens_the_forecast(admin: TestClient, series: list[dict[str, Any]]) -> None:
    body = admin.get(f"/v1/demand/forecasts/{series[0]['unique_id']}", params=AS_OF | {"horizon": "2"}).json()

    assert len(body["points"]) == 2


def test_parts_of_a_series_add_up_to_its_forecast(admin: TestClient, series: list[dict[str, Any]]) -> None:
    url = f"/v1/demand/forecasts/{series[0]['unique_id']}"
    forecast = admin.get(url, params=AS_OF).json()

    answer = admin.get(f"{url}/explanation", params=AS_OF, headers={"Accept-Language": "zh-CN"})

    body = answer.json()
    sums = [sum(part["points"] for part in point["parts"]) for point in body["points"]]
    assert sums == pytest.approx([point["mean"] for point in forecast["points"]], abs=1e-8)
    assert (body["model_version"], body["cutoff"]) == (forecast["model_version"], forecast["cutoff"])
    assert body["text"].startswith("未来")
    assert answer.headers["Content-Language"] == "zh"


def test_sums_are_those_of_the_listed_series(admin: TestClient, series: list[dict[str, Any]]) -> None:
    body = admin.get("/v1/demand/sums", params=AS_OF).json()

    total = body["items"][0]
    assert total["level"] == "total"
    assert total["mean"] == pytest.approx(sum(one["mean"] for one in series), abs=1e-6)
    for level in {item["level"] for item in body["items"]}:
        nodes = admin.get("/v1/demand/sums", params=AS_OF | {"level": level}).json()["items"]
        assert sum(node["mean"] for node in nodes) == pytest.approx(total["mean"], abs=1e-6)
        assert sum(node["n_series"] for node in nodes) == total["n_series"]
    assert admin.get("/v1/demand/sums", params=AS_OF | {"level": "planet"}).status_code == 422


def test_a_new_item_is_forecast_from_all_series_when_nothing_is_known(admin: TestClient) -> None:
    body = admin.get("/v1/demand/new-items", params=AS_OF | {"steps": "3"}).json()

    assert [point["step"] for point in body["points"]] == [1, 2, 3]
    assert all(0 <= point["q0.1"] <= point["q0.9"] for point in body["points"])
    assert body["by"] == []


def test_a_driver_that_is_unknown_is_named(admin: TestClient, series: list[dict[str, Any]]) -> None:
    url = f"/v1/demand/forecasts/{series[0]['unique_id']}/what-if"

    answer = admin.get(url, params=AS_OF | {"change": "price=*1.1"})

    assert answer.status_code == 422
    assert "got 'price=*1.1'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("/v1/demand/forecasts/no/such/series/explanation", 404, "unknown_entity"),
        ("/v1/demand/forecasts/no/such/series/what-if?change=price=2", 404, "unknown_entity"),
        ("/v1/demand/new-items?attribute=colour=red", 422, "invalid_input"),
        ("/v1/demand/new-items?steps=0", 422, "invalid_input"),
        ("/v1/demand/forecasts/no/such/series", 404, "unknown_entity"),
        ("/v1/demand/forecasts?horizon=0", 422, "invalid_input"),
        ("/v1/demand/forecasts?horizon=1000", 422, "invalid_input"),
        ("/v1/demand/forecasts?as_of=2020-01-01", 422, "not_enough_history"),
        ("/v1/demand/forecasts?cursor=x", 422, "invalid_input"),
        ("/v1/demand/forecasts?owner_id=U7", 422, "invalid_input"),
    ],
)
def test_wrong_query_is_explained(admin: TestClient, url: str, status: int, code: str) -> None:
    answer = admin.get(url)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
