"""Which period a report is about: a named one, or one that moves with the day such as ``last month``."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from forecast.errors import InvalidInput
from forecast.explain.labels import Text
from forecast.periods import PERIOD_FORMS, Period, parse_period, period_of

_KINDS = {
    "week": Text("week", "周"),
    "month": Text("month", "月"),
    "quarter": Text("quarter", "季度"),
    "year": Text("year", "年"),
}
_WHICH = {"last": Text("Last", "上"), "this": Text("This", "本"), "next": Text("Next", "下")}
_YEARS = {"last year": "去年", "this year": "今年", "next year": "明年"}
#: Rules that move with the day, with what people call them.
RULES: Mapping[str, Text] = {
    f"{which} {kind}": Text(f"{first.en} {second.en}", _YEARS.get(f"{which} {kind}", f"{first.zh}{second.zh}"))
    for which, first in _WHICH.items()
    for kind, second in _KINDS.items()
} | {
    "last year": Text("Last year", "去年"),
    "this year": Text("This year", "今年"),
    "next year": Text("Next year", "明年"),
}
_LABEL = re.compile(r"\d{4}-\d{2}|\d{4}Q[1-4]|FY\d{4}|\d{4}-W\d{2}")


def check_rule(text: str) -> str:
    """The text, when it names a period or a rule.

    Raises
    ------
    InvalidInput
        If it is neither.
    """
    if text in RULES or _LABEL.fullmatch(text):
        return text
    raise InvalidInput(f"A period must look like {PERIOD_FORMS}, or be one of {', '.join(RULES)}; got {text!r}.")


def period_at(text: str, as_of: datetime, zone: ZoneInfo, fiscal_year_start: int) -> Period:
    """The period that a rule names on the day of ``as_of``; ``last month`` is the last one that was over."""
    if text not in RULES:
        return parse_period(check_rule(text), fiscal_year_start=fiscal_year_start)
    which, kind = text.split()
    current = period_of(as_of.astimezone(zone).date(), kind=kind, fiscal_year_start=fiscal_year_start)
    if which == "this":
        return current
    day = current.first - timedelta(days=1) if which == "last" else current.last + timedelta(days=1)
    return period_of(day, kind=kind, fiscal_year_start=fiscal_year_start)


def first_of(period: Period, n: int, fiscal_year_start: int) -> Period:
    """The period ``n - 1`` before, of the same kind."""
    kind = kind_of(period)
    for _ in range(n - 1):
        period = period_of(period.first - timedelta(days=1), kind=kind, fiscal_year_start=fiscal_year_start)
    return period


def kind_of(period: Period) -> str:
    """Week, month, quarter or year."""
    if "W" in period.label:
        return "week"
    if "Q" in period.label:
        return "quarter"
    return "year" if period.label.startswith("FY") else "month"


def rule_title(rule: str, lang: str) -> str:
    """What people call a rule; a named period is its own name."""
    return RULES[rule].in_language(lang) if rule in RULES else rule
