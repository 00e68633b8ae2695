"""One lead or deal closely: the numbers are those of its score, and nothing is told of others."""

import json
import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

REP = "U000001"
Scored = Any


@pytest.fixture(scope="module")
def rep(scored: Scored) -> TestClient:
    browser: TestClient = scored.browser("rep", REP)
    return browser


@pytest.fixture(scope="module")
def deal(scored: Scored) -> dict[str, Any]:
    row: dict[str, Any] = scored.rows("opportunity", REP)[0]
    return row


def _words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_chance_is_told_as_so_many_of_a_hundred_with_its_range(rep: TestClient, deal: dict[str, Any]) -> None:
    words = _words(rep.get(f"/deals/{deal['entity_id']}").text)

    of = 100 if deal["probability"] >= 0.1 else 1000
    n, low, high = (round(of * deal[name]) for name in ("probability", "low", "high"))
    assert f"Of {of:,} deals like this one, about {n} are won" in words
    assert f"between {low} and {high} (80% range)" in words


def test_printed_reasons_lead_from_the_base_rate_to_the_chance(rep: TestClient, deal: dict[str, Any]) -> None:
    text = rep.get(f"/deals/{deal['entity_id']}").text

    table = text[text.index('<table class="way">') : text.index("</table>", text.index('<table class="way">'))]
    first, *points, last = (
        float(number.replace("−", "-").replace("±", ""))
        for number in re.findall(r'<td class="num[^"]*">([+−±]?[\d.]+)%?</td>', table)
    )
    assert first == pytest.approx(100 * deal["base"], abs=0.051)
    assert last == pytest.approx(100 * deal["probability"], abs=0.051)
    assert first + sum(points) == pytest.approx(last, abs=1e-6)
    *named, remainder = (one["points"] for one in json.loads(deal["reasons"]))
    told = [one for one in named if abs(one) >= 0.02 * deal["base"] * (1 - deal["base"])]
    assert len(points) == len(told) + (len(told) < len(named)) + (remainder != 0)


def test_facts_of_the_deal_are_those_of_its_score(rep: TestClient, deal: dict[str, Any]) -> None:
    words = _words(rep.get(f"/deals/{deal['entity_id']}").text)

    assert f"€{deal['expected_value']:,.0f}" in words
    assert deal["stage"].replace("_", " ") in words
    assert deal["model_version"] in words
    for days in (30, 60, 90):
        assert f"Within {days} days" in words


def test_history_is_that_of_the_lake_with_the_scores_of_both_days(
    scored: Scored, rep: TestClient, deal: dict[str, Any]
) -> None:
    told = scored.workspace.timeline("opportunity", deal["entity_id"], deal["as_of"], deal["batch"])

    text = rep.get(f"/deals/{deal['entity_id']}/history", headers={"HX-Request": "true"}).text

    assert text.count("<li") == len(told)
    assert len(re.findall(r"<tr><td>", text)) == 2
    (figure,) = re.findall(r'data-figure="([^"]*)"', text)
    line = json.loads(unescape(figure))["data"][2]
    assert line["y"][-1] == round(100 * deal["probability"], 2)


def test_next_step_and_what_would_raise_are_those_of_the_api(rep: TestClient, deal: dict[str, Any]) -> None:
    path = f"/v1/opportunities/{deal['entity_id']}/explanation"
    step = rep.get(path, headers={"Accept": "application/json"}).json()["next_step"]

    words = _words(rep.get(f"/deals/{deal['entity_id']}/next-step", headers={"HX-Request": "true"}).text)

    assert step["text"] in words
    assert "What would raise the score" in words


def test_without_a_script_each_part_is_a_page_of_its_own(rep: TestClient, deal: dict[str, Any]) -> None:
    for part in ("next-step", "history", "similar"):
        page = rep.get(f"/deals/{deal['entity_id']}/{part}")
        assert page.status_code == 200
        assert "<html" in page.text
        assert f"/deals/{deal['entity_id']}/{part}" in rep.get(f"/deals/{deal['entity_id']}").text


def test_definitions_are_one_tap_away_in_chinese_too(scored: Scored, deal: dict[str, Any]) -> None:
    browser = scored.browser("rep", REP)
    english, chinese = (
        _words(browser.get(f"/deals/{deal['entity_id']}", params={"lang": lang}).text) for lang in ("en", "zh")
    )

    assert "Calibrated: of cases that were given 20 %, about 20 % are won" in english
    assert "已校准" in chinese
    for word in ("Chance", "Why this chance", "Expected", "Amount", "alike", "Within"):
        assert word not in chinese, word


def test_a_past_moment_shows_the_score_of_that_moment(scored: Scored, rep: TestClient) -> None:
    past = scored.workspace.score("2025-12-25", entity="opportunity")
    row = past[past["owner_id"] == REP].iloc[0]

    words = _words(rep.get(f"/deals/{row['entity_id']}", params={"as_of": "2025-12-25"}).text)

    assert f"{row['probability']:.0%}" in words
    assert "As of 25 Dec 2025" in words


def test_leads_have_their_page(scored: Scored, rep: TestClient) -> None:
    row = scored.rows("lead", REP)[0]

    words = _words(rep.get(f"/leads/{row['entity_id']}").text)

    assert "leads like this one" in words
    assert "Expected value" not in words
