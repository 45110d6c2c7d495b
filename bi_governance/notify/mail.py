"""Telling people by e-mail: the same message as plain text and HTML, for owners the first channel lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from bi_governance.errors import NotEditable, OutcomeUnknown
from bi_governance.model import Person, Role
from bi_governance.notify.compose import Composer, Reading, compose_digest
from bi_governance.notify.message import Message, shown
from bi_governance.notify.pages import render_html
from bi_governance.notify.smtp import SmtpServer
from bi_governance.notify.text import render_text
from bi_governance.notify.wording import Wording
from bi_governance.ports import Announcement, Clock, Delivery, Digest, Reach, Recipient, Thread

# What tells an e-mail recipient from those of any other channel, also in the ledger.
MAILTO = "mailto:"
NAME_LIMIT = 100
# A server that accepts a message may still fail to deliver it, and says so where we do not look.
MAY_BOUNCE = "an e-mail that bounces goes unnoticed"
# Plain ASCII addresses (RFC 5321 dot-strings): anything else could smuggle in a header or a second recipient.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@([A-Za-z0-9-]+\.)*[A-Za-z0-9-]+")


class MailChannel:
    """E-mail through one SMTP server, from `sender` (a bare address); times are told in `zone`.

    A message counts when the server accepted its one recipient and the whole text. SMTP cannot be
    asked about it afterwards: after a crash nobody knows, so `find` raises OutcomeUnknown.
    """

    items_per_message = 50

    def __init__(
        self, server: SmtpServer, sender: str, *, zone: tzinfo, clock: Clock, wording: Wording | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._zone = zone
        self._wording = wording or Wording()
        self._clock = clock

    def check(self) -> str:
        """Connect and log in without sending anything; DeliveryError with what is wrong."""
        self._server.check(self._sender)
        return f"as {self._sender} through {self._server.host}:{self._server.port}"

    def recipient(self, owner: Person) -> Recipient | None:
        """The owner's address, with the longer grace; None when there is none that mail can be sent to."""
        address = (owner.email or "").strip().lower()
        if owner.active is False or not ADDRESS.fullmatch(address):
            return None
        return Recipient(MAILTO + address, shown(owner.name, NAME_LIMIT) or address, MAY_BOUNCE)

    def compose(self, digest: Digest) -> Message:
        """The message as `deliver` sends it."""
        is_owner = digest.recipient.role is Role.OWNER
        reading = Reading(self._zone, "the analytics team", is_owner=is_owner, wording=self._wording)
        return compose_digest(digest, reading)

    def deliver(self, digest: Digest) -> Delivery:
        """Send one message; returning means that the server accepted it for this recipient."""
        address = digest.recipient.address.removeprefix(MAILTO)
        recipient = Recipient(address, digest.recipient.name, thread=digest.recipient.thread)
        mail = to_mail(self.compose(digest), recipient, self._sender, self._clock.now())
        self._server.send(self._sender, address, mail.as_bytes(policy=SMTP))
        return Delivery(f"email/{address}", str(mail["Message-ID"]), self._clock.now())

    def restate(self, digest: Digest, sent: Thread) -> None:  # noqa: ARG002
        """Always NotEditable: nobody can take back a letter."""
        raise NotEditable("an e-mail that was sent cannot be changed")

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:  # noqa: ARG002
        """Always OutcomeUnknown: what an SMTP server accepted cannot be looked up."""
        raise unknown_outcome(recipient)


class WithMail:
    """The Notifier port on a first channel, with e-mail for the owners that `is_unknown` to it.

    Whoever has no usable address, or is known to the first channel, stays with the first channel; so
    do the analytics team's messages.
    """

    def __init__(self, first: Composer, mail: MailChannel, is_unknown: Callable[[Person, str], bool]) -> None:
        self._first = first
        self._mail = mail
        self._is_unknown = is_unknown
        self.items_per_message = min(first.items_per_message, mail.items_per_message)

    def check(self) -> str:
        """Both channels; DeliveryError from the first that is not ready."""
        return f"{self._first.check()}; e-mail {self._mail.check()}"

    def recipient(self, owner: Person | None) -> Recipient:
        """The owner by e-mail if only e-mail reaches them, else whom the first channel names."""
        if owner is not None and owner.active is not False:
            by_mail = self._by_mail(owner, "")
            if by_mail is not None:
                return by_mail
        return self._first.recipient(owner)

    def reach(self, person: Person, source: str) -> Reach:
        """By e-mail whom only e-mail reaches, else what the first channel says."""
        by_mail = self._by_mail(person, source)
        return Reach(by_mail) if by_mail is not None else self._first.reach(person, source)

    def team(self, why: str) -> Recipient:
        """Whom the first channel names."""
        return self._first.team(why)

    def _by_mail(self, person: Person, source: str) -> Recipient | None:
        by_mail = self._mail.recipient(person)
        return by_mail if by_mail is not None and self._is_unknown(person, source) else None

    def trial_recipient(self) -> Recipient:
        """The analytics team, on the first channel."""
        return self._first.trial_recipient()

    def compose(self, digest: Digest) -> Message:
        """The message as `deliver` sends it."""
        return self._channel(digest.recipient).compose(digest)

    def deliver(self, digest: Digest) -> Delivery:
        """Send one message by the channel its recipient is reached on."""
        return self._channel(digest.recipient).deliver(digest)

    def restate(self, digest: Digest, sent: Thread) -> None:
        """Bring a message up to date on the channel its reader was reached on."""
        self._channel(digest.recipient).restate(digest, sent)

    def announce(self, announcement: Announcement) -> Delivery:
        """Tell the analytics team, on the first channel."""
        return self._first.announce(announcement)

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:
        """Ask the channel the recipient is reached on."""
        return self._channel(recipient).find(message_id, recipient, since)

    def _channel(self, recipient: Recipient) -> Composer | MailChannel:
        return self._mail if recipient.address.startswith(MAILTO) else self._first


def unknown_outcome(recipient: Recipient) -> OutcomeUnknown:
    """What is to be said about an e-mail whose receipt was lost."""
    address = recipient.address.removeprefix(MAILTO)
    return OutcomeUnknown(
        f"interrupted while it was sent to {address}; it may have arrived, "
        "which nobody can tell, so it does not count"
    )


def to_mail(message: Message, recipient: Recipient, sender: str, at: datetime) -> EmailMessage:
    """The message as multipart e-mail, plain text first, then HTML.

    Marked as automatic (RFC 3834), so that out-of-office programs do not answer. The Message-ID is
    made of the message's own id.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(addr_spec=sender)
    mail["To"] = Address(
        recipient.name if recipient.name != recipient.address else "", addr_spec=recipient.address
    )
    mail["Subject"] = message.title
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    if recipient.thread is not None:  # so that mail programs show the reply below the warning (RFC 5322)
        mail["In-Reply-To"] = mail["References"] = recipient.thread.ts
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(render_text(message))
    mail.add_alternative(render_html(message, recipient), subtype="html")
    return mail
