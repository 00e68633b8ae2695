"""Reports that go by mail on schedule: each recipient gets what the own rights open at the moment of sending, once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from forecast.errors import ForecastError, InvalidInput
from forecast.explain.labels import Text
from forecast.reports import Report, Viewer
from forecast.reports.period_rules import period_at
from forecast.reports.schedule import Schedule
from forecast.settings import Settings

#: What a delivery says in one line: the columns of `send_due`.
COLUMNS = ("schedule", "report", "due_at", "period", "recipient", "is_sent", "reason")

_SUBJECT = Text("{title}: {period}", "{title}：{period}")
_TEXT = Text(
    "The report “{title}” for {period} is attached, as known at {as_of}. It counts what your rights open now.\n{link}",
    "附件为报表“{title}”（{period}），数据截至 {as_of}，内容按您目前的数据权限生成。\n{link}",
)


class Recipient(Protocol):
    """A login."""

    @property
    def name(self) -> str:
        """To log in with."""
        ...

    @property
    def role(self) -> str:
        """What decides the rights."""
        ...

    @property
    def user_id(self) -> str | None:
        """The user of the CRM."""
        ...

    @property
    def email(self) -> str | None:
        """The own address."""
        ...

    @property
    def disabled_at(self) -> datetime | None:
        """Since when the login opens nothing."""
        ...


@dataclass(frozen=True)
class Letter:
    """One mail with one file."""

    number: str  # the same for the same report, moment and recipient
    to: str
    subject: str
    text: str
    file_name: str
    content: bytes


class Mailer(Protocol):
    """Sends mail."""

    def send(self, letter: Letter) -> None:
        """Hand a letter over; raises `DataUnavailable` when that fails."""
        ...


class ScheduleStore(Protocol):
    """Where schedules are, and what was sent."""

    def schedules(self) -> Sequence[Schedule]:
        """All schedules."""
        ...

    def logins(self) -> Sequence[Recipient]:
        """All logins."""
        ...

    def claim_delivery(self, schedule_id: int, due_at: datetime, recipient: str, period: str) -> bool:
        """Whether to send this now."""
        ...

    def finish_delivery(self, schedule_id: int, due_at: datetime, recipient: str, *, failure: str = "") -> None:
        """Say that it is sent, or why it is not."""
        ...


@dataclass(frozen=True)
class Press:
    """How a report becomes a file.

    Attributes
    ----------
    make : callable of (schedule, period, as_of, viewer) to Report
    write : callable of (report, format, language) to (file name, content)
    viewer_of : callable of recipient to Viewer
        The rights of now; raises `NotAllowed` for a role without reports.
    """

    make: Callable[[Schedule, str, datetime, Viewer], Report]
    write: Callable[[Report, str, str], tuple[str, bytes]]
    viewer_of: Callable[[Recipient], Viewer]


def send_due(
    store: ScheduleStore,
    mailer: Mailer,
    press: Press,
    settings: Settings,
    now: datetime,
    addresses: Callable[[], dict[str, str]],
) -> pd.DataFrame:
    """Send what is due and was not sent; doing it again sends nothing twice.

    What fails is kept with its reason and tried again by the next run, a few times.

    Parameters
    ----------
    now : datetime, UTC-aware
    addresses : callable
        Gives the e-mail address of each user of the CRM that has one, for logins without an address of their own.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row for each mail that was tried.
    """
    done: list[dict[str, object]] = []
    for schedule in store.schedules():
        due = schedule.last_due(now, settings.zone, settings.fiscal_year_start) if schedule.is_active else None
        if due is None:
            continue
        period = period_at(schedule.period, due, settings.zone, settings.fiscal_year_start).label
        for recipient in schedule.recipients:
            if not store.claim_delivery(schedule.id, due, recipient, period):
                continue
            failure = _sent(store, mailer, press, settings, schedule, period, due, recipient, addresses)
            store.finish_delivery(schedule.id, due, recipient, failure=failure)
            done.append(
                {"schedule": schedule.id, "report": schedule.report, "due_at": due, "period": period,
                 "recipient": recipient, "is_sent": not failure, "reason": failure}
            )  # fmt: skip
    return pd.DataFrame(done, columns=list(COLUMNS))


def _sent(
    store: ScheduleStore,
    mailer: Mailer,
    press: Press,
    settings: Settings,
    schedule: Schedule,
    period: str,
    due: datetime,
    recipient: str,
    addresses: Callable[[], dict[str, str]],
) -> str:
    """Make a report for one recipient and send it; returns why that failed, empty when it did not."""
    try:
        login = next((one for one in store.logins() if one.name == recipient), None)
        if login is None or login.disabled_at is not None:
            raise InvalidInput("There is no such login, or it is disabled.")
        address = login.email or addresses().get(login.user_id or "")
        if not address:
            raise InvalidInput("No e-mail address is known; set one with `forecast users`.")
        report = press.make(schedule, period, due, press.viewer_of(login))
        name, content = press.write(report, schedule.form, schedule.lang)
        title = report.title.in_language(schedule.lang)
        link = f"{settings.public_url.rstrip('/')}/reports/{report.name}" if settings.public_url else ""
        said = {
            "title": title,
            "period": period,
            "as_of": f"{due.astimezone(settings.zone):%Y-%m-%d %H:%M}",
            "link": link,
        }
        mailer.send(
            Letter(
                f"{schedule.id} {due.isoformat()}",
                address,
                _SUBJECT.in_language(schedule.lang).format(**said),
                _TEXT.in_language(schedule.lang).format(**said),
                name,
                content,
            )
        )
    except ForecastError as error:
        return str(error)
    return ""
