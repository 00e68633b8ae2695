"""The Forecast page: the API's numbers, for whom they are; what moved, and overrides."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
REP, MANAGER = "U000001", "U000009"
ASKED = "period=2025Q4&as_of=2025-11-15"
HTML = {"Accept": "text/html"}


def _page(client: TestClient, address: str, lang: str = "en", **headers: str) -> str:
    answer = client.get(address, headers=HTML | {"Accept-Language": lang} | headers)
    assert answer.status_code == 200, answer.text[-500:]
    return unescape(re.sub(r"data-figure=\"[^\"]*\"", "", answer.text))


def _text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def _cents(text: str) -> int:
    return round(float(re.sub(r"[^\d.]", "", text.replace("−", "-"))) * 100) * (-1 if "−" in text else 1)


@pytest.fixture(scope="module")
def lines(admin: TestClient) -> list[dict[str, Any]]:
    """The API's lines: the oracle of the page."""
    found: list[dict[str, Any]] = admin.get(f"/v1/outlook?{ASKED}").json()["lines"]
    return found


def test_the_company_is_shown_with_what_adds_up_to_it(admin: TestClient, lines: list[dict[str, Any]]) -> None:
    text = _text(_page(admin, f"/forecast?{ASKED}"))

    company = lines[0]
    children = [line for line in lines if line["parent"] == "company"]
    assert round(sum(line["mean"] for line in children), 2) == company["mean"]
    for line in [company, *children]:
        assert f"€{line['mean']:,.0f}" in text, line["id"]
    assert "Q4 2025" in text
    assert "group_rate" in text


def test_the_way_down_ends_at_deals_that_add_up_to_the_open_part(
    admin: TestClient, lines: list[dict[str, Any]]
) -> None:
    rep = max((line for line in lines if line["level"] == "rep"), key=lambda line: line["open"])

    html = _page(admin, f"/forecast?{ASKED}&node=rep:{rep['id']}")

    deals = html[html.index("The deals behind the open part") :].split("</table>")[0]
    values = [_cents(value) for value in re.findall(r"data-label=\"Expected\">([^<]*)<", deals)]
    assert len(values) > 2
    assert sum(values[:-1]) == values[-1] == round(rep["open"] * 100)


def test_a_rep_sees_the_own_line_and_nothing_of_others(client: ClientOf, lines: list[dict[str, Any]]) -> None:
    rep = client("rep", REP)

    text = _text(_page(rep, f"/forecast?{ASKED}"))

    own = next(line for line in lines if line["id"] == REP)
    assert f"€{own['mean']:,.0f}" in text
    for line in lines:
        if line["id"] != REP and line["mean"] > 10:
            assert f"€{line['mean']:,.0f}" not in text, line["id"]
    assert "Override" not in text


@pytest.mark.parametrize("node", ["company:company", "rep:U000002", "team:nobody", "nonsense"])
def test_what_a_rep_may_not_see_is_not_there(client: ClientOf, node: str) -> None:
    rep = client("rep", REP)

    page = rep.get(f"/forecast?{ASKED}&node={node}", headers=HTML)
    moved = rep.get(f"/forecast/moved?{ASKED}&node={node}&since=2025-11-08", headers=HTML)

    assert page.status_code == 404
    assert "€" not in _text(moved.text)


def test_a_manager_begins_with_the_own_team(client: ClientOf, lines: list[dict[str, Any]]) -> None:
    text = _text(_page(client("manager", MANAGER), f"/forecast?{ASKED}"))

    assert f"€{lines[0]['mean']:,.0f}" not in text
    seen = [line["id"] for line in lines if line["level"] == "rep" and f"€{line['mean']:,.0f}" in text]
    assert 0 < len(seen) < sum(line["level"] == "rep" for line in lines)


def test_what_moved_comes_as_a_part_whose_steps_lead_from_before_to_now(admin: TestClient) -> None:
    address = f"/forecast/moved?{ASKED}&node=company:company&since=2025-11-01"

    html = _page(admin, address, **{"HX-Request": "true"})

    cents = [
        _cents(value)
        for value in re.findall(r"<td class=\"num[^\"]*\" data-label=\"(?:Expected|Change)\">([^<]*)<", html)
    ]
    assert sum(cents[:-1]) == cents[-1]
    assert "<html" not in html
    assert "<html" in _page(admin, address)  # without scripts it is a page of its own


def test_a_chart_ends_where_the_headline_stands(admin: TestClient, lines: list[dict[str, Any]]) -> None:
    html = admin.get(f"/forecast?{ASKED}", headers=HTML).text

    figure = unescape(re.findall(r"id=\"fan\" data-figure=\"([^\"]*)\"", html)[0])
    assert f"€{lines[0]['mean']:,.0f} (€{lines[0]['q0.1']:,.0f} – €{lines[0]['q0.9']:,.0f})" in figure


def test_the_page_in_chinese_is_chinese(admin: TestClient) -> None:
    parts = [
        f"/forecast?{ASKED}",
        f"/forecast/moved?{ASKED}&node=company:company&since=2025-11-01",
        "/forecast/accuracy?as_of=2025-11-15",
    ]

    for address in parts:
        main = _text(_page(admin, address, "zh-CN").split("<main", 1)[1])
        words = set(re.findall(r"[A-Za-z]{3,}", main))
        assert words <= {"main", "tabindex", "group", "rate", "Team", "User", "Region", "north", "south", "EUR"}, words


def test_an_empty_past_says_what_is_missing(admin: TestClient) -> None:
    text = _text(_page(admin, "/forecast?period=2024Q1&as_of=2024-01-01"))

    assert "Nothing to look ahead to yet" in text


def test_an_override_is_kept_with_author_and_reason(
    own_workspace: Workspace, clients_of: Callable[[Workspace], ClientOf]
) -> None:
    manager = clients_of(own_workspace)("manager", MANAGER)
    said = {"period": "2026Q1", "node": f"rep:{REP}", "amount": "12345", "reason": "The tender moved"}
    kept = pd.DataFrame([{"level": "rep", "id": REP, "mean": 4321.0, "q0.1": 1234.0, "q0.9": 9876.0}])
    own_workspace.store.save_snapshot("2026Q1", own_workspace.moment("2025-12-31"), 1, "group_rate", kept)

    answer = manager.post("/forecast/overrides", data=said, headers=HTML, follow_redirects=False)
    other = manager.post("/forecast/overrides", data=said | {"node": "company:company"}, headers=HTML)

    assert (answer.status_code, other.status_code) == (303, 403)
    text = _text(_page(manager, answer.headers["Location"]))
    assert "The tender moved" in text
    assert "€12,345" in text
    assert "€1,234 – €9,876" in text  # what the night before forecast
