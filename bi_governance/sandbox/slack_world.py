"""What a Slack workspace holds: members, channels, direct messages, and everything posted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.timeline import to_micros

TEAM_ID, BOT_ID = "T0SANDBOX", "B0SANDBOX"


@dataclass(slots=True)
class SlackMember:
    """A person or bot; `deleted` ones are deactivated, `guest` ones see a few channels only.

    Those of another `team` came with a channel shared through Slack Connect.
    """

    id: str
    name: str
    real_name: str
    email: str | None
    deleted: bool = False
    is_bot: bool = False
    guest: bool = False
    tz: str = "Europe/Amsterdam"
    team: str = TEAM_ID


@dataclass(slots=True)
class SlackChannel:
    """A channel, or with `members` of two and `im` a direct-message conversation."""

    id: str
    name: str
    private: bool = False
    archived: bool = False
    im: bool = False
    members: set[str] = field(default_factory=set)
    topic: str = ""
    purpose: str = ""
    pinned: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SlackMessage:
    """One message as Slack keeps it; `ts` is its identity within the channel.

    `as_posted` are the blocks it had before its first edit; Slack itself keeps no such thing.
    """

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edited_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    as_posted: list[dict[str, Any]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


class SlackWorld:
    """The state of one workspace; the app posts as `bot_user_id`."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.members: dict[str, SlackMember] = {}
        self.channels: dict[str, SlackChannel] = {}
        self.posted: list[SlackMessage] = []
        self.uninvitable: set[str] = set()
        self._direct: dict[str, SlackChannel] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        self._last_micros = 0
        self.bot_user_id = self.add_member(None, "BI Governance", bot=True)

    def _next_id(self, letter: str) -> str:
        return f"{letter}{next(self._numbers.setdefault(letter, itertools.count(1))):08d}"

    def add_member(
        self,
        email: str | None,
        name: str,
        *,
        active: bool = True,
        bot: bool = False,
        guest: bool = False,
        team: str = TEAM_ID,
    ) -> str:
        """Add somebody and return the member id."""
        handle = email.partition("@")[0] if email else name.lower().replace(" ", "-")
        member = SlackMember(self._next_id("U"), handle, name, email, not active, bot, guest, team=team)
        self.members[member.id] = member
        return member.id

    def add_channel(
        self, name: str, *, private: bool = False, archived: bool = False, joined: bool = True
    ) -> str:
        """Add a channel (name without #), with the app in it unless told otherwise, and return its id."""
        channel = SlackChannel(self._next_id("C"), name.removeprefix("#"), private, archived)
        if joined:
            channel.members.add(self.bot_user_id)
        self.channels[channel.id] = channel
        return channel.id

    def deactivate(self, email: str) -> None:
        for member in self.members.values():
            if member.email == email:
                member.deleted = True

    def direct_channel(self, member_id: str) -> SlackChannel:
        """The conversation between the app and somebody, opened if need be."""
        if member_id not in self._direct:
            pair = {self.bot_user_id, member_id}
            channel = SlackChannel(self._next_id("D"), "", im=True, members=pair)
            self.channels[channel.id] = self._direct[member_id] = channel
        return self._direct[member_id]

    def new_ts(self) -> str:
        """The clock's time as a Slack timestamp, later than every one before it."""
        self._last_micros = max(to_micros(self.clock.now()), self._last_micros + 1)
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def messages(self, channel: str | None = None) -> list[SlackMessage]:
        """What stands in the workspace now, oldest first; `channel` is an id or a name with or without #."""
        if channel is None:
            return list(self.posted)
        name = channel.removeprefix("#")
        ids = {c.id for c in self.channels.values() if name in (c.id, c.name)}
        return [m for m in self.posted if m.channel in ids]

    def messages_for(self, email: str) -> list[SlackMessage]:
        """The direct messages the app sent somebody, oldest first."""
        ids = {m.id for m in self.members.values() if m.email == email}
        channels = {c.id for c in self.channels.values() if c.im and c.members & ids}
        return [m for m in self.posted if m.channel in channels]

    def message_for(self, email: str) -> SlackMessage | None:
        """The last direct message the app sent somebody."""
        return next(reversed(self.messages_for(email)), None)

    def post_as(self, email: str, channel_id: str, text: str) -> SlackMessage:
        """A person writes in a channel."""
        author = next(m.id for m in self.members.values() if m.email == email)
        message = SlackMessage(channel_id, self.new_ts(), author, text)
        self.posted.append(message)
        return message

    def seconds_ago(self, seconds: float) -> str:
        """A timestamp that far before now, for asking history."""
        return f"{(self.clock.now() - timedelta(seconds=seconds)).timestamp():.6f}"
