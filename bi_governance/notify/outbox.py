"""Telling people without Slack: every message becomes a file, for a person or a mail program to pass on."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from datetime import datetime, tzinfo
from pathlib import Path

from bi_governance.errors import DeliveryError, NotEditable
from bi_governance.model import Person, Role
from bi_governance.notify.compose import Reading, compose_announcement, compose_digest
from bi_governance.notify.mail import MAILTO, unknown_outcome
from bi_governance.notify.message import Message
from bi_governance.notify.pages import render_html, render_markdown
from bi_governance.notify.wording import Wording
from bi_governance.people import LEFT
from bi_governance.ports import Announcement, Clock, Delivery, Digest, Reach, Recipient, Thread

UNASSIGNED = "unassigned"
TEAM = "analytics-team"
MOST_BYTES = 150  # of a file name; file systems take 255, and a partial file's name is longer
RENDERERS = {".md": render_markdown, ".html": render_html}


class OutboxNotifier:
    """The Notifier port on a folder: `<directory>/<recipient>/<message id>.md` and `.html`.

    Both files of a message are complete or absent, and delivering it again replaces them with the
    same. Writing them is what counts as delivered, so somebody has to pass them on. Times are told in
    `zone`. Raises DeliveryError when the folder cannot be written.
    """

    items_per_message = 50

    def __init__(
        self, directory: Path, *, clock: Clock, zone: tzinfo, wording: Wording | None = None
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._zone = zone
        self._wording = wording or Wording()

    def check(self) -> str:
        """Write and remove a file; DeliveryError when that is not possible."""
        probe = self._directory / f".check-{uuid.uuid4().hex}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise DeliveryError(
                f"The outbox {self._directory} cannot be written: {error.strerror}."
            ) from error
        return f"files under {self._directory}"

    def recipient(self, owner: Person | None) -> Recipient:
        """The owner's e-mail address or name, else `unassigned` with the reason why."""
        if owner is None:
            return self.team("it has no known owner")
        if owner.active is False:
            return self.team(f"its owner {LEFT}")
        found = self.reach(owner, "")
        return found.recipient or self.team(f"its owner {found.problem}")

    def reach(self, person: Person, source: str) -> Reach:  # noqa: ARG002 - files tell no source from another
        """A folder for everybody with a name or an address."""
        address = (person.email or "").strip().lower() or person.name.strip()
        if not address:
            return Reach(None, "has neither name nor e-mail address")
        return Reach(Recipient(address, person.name.strip() or address))

    def team(self, why: str) -> Recipient:
        """The folder of what nobody in particular gets."""
        return Recipient(UNASSIGNED, UNASSIGNED, why)

    def trial_recipient(self) -> Recipient:
        """The analytics team's folder."""
        return Recipient(TEAM, "the analytics team")

    def deliver(self, digest: Digest) -> Delivery:
        """Write one message; returning means that both files are complete."""
        return self._write(digest.recipient, self.compose(digest))

    def compose(self, digest: Digest) -> Message:
        """The message as `deliver` writes it."""
        is_owner = digest.recipient.address not in (UNASSIGNED, TEAM) and digest.recipient.role is Role.OWNER
        reading = Reading(self._zone, "the analytics team", is_owner=is_owner, wording=self._wording)
        return compose_digest(digest, reading)

    def restate(self, digest: Digest, sent: Thread) -> None:
        """Write the message's files anew; NotEditable when somebody took them away to pass them on."""
        folder = self._folder(digest.recipient)
        if not (folder / f"{sent.ts}.html").is_file():
            raise NotEditable(f"{sent.channel}/{sent.ts} is no longer in the outbox")
        self._write(digest.recipient, self.compose(digest))

    def announce(self, announcement: Announcement) -> Delivery:
        """Write something for the analytics team."""
        return self._write(self.trial_recipient(), compose_announcement(announcement))

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:  # noqa: ARG002
        """The message when both its files are there; ids are unique, so `since` narrows nothing.

        OutcomeUnknown for what was sent by e-mail, when that was still set up.
        """
        if recipient.address.startswith(MAILTO):
            raise unknown_outcome(recipient)
        folder = self._folder(recipient)
        name = _file_name(message_id)
        complete = all((folder / f"{name}{suffix}").is_file() for suffix in RENDERERS)
        return self._receipt(folder, name) if complete else None

    def _write(self, recipient: Recipient, message: Message) -> Delivery:
        folder, name = self._folder(recipient), _file_name(message.id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for suffix, render in RENDERERS.items():
                _replace(folder / f"{name}{suffix}", render(message, recipient))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DeliveryError(f"The outbox {self._directory} cannot be written: {reason}.") from error
        return self._receipt(folder, name)

    def _folder(self, recipient: Recipient) -> Path:
        return self._directory / _file_name(recipient.address)

    def _receipt(self, folder: Path, name: str) -> Delivery:
        return Delivery(f"outbox/{folder.name}", name, self._clock.now())


def _file_name(text: str) -> str:
    """A name any file system takes; message ids and e-mail addresses mostly stay as they are."""
    short = text.encode("utf-8", "ignore")[:MOST_BYTES].decode("utf-8", "ignore")
    return re.sub(r"[^\w@.+-]+", "-", short).strip(".-") or "x"


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
