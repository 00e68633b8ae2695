"""The Targets page: exact sums, live odds, conflicts by name, approvals, and what a rep sees."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from fastapi.testclient import TestClient

from api.pages.wishes import read_wish
from forecast.errors import InvalidInput
from forecast.targets.constraints import Constraint
from forecast.usecases.plan_targets import Wish
from forecast.workspace import Workspace

ClientOf = Callable[..., TestClient]
REP, MANAGER = "U000001", "U000009"
ASKED = "period=2026Q1&as_of=2026-01-01"
HTML = {"Accept": "text/html"}
ROW = re.compile(
    r"<tr( class=\"total\")?>\s*<th scope=\"row\"[^>]*>([^<]*)</th>"
    r"\s*<td class=\"num\">.*?</td>\s*<td class=\"num\">([^<]*)</td>"
)


def _page(client: TestClient, address: str, lang: str = "en") -> str:
    answer = client.get(address, headers=HTML | {"Accept-Language": lang})
    assert answer.status_code == 200, answer.text[-500:]
    return unescape(answer.text)


def _text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def _cents(text: str) -> int:
    return round(float(re.sub(r"[^\d.]", "", text)) * 100)


def _people(html: str) -> dict[str, int]:
    """Targets of people as shown, in cents."""
    return {name: _cents(amount) for total, name, amount in ROW.findall(html) if not total}


def test_shown_targets_sum_to_the_company_target_to_the_cent(admin: TestClient) -> None:
    people = _people(_page(admin, f"/targets/odds?{ASKED}&company_target=150000.01"))

    assert len(people) > 3
    assert sum(people.values()) == 15_000_001


def test_trying_one_persons_target_moves_everybody_elses(admin: TestClient) -> None:
    before = _people(_page(admin, f"/targets/odds?{ASKED}&company_target=150000"))
    name = max(before, key=lambda one: before[one])
    (owner,) = re.findall(
        rf"<option value=\"([^\"]+)\" data-amount[^>]*>{name}<", _page(admin, f"/targets/proposal?{ASKED}")
    )

    html = _page(admin, f"/targets/odds?{ASKED}&company_target=150000&owner={owner}&amount=1000")

    after = _people(html)
    assert after[name] == 100_000
    assert sum(after.values()) == 15_000_000
    assert all(after[one] > before[one] for one in before if one != name and before[one])
    assert "Odds before" in html


def test_rules_that_cannot_all_hold_are_named(admin: TestClient) -> None:
    rules = f"floor:{REP}=90000&floor:U000002=90000&ceiling:U000003=5000"

    text = _text(_page(admin, f"/targets/odds?{ASKED}&company_target=100000&{rules}"))

    assert text.count("At least €90,000.00") == 2
    assert "At most" not in text  # it is not in the way
    assert "Any one of them less would do." in text


def test_a_target_out_of_reach_says_what_is_in_reach(admin: TestClient) -> None:
    text = _text(_page(admin, f"/targets/odds?{ASKED}&company_target=99999999999", "zh-CN"))

    assert "该目标无法达成" in text
    assert re.search(r"至多€[\d,]+", text)


def test_three_levels_have_their_stated_odds(admin: TestClient) -> None:
    text = _text(_page(admin, f"/targets/levels?{ASKED}", "zh-CN"))

    assert "冲刺 · 40%" in text
    assert "挑战 · 15%" in text


def test_a_rep_cannot_try_targets(client: ClientOf) -> None:
    rep = client("rep", REP)

    text = _text(_page(rep, f"/targets?{ASKED}"))

    assert "as soon as your manager has approved them" in text
    assert "Propose" not in text
    assert rep.get(f"/targets/odds?{ASKED}&company_target=1000", headers=HTML).status_code == 403


def test_approved_targets_are_kept_and_everybody_sees_the_own(
    own_workspace: Workspace, clients_of: Callable[[Workspace], ClientOf]
) -> None:
    client = clients_of(own_workspace)
    admin, rep, manager = client("admin"), client("rep", REP), client("manager", MANAGER)
    form = {
        "period": "2026Q1",
        "as_of": "2026-01-01",
        "batch": "1",
        "effective_from": "2026-01-01",
        "company_target": "50000",
    }

    unsure, partly = (
        admin.post("/targets/approvals", data=form),
        manager.post("/targets/approvals", data=form | {"sure": "true"}),
    )
    answer = admin.post("/targets/approvals", data=form | {"sure": "true"}, follow_redirects=False)

    assert (unsure.status_code, partly.status_code, answer.status_code) == (422, 403, 303)
    text = _text(_page(admin, answer.headers["Location"]))
    assert "Version 1" in text
    assert "€50,000.00" in text
    own = next(
        line
        for line in rep.get("/v1/targets/attainment?period=2026Q1&version=1").json()["lines"]
        if line["owner_id"] == REP
    )
    seen = _text(_page(rep, "/targets?period=2026Q1"))
    assert f"€{own['target']:,.0f}" in seen or "€0" in seen
    assert "€50,000" not in seen


def test_the_page_in_chinese_is_chinese(admin: TestClient) -> None:
    for address in (f"/targets?{ASKED}", f"/targets/proposal?{ASKED}", f"/targets/levels?{ASKED}"):
        html = _page(admin, address, "zh-CN")
        main = _text(html.split("<main", 1)[-1])
        people = set(re.findall(r"[A-Za-z]{3,}", " ".join(name for _total, name, _amount in ROW.findall(html))))
        words = set(re.findall(r"[A-Za-z]{3,}", main)) - people
        assert words <= {"main", "tabindex", "Team", "User", "Region", "north", "south"}, words


def test_a_form_is_read_as_a_wish() -> None:
    form = {
        "company_target": "1000",
        "floor:U1": "10",
        "max_change": "20",
        "skill": "1",
        "ceiling:U2": " ",
        "page": "x",
    }

    asked = read_wish(form)

    rules = (Constraint("U1", "floor", 10.0), Constraint("*", "max_change", 0.2))
    assert asked.wish == Wish(1000.0, rules, "revenue", True, None, False)


def test_who_is_tried_out_loses_the_own_rules() -> None:
    asked = read_wish({"floor:U1": "10", "floor:U2": "20", "owner": "U1", "amount": "5"})

    assert asked.wish.constraints == (Constraint("U2", "floor", 20.0), Constraint("U1", "fixed", 5.0))
    assert asked.before.constraints == (Constraint("U1", "floor", 10.0), Constraint("U2", "floor", 20.0))


@pytest.mark.parametrize("text", ["many", "nan", "inf", "1e15"])
def test_a_field_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"`floor:U1` must be a number below 1e14, got '" + text):
        read_wish({"floor:U1": text})
