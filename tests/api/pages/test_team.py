"""The team's pages: whose lines are on them, and that their numbers are the API's."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from fastapi.testclient import TestClient

ClientOf = Callable[..., TestClient]
ASKED = {"period": "2025Q4", "as_of": "2025-12-15", "batch": "1"}
CHINESE = {"Accept-Language": "zh-CN"}
REP, MANAGER, OTHER = "U000001", "U000009", "U000000"
TEAM = {"U000001", "U000003", "U000005", "U000007"}


def _people(html: str) -> set[str]:
    return set(re.findall(r'href="/team/(\w+)\?', html))


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_manager_sees_the_people_of_the_own_team_with_the_numbers_of_the_api(client: ClientOf) -> None:
    manager = client("manager", MANAGER)
    lines = {line["id"]: line for line in manager.get("/v1/performance", params=ASKED).json()["lines"]}

    page = manager.get("/team", params=ASKED)

    assert _people(page.text) == TEAM
    words = _words(page.text)
    for user in TEAM:
        assert f"{lines[user]['expected_wins']:,.1f}" in words
        assert f"€{lines[user]['revenue']:,.0f}" in words
    assert "Differences in the quality of leads that nobody recorded remain" in words


def test_rep_sees_the_own_line_only_and_no_other_name(client: ClientOf) -> None:
    rep = client("rep", REP)

    page = rep.get("/team", params=ASKED)

    assert _people(page.text) == {REP}
    assert rep.get(f"/team/{REP}", params=ASKED).status_code == 200
    assert rep.get(f"/team/{OTHER}", params=ASKED).status_code == 404
    shown = _words(page.text + rep.get(f"/team/{REP}", params=ASKED).text)
    assert not set(re.findall(r"User \d+", shown)) - {"User 2"}
    assert "Company" not in shown


def test_person_page_says_steps_and_claim_in_chinese(client: ClientOf) -> None:
    words = _words(client("manager", MANAGER).get(f"/team/{REP}", params=ASKED, headers=CHINESE).text)

    assert "各环节的强项与弱项" in words
    assert "赢单" in words
    assert "未被记录的线索质量差异仍然存在" in words


@pytest.mark.parametrize("path", ["/team", f"/team/{REP}"])
def test_engineer_and_operations_see_no_one(client: ClientOf, path: str) -> None:
    for role in ("engineer", "operations"):
        assert client(role).get(path, params=ASKED).status_code == 403


def test_period_that_is_not_over_yet_or_wrong_is_explained(client: ClientOf) -> None:
    assert client("admin").get("/team", params=ASKED | {"period": "2027Q1"}).status_code == 422
    assert client("admin").get("/team", params=ASKED | {"period": "soon"}).status_code == 422
