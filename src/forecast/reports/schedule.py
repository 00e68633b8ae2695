"""When a report is due: every day, week, month or quarter, on a day at an hour of the workspace's zone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from forecast.errors import InvalidInput
from forecast.periods import period_of
from forecast.reports.period_rules import check_rule

Every = Literal["day", "week", "month", "quarter"]

#: Days that a rule may name: of the week from Monday on; of the month, and of the quarter's first month.
DAYS: Mapping[str, int] = {"day": 1, "week": 7, "month": 28, "quarter": 28}
MAX_RECIPIENTS = 100
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


@dataclass(frozen=True)
class Schedule:
    """A report that goes by mail again and again.

    Attributes
    ----------
    id : int
        0 before it is stored.
    report : str
        Name of a ready report, or of one of ``owner``'s own.
    owner : str
        Whose own reports are meant.
    form, lang : str
        Of the file.
    period : str
        A rule such as ``last month``, read at the moment when it is due.
    every : {"day", "week", "month", "quarter"}
    day : int
        Of the week (1 is Monday), the month, or the quarter's first month.
    hour : int
        0 to 23, of the workspace's zone.
    recipients : tuple of str
        Names of logins; each gets what the own rights open at the moment of sending.
    created_at : datetime
        What was due before is not sent.
    is_active : bool
    """

    id: int
    report: str
    owner: str
    form: str
    lang: str
    period: str
    every: Every
    day: int
    hour: int
    recipients: tuple[str, ...]
    created_at: datetime
    is_active: bool = True

    def __post_init__(self) -> None:
        check_rule(self.period)
        if self.every not in DAYS:
            raise InvalidInput(f"`every` must be one of {', '.join(DAYS)}, got {self.every!r}.")
        if not 1 <= self.day <= DAYS[self.every]:
            raise InvalidInput(
                f"`day` must be between 1 and {DAYS[self.every]} for every {self.every}, got {self.day}."
            )
        if not 0 <= self.hour <= 23:
            raise InvalidInput(f"`hour` must be between 0 and 23, got {self.hour}.")
        if not 1 <= len(set(self.recipients)) <= MAX_RECIPIENTS:
            raise InvalidInput(f"`recipients` must name 1 to {MAX_RECIPIENTS} logins, got {len(set(self.recipients))}.")

    def last_due(self, now: datetime, zone: ZoneInfo, fiscal_year_start: int) -> datetime | None:
        """The last moment up to ``now`` at which it was due, in UTC; None when that was before it was made."""
        today = now.astimezone(zone).date()
        for day in (self._day_in(today, fiscal_year_start), self._day_before(today, fiscal_year_start)):
            due = datetime.combine(day, time(self.hour), tzinfo=zone).astimezone(UTC)
            if due <= now:
                return due if due >= self.created_at else None
        return None

    def _day_in(self, today: date, fiscal_year_start: int) -> date:
        if self.every == "day":
            return today
        return period_of(today, kind=self.every, fiscal_year_start=fiscal_year_start).first + timedelta(
            days=self.day - 1
        )

    def _day_before(self, today: date, fiscal_year_start: int) -> date:
        if self.every == "day":
            return today - timedelta(days=1)
        current = period_of(today, kind=self.every, fiscal_year_start=fiscal_year_start)
        return self._day_in(current.first - timedelta(days=1), fiscal_year_start)


def check_name(name: str) -> str:
    """The name of an own report, as it stands in addresses.

    Raises
    ------
    InvalidInput
        If it has other characters, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"A report's name has up to 60 of a-z, 0-9 and -, and does not begin with -; got {name[:80]!r}."
        )
    return name
