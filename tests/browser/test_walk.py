"""Every page as every role, and as one of them on two screens and in both languages.

A page that is added is walked without being named.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Page

from api.pages import PAGES
from api.pages.navigation import ENTRIES
from api.pages.texts import joined_catalogue
from api.rights import PARTS

WIDE, PHONE = (1440, 900), (390, 844)
ROLES = ("rep", "manager", "engineer", "operations", "admin")

#: Shown in a frame of a CRM, with a token instead of a login; walked by tests of its own.
ELSEWHERE = ("/embed",)

ADDRESSES = sorted(
    route.path
    for page in PAGES
    for route in page.router.routes
    if isinstance(route, APIRoute) and "GET" in route.methods and not route.path.startswith(ELSEWHERE)
)

#: A text of a page in which four words or more follow each other in English letters.
ENGLISH = re.compile(r"(?:\b[A-Za-z]{2,}\b[ ,]+){3,}\b[A-Za-z]{2,}\b")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def samples(site: Any) -> dict[str, str]:
    """What stands for the parameters of addresses: rows that rep, manager and admin all see.

    What stands behind an address with ``?`` is its query, where it needs one.
    """
    store, rep = site.workspace.store, "U000001"
    latest = store.latest_scores(owner_ids=[rep]).groupby("entity")["entity_id"].first()
    champion = store.promotions("conversion_opportunity")[-1]
    today = site.workspace.clock.now()
    quarter = f"{today.year}Q{(today.month + 2) // 3}"
    return {
        "/leads/{entity_id}": latest["lead"],
        "/deals/{entity_id}": latest["opportunity"],
        "/team/{user_id}": rep,
        "/models/{name}": champion.name,
        "/models/{version}": champion.version,
        "/demand/{unique_id}": site.workspace.table("products")["product_id"].min(),
        "/reports/{name}": "forecast-accuracy",
        "/reports/{number}": "0",
        "/reports/{name}/file?": "format=csv",
        "/forecast/moved?": f"period={quarter}&node=rep:{rep}",
        "/targets/levels?": f"period={quarter}",
        "/targets/odds?": f"period={quarter}",
        "/targets/proposal?": f"period={quarter}",
        "/leads/next-steps?": f"id={latest['lead']}",
        "/deals/next-steps?": f"id={latest['opportunity']}",
    }


@pytest.fixture(scope="module")
def is_page() -> dict[str, bool]:
    """Whether an address answers a page to look at, as far as it is known; parts for htmx and files are not."""
    return {}


def _filled(address: str, samples: dict[str, str]) -> str:
    root = f"/{address.split('/')[1]}"

    def value(found: re.Match[str]) -> str:
        name = f"{root}/{{{found[1]}}}"
        assert name in samples, f"`samples` of this file must say what stands for {name}"
        return samples[name]

    path, query = re.sub(r"\{(\w+)(?::\w+)?\}", value, address), samples.get(f"{address}?")
    return f"{path}?{query}" if query else path


#: Parts of a page that fewer roles may ask for than the page.
FENCED = {f"/targets/{part}": "company targets" for part in ("proposal", "odds", "levels")}


def _roles_of(address: str) -> tuple[str, ...]:
    """The roles that an address opens for: those of its entry in the menu; what has none is everybody's."""
    if address in FENCED:
        return PARTS[FENCED[address]]
    parts = [entry.part for entry in ENTRIES if address == entry.path or address.startswith(f"{entry.path}/")]
    return PARTS[parts[0]] if parts else ROLES


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("address", ADDRESSES)
def test_page_works_for_its_roles_and_is_closed_to_others(
    address: str,
    role: str,
    visitor: Callable[..., Any],
    samples: dict[str, str],
    is_page: dict[str, bool],
    axe: Callable[[Page], list[str]],
) -> None:
    roles, path = _roles_of(address), _filled(address, samples)
    if role in roles and address not in is_page:
        is_page[address] = visitor(role).is_page(path)
    if role not in roles or not is_page[address]:
        assert visitor(role).ask(path) == (200 if role in roles else 403)
        return
    in_detail = role == next(known for known in ROLES if known in roles)  # what depends on no role is tried once

    for lang in ("en", "zh") if in_detail else ("en",):
        who = visitor(role, lang)
        status = who.open(path, WIDE)
        assert status == 200, who.page.content()[:500]
        who.check()
        who.shoot(address)
        if not in_detail:
            return
        if lang == "zh":
            assert _untranslated(who.texts()) == []
        else:
            who.keyboard_reaches_content()
            assert axe(who.page) == []
        who.resize(PHONE, dark=True)
        who.check()
        who.shoot(address)
        if lang == "en":
            assert axe(who.page) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_stranger_is_asked_to_log_in(lang: str, visitor: Callable[..., Any], axe: Callable[[Page], list[str]]) -> None:
    who = visitor(None, lang)

    assert who.open("/leads?sort=amount", PHONE) == 200
    assert who.page.url.endswith("/login?next=%2Fleads%3Fsort%3Damount")
    who.check()
    who.shoot("login")
    assert axe(who.page) == []
    assert lang == "en" or _untranslated(who.texts()) == []


def test_unknown_page_says_so_in_the_reader_s_language(visitor: Callable[..., Any]) -> None:
    who = visitor("rep", "zh")

    assert who.open("/nothing-here", PHONE) == 404
    assert who.page.locator("main h1").count() == 1
    assert _untranslated(who.texts()) == []
    who.shoot("not-found")


def _untranslated(texts: list[str]) -> list[str]:
    """Texts of a Chinese page that stand in the catalogue in English, or read like English."""
    messages = {message.id: message.string for message in joined_catalogue("zh") if isinstance(message.id, str)}
    english = {text for text, chinese in messages.items() if chinese != text and re.search(r"[A-Za-z]{3}", text)}
    return [text for text in texts if text in english or ENGLISH.search(text)]
