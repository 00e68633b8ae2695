"""Logging in, and what a browser may do with the session it got."""

from collections.abc import Callable, Iterator

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.sessions import Sessions, csrf_token
from forecast.adapters import store_logins
from forecast.workspace import Workspace

PASSWORD = "four unrelated words"
HTML = {"Accept": "text/html"}
SECURE, LOOPBACK, PLAIN = "https://forecast.example", "http://127.0.0.1:8000", "http://forecast.example"
SCORE = {"entity": "lead", "record": {"status": "new"}}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace without data, with the login of an admin; its hashes are light."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_logins, "_hasher", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
        workspace = Workspace.init(tmp_path_factory.mktemp("empty") / "workspace")
        workspace.store.add_login("ann", "admin", PASSWORD)
        yield workspace


@pytest.fixture(scope="module")
def shared_app(empty: Workspace) -> FastAPI:
    return create_app(empty)


@pytest.fixture
def empty_app(shared_app: FastAPI, empty: Workspace) -> FastAPI:
    """As after a start: no try to log in is counted yet."""
    shared_app.state.sessions = Sessions(empty)
    return shared_app


@pytest.fixture
def browser(empty_app: FastAPI) -> Callable[..., TestClient]:
    """A function from an address to a browser that asks for pages there."""
    return lambda address=SECURE: TestClient(empty_app, base_url=address, headers=HTML, follow_redirects=False)


def _log_in(browser: TestClient, name: str = "ann", password: str = PASSWORD, **more: str) -> tuple[int, str]:
    answer = browser.post("/login", data={"name": name, "password": password, **more})
    return answer.status_code, answer.headers.get("Location", "")


@pytest.fixture
def person(browser: Callable[..., TestClient]) -> tuple[TestClient, str]:
    """A browser in which somebody is logged in, and the token of its session."""
    made = browser()
    assert _log_in(made) == (303, "/")
    return made, made.cookies["__Host-forecast"]


def test_unknown_person_is_led_to_the_login_and_back(browser: Callable[..., TestClient]) -> None:
    visitor = browser()

    asked = visitor.get("/account?tab=1")

    assert (asked.status_code, asked.headers["Location"]) == (303, "/login?next=%2Faccount%3Ftab%3D1")
    assert 'value="/account?tab=1"' in visitor.get(asked.headers["Location"]).text
    assert _log_in(visitor, next="/account?tab=1") == (303, "/account?tab=1")
    assert visitor.get("/account").status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "x",
        "/login",
    ],
)
def test_login_leads_to_no_other_host(browser: Callable[..., TestClient], elsewhere: str) -> None:
    assert _log_in(browser(), next=elsewhere) == (303, "/")


def test_cookie_is_kept_from_scripts_other_sites_and_plain_http(browser: Callable[..., TestClient]) -> None:
    answers = {
        address: browser(address).post("/login", data={"name": "ann", "password": PASSWORD})
        for address in (SECURE, LOOPBACK, PLAIN)
    }

    cookies = {address: answer.headers.get("Set-Cookie", "") for address, answer in answers.items()}
    assert cookies[SECURE].startswith("__Host-forecast=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} == set(cookies[SECURE].split("; ")[1:])
    assert cookies[LOOPBACK].startswith("forecast=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} == set(cookies[LOOPBACK].split("; ")[1:])
    assert (answers[PLAIN].status_code, cookies[PLAIN]) == (403, "")


def test_wrong_password_and_unknown_name_are_answered_alike(browser: Callable[..., TestClient]) -> None:
    visitor = browser()

    wrong, unknown = (
        visitor.post("/login", data={"name": name, "password": "another few words"}) for name in ("ann", "bob")
    )

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("ann", "bob") == unknown.text
    assert "Set-Cookie" not in wrong.headers


def test_tries_are_limited_by_name_and_address(browser: Callable[..., TestClient]) -> None:
    visitor = browser()

    statuses = [_log_in(visitor, password=f"guess number {number}")[0] for number in range(12)]

    assert statuses == [401] * 10 + [429] * 2
    assert _log_in(visitor)[0] == 429  # the right password too: else it could be guessed
    refused = visitor.post("/login", data={"name": "ann", "password": PASSWORD})
    assert refused.headers["Retry-After"] == "900"
    assert _log_in(visitor, name="bob")[0] == 401


def test_successful_logins_are_not_limited(browser: Callable[..., TestClient]) -> None:
    assert {_log_in(browser())[0] for _ in range(15)} == {303}


def test_login_from_a_page_of_another_site_is_refused(browser: Callable[..., TestClient]) -> None:
    sent = {"data": {"name": "ann", "password": PASSWORD}}

    assert browser().post("/login", **sent, headers={"Origin": "https://evil.example"}).status_code == 403
    assert browser().post("/login", **sent, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser().post("/login", **sent, headers={"Origin": SECURE}).status_code == 303


def test_change_by_session_needs_its_token_and_our_own_page(person: tuple[TestClient, str]) -> None:
    browser, session = person
    token = csrf_token(session)

    def status(**headers: str) -> int:
        return browser.post("/v1/scores", json={}, headers=headers).status_code

    assert browser.get("/v1/definitions").status_code == 200
    assert status() == status(**{"X-CSRF-Token": "x" * 64}) == status(**{"X-CSRF-Token": csrf_token("another")}) == 403
    assert status(**{"X-CSRF-Token": token}) == 422  # let in, the body is empty
    assert status(**{"X-CSRF-Token": token, "Origin": SECURE}) == 422
    assert status(**{"X-CSRF-Token": token, "Origin": "https://evil.example"}) == 403
    assert status(**{"X-CSRF-Token": token, "Origin": "null"}) == 403
    assert status(**{"X-CSRF-Token": token, "Origin": "http://forecast.example"}) == 403


def test_key_beside_a_session_needs_no_token(person: tuple[TestClient, str], empty: Workspace) -> None:
    browser, _ = person
    key = empty.store.create_key("k", "admin")

    assert browser.post("/v1/scores", json={}, headers={"Authorization": f"Bearer {key}"}).status_code == 422
    assert browser.post("/v1/scores", json={}, headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_logging_out_needs_the_form_and_ends_the_session(person: tuple[TestClient, str]) -> None:
    browser, session = person

    assert browser.post("/logout").status_code == 403
    left = browser.post("/logout", data={"csrf": csrf_token(session)})

    assert (left.status_code, left.headers["Location"]) == (303, "/login")
    assert "__Host-forecast" not in browser.cookies
    browser.cookies.set("__Host-forecast", session, domain="forecast.example")
    assert browser.get("/account").headers["Location"].startswith("/login")


def test_login_gives_a_new_session_and_ends_the_one_before(person: tuple[TestClient, str]) -> None:
    browser, session = person

    assert _log_in(browser)[0] == 303

    assert browser.cookies["__Host-forecast"] != session
    stolen = TestClient(browser.app, base_url=SECURE, cookies={"__Host-forecast": session})
    assert stolen.get("/v1/definitions").status_code == 401


def test_new_password_ends_all_other_sessions(browser: Callable[..., TestClient], empty: Workspace) -> None:
    empty.store.add_login("cleo", "rep", PASSWORD, user_id="U1")
    here, there = browser(), browser()
    for one in (here, there):
        assert _log_in(one, "cleo")[0] == 303
    form = {"csrf": csrf_token(here.cookies["__Host-forecast"]), "old": PASSWORD, "new": "x" * 12, "again": "x" * 12}

    too_simple = here.post("/account/password", data=form)
    twice = dict.fromkeys(("new", "again"), "other longer words")
    differing = here.post("/account/password", data=form | {"new": "other longer words"})
    wrong_old = here.post("/account/password", data=form | twice | {"old": "x"})
    changed = here.post("/account/password", data=form | twice)

    answers = (too_simple, differing, wrong_old, changed)
    assert [answer.status_code for answer in answers] == [422, 422, 401, 303]
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303
    assert [_log_in(browser(), "cleo", password)[0] for password in (PASSWORD, "other longer words")] == [401, 303]


def test_disabled_person_is_out_at_once(browser: Callable[..., TestClient], empty: Workspace) -> None:
    empty.store.add_login("dora", "rep", PASSWORD, user_id="U1")
    browser_of_dora = browser()
    assert _log_in(browser_of_dora, "dora")[0] == 303

    empty.store.disable_login("dora")

    assert browser_of_dora.get("/account").status_code == 303
    assert _log_in(browser(), "dora")[0] == 401


def test_identity_that_another_system_verified_becomes_a_session(empty_app: FastAPI, empty: Workspace) -> None:
    token = empty_app.state.sessions.admit("ann")

    client = TestClient(empty_app, base_url=SECURE, cookies={"__Host-forecast": token})

    assert client.get("/v1/users").json()["items"][0]["name"] == "ann"


def test_part_of_a_page_takes_the_whole_page_to_the_login(browser: Callable[..., TestClient]) -> None:
    answer = browser().get("/account", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


def test_coming_and_going_is_in_the_audit_log(person: tuple[TestClient, str], empty: Workspace) -> None:
    browser, session = person
    _log_in(browser, password="not the password")
    browser.post("/logout", data={"csrf": csrf_token(session)})

    lines = empty.store.audit_log(last=3)

    assert lines["action"].tolist() == ["log in", "refused: log in", "log out"]
    assert lines["actor"].tolist() == ["login 1", "nobody", "login 1"]
    assert lines["role"].tolist() == ["admin", None, "admin"]
