"""Which period a report is about: a named one, or one that moves with the day such as ``last month``."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from forecast.errors import InvalidInput
from forecast.periods import PERIOD_FORMS, Period, parse_period, period_of

_KINDS = ("week", "month", "quarter", "year")
#: Rules that move with the day.
RULES = tuple(f"{which} {kind}" for which in ("last", "this", "next") for kind in _KINDS)
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
