"""Days, moments and periods: the only place that turns a date of a workspace into a moment in UTC.

A moment is a UTC ``datetime``; a DATE means 00:00 of that day in the workspace's time zone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forecast.errors import InvalidInput

PERIOD_FORMS = "2026-03, 2026Q1, FY2026 or 2026-W07"


def time_zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises
    ------
    InvalidInput
        If there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"Time zone {name!r} is unknown; use an IANA name such as 'Europe/Amsterdam', 'Asia/Shanghai' or 'UTC'."
        ) from None


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """First moment of ``day`` in ``zone``, in UTC. Where midnight does not exist, the first moment that does."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """A DATE (its first moment in ``zone``) or an ISO 8601 moment, in UTC.

    Raises
    ------
    InvalidInput
        If the text is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return start_of_day(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"A date must look like 2026-03-31 or 2026-03-31T09:00:00+02:00, got {text!r}.") from None


@dataclass(frozen=True)
class Period:
    """A span of whole days: ``first`` and ``last`` belong to it."""

    label: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of days, at least 1."""
        return (self.last - self.first).days + 1

    def start(self, zone: ZoneInfo) -> datetime:
        """First moment, in UTC."""
        return start_of_day(self.first, zone)

    def end(self, zone: ZoneInfo) -> datetime:
        """First moment after the period, in UTC."""
        return start_of_day(self.last + timedelta(days=1), zone)


def _months(year: int, month: int, n_months: int) -> tuple[date, date]:
    """First and last day of ``n_months`` months from the given one; ``month`` may exceed 12."""
    first = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    after = month + n_months
    return first, date(year + (after - 1) // 12, (after - 1) % 12 + 1, 1) - timedelta(days=1)


def parse_period(text: str, *, fiscal_year_start: int = 1) -> Period:
    """A month, quarter, fiscal year or ISO week.

    Parameters
    ----------
    text : str
        ``2026-03``, ``2026Q1``, ``FY2026`` or ``2026-W07``. Quarters are those of the fiscal year; a fiscal year is
        named after the calendar year in which it starts.
    fiscal_year_start : int in 1..12
        First month of the fiscal year.

    Raises
    ------
    InvalidInput
        If the text is none of these forms.
    """
    try:
        if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
            year, month = int(match[1]), int(match[2])
            date(year, month, 1)  # refuses month 13
            return Period(text, *_months(year, month, 1))
        if match := re.fullmatch(r"(\d{4})Q([1-4])", text):
            return Period(text, *_months(int(match[1]), fiscal_year_start + 3 * (int(match[2]) - 1), 3))
        if match := re.fullmatch(r"FY(\d{4})", text):
            return Period(text, *_months(int(match[1]), fiscal_year_start, 12))
        if match := re.fullmatch(r"(\d{4})-W(\d{2})", text):
            monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
            return Period(text, monday, monday + timedelta(days=6))
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f"A period must look like {PERIOD_FORMS}, got {text!r}.")


def period_of(day: date, *, kind: str = "month", fiscal_year_start: int = 1) -> Period:
    """The month, quarter, fiscal year (``year``) or ISO week that ``day`` belongs to."""
    if kind == "month":
        return parse_period(f"{day:%Y-%m}")
    if kind == "week":
        iso = day.isocalendar()
        return parse_period(f"{iso.year}-W{iso.week:02d}")
    months_in = (day.month - fiscal_year_start) % 12
    year = day.year - (1 if day.month < fiscal_year_start else 0)
    if kind == "quarter":
        return parse_period(f"{year}Q{months_in // 3 + 1}", fiscal_year_start=fiscal_year_start)
    if kind == "year":
        return parse_period(f"FY{year}", fiscal_year_start=fiscal_year_start)
    raise InvalidInput(f"`kind` must be month, quarter, year or week, got {kind!r}.")


def past_periods(day: date, *, fiscal_year_start: int = 1) -> list[Period]:
    """What people look back on: the quarters, months and fiscal years that ``day`` lies in, and some before them.

    Examples
    --------
    >>> [period.label for period in past_periods(date(2026, 2, 3))][:3]
    ['2026Q1', '2025Q4', '2025Q3']
    """
    found = []
    for kind, n in (("quarter", 5), ("month", 6), ("year", 2)):
        last = day
        for _ in range(n):
            period = period_of(last, kind=kind, fiscal_year_start=fiscal_year_start)
            found.append(period)
            last = period.first - timedelta(days=1)
    return found


def periods_around(day: date, *, fiscal_year_start: int = 1) -> dict[str, list[Period]]:
    """What people look ahead to: quarters, months and fiscal years around ``day``, by their kind, earliest first.

    Examples
    --------
    >>> [period.label for period in periods_around(date(2026, 2, 3))["year"]]
    ['FY2025', 'FY2026', 'FY2027']
    """
    found = {}
    for kind, n_before, n_after in (("quarter", 3, 3), ("month", 4, 4), ("year", 1, 1)):
        now = period_of(day, kind=kind, fiscal_year_start=fiscal_year_start)
        before, after = [now], [now]
        for _ in range(n_before):
            last = before[-1].first - timedelta(days=1)
            before.append(period_of(last, kind=kind, fiscal_year_start=fiscal_year_start))
        for _ in range(n_after):
            first = after[-1].last + timedelta(days=1)
            after.append(period_of(first, kind=kind, fiscal_year_start=fiscal_year_start))
        found[kind] = [*reversed(before), *after[1:]]
    return found
