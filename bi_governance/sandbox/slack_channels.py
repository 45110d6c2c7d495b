"""Slack's Web API for channels: opening one, what stands above it, what is pinned, who is in it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from bi_governance.sandbox.slack_methods import (
    Answer,
    Arguments,
    Method,
    SlackError,
    SlackMethods,
    listed,
    message_answer,
    paged,
    true,
)
from bi_governance.sandbox.slack_world import SlackChannel, SlackMessage

MOST_INVITED = 1000
_MOST_ABOVE = 250
_NAME = re.compile(r"[\w-]{1,80}")


class SlackChannelMethods(SlackMethods):
    """All methods, those for channels included."""

    def table(self) -> Mapping[str, tuple[str | None, Method]]:
        return {
            **super().table(),
            "users.conversations": ("channels:read", self.users_conversations),
            "conversations.create": ("channels:manage", self.create),
            "conversations.setTopic": ("channels:manage", self.set_topic),
            "conversations.setPurpose": ("channels:manage", self.set_purpose),
            "conversations.members": ("channels:read", self.members),
            "conversations.invite": ("channels:manage", self.invite),
            "pins.add": ("pins:write", self.pin),
            "pins.list": ("pins:read", self.pins),
        }

    def users_conversations(self, arguments: Arguments) -> Answer:
        """Only channels the app is in, without the `is_member` and `num_members` of conversations.list."""
        mine = [c for c in self._listed(arguments) if self._world.bot_user_id in c.members]
        left_out = ("is_member", "num_members")
        shown = [{k: v for k, v in self._channel(c).items() if k not in left_out} for c in mine]
        return paged("channels", shown, {"limit": 100, **arguments})

    def create(self, arguments: Arguments) -> Answer:
        name = str(arguments.get("name") or "")
        if not name:
            raise SlackError("invalid_name_required")
        if len(name) > 80:
            raise SlackError("invalid_name_maxlength")
        if not _NAME.fullmatch(name) or name != name.lower():
            raise SlackError("invalid_name_specials")
        if any(channel.name == name for channel in self._world.channels.values()):
            raise SlackError("name_taken")
        private = true(arguments.get("is_private"))
        return {
            "channel": self._channel(self._world.channels[self._world.add_channel(name, private=private)])
        }

    def set_topic(self, arguments: Arguments) -> Answer:
        channel = self._writable(arguments)
        channel.topic = _above(arguments.get("topic"))
        self._say(channel, "channel_topic", f"set the channel topic: {channel.topic}")
        return {"channel": self._channel(channel)}

    def set_purpose(self, arguments: Arguments) -> Answer:
        channel = self._writable(arguments)
        channel.purpose = _above(arguments.get("purpose"))
        self._say(channel, "channel_purpose", f"set the channel purpose: {channel.purpose}")
        return {"channel": self._channel(channel)}

    def members(self, arguments: Arguments) -> Answer:
        channel = self._by_id(arguments)
        return paged("members", sorted(channel.members), {"limit": 100, **arguments})

    def invite(self, arguments: Arguments) -> Answer:
        """Without `force` all or nobody; with it everybody who can be, and the others under `errors`."""
        channel = self._writable(arguments)
        users = [user for user in listed(arguments.get("users")) if user]
        if not users:
            raise SlackError("no_user")
        if len(users) > MOST_INVITED:
            raise SlackError("too_many_users")
        refused = [
            {"user": user, "ok": False, "error": why}
            for user in users
            if (why := self._why_not(channel, user)) is not None
        ]
        invited = set(users) - {str(each["user"]) for each in refused}
        if refused and not (invited and true(arguments.get("force"))):
            raise SlackError(str(refused[0]["error"]), errors=refused)
        channel.members |= invited
        return {"channel": self._channel(channel)} | ({"errors": refused} if refused else {})

    def _why_not(self, channel: SlackChannel, user: str) -> str | None:
        member = self._world.members.get(user)
        if member is None:
            return "user_not_found"
        if user == self._world.bot_user_id:
            return "cant_invite_self"
        if user in channel.members:
            return "already_in_channel"
        if member.deleted or member.guest or user in self._world.uninvitable:
            return "cant_invite"
        return None

    def pin(self, arguments: Arguments) -> Answer:
        channel = self._writable(arguments)
        ts = str(arguments.get("timestamp") or "")
        if all((m.channel, m.ts) != (channel.id, ts) for m in self._world.posted):
            raise SlackError("message_not_found")
        if ts in channel.pinned:
            raise SlackError("already_pinned")
        channel.pinned.append(ts)
        return {}

    def pins(self, arguments: Arguments) -> Answer:
        """The pinned messages, last pinned first, without their metadata."""
        channel = self._by_id(arguments)
        at = {m.ts: m for m in self._world.posted if m.channel == channel.id}
        items = [
            {
                "type": "message",
                "channel": channel.id,
                "created": 1_700_000_000,
                "created_by": self._world.bot_user_id,
                "message": message_answer(at[ts], metadata=False) | {"pinned_to": [channel.id]},
            }
            for ts in reversed(channel.pinned)
            if ts in at
        ]
        return {"items": items}

    def _writable(self, arguments: Arguments) -> SlackChannel:
        channel = self._by_id(arguments)
        if channel.im:
            raise SlackError("method_not_supported_for_channel_type")
        if channel.archived:
            raise SlackError("is_archived")
        self._require_member(channel)
        return channel

    def _say(self, channel: SlackChannel, subtype: str, text: str) -> None:
        message = SlackMessage(channel.id, self._world.new_ts(), self._world.bot_user_id, text)
        message.subtype = subtype
        self._world.posted.append(message)


def _above(text: object) -> str:
    """What stands above a channel, as Slack keeps it: its three special characters as entities."""
    if len(str(text or "")) > _MOST_ABOVE:
        raise SlackError("too_long")
    return html.escape(str(text or ""), quote=False)
