"""Telling people on Slack: who gets a message, that it arrived, and finding one whose receipt was lost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any

from bi_governance.errors import DeliveryError, NotEditable, OutcomeOpen, RecipientUnknown
from bi_governance.model import Mode, NoticeKind, Person, Role
from bi_governance.notify.blocks import Block, fallback_text, render_blocks, render_lines
from bi_governance.notify.compose import Reading, compose_announcement, compose_digest
from bi_governance.notify.mail import MAILTO, unknown_outcome
from bi_governance.notify.memory import Memory
from bi_governance.notify.message import Message
from bi_governance.notify.people import SlackPeople
from bi_governance.notify.scopes import remark_on
from bi_governance.notify.slack_api import PATIENCE_SECONDS, SlackApi, SlackRefused, SlackSilent
from bi_governance.notify.wording import Wording
from bi_governance.people import LEFT
from bi_governance.ports import Announcement, Clock, Delivery, Digest, Reach, Recipient, Thread

EVENT_TYPE = "bi_governance_notice_sent"
# How long what Slack said about an address is believed where nothing else is configured.
MEMORY = timedelta(hours=4)
# Slack's clock and ours need not agree; a message is looked for from a little earlier on.
CLOCK_SKEW = timedelta(hours=1)
PAGE = 200
# Replies that also appear in the conversation, because a thread alone is easily missed.
LOUD = frozenset({NoticeKind.REMINDER, NoticeKind.LAST_CALL, NoticeKind.DELETED})
# Slack's words for a message that cannot be answered, because it or its conversation is no longer there.
NO_THREAD = frozenset(
    {"thread_not_found", "message_not_found", "cannot_reply_to_message", "channel_not_found"}
)
# Slack's words for a message that stays as it is, whatever we do.
UNCHANGEABLE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found", "is_archived",
     "is_inactive"}
)  # fmt: skip
# Slack refuses to write to somebody we took for a member: what we know of them is out of date.
STALE = ("user_not_found", "user_disabled", "user_not_visible", "cannot_dm_bot", "channel_not_found")
# Members have ids like U024BE7LH, or W… on Enterprise Grid; channels are C…, G… or a name with #.
MEMBER = re.compile(r"[UW][A-Z0-9]{4,}")


class SlackNotifier:
    """The Notifier port on Slack's Web API.

    Owners are found by e-mail and written to directly; whoever cannot be reached that way is stood in
    for by `channel` (a name with `#` or an id), and the analytics team reads `admin_channel`. Times
    are told in the zone an owner set in Slack, else in `zone`. `has_buttons` says that something listens
    for clicks (see `buttons`). `memory` keeps what was found out about people and `slack_ids` names
    members (see SlackPeople). Needs the scopes of scopes.TO_TELL (for private channels also groups:read
    and groups:history).
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
        wording: Wording | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        tick: Callable[[], float] = time.monotonic,
        memory: Memory | None = None,
        slack_ids: Mapping[str, str] | None = None,
    ) -> None:
        self._api = SlackApi(token, base_url, patience_seconds, sleep, tick)
        self._people = SlackPeople(self._api, clock, memory or Memory(clock, MEMORY), slack_ids)
        self._channel = channel
        self._admin_channel = admin_channel or channel
        self._zone = zone
        self._clock = clock
        self._has_buttons = has_buttons
        self._wording = wording or Wording()
        self._conversations: dict[str, str] = {}

    def check(self) -> str:
        """Ask who we are, what we may, and whether our channels exist; DeliveryError with what is missing."""
        who, granted = self._api.granted()
        remark = remark_on(granted)
        for channel in {self._channel, self._admin_channel}:
            if channel:
                self._history_id(channel)
        return f"as {who.get('user', 'the bot')} in {who.get('team', 'the workspace')}{remark}"

    def recipient(self, owner: Person | None) -> Recipient:
        """The owner's Slack account, else the fallback channel with the reason why.

        Raises RecipientUnknown without a fallback channel, DeliveryError when Slack cannot be asked.
        """
        if owner is None:
            return self.team("it has no known owner")
        if owner.active is False:
            return self.team(f"its owner {LEFT}")
        found = self.reach(owner, "")
        return found.recipient or self.team(f"its owner {found.problem}")

    def reach(self, person: Person, source: str) -> Reach:
        """The member somebody is; DeliveryError when Slack cannot be asked."""
        return self._people.reach(person, source)

    def is_unknown(self, owner: Person, source: str = "") -> bool:
        """Whether nobody in the workspace has the owner's e-mail address; DeliveryError like `reach`."""
        return self._people.is_unknown(owner, source)

    def team(self, why: str) -> Recipient:
        """The fallback channel; RecipientUnknown when none is configured."""
        if not self._channel:
            raise RecipientUnknown(f"Nobody can be told, because {why}, and slack.channel is not set.")
        return Recipient(self._channel, self._channel, why)

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
        blocks = render_blocks(message)
        thread = digest.recipient.thread
        if thread is not None:
            is_direct = _is_member(digest.recipient.address)
            is_loud = digest.kind in LOUD and (is_direct or digest.mode is Mode.LIVE)
            reply = {"thread_ts": thread.ts, "reply_broadcast": is_loud}
            try:
                return self._post(digest.recipient, message, blocks, reply)
            except SlackRefused as error:
                if error.code not in NO_THREAD:
                    raise
        return self._post(replace(digest.recipient, thread=None), message, blocks)

    def compose(self, digest: Digest) -> Message:
        """The message as `deliver` posts it."""
        reading = Reading(
            self._people.zone_of(digest.recipient.address) or self._zone,
            f"in {self._channel}" if self._channel.startswith("#") else "the analytics team",
            is_owner=_is_member(digest.recipient.address) and digest.recipient.role is Role.OWNER,
            has_buttons=self._has_buttons,
            wording=self._wording,
        )
        return compose_digest(digest, reading)

    def restate(self, digest: Digest, sent: Thread) -> None:
        """Replace a posted message by what its digest says now; NotEditable when Slack never will."""
        try:
            self.edit(sent.channel, sent.ts, self.compose(digest))
        except SlackRefused as error:
            if error.code in UNCHANGEABLE:
                raise NotEditable(str(error)) from error
            raise

    def edit(self, channel: str, ts: str, message: Message) -> None:
        """Replace what a message we posted says; `channel` is Slack's id, as in its Delivery.

        Editing again with the same content changes nothing, so it needs no looking for afterwards.
        Raises SlackRefused when Slack will not have it, SlackSilent when nobody knows.
        """
        self._api.call(
            "chat.update",
            channel=channel,
            ts=ts,
            text=fallback_text(message),
            blocks=render_blocks(message),
            metadata=_metadata(message.id),
        )

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
        thread = recipient.thread
        # Replies stand in their thread alone; one whose thread is gone was posted beside it.
        if thread is not None:
            found = self._search(message_id, "conversations.replies", thread.channel, ts=thread.ts)
            if found is not None:
                return found
        channel = self._history_id(recipient.address)
        oldest = f"{(since - CLOCK_SKEW).timestamp():.6f}"
        return self._search(message_id, "conversations.history", channel, oldest=oldest)

    def _search(self, message_id: str, method: str, channel: str, **where: str) -> Delivery | None:
        pages = self._pages(method, "messages", channel=channel, include_all_metadata=True, **where)
        try:
            found = next((message for message in pages if _message_id(message) == message_id), None)
        except SlackRefused as error:
            if method != "conversations.replies" or error.code not in NO_THREAD:
                raise
            return None
        return Delivery(channel, str(found["ts"]), self._clock.now()) if found else None

    def _post(
        self,
        recipient: Recipient,
        message: Message,
        blocks: list[Block],
        reply: Mapping[str, object] = MappingProxyType({}),
    ) -> Delivery:
        asked_at = self._clock.now()
        thread = recipient.thread
        try:
            answer = self._api.call(
                "chat.postMessage",
                channel=thread.channel if thread else self._conversation(recipient.address),
                text=fallback_text(message),
                blocks=blocks,
                metadata=_metadata(message.id),
                unfurl_links=False,
                unfurl_media=False,
                **reply,
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
            raise OutcomeOpen(f"{silence} The message may have arrived; the next run asks.") from silence
        if found is None:
            raise silence
        return found

    def _conversation(self, address: str) -> str:
        """Where to post: the direct message with a member, or the channel as it is written."""
        if not _is_member(address):
            return address
        if address not in self._conversations:
            self._conversations[address] = self._opened(address)
        return self._conversations[address]

    def _opened(self, member: str) -> str:
        try:
            return str(self._api.call("conversations.open", users=member)["channel"]["id"])
        except SlackRefused as error:
            if error.code in STALE:
                self._people.forget(member)
            raise

    def _history_id(self, address: str) -> str:
        """The id of a conversation, which reading insists on where posting takes a channel's name."""
        if not address.startswith("#"):
            return self._conversation(address)
        if address not in self._conversations:
            self._conversations[address] = self._channel_id(address.removeprefix("#"))
        return self._conversations[address]

    def _channel_id(self, name: str) -> str:
        for channel in self._channels():
            if channel.get("name") == name:
                return str(channel["id"])
        raise DeliveryError(
            f"Slack has no channel #{name} that the bot can see; invite the bot there, or create the "
            "deprecation channel with: bi-governance slack sync"
        )

    def _channels(self) -> Iterator[dict[str, Any]]:
        """Public channels first: listing private ones takes a scope most bots do not need."""
        yield from self._pages(
            "conversations.list", "channels", types="public_channel", exclude_archived=True
        )
        try:
            yield from self._pages(
                "conversations.list", "channels", types="private_channel", exclude_archived=True
            )
        except SlackRefused as error:
            if error.code != "missing_scope":
                raise

    def _pages(self, method: str, field: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        for page in self._api.pages(method, field, **arguments):
            yield from page


def _is_member(address: str) -> bool:
    return MEMBER.fullmatch(address) is not None


def _metadata(message_id: str) -> dict[str, Any]:
    """What `find` recognises a message by; an edit must name it again or Slack's reader might miss it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"message_id": message_id}}


def _message_id(message: dict[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    return (metadata.get("event_payload") or {}).get("message_id")
