"""Which language an answer's texts are in."""

from typing import Literal

Language = Literal["en", "zh"]


def negotiate(wanted: Language | None, accept_language: str | None) -> Language:
    """The language asked for, else the first of the header's that we have, else English.

    Examples
    --------
    >>> negotiate(None, "fr;q=0.9, zh-CN;q=0.8, en;q=0.5")
    'zh'
    """
    if wanted is not None:
        return wanted
    choices = [_choice(part) for part in (accept_language or "").split(",")]
    best = max((choice for choice in choices if choice[1] in ("en", "zh") and choice[0] > 0), default=None, key=_weight)
    return "zh" if best is not None and best[1] == "zh" else "en"


def _choice(part: str) -> tuple[float, str]:
    """Weight and primary language of one part of an Accept-Language header; weight 0 when malformed."""
    tag, _, weight = part.partition(";")
    primary = tag.strip().lower().split("-")[0]
    try:
        return (float(weight.strip().removeprefix("q=")) if weight else 1.0), primary
    except ValueError:
        return 0.0, primary


def _weight(choice: tuple[float, str]) -> float:
    return choice[0]
