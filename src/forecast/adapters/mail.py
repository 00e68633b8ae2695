"""Mail by SMTP. Errors name the server and its answer's code, never an address."""

import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime
from mimetypes import guess_type

from forecast.errors import DataUnavailable
from forecast.ports import Clock
from forecast.settings import Settings
from forecast.usecases.report_schedules import Letter

_TIMEOUT_S = 60


class SmtpMailer:
    """Hands letters over to the server of the settings. Implements `forecast.usecases.report_schedules.Mailer`.

    Parameters
    ----------
    settings : Settings
    clock : Clock
    context : ssl.SSLContext, optional
        Whom to trust; default the machine's authorities.
    """

    def __init__(self, settings: Settings, clock: Clock, *, context: ssl.SSLContext | None = None) -> None:
        self._settings, self._clock = settings, clock
        self._context = context or ssl.create_default_context()

    def send(self, letter: Letter) -> None:
        """Hand a letter over.

        Raises
        ------
        DataUnavailable
            If there is no server, it cannot be reached or it refuses.
        """
        settings = self._settings
        if not settings.smtp_host or not settings.mail_from:
            raise DataUnavailable("No mail can be sent: set `smtp_host` and `mail_from`.")
        try:
            with self._connected() as server:
                server.send_message(self._message(letter))
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()), (0, b""))[0]
            raise DataUnavailable(f"{self._place} refused the recipient (code {code}).") from None
        except smtplib.SMTPResponseException as error:
            raise DataUnavailable(f"{self._place} refused (code {error.smtp_code}).") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise DataUnavailable(f"{self._place} cannot be used ({type(error).__name__}).") from None

    @property
    def _place(self) -> str:
        return f"The mail server {self._settings.smtp_host}:{self._settings.smtp_port}"

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        settings = self._settings
        where = (settings.smtp_host, settings.smtp_port)
        opened: smtplib.SMTP
        if settings.smtp_security == "tls":
            opened = smtplib.SMTP_SSL(*where, timeout=_TIMEOUT_S, context=self._context)
        else:
            opened = smtplib.SMTP(*where, timeout=_TIMEOUT_S)
        with opened as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=self._context)
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            yield server

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = letter.subject
        message["From"] = self._settings.mail_from
        message["To"] = letter.to
        message["Date"] = format_datetime(self._clock.now())
        # The same letter has the same number, so that a server that gets it twice can tell.
        number = hashlib.blake2b(f"{letter.number} {letter.to}".encode(), digest_size=16).hexdigest()
        message["Message-ID"] = f"<{number}@{self._settings.mail_from.rpartition('@')[2].strip('<> ')}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        kind, _, subkind = (guess_type(letter.file_name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(letter.content, maintype=kind, subtype=subkind, filename=letter.file_name)
        return message
