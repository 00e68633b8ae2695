"""Mail by a real SMTP server on this machine."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from forecast.adapters.clock import FixedClock
from forecast.adapters.mail import SmtpMailer
from forecast.errors import DataUnavailable
from forecast.settings import Settings
from forecast.usecases.report_schedules import Letter

LETTER = Letter(
    "7 2026-03-02", "ann@example.com", "销售业绩：2026-02", "附件为报表。\n", "sales-2026-02.pdf", b"%PDF-1.7 x"
)


@pytest.fixture
def mailer(mailbox: Any) -> Callable[..., SmtpMailer]:
    """A function to mailers that hand over to the mailbox's server."""

    def made(**changed: Any) -> SmtpMailer:
        return SmtpMailer(Settings(**(mailbox.settings | changed)), FixedClock(datetime(2026, 3, 2, 7, tzinfo=UTC)))

    return made


def test_letter_arrives_with_its_file_and_its_chinese_subject(mailbox: Any, mailer: Callable[..., SmtpMailer]) -> None:
    for _ in range(2):
        mailer().send(LETTER)

    first, second = mailbox.taken
    (attached,) = first.iter_attachments()
    assert first["Subject"] == "销售业绩：2026-02"
    assert (first["To"], first["From"]) == ("ann@example.com", "forecast@example.com")
    assert (attached.get_filename(), attached.get_content_type()) == ("sales-2026-02.pdf", "application/pdf")
    assert attached.get_content() == b"%PDF-1.7 x"
    assert first["Message-ID"] == second["Message-ID"]


def test_refusal_is_told_without_the_address(mailer: Callable[..., SmtpMailer]) -> None:
    stranger = Letter("1", "nobody@example.com", "s", "t", "f.csv", b"")

    with pytest.raises(DataUnavailable, match=r"refused the recipient \(code 550\)") as refused:
        mailer().send(stranger)

    assert "nobody" not in str(refused.value)


def test_nothing_goes_in_clear_where_encryption_is_asked_for(mailbox: Any, mailer: Callable[..., SmtpMailer]) -> None:
    for security in ("starttls", "tls"):
        with pytest.raises(DataUnavailable, match="cannot be used"):
            mailer(smtp_security=security).send(LETTER)

    assert mailbox.taken == []


def test_without_a_server_it_says_what_to_set() -> None:
    mailer = SmtpMailer(Settings(), FixedClock(datetime(2026, 3, 2, tzinfo=UTC)))

    with pytest.raises(DataUnavailable, match="set `smtp_host` and `mail_from`"):
        mailer.send(LETTER)
