"""The ranked lists: what a rep sees, what a rep never sees, and that the numbers are the API's."""

import json
import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.pages.routes.ranked import told

REP, MANAGER, OTHER = "U000001", "U000009", "U000000"
Scored = Any


@pytest.fixture(scope="module")
def rep(scored: Scored) -> TestClient:
    browser: TestClient = scored.browser("rep", REP)
    return browser


def _ids(text: str) -> list[str]:
    return re.findall(r'<tr data-id="([^"]+)"', text)


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_rep_sees_own_deals_by_expected_value_as_the_api_ranks_them(scored: Scored, rep: TestClient) -> None:
    asked = {"sort": "expected_value", "limit": "25"}
    items = rep.get("/v1/opportunities", params=asked, headers={"Accept": "application/json"}).json()["items"]

    page = rep.get("/deals")

    assert _ids(page.text) == [item["entity_id"] for item in items]
    words = _words(page.text)
    for item in items:
        assert f"{item['probability']:.0%}" in words
        assert item["reasons"][0]["text"] in words or item["reasons"][0]["code"] == "remainder"
        assert f"€{item['expected_value']:,.0f}" in words


@pytest.mark.parametrize(
    ("lang", "texts", "nothing"),
    [
        ("en", ["Stage", "Phone calls"], "Nothing known sets it apart from the usual"),
        ("zh", ["所处阶段", "电话"], "已知信息中没有使其明显不同于通常情况的因素"),
    ],
)
def test_a_list_tells_the_two_strongest_reasons_or_that_there_are_none(
    lang: Any, texts: list[str], nothing: str
) -> None:
    points = {"stage.current": -0.2, "interactions.phone": 0.1, "owner.record": 0.05, "remainder": 0.3}
    small = {"owner.record": 0.0049, "remainder": 0.3}  # half a point is the least where half are won
    rows = [
        {"title": "a", "base": 0.5, "reasons": json.dumps([{"code": c, "points": p} for c, p in one.items()])}
        for one in (points, small)
    ]

    several, none = (told(row, lang) for row in rows)

    assert ([one["text"] for one in several["strongest"]], several["nothing"]) == (texts, None)
    assert (none["strongest"], none["nothing"]) == ([], nothing)


@pytest.mark.parametrize("path", ["/deals", "/leads"])
def test_rep_never_sees_anothers_row_whatever_is_asked(scored: Scored, rep: TestClient, path: str) -> None:
    entity = "lead" if path == "/leads" else "opportunity"
    hidden = {row["entity_id"] for row in scored.rows(entity) if row["owner_id"] != REP}
    one = sorted(map(str, hidden))[0]

    texts = [
        rep.get(path, params=asked).text
        for asked in ({}, {"owner_id": OTHER}, {"team_id": "T000000"}, {"sort": "change"}, {"as_of": "2025-12-01"})
    ]
    texts.append(rep.get(f"{path}/next-steps", params=[("id", name) for name in sorted(map(str, hidden))[:5]]).text)

    assert not hidden & {found for text in texts for found in _ids(text)}
    assert "step-" not in texts[-1]
    assert one not in _ids(rep.get(path, params={"q": one}).text)


@pytest.mark.parametrize("part", ["", "/next-step", "/history", "/similar"])
def test_anothers_case_looks_like_no_case(scored: Scored, rep: TestClient, part: str) -> None:
    hidden = next(row["entity_id"] for row in scored.rows("opportunity") if row["owner_id"] == OTHER)

    answers = [rep.get(f"/deals/{one}{part}") for one in (hidden, "no-such-deal")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.replace(str(hidden), "") == answers[1].text.replace("no-such-deal", "")


def test_manager_filters_by_owner_and_sees_names(scored: Scored) -> None:
    manager = scored.browser("manager", MANAGER)
    own = {row["entity_id"] for row in scored.rows("opportunity", REP)}
    users = scored.workspace.table("users").set_index("user_id")["name"]

    page = manager.get("/deals", params={"owner_id": REP})

    assert set(_ids(page.text)) == own
    assert f'<option value="{REP}" selected>{users[REP]}' in page.text
    assert f">{users[OTHER]}<" not in page.text  # of another team


def test_filters_and_search_narrow_the_list_as_the_scores_say(scored: Scored, rep: TestClient) -> None:
    rows = scored.rows("opportunity", REP)
    grade, stage = rows[0]["grade"], rows[0]["stage"]

    assert set(_ids(rep.get("/deals", params={"grade": grade}).text)) == {
        row["entity_id"] for row in rows if row["grade"] == grade
    }
    assert set(_ids(rep.get("/deals", params={"stage": stage, "least": "5"}).text)) == {
        row["entity_id"] for row in rows if row["stage"] == stage and row["probability"] >= 0.05
    }
    assert _ids(rep.get("/deals", params={"q": rows[0]["entity_id"]}).text) == [rows[0]["entity_id"]]
    assert "Nothing matches" in rep.get("/deals", params={"q": "no such thing"}).text


def test_pages_of_the_list_show_every_row_once(scored: Scored) -> None:
    admin = scored.browser("admin")
    seen: list[str] = []
    address: str | None = "/deals?sort=expected_close_date"
    while address:
        text = admin.get(address).text
        seen += _ids(text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        address = unescape(following.group(1)) if following else None

    rows = scored.rows("opportunity")
    assert len(rows) > 50
    assert sorted(seen) == sorted(row["entity_id"] for row in rows)


def test_htmx_gets_the_rows_alone(rep: TestClient) -> None:
    text = rep.get("/deals", headers={"HX-Request": "true"}).text

    assert "<html" not in text
    assert "<table" in text


def test_trend_tells_the_change_since_a_week_ago(scored: Scored, rep: TestClient) -> None:
    known = [
        row for row in scored.rows("opportunity", REP) if row["previous_probability"] == row["previous_probability"]
    ]
    text = rep.get("/deals").text

    rising = [row for row in known if row["change"] > 0.0051]
    assert text.count("▲") == len(rising)


def test_chinese_list_is_chinese(scored: Scored) -> None:
    words = _words(scored.browser("rep", REP).get("/deals", params={"lang": "zh"}).text)

    assert "我的商机" in words
    for english in ("Deals", "Chance", "Why", "Next step", "Amount", "worth", "Filters", "Export", "alike"):
        assert english not in words, english


def test_rep_without_rows_is_told_what_will_come(scored: Scored) -> None:
    assert "No open deals" in scored.browser("rep", "nobody").get("/deals").text


def test_unscored_lists_are_computed_while_there_is_little(client: Any) -> None:
    page = client("admin").get("/deals", headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert _ids(page.text)
