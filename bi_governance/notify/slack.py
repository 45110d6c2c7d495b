"""Telling people on Slack: who gets a message, that it arrived, and finding one whose receipt was lost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from bi_governance.errors import DeliveryError, RecipientUnknown
from bi_governance.model import Person
from bi_governance.notify.blocks import Block, fallback_text, render_blocks, render_lines
from bi_governance.notify.compose import Reading, compose_announcement, compose_digest
from bi_governance.notify.mail import MAILTO, unknown_outcome
from bi_governance.notify.message import Message
from bi_governance.notify.slack_api import SlackApi, SlackRefused, SlackSilent
from bi_governance.ports import Announcement, Clock, Delivery, Digest, Recipient

EVENT_TYPE = "bi_governance_notice_sent"
# How long what Slack said about an address is believed, also that it does not know it.
MEMORY = timedelta(hours=4)
# Slack's clock and ours need not agree; a message is looked for from a little earlier on.
CLOCK_SKEW = timedelta(hours=1)
PAGE = 200
NOT_ON_SLACK = "its owner is not on Slack"
# Members have ids like U024BE7LH, or W… on Enterprise Grid; channels are C…, G… or a name with #.
MEMBER = re.compile(r"[UW][A-Z0-9]{4,}")


@dataclass(frozen=True, slots=True)
class _Lookup:
    """What Slack said about an e-mail address: a member, or why there is none to write to."""

    at: datetime
    member: Recipient | None
    problem: str = ""


class SlackNotifier:
    """The Notifier port on Slack's Web API.

    Owners are found by e-mail and written to directly; whoever cannot be reached that way is stood in
    for by `channel` (a name with `#` or an id), and the analytics team reads `admin_channel`. Times
    are told in `zone`. `has_buttons` says that something listens for clicks (see `buttons`). Needs the
    scopes chat:write, im:write, users:read, users:read.email, and for `find` im:history,
    channels:history, channels:read (groups:* for private channels).
    """

    # Six of the longest items, with all their buttons, still fit into what Slack accepts as one message.
    items_per_message = 6

    def __init__(
        self,
        *,
        token: str,
        channel: str,
        admin_channel: str,
        zone: tzinfo,
        clock: Clock,
        base_url: str = "https://slack.com/api/",
        has_buttons: bool = False,
        patience_seconds: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = SlackApi(token, base_url, patience_seconds, sleep)
        self._channel = channel
        self._admin_channel = admin_channel or channel
        self._zone = zone
        self._clock = clock
        self._has_buttons = has_buttons
        self._lookups: dict[str, _Lookup] = {}
        self._conversations: dict[str, str] = {}

    def check(self) -> str:
        """Ask Slack who we are and whether our channels exist; DeliveryError with what is missing."""
        who = self._api.read("auth.test")
        for channel in {self._channel, self._admin_channel}:
            if channel:
                self._history_id(channel)
        return f"as {who.get('user', 'the bot')} in {who.get('team', 'the workspace')}"

    def recipient(self, owner: Person | None) -> Recipient:
        """The owner's Slack account, else the fallback channel with the reason why.

        Raises RecipientUnknown without a fallback channel, DeliveryError when Slack cannot be asked.
        """
        if owner is None:
            return self._stand_in("it has no known owner")
        if owner.active is False:
            return self._stand_in("its owner's account is deactivated")
        if not owner.email:
            return self._stand_in("its owner has no known e-mail address")
        found = self._look_up(owner.email.strip().lower())
        return found.member or self._stand_in(found.problem)

    def is_unknown(self, owner: Person) -> bool:
        """Whether nobody in the workspace has the owner's e-mail address; DeliveryError like `recipient`."""
        email = (owner.email or "").strip().lower()
        return bool(email) and self._look_up(email).problem == NOT_ON_SLACK

    def trial_recipient(self) -> Recipient:
        """The analytics team's channel; RecipientUnknown when none is configured."""
        if not self._admin_channel:
            raise RecipientUnknown(
                "Neither slack.admin_channel nor slack.channel is set, so nobody can be told."
            )
        return Recipient(self._admin_channel, self._admin_channel)

    def deliver(self, digest: Digest) -> Delivery:
        """Send one message; returning means that Slack accepted it with every item in it."""
        message = self.compose(digest)
        return self._post(digest.recipient, message, render_blocks(message))

    def compose(self, digest: Digest) -> Message:
        """The message as `deliver` posts it."""
        reading = Reading(
            self._zone,
            f"in {self._channel}" if self._channel.startswith("#") else "the analytics team",
            is_owner=_is_member(digest.recipient.address),
            has_buttons=self._has_buttons,
        )
        return compose_digest(digest, reading)

    def announce(self, announcement: Announcement) -> Delivery:
        """Tell the analytics team in its channel."""
        message = compose_announcement(announcement)
        return self._post(self.trial_recipient(), message, render_lines(message))

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:
        """The message in the recipient's conversation, None when it is not there.

        Its grace clock starts when it is found, not when it was sent: later is the safe side.
        Raises DeliveryError when Slack cannot be asked, OutcomeUnknown for what went by e-mail.
        """
        if recipient.address.startswith(MAILTO):
            raise unknown_outcome(recipient)
        channel = self._history_id(recipient.address)
        oldest = f"{(since - CLOCK_SKEW).timestamp():.6f}"
        pages = self._pages(
            "conversations.history", "messages", channel=channel, oldest=oldest, include_all_metadata=True
        )
        for message in pages:
            if _message_id(message) == message_id:
                return Delivery(channel, str(message["ts"]), self._clock.now())
        return None

    def _look_up(self, email: str) -> _Lookup:
        known = self._lookups.get(email)
        if known is None or self._clock.now() - known.at > MEMORY:
            known = self._lookups[email] = self._ask_for(email)
        return known

    def _ask_for(self, email: str) -> _Lookup:
        now = self._clock.now()
        try:
            user = self._api.read("users.lookupByEmail", email=email)["user"]
        except SlackRefused as error:
            if error.code != "users_not_found":
                raise
            return _Lookup(now, None, NOT_ON_SLACK)
        if user.get("deleted"):
            return _Lookup(now, None, "its owner's Slack account is deactivated")
        if user.get("is_bot"):
            return _Lookup(now, None, "its owner is a bot on Slack")
        name = user.get("real_name") or user.get("name") or email
        return _Lookup(now, Recipient(str(user["id"]), str(name)))

    def _stand_in(self, why: str) -> Recipient:
        if not self._channel:
            raise RecipientUnknown(f"Nobody can be told, because {why}, and slack.channel is not set.")
        return Recipient(self._channel, self._channel, why)

    def _post(self, recipient: Recipient, message: Message, blocks: list[Block]) -> Delivery:
        asked_at = self._clock.now()
        try:
            answer = self._api.call(
                "chat.postMessage",
                channel=self._conversation(recipient.address),
                text=fallback_text(message),
                blocks=blocks,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"message_id": message.id}},
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackSilent as error:
            return self._found_after(error, message.id, recipient, asked_at)
        if not answer.get("ok") or not answer.get("ts") or not answer.get("channel"):
            raise DeliveryError("Slack did not confirm the message with a channel and a time stamp.")
        return Delivery(str(answer["channel"]), str(answer["ts"]), self._clock.now())

    def _found_after(
        self, silence: SlackSilent, message_id: str, recipient: Recipient, since: datetime
    ) -> Delivery:
        """A post whose answer was lost may have been accepted; only Slack's own history can tell."""
        try:
            found = self.find(message_id, recipient, since)
        except DeliveryError:
            raise silence from None
        if found is None:
            raise silence
        return found

    def _conversation(self, address: str) -> str:
        """Where to post: the direct message with a member, or the channel as it is written."""
        if not _is_member(address):
            return address
        if address not in self._conversations:
            opened = self._api.call("conversations.open", users=address)
            self._conversations[address] = str(opened["channel"]["id"])
        return self._conversations[address]

    def _history_id(self, address: str) -> str:
        """The id of a conversation, which reading insists on where posting takes a channel's name."""
        if not address.startswith("#"):
            return self._conversation(address)
        if address not in self._conversations:
            self._conversations[address] = self._channel_id(address.removeprefix("#"))
        return self._conversations[address]

    def _channel_id(self, name: str) -> str:
        types = "public_channel,private_channel"
        for channel in self._pages("conversations.list", "channels", types=types, exclude_archived=True):
            if channel.get("name") == name:
                return str(channel["id"])
        raise DeliveryError(f"Slack has no channel #{name} that the bot can see; invite the bot there.")

    def _pages(self, method: str, field: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = self._api.read(method, limit=PAGE, **arguments, **({"cursor": cursor} if cursor else {}))
            yield from page.get(field, ())
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return


def _is_member(address: str) -> bool:
    return MEMBER.fullmatch(address) is not None


def _message_id(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return (metadata.get("event_payload") or {}).get("message_id")
