"""Whatever a request names that belongs to others: the answer is the one for what does not exist."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from fastapi.testclient import TestClient

from forecast.workspace import Workspace
from tests.api.test_rights import MANAGER, REP, ROUTES, owners_ever

ClientOf = Callable[..., TestClient]
SCORED = "as_of=2025-12-20"
QUARTER = f"period=2025Q4&{SCORED}&batch=1"

#: What each route of rows or reports can be asked for by name, as the end of its address. ``{lead}``, ``{deal}``,
#: ``{account}``, ``{person}``, ``{team}`` and ``{words}`` (of an account's name) stand for what belongs to others;
#: nothing where a route takes no name. A new route stands here, or the tests fail.
NAMED: dict[str, tuple[str, ...]] = {
    "/v1/leads": ("?owner_id={person}", "?team_id={team}", "?q={lead}", "?q={words}", f"?{SCORED}&owner_id={{person}}"),
    "/v1/leads/{lead_id}/explanation": ("{lead}", f"{{lead}}?{SCORED}"),
    "/v1/opportunities": ("?owner_id={person}", "?team_id={team}", "?q={deal}", f"?{SCORED}&team_id={{team}}"),
    "/v1/opportunities/{opportunity_id}/explanation": ("{deal}", f"{{deal}}?{SCORED}"),
    "/v1/customers": (f"?{SCORED}&owner_id={{person}}", f"?{SCORED}&team_id={{team}}"),
    "/v1/customers/{account_id}/explanation": (f"{{account}}?{SCORED}",),
    "/v1/changes": (),
    "/v1/changes/stream": (),
    "/v1/funnel": (),
    "/v1/outlook": (f"?{QUARTER}&id={{person}}", f"?{QUARTER}&team_id={{team}}"),
    "/v1/outlook/accuracy": (f"?{SCORED}&id={{person}}",),
    "/v1/outlook/against-actual": (f"?{QUARTER}&id={{person}}", f"?{QUARTER}&id={{team}}", f"?{QUARTER}&id=company"),
    "/v1/outlook/moved": (f"?{QUARTER}&since=2025-12-01&id={{person}}",),
    "/v1/outlook/moved/deals": (f"?{QUARTER}&since=2025-12-01&owner_id={{person}}",),
    "/v1/performance": (f"?{QUARTER}&id={{person}}", f"?{QUARTER}&team_id={{team}}"),
    "/v1/performance/{user_id}": (f"{{person}}?{QUARTER}",),
    "/v1/scores/export": ("?owner_id={person}", "?latest=true&team_id={team}", "?latest=true&q={words}"),
    "/v1/targets/approvals": ("?period=2025Q4&id={person}",),
    "/v1/targets/attainment": (f"?{QUARTER}&id={{person}}", f"?{QUARTER}&id={{team}}"),
    "/v1/reports": (),
    "/v1/report-measures": (),
    "/v1/reports/{name}": ("kept-by-another",),
    "/v1/reports/{name}/definition": ("kept-by-another",),
    "/deals": ("?owner_id={person}", "?team_id={team}", "?q={deal}", "?q={words}", f"?{SCORED}&owner_id={{person}}"),
    "/deals/next-steps": ("?id={deal}",),
    "/deals/{entity_id}": ("{deal}", f"{{deal}}?{SCORED}"),
    "/deals/{entity_id}/history": ("{deal}",),
    "/deals/{entity_id}/next-step": ("{deal}",),
    "/deals/{entity_id}/similar": ("{deal}",),
    "/leads": ("?owner_id={person}", "?team_id={team}", "?q={lead}", "?q={words}", f"?{SCORED}&team_id={{team}}"),
    "/leads/next-steps": ("?id={lead}",),
    "/leads/{entity_id}": ("{lead}", f"{{lead}}?{SCORED}"),
    "/leads/{entity_id}/history": ("{lead}",),
    "/leads/{entity_id}/next-step": ("{lead}",),
    "/leads/{entity_id}/similar": ("{lead}",),
    "/forecast": (f"?{QUARTER}&node=rep:{{person}}", f"?{QUARTER}&node=team:{{team}}"),
    "/forecast/accuracy": (),
    "/forecast/moved": (f"?{QUARTER}&node=rep:{{person}}", f"?{QUARTER}&node=team:{{team}}"),
    "/funnel": (f"?{QUARTER}&by=owner",),
    "/targets": (f"?{QUARTER}&node=user:{{person}}", f"?{QUARTER}&node=team:{{team}}"),
    "/team": (),
    "/team/{user_id}": (f"{{person}}?{QUARTER}",),
    "/reports": (),
    "/reports/new": (),
    "/reports/preview": (),
    "/reports/{name}": ("kept-by-another",),
    "/reports/{name}/chart/{number}": ("kept-by-another",),
    "/reports/{name}/file": ("kept-by-another?format=csv",),
    "/reports/{name}/preview": ("kept-by-another",),
}
#: What a form or body can name, sent by those whose role may send it.
SENT: list[tuple[str, dict[str, Any]]] = [
    ("/v1/panel-tokens", {"entity": "opportunity", "entity_id": "{deal}", "origin": "https://crm.example"}),
    ("/v1/scores", {"entity": "opportunity", "record": {"opportunity_id": "{deal}"}, "as_of": "2025-12-20"}),
    ("/v1/scores", {"entity": "lead", "record": {"account_id": "{account}"}, "as_of": "2025-12-20"}),
    ("/v1/scores", {"entity": "lead", "record": {"owner_id": "{person}"}, "as_of": "2025-12-20"}),
    ("/v1/outlook/overrides", {"period": "2026Q1", "level": "rep", "id": "{person}", "amount": 1, "reason": "a test"}),
    ("/v1/outlook/overrides", {"period": "2026Q1", "level": "team", "id": "{team}", "amount": 1, "reason": "a test"}),
    (
        "/v1/targets/what-if",
        {"period": "2025Q4", "as_of": "2025-12-20", "batch": 1, "owner_id": "{person}", "amount": 1_000},
    ),
]
#: Nothing is called so.
UNKNOWN = {
    "lead": "L999999",
    "deal": "O999999",
    "account": "A999999",
    "person": "U999999",
    "team": "T999999",
    "words": "Nobody 999",
}

#: Of the rep's own team: asked for by team, the rep's own rows are told.
COLLEAGUE = "U000003"
#: Who asks, and of whom: a rep of a colleague and of the other team, a manager of the other team.
ASKING = [
    ("rep", REP, COLLEAGUE),
    ("rep", REP, "U000000"),
    ("manager", MANAGER, "U000000"),
    ("rep", "not a user", REP),
]


@dataclass(frozen=True)
class Names:
    """What belongs to each person alone: one thing of each kind, and everything that could be said of it."""

    of: Mapping[str, Mapping[str, str]]
    all_of: Mapping[str, set[str]]


@pytest.fixture(scope="module")
def names(scored: Workspace) -> Names:
    """From the tables of the lake and the latest scores."""
    had_by, called = owners_ever(scored)
    name_of, team_of = dict(called), scored.table("users").set_index("user_id")["team_id"]
    of, all_of = {}, {}
    for person in {other for _, _, other in ASKING}:
        alone = sorted(key for key, owners in had_by.items() if owners == {person})
        shown = {
            kind: [one for one in scored.store.ranked_scores(kind, owner_ids=[person])["entity_id"] if one in alone]
            for kind in ("lead", "opportunity")
        }
        account = next(one for one in alone if one.startswith("A") and one in name_of)
        of[person] = {
            "lead": shown["lead"][0],
            "deal": shown["opportunity"][0],
            "account": account,
            "person": person,
            "team": str(team_of[person]),
            "words": name_of[account],
        }
        all_of[person] = {*alone, *(name_of[one] for one in alone if one in name_of)}
    return Names(of, all_of)


def test_every_route_of_rows_or_reports_says_what_can_be_named() -> None:
    asked = {path for (method, path), part in ROUTES.items() if method == "GET" and part in ("rows", "reports")}

    assert asked == set(NAMED)


@pytest.fixture(scope="module", autouse=True)
def kept_report(scored_client: ClientOf) -> None:
    """An own report of the admin."""
    spec = {"title": "Mine", "measures": ["revenue"], "dimensions": ["rep"]}
    assert scored_client("admin").put("/v1/reports/kept-by-another", json={"spec": spec}).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(("role", "user_id", "other"), ASKING)
@pytest.mark.parametrize("path", [path for path, ends in NAMED.items() if ends])
def test_what_belongs_to_others_is_answered_as_what_does_not_exist(
    scored_client: ClientOf, names: Names, path: str, role: str, user_id: str, other: str
) -> None:
    client, hidden = scored_client(role, user_id), names.of[other]
    for end in NAMED[path]:
        address = _address(path, end)
        theirs, nothing = (_get(client, address, named) for named in (hidden, UNKNOWN))

        if "kept-by-another" not in end:
            # Words of a name, and the own team, find own rows too.
            finds_own = "{words}" in end or ("{team}" in end and other == COLLEAGUE)
            assert theirs == nothing or finds_own, end
        assert theirs[0] in ((404,) if "{" in path else (200, 404, 422)), end
        assert _told_of(theirs[1], names.all_of[other], hidden) == set(), end


@pytest.mark.parametrize(("role", "user_id", "other"), ASKING)
@pytest.mark.parametrize(("path", "body"), SENT)
def test_what_belongs_to_others_is_refused_in_a_body_as_what_does_not_exist(
    scored_client: ClientOf, names: Names, path: str, body: dict[str, Any], role: str, user_id: str, other: str
) -> None:
    client = scored_client(role, user_id)

    theirs, nothing = (_post(client, path, _filled(body, named)) for named in (names.of[other], UNKNOWN))

    assert theirs == nothing
    assert theirs[0] in (403, 404)


def _address(path: str, end: str) -> str:
    """The address of a route with what is named in its path or query."""
    if "{" not in path:
        return path + end
    named, _, query = end.partition("?")
    first, *others = re.findall(r"{\w+}", path)
    return path.replace(first, named).replace(others[0] if others else "{}", "0") + (f"?{query}" if query else "")


def _get(client: TestClient, address: str, named: Mapping[str, str]) -> tuple[int, str]:
    quoted = {kind: quote(text) for kind, text in named.items()}
    answer = client.get(address.format(**quoted), headers={"Accept": "application/json, text/html"})
    return answer.status_code, _without(answer.text, named)


def _post(client: TestClient, path: str, body: Any) -> tuple[int, str]:
    answer = client.post(path, json=body[0])
    return answer.status_code, _without(answer.text, body[1])


def _filled(body: Any, named: Mapping[str, str]) -> tuple[Any, Mapping[str, str]]:
    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(one) for key, one in value.items()}
        return value.format(**named) if isinstance(value, str) else value

    return fill(body), named


def _without(text: str, named: Mapping[str, str]) -> str:
    """A text in which what was asked for is said no more, and no cursor or identity of the request."""
    for kind, name in named.items():
        for said in (name, quote_plus(name), quote(name)):
            text = text.replace(said, kind)
    return text


def _told_of(text: str, theirs: set[str], asked: Mapping[str, str]) -> set[str]:
    """What of theirs a text names as a whole word, beyond what was asked for."""
    return {name for name in theirs - set(asked.values()) if re.search(rf"\b{re.escape(name)}\b", text)}
