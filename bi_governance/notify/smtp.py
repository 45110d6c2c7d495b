"""SMTP, quarantined: the one place that knows smtplib, its errors, and when a message counts as accepted."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

from bi_governance.errors import DeliveryError
from bi_governance.notify.message import shown

TIMEOUT_SECONDS = 30
SAID_LIMIT = 200
LATER = "the next run tries again"


class MailRefused(DeliveryError):
    """The server answered, and said no; the message was not accepted."""


class MailSilent(DeliveryError):
    """The server gave no answer, so what was asked may or may not have happened."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server that takes messages for delivery; every call is a connection of its own.

    With `starttls` nothing - no password, no message - is sent before the connection is encrypted and
    the server's certificate is verified. Raises MailRefused or MailSilent, never an error of smtplib.
    """

    host: str
    port: int = 587
    username: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = True

    def check(self, sender: str) -> None:
        """Connect, log in, and ask whether the server takes messages from this sender."""
        with self._session() as smtp:
            self._insist(smtp.mail(sender), f"the sender {sender}")
            smtp.rset()

    def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Hand over one message for one recipient; returning means that the server accepted it."""
        is_handed_over = False
        try:
            with self._session() as smtp:
                self._insist(smtp.mail(sender), f"the sender {sender}")
                self._insist(smtp.rcpt(recipient), f"the recipient {recipient}")
                is_handed_over = True
                self._insist(smtp.data(message), f"the message to {recipient}")
        except MailSilent as error:
            if not is_handed_over:
                raise
            raise MailSilent(
                f"The mail server {self.host} hung up without saying whether it took the message to "
                f"{recipient}; it may have arrived, but does not count."
            ) from error

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A connection, encrypted and logged in as configured; its end can no longer fail anything."""
        smtp = None
        try:
            smtp = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
            smtp.ehlo_or_helo_if_needed()
            if self.starttls:
                smtp.starttls(context=ssl.create_default_context())
            if self.username:
                smtp.login(self.username, self.password)
            yield smtp
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._translated(error) from error
        finally:
            if smtp is not None:
                _hang_up(smtp)

    def _insist(self, answer: tuple[int, bytes], what: str) -> None:
        code, said = answer
        if code not in (250, 251):
            raise self._refusal(what, code, said)

    def _translated(self, error: Exception) -> DeliveryError:
        match error:
            case smtplib.SMTPAuthenticationError():
                return self._refusal("the login; check email.username and email.password", *_answer(error))
            case smtplib.SMTPNotSupportedError() if self.starttls:
                return MailRefused(
                    f"The mail server {self.host}:{self.port} lacks what email.starttls or the login needs: "
                    f"{_words(str(error))}."
                )
            case smtplib.SMTPResponseException():
                return self._refusal("the connection or the message", *_answer(error))
            case ssl.SSLError():
                reason = _words(str(error))
                return MailSilent(f"No trusted encryption with the mail server {self.host}: {reason}.")
            case smtplib.SMTPServerDisconnected() | OSError():
                reason = _words(str(error)) or type(error).__name__
                return MailSilent(f"No answer from the mail server {self.host}:{self.port}: {reason}.")
            case ValueError():  # its text would show what it is about, perhaps the password
                return MailRefused("The e-mail settings hold characters that SMTP has no way to send.")
            case _:
                return MailRefused(f"The mail server {self.host} cannot be used: {_words(str(error))}.")

    def _refusal(self, what: str, code: int, said: bytes | str) -> MailRefused:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        later = f"; {LATER}" if 400 <= code < 500 else ""
        return MailRefused(f"The mail server {self.host} refused {what}: {code} {_words(text)}{later}.")


def _answer(error: smtplib.SMTPResponseException) -> tuple[int, bytes | str]:
    return error.smtp_code, error.smtp_error


def _words(text: str) -> str:
    return shown(text, SAID_LIMIT).rstrip(".")


def _hang_up(smtp: smtplib.SMTP) -> None:
    """Say goodbye if the server still listens: what it accepted before stays accepted."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()
