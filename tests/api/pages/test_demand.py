"""The demand pages: search, one series, its parts; for managers and admins."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from fastapi.testclient import TestClient

ClientOf = Callable[..., TestClient]
ASKED = {"as_of": "2025-12-01"}
CHINESE = {"Accept-Language": "zh-CN"}


def _ids(html: str) -> list[str]:
    return re.findall(r'href="/demand/series/([^"?]+)', html)


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_series_are_those_of_the_api_the_largest_first_and_found_by_name(admin: TestClient) -> None:
    items = admin.get("/v1/demand/forecasts", params=ASKED | {"limit": "200"}).json()["items"]
    ranked = sorted(items, key=lambda item: (-item["mean"], item["unique_id"]))

    page = admin.get("/demand", params=ASKED)

    assert _ids(page.text) == [item["unique_id"] for item in ranked]
    assert f"{sum(item['mean'] for item in items):,.0f}" in _words(page.text)
    one = ranked[-1]["unique_id"]
    assert _ids(admin.get("/demand", params=ASKED | {"q": one.lower()}).text) == [one]


def test_a_part_of_the_page_is_answered_to_htmx(admin: TestClient) -> None:
    part = admin.get("/demand", params=ASKED | {"q": "nothing like it"}, headers={"HX-Request": "true"}).text

    assert "<html" not in part
    assert "No series is called so" in part


def test_series_shows_the_forecast_of_the_api_and_what_then_came(admin: TestClient) -> None:
    unique_id = _ids(admin.get("/demand", params=ASKED).text)[0]
    points = admin.get(f"/v1/demand/forecasts/{unique_id}", params=ASKED).json()["points"]

    words = _words(admin.get(f"/demand/series/{unique_id}", params=ASKED).text)

    for point in points:
        assert f"{point['q0.1']:,.1f} … {point['q0.9']:,.1f}" in words
    assert "Then sold" in words


def test_parts_are_told_in_chinese_and_without_drivers_nothing_can_be_tried(admin: TestClient) -> None:
    unique_id = _ids(admin.get("/demand", params=ASKED).text)[0]

    words = _words(admin.get(f"/demand/parts/{unique_id}", params=ASKED, headers=CHINESE).text)

    assert "通常水平" in words
    assert "该模型没有价格、促销等可改变的驱动因素" in words


def test_before_any_sale_the_page_says_what_to_do(admin: TestClient) -> None:
    page = admin.get("/demand", params={"as_of": "2020-01-01"})

    assert page.status_code == 200
    assert "forecast train demand" in page.text


@pytest.mark.parametrize(("role", "status"), [("rep", 403), ("engineer", 403), ("manager", 200)])
def test_demand_is_for_managers(client: ClientOf, role: str, status: int) -> None:
    assert client(role, "U000009").get("/demand", params=ASKED).status_code == status
