"""A company's workspace behind a real server, people of every role who are logged in, and one browser for all tests."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from forecast.datasets import make_company
from forecast.workspace import Workspace
from training.train_conversion import train_conversion

WIDE, PHONE = (1440, 900), (390, 844)
PASSWORD = "a long password for tests"

#: Login name, role and CRM user: the manager leads the team that the rep belongs to.
PEOPLE = {
    "rep": "U000001",
    "manager": "U000009",
    "engineer": None,
    "operations": None,
    "admin": None,
}

_LOCALES = {"en": "en-GB", "zh": "zh-CN"}
_HTML_LANG = {"en": "en", "zh": "zh-Hans"}
_BROWSER = "chromium"
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_START_S = 120
_PATIENCE_MS = 120_000  # where other tests run beside, the first answer of a page may take long


@dataclass
class Site:
    """A served workspace."""

    address: str
    workspace: Workspace
    is_stuck: bool = False

    def login(self, role: str) -> dict[str, str]:
        """Name and password of the person of a role."""
        return {"name": f"test {role}", "password": PASSWORD}


def _ready(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(_START_S * 5):
        try:
            if httpx2.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            assert server.poll() is None, "the server ended while it started"
        time.sleep(0.2)
    raise AssertionError(f"the server was not ready within {_START_S} s")


@pytest.fixture(scope="session")
def company_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A simulated company whose last year is just over: ingested, trained, scored, with a login for each role.

    ``FORECAST_BROWSER_WORKSPACE`` names one that an earlier run made, to work on pages without waiting.
    """
    if made := os.environ.get("FORECAST_BROWSER_WORKSPACE"):
        return Workspace(made)
    folder = tmp_path_factory.mktemp("browser")
    today = datetime.now(UTC).date()
    start = today - timedelta(days=366)  # twelve months from there are over, whatever the day: nothing is still to come
    company = make_company(n_opportunities=240, n_leads=150, n_accounts=60, months=12, start=start)
    workspace = Workspace.init(folder / "workspace", reporting_currency="EUR", snapshot_days=14)
    workspace.ingest(company.write(folder / "export"))
    # Opportunities are scored by a trained model, leads by the group rate: pages show both.
    wiring = (workspace.lake, workspace.registry, workspace.store, workspace.settings, workspace.clock)
    small = {"max_trees": 40, "n_folds": 2}
    train_conversion(*wiring, as_of=workspace.moment(today - timedelta(days=60)), entity="opportunity", params=small)
    workspace.nightly()
    for role, user_id in PEOPLE.items():
        workspace.store.add_login(f"test {role}", role, PASSWORD, user_id)
    return workspace


@pytest.fixture(scope="session")
def site(company_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The workspace behind `forecast serve`, in processes of its own."""
    # Not a pipe: nobody reads it meanwhile, and a server that cannot write its log answers nobody.
    log = tmp_path_factory.mktemp("served") / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("forecast")
    command = [program, "serve", "--port", str(port), "--workspace", company_workspace.path]
    with log.open("wb") as errors:
        server = subprocess.Popen(command, stderr=errors, start_new_session=True)
    try:
        _ready(f"http://127.0.0.1:{port}", server)
        yield Site(f"http://127.0.0.1:{port}", company_workspace)
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait(timeout=90)
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium.

    It ends with its file: while Playwright runs, its event loop counts as the thread's, and no other may start.
    """
    program = shutil.which(os.environ.get("FORECAST_BROWSER", _BROWSER))
    if program is None:
        pytest.skip("no Chromium here: `apt-get install chromium`, or name another one by FORECAST_BROWSER")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)


@pytest.fixture(autouse=True)
def _server_answers(browser: Browser, site: Site) -> None:
    """A server that is stuck fails the rest at once, instead of each test after its own patience."""
    if not site.is_stuck:
        try:
            httpx2.get(f"{site.address}/health/live", timeout=_START_S)
        except httpx2.TransportError:
            site.is_stuck = True
    assert not site.is_stuck, "the server answers nobody any more: see the test before"


@dataclass
class Visitor:
    """Somebody in front of a browser, in one language; notes whatever a page does that it must not."""

    site: Site
    role: str
    lang: str
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note errors and requests to other hosts from now on."""
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and f"{parts.scheme}://{parts.netloc}" != self.site.address:
            self.faults.append(f"request to another host: {request.url}")

    def open(self, path: str, size: tuple[int, int] = WIDE, *, dark: bool = False) -> int:
        """Open a page and wait until all of its parts are there; the status of the answer."""
        self.faults.clear()
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        answer = self.page.goto(self.site.address + path, wait_until="load")
        assert answer is not None
        self.settle()
        return answer.status

    def ask(self, path: str) -> int:
        """The status of an address, asked for with this person's cookies and without showing it."""
        return self.context.request.get(self.site.address + path, max_redirects=0).status

    def is_page(self, path: str) -> bool:
        """Whether an address answers a whole page: neither a file nor what htmx asks for as a part of a page."""
        answer = self.context.request.get(self.site.address + path)
        assert answer.status == 200, f"{answer.status}: {answer.text()[:500]}"
        return "text/html" in answer.headers["content-type"] and answer.text()[:9].lower() == "<!doctype"

    def settle(self) -> None:
        """Wait for what htmx and charts are still doing."""
        self.page.wait_for_function(f"() => !document.querySelector('{_UNFINISHED}')", timeout=_PATIENCE_MS)

    def resize(self, size: tuple[int, int], *, dark: bool = False) -> None:
        """The same page on another screen."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_function(_CHARTS_FIT, timeout=_PATIENCE_MS)

    def check(self) -> None:
        """What holds on every page, whoever looks at it."""
        assert not self.faults, self.faults
        shown = self.page.evaluate("() => document.documentElement.lang")
        assert shown == _HTML_LANG[self.lang]
        overflow = self.page.evaluate(_OVERFLOW)
        assert not overflow, f"wider than the screen: {overflow}"

    def texts(self) -> list[str]:
        """Every text that is shown or read out, but what is said to be in another language."""
        return [str(text) for text in self.page.evaluate(_TEXTS)]

    def keyboard_reaches_content(self) -> None:
        """The first stop jumps over the menu, and the next one is something to do, with its focus to be seen."""
        self.page.keyboard.press("Tab")
        assert self.page.evaluate("() => document.activeElement.matches('a.skip')")
        self.page.keyboard.press("Enter")
        if self.page.locator(f"main :is({_CAN_HAVE_FOCUS})").count():
            self.page.keyboard.press("Tab")
            where = self.page.evaluate(_FOCUS)
            assert where["inMain"], where
            assert where["seen"], where

    def shoot(self, name: str) -> None:
        """Keep a picture where FORECAST_SCREENSHOTS says."""
        if folder := os.environ.get("FORECAST_SCREENSHOTS"):
            width = self.page.viewport_size["width"] if self.page.viewport_size else 0
            file = re.sub(r"[^\w-]+", "_", name).strip("_") or "start"
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{file}-{self.role}-{self.lang}-{width}.png", full_page=True)


_UNFINISHED = ".htmx-request, [aria-busy=true], figure.chart[data-figure]:not(.js-plotly-plot)"

#: Charts are drawn anew a moment after the screen changed.
_CHARTS_FIT = """() => [...document.querySelectorAll('.js-plotly-plot')].every(
    chart => [...chart.querySelectorAll('svg.main-svg')].every(drawn => drawn.clientWidth <= chart.clientWidth + 1))"""

_CAN_HAVE_FOCUS = "a[href], button:enabled, select, textarea, input:not([type=hidden]), summary, [tabindex='0']"

_FOCUS = """() => {
    const element = document.activeElement, style = getComputedStyle(element);
    return {
        inMain: !!element.closest('main') && element.id !== 'main', what: element.outerHTML.slice(0, 150),
        seen: style.outlineStyle !== 'none' || style.boxShadow !== 'none',
    };
}"""

_TEXTS = """() => {
    const foreign = element => {
        const said = element.closest('[lang]');
        return said !== null && said !== document.documentElement;
    };
    const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode, parent = node.parentElement;
        if (!parent.closest('script, style, .mono, .brand') && !foreign(parent)) texts.push(node.textContent.trim());
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
        if (!foreign(element))
            for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
                texts.push(element.getAttribute(name) ?? '');
    return [document.title, ...texts].filter(text => text);
}"""

#: Elements that stick out of the page; those within a part that scrolls by itself may.
_OVERFLOW = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll('*')]
        .filter(element => element.getBoundingClientRect().right > width + 1)
        .slice(0, 5).map(element => element.outerHTML.slice(0, 150));
}"""


@pytest.fixture(scope="module")
def visitor(site: Site, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """``visitor(role, lang)``: somebody who is logged in; each is made once. ``None`` is a stranger."""
    made: dict[tuple[str | None, str], Visitor] = {}
    states: dict[str, Any] = {}

    def visit(role: str | None, lang: str = "en") -> Visitor:
        if (role, lang) not in made:
            if role is not None and role not in states:
                states[role] = _logged_in(site, browser, role)
            context = browser.new_context(locale=_LOCALES[lang], storage_state=states.get(role) if role else None)
            context.set_default_timeout(_PATIENCE_MS)
            one = Visitor(site, role or "stranger", lang, context, context.new_page())
            one.watch()
            made[role, lang] = one
        return made[role, lang]

    yield visit
    for one in made.values():
        one.context.close()


def _logged_in(site: Site, browser: Browser, role: str) -> Any:
    """The cookies of somebody who logged in by the form."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.address}/login")
    login = site.login(role)
    page.get_by_label("Name").fill(login["name"])
    page.get_by_label("Password").fill(login["password"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """Serious and critical violations of a page's accessibility, in words."""

    def violations(page: Page) -> list[str]:
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']}: {rule['help']}: {[node['html'][:150] for node in rule['nodes'][:3]]}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
        ]

    return violations
