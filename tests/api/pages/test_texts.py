"""Every text of the pages exists in Chinese."""

import re
from collections.abc import Sequence
from pathlib import Path

from babel.messages.extract import extract_from_dir

import api.pages
from api.pages.texts import joined_catalogue, translations

PAGES = Path(api.pages.__file__).parent


def _texts() -> dict[str, str]:
    """Every text that templates and modules mark, and where."""
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    found = extract_from_dir(PAGES, methods, keywords={"_": None, "gettext": None, "ngettext": (1, 2)})
    return {_key(message): f"{file}:{line}" for file, line, message, *_ in found}


def _key(message: str | Sequence[str]) -> str:
    """What a message is found by: one with a plural by its singular."""
    return message if isinstance(message, str) else message[0]


def test_every_text_has_a_chinese_translation() -> None:
    chinese = joined_catalogue("zh")

    missing = [f"{place} {text!r}" for text, place in _texts().items() if not getattr(chinese.get(text), "string", "")]

    assert not missing, "\n".join(missing)


def test_no_translation_is_left_of_a_text_that_is_gone() -> None:
    used = _texts()

    left = [message.id for message in joined_catalogue("zh") if message.id and _key(message.id) not in used]

    assert not left, left


def test_placeholders_of_a_translation_are_those_of_its_text() -> None:
    chinese = joined_catalogue("zh")

    broken = [message.id for message in chinese if message.id and list(message.check(chinese))]

    assert not broken, broken


def test_chinese_is_chinese() -> None:
    assert translations("zh").gettext("No data yet") == "还没有数据"
    assert translations("en").gettext("No data yet") == "No data yet"


def test_chinese_texts_have_full_width_punctuation() -> None:
    half = re.compile(r"(?<=[一-鿿”）])[:;,()?!]|[:;,()?!](?=[一-鿿“（])")

    wrong = [message.string for message in joined_catalogue("zh") if half.search(str(message.string))]

    assert not wrong, wrong
