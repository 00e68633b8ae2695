"""The embedded panel: opened once, by the person, for the case and on the site that its token names, and no other."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.panel import may_frame
from forecast.workspace import Workspace

REP, OTHER = "U000001", "U000000"
CRM = "https://crm.example.com"
HTML = {"Accept": "text/html"}
#: A page, its styles and its script, in a CRM's side bar.
MAX_BYTES = 150_000


class Crm:
    """A CRM beside a workspace: its server has a key, its people look at panels."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        workspace.settings = workspace.settings.model_copy(update={"frame_ancestors": (CRM,)})
        workspace.score(save=True)
        self.app = create_app(workspace)
        self.server = self.client(workspace.store.create_key("crm", "admin", scopes=["panel"]))
        rows = workspace.store.ranked_scores("opportunity", owner_ids=[REP])
        self.deal, self.second = rows["entity_id"].iloc[:2]
        self.foreign = workspace.store.ranked_scores("opportunity", owner_ids=[OTHER])["entity_id"].iloc[0]

    def client(self, key: str | None = None) -> TestClient:
        return TestClient(self.app, headers={} if key is None else {"Authorization": f"Bearer {key}"})

    def ask(self, **changed: Any) -> Any:
        body = {"entity": "opportunity", "entity_id": self.deal, "user_id": REP, "origin": CRM}
        return self.server.post("/v1/panel-tokens", json=body | changed)

    def open(self, address: str, **headers: str) -> Any:
        return self.client().get(address, headers=HTML | {"Referer": f"{CRM}/deal"} | headers)

    def token(self) -> str:
        return str(self.ask().json()["token"])


def _value(name: str, text: str) -> str:
    """What a data attribute holds."""
    (value,) = re.findall(f'data-{name}="([^"]+)"', text)
    return unescape(value)


@pytest.fixture(scope="module")
def crm(make_workspace: Callable[..., Workspace], tmp_path_factory: pytest.TempPathFactory) -> Crm:
    return Crm(make_workspace(tmp_path_factory.mktemp("crm"), n=60))


@pytest.fixture
def clock(crm: Crm) -> Any:
    before = crm.workspace.clock.moment
    yield crm.workspace.clock
    crm.workspace.clock.moment = before


def test_panel_shows_the_score_to_its_person_on_its_site_alone(crm: Crm) -> None:
    row = crm.workspace.store.score_row("opportunity", crm.deal).iloc[0]

    panel = crm.open(crm.ask().json()["url"])

    assert panel.status_code == 200
    assert f"<strong>{row['probability']:.0%}</strong>" in panel.text
    assert f"frame-ancestors {CRM}" in panel.headers["Content-Security-Policy"]
    assert panel.headers["Cache-Control"] == "no-store"
    assert panel.headers["Referrer-Policy"] == "no-referrer"
    assert "X-Frame-Options" not in panel.headers
    assert "set-cookie" not in panel.headers


def test_token_opens_once(crm: Crm) -> None:
    address = crm.ask().json()["url"]

    first, second = crm.open(address), crm.open(address)

    assert (first.status_code, second.status_code) == (200, 403)
    assert "This panel has ended" in second.text


def test_token_is_over_after_five_minutes(crm: Crm, clock: Any) -> None:
    address = crm.ask().json()["url"]
    clock.moment += timedelta(minutes=5)

    assert crm.open(address).status_code == 403


def test_token_of_another_case_or_kind_opens_nothing(crm: Crm) -> None:
    for address in (f"/embed/opportunity/{crm.second}", f"/embed/lead/{crm.deal}"):
        assert crm.open(f"{address}?token={crm.token()}").status_code == 403


def test_token_opens_nothing_on_another_site(crm: Crm) -> None:
    refused = crm.open(crm.ask().json()["url"], Referer="https://evil.example.com/")

    assert refused.status_code == 403
    assert "evil" not in refused.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("changed", "key", "algorithm"),
    [
        ({}, "another secret of thirty-two bytes or more", "HS256"),
        ({"sub": OTHER}, "another secret of thirty-two bytes or more", "HS256"),
        ({}, "", "none"),
    ],
)
def test_forged_token_opens_nothing(crm: Crm, changed: dict[str, str], key: str, algorithm: str) -> None:
    claims = jwt.decode(crm.token(), options={"verify_signature": False})

    forged = jwt.encode(claims | changed, key, algorithm)

    assert crm.open(f"/embed/opportunity/{crm.deal}?token={forged}").status_code == 403


@pytest.mark.parametrize("missing", ["jti", "exp", "origin", "until", "aud"])
def test_token_without_a_claim_opens_nothing(crm: Crm, missing: str) -> None:
    claims = jwt.decode(crm.token(), options={"verify_signature": False})
    claims.pop(missing)

    signed = jwt.encode(claims, crm.workspace.panel_secret(), "HS256")

    assert crm.open(f"/embed/opportunity/{crm.deal}?token={signed}").status_code == 403


def test_session_of_an_open_panel_follows_the_score_and_opens_no_panel(crm: Crm) -> None:
    panel = crm.open(crm.ask().json()["url"])
    session = _value("session", panel.text)
    address = f"/embed/opportunity/{crm.deal}/part"

    part = crm.client().get(f"{address}?lang=en", headers={"X-Panel-Session": session})
    seen = _value("identity", part.text)
    again = crm.client().get(
        address, params={"seen": seen}, headers={"X-Panel-Session": part.headers["X-Panel-Session"]}
    )

    assert (part.status_code, again.status_code) == (200, 204)
    assert "Next step" in part.text
    assert crm.open(f"/embed/opportunity/{crm.deal}?token={session}").status_code == 403
    assert crm.client().get(address, headers={"X-Panel-Session": crm.token()}).status_code == 403


def test_panel_lives_half_an_hour_however_often_it_renews(crm: Crm, clock: Any) -> None:
    session = _value("session", crm.open(crm.ask().json()["url"]).text)
    statuses = []

    for _ in range(8):
        clock.moment += timedelta(minutes=4)
        answer = crm.client().get(f"/embed/opportunity/{crm.deal}/part", headers={"X-Panel-Session": session})
        statuses.append(answer.status_code)
        session = answer.headers.get("X-Panel-Session", session)

    assert statuses == [200] * 7 + [403]


def test_token_is_given_for_what_its_person_may_see_and_on_configured_sites(crm: Crm) -> None:
    assert crm.ask(entity_id=crm.foreign).status_code == 404
    assert crm.ask(entity_id="no-such-deal").status_code == 404
    assert crm.ask(user_id="nobody").status_code == 403
    assert crm.ask(origin="https://evil.example.com").status_code == 403
    assert crm.ask(origin="https://crm.example.com/path").status_code == 422


def test_reps_key_asks_for_its_own_panels_only(crm: Crm) -> None:
    rep = crm.client(crm.workspace.store.create_key("rep", "rep", REP))
    body = {"entity": "opportunity", "entity_id": crm.deal, "origin": CRM}

    assert rep.post("/v1/panel-tokens", json=body).status_code == 201
    assert rep.post("/v1/panel-tokens", json=body | {"user_id": OTHER, "entity_id": crm.foreign}).status_code == 403


@pytest.mark.slow
def test_rights_are_asked_again_when_the_panel_opens(own_workspace: Workspace, tmp_path: Path) -> None:
    crm = Crm(own_workspace)
    address = crm.ask().json()["url"]
    (tmp_path / "given.csv").write_text(
        f"opportunity_id,owner_id,recorded_at\n{crm.deal},{OTHER},2025-12-31T00:00:00Z\n"
    )
    (tmp_path / "given.yaml").write_text(
        "source: crm\ninputs: {given: {file: given.csv}}\ntables:\n  opportunities: select * from given\n"
    )
    own_workspace.ingest(tmp_path / "given.yaml")
    own_workspace.score(save=True)

    assert crm.open(address).status_code == 404


def test_panel_is_small_and_loads_nothing_from_outside(crm: Crm) -> None:
    panel = crm.open(crm.ask().json()["url"] + "&lang=zh&theme=dark")
    loaded = re.findall(r'(?:src|<link rel="stylesheet" href)="([^"]+)"', panel.text)

    sizes = [len(crm.client().get(address).content) for address in loaded]

    assert all(address.startswith("/static/") for address in loaded)
    assert len(panel.content) + sum(sizes) < MAX_BYTES
    assert '<html lang="zh-Hans" data-theme="dark">' in panel.text
    assert "概率从何而来" in panel.text


def test_panel_in_chinese_has_no_english_text_of_ours(crm: Crm) -> None:
    text = crm.open(crm.ask().json()["url"] + "&lang=zh").text
    words = unescape(re.sub(r"<[^>]+>", " ", text[text.index("<main") :]))

    for english in ("Why", "Next", "alike", "moment", "As of", "Expected", "won"):
        assert english not in words, english


@pytest.mark.parametrize(
    ("origin", "ancestors", "may"),
    [
        (CRM, (CRM,), True),
        (CRM, (), False),
        ("https://eu.example.com", ("https://*.example.com",), True),
        ("https://example.com", ("https://*.example.com",), False),
        ("https://evilexample.com", ("https://*.example.com",), False),
        ("http://eu.example.com", ("https://*.example.com",), False),
    ],
)
def test_sites_are_those_of_the_setting(origin: str, ancestors: tuple[str, ...], may: bool) -> None:
    assert may_frame(origin, ancestors) is may


def test_secret_is_made_once_and_for_its_owner_alone(crm: Crm) -> None:
    file = crm.workspace.path / "secrets" / "panel.key"

    assert crm.workspace.panel_secret() == crm.workspace.panel_secret() == file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_bytes()) == 32
