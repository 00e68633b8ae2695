"""Words by which a list is searched: those of a row, and those that a query asks for.

Latin words match by their beginning. Chinese is written without spaces, so that its words are pairs of neighbouring
characters, and the last character alone.
"""

import re
import unicodedata
from dataclasses import dataclass

#: Longer words match by their first characters.
MAX_WORD = 40

#: Words of one row that can be found; a row has an id, a name, an account and a stage.
_MAX_WORDS = 60

#: Words of a query that count.
_MAX_ASKED = 8

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"  # with kana and hangul: no spaces either
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class AskedWord:
    """One word of a query; ``whole`` unless any word that begins with it matches."""

    text: str
    whole: bool


def words_of(*texts: str | None) -> list[str]:
    """The words under which a row with these texts is found, sorted, each once.

    An id such as ``L-000123`` is also found by its number without leading zeros.
    """
    found: set[str] = set()
    for run in _runs(" ".join(text for text in texts if text)):
        if _IS_HAN.match(run):
            found |= {run[i : i + 2] for i in range(len(run))}
        else:
            numbers = (number.lstrip("0") for number in _NUMBER.findall(run))
            found |= {run[:MAX_WORD], *(number[:MAX_WORD] for number in numbers if number)}
    return sorted(found)[:_MAX_WORDS]


def asked_words(query: str) -> list[AskedWord]:
    """What a row must have all of to be found by a query; empty when the query has no word."""
    found: dict[AskedWord, None] = {}
    for run in _runs(query):
        if len(run) > 1 and _IS_HAN.match(run):
            found |= {AskedWord(run[i : i + 2], True): None for i in range(len(run) - 1)}
        else:
            found[AskedWord(run[:MAX_WORD], False)] = None
    return list(found)[:_MAX_ASKED]


def _runs(text: str) -> list[str]:
    return _RUN.findall(unicodedata.normalize("NFKC", text).casefold())
