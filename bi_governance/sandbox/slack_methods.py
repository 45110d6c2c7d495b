"""Slack's Web API methods, each a function from arguments to an `ok` answer or a named refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bi_governance.sandbox.slack_blocks import problems
from bi_governance.sandbox.slack_world import (
    BOT_ID,
    TEAM_ID,
    SlackChannel,
    SlackMember,
    SlackMessage,
    SlackWorld,
)

Arguments = Mapping[str, Any]
Answer = dict[str, Any]
Method = Callable[[Arguments], Answer]

MAX_TEXT = 40_000
_REMEMBERED_OPTIONS = ("unfurl_links", "unfurl_media", "mrkdwn", "username", "reply_broadcast")


class SlackError(Exception):
    """Slack answers `ok: false` with this name."""

    def __init__(self, name: str, **details: object) -> None:
        super().__init__(name)
        self.name, self.details = name, details


class SlackMethods:
    """The methods over one workspace; `scopes` says which permission each needs."""

    def __init__(
        self, world: SlackWorld, url: Callable[[], str], scopes: Callable[[], frozenset[str]]
    ) -> None:
        self._world, self._url, self._scopes = world, url, scopes

    def table(self) -> Mapping[str, tuple[str | None, Method]]:
        """Scope and function of every method."""
        return {
            "auth.test": (None, self.auth_test),
            "users.list": ("users:read", self.users_list),
            "users.info": ("users:read", self.users_info),
            "users.lookupByEmail": ("users:read.email", self.lookup_by_email),
            "conversations.open": ("im:write", self.conversations_open),
            "conversations.list": ("channels:read", self.conversations_list),
            "conversations.info": ("channels:read", self.conversations_info),
            "conversations.join": ("channels:join", self.conversations_join),
            "conversations.history": (None, self.conversations_history),
            "conversations.replies": ("channels:history", self.conversations_replies),
            "chat.postMessage": ("chat:write", self.post_message),
            "chat.update": ("chat:write", self.update),
            "chat.delete": ("chat:write", self.delete),
            "chat.getPermalink": (None, self.permalink),
        }

    def auth_test(self, _: Arguments) -> Answer:
        bot = self._world.members[self._world.bot_user_id]
        names = {"url": f"{self._url()}/", "team": "Acme", "user": bot.name}
        return {
            **names,
            "team_id": TEAM_ID,
            "user_id": bot.id,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def users_list(self, arguments: Arguments) -> Answer:
        """Without the scope for them nobody's e-mail address is shown."""
        members = [_member(m) for m in self._world.members.values()]
        if "users:read.email" not in self._scopes():
            for member in members:
                member["profile"].pop("email", None)
        return paged("members", members, arguments) | {"cache_ts": int(self._world.clock.now().timestamp())}

    def users_info(self, arguments: Arguments) -> Answer:
        member = self._world.members.get(arguments.get("user", ""))
        if member is None:
            raise SlackError("user_not_found")
        return {"user": _member(member)}

    def lookup_by_email(self, arguments: Arguments) -> Answer:
        wanted = str(arguments.get("email", "")).lower()
        for member in self._world.members.values():
            if member.email and member.email.lower() == wanted and not member.deleted:
                return {"user": _member(member)}
        raise SlackError("users_not_found")

    def conversations_open(self, arguments: Arguments) -> Answer:
        users = [u for u in listed(arguments.get("users")) if u]
        if len(users) != 1:
            raise SlackError("users_list_not_supplied" if not users else "not_enough_users")
        member = self._world.members.get(users[0])
        if member is None:
            raise SlackError("user_not_found")
        if member.deleted or member.is_bot:
            raise SlackError("user_disabled" if member.deleted else "cannot_dm_bot")
        return {"channel": {"id": self._world.direct_channel(member.id).id}}

    def conversations_list(self, arguments: Arguments) -> Answer:
        return paged("channels", [self._channel(c) for c in self._listed(arguments)], arguments)

    def _listed(self, arguments: Arguments) -> list[SlackChannel]:
        wanted = set(listed(arguments.get("types") or "public_channel"))
        if "private_channel" in wanted:
            self._require_scope("groups:read")
        channels = [c for c in self._world.channels.values() if self._kind(c) in wanted and self._visible(c)]
        if true(arguments.get("exclude_archived")):
            channels = [c for c in channels if not c.archived]
        return channels

    def _kind(self, channel: SlackChannel) -> str:
        return "im" if channel.im else "private_channel" if channel.private else "public_channel"

    def _visible(self, channel: SlackChannel) -> bool:
        return not channel.private or self._world.bot_user_id in channel.members

    def conversations_info(self, arguments: Arguments) -> Answer:
        return {"channel": self._channel(self._by_id(arguments))}

    def conversations_join(self, arguments: Arguments) -> Answer:
        channel = self._by_id(arguments)
        if channel.archived or channel.im:
            raise SlackError("is_archived" if channel.archived else "method_not_supported_for_channel_type")
        channel.members.add(self._world.bot_user_id)
        return {"channel": self._channel(channel)}

    def conversations_history(self, arguments: Arguments) -> Answer:
        channel = self._by_id(arguments)
        kind = "im" if channel.im else "groups" if channel.private else "channels"
        self._require_scope(f"{kind}:history")
        self._require_member(channel)
        oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
        inclusive = true(arguments.get("inclusive"))
        found = [
            message_answer(m, metadata=true(arguments.get("include_all_metadata")))
            for m in reversed(self._world.posted)
            if m.channel == channel.id
            and (m.thread_ts in (None, m.ts) or m.options.get("reply_broadcast"))
            and _between(float(m.ts), oldest, latest, inclusive=inclusive)
        ]
        answer = paged("messages", found, {"limit": 100, **arguments})
        return {**answer, "has_more": bool(answer["response_metadata"]["next_cursor"]), "pin_count": 0}

    def conversations_replies(self, arguments: Arguments) -> Answer:
        """A thread, its first message in front, oldest first; history leaves replies out."""
        channel = self._by_id(arguments)
        self._require_member(channel)
        first = str(arguments.get("ts", ""))
        found = [m for m in self._world.posted if m.channel == channel.id and first in (m.ts, m.thread_ts)]
        if not found:
            raise SlackError("thread_not_found")
        shown = [message_answer(m, metadata=true(arguments.get("include_all_metadata"))) for m in found]
        answer = paged("messages", shown, {"limit": 1000, **arguments})
        return {**answer, "has_more": bool(answer["response_metadata"]["next_cursor"])}

    def post_message(self, arguments: Arguments) -> Answer:
        channel = self._target(str(arguments.get("channel", "")))
        if channel.archived:
            raise SlackError("is_archived")
        self._require_member(channel)
        text, blocks, metadata = _content(arguments)
        message = SlackMessage(
            channel.id, self._world.new_ts(), self._world.bot_user_id, text, blocks, metadata
        )
        message.bot_id = BOT_ID
        message.thread_ts = arguments.get("thread_ts")
        if message.thread_ts and not any(
            (m.channel, m.ts) == (channel.id, message.thread_ts) for m in self._world.posted
        ):
            raise SlackError("thread_not_found")
        message.options = {name: arguments[name] for name in _REMEMBERED_OPTIONS if name in arguments}
        self._world.posted.append(message)
        return {"channel": channel.id, "ts": message.ts, "message": message_answer(message, metadata=True)}

    def _target(self, name: str) -> SlackChannel:
        """A channel by id or name, or the direct messages of a member by id."""
        member = self._world.members.get(name)
        if member is not None and not member.deleted and not member.is_bot:
            return self._world.direct_channel(member.id)
        named = self._world.channels.get(name)
        if named is not None and self._visible(named):
            return named
        for channel in self._world.channels.values():
            if name.removeprefix("#") == channel.name != "" and self._visible(channel):
                return channel
        raise SlackError("channel_not_found")

    def update(self, arguments: Arguments) -> Answer:
        message = self._own(arguments, "cant_update_message")
        message.as_posted = message.as_posted or message.blocks
        # Blocks stay where no text replaces them, metadata where none is given (docs.slack.dev, chat.update).
        kept = {} if "text" in arguments else {"text": message.text, "blocks": message.blocks}
        message.text, message.blocks, metadata = _content({**kept, **arguments})
        message.metadata = metadata if "metadata" in arguments else message.metadata
        message.edited_ts = self._world.new_ts()
        shown = message_answer(message, metadata=True)
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}

    def delete(self, arguments: Arguments) -> Answer:
        message = self._own(arguments, "cant_delete_message")
        self._world.posted.remove(message)
        return {"channel": message.channel, "ts": message.ts}

    def permalink(self, arguments: Arguments) -> Answer:
        message = self._find({**arguments, "ts": arguments.get("message_ts")})
        link = f"{self._url()}/archives/{message.channel}/p{message.ts.replace('.', '')}"
        return {"channel": message.channel, "permalink": link}

    def _own(self, arguments: Arguments, refusal: str) -> SlackMessage:
        message = self._find(arguments)
        if message.user != self._world.bot_user_id:
            raise SlackError(refusal)
        return message

    def _find(self, arguments: Arguments) -> SlackMessage:
        channel = self._by_id(arguments)
        for message in self._world.posted:
            if (message.channel, message.ts) == (channel.id, arguments.get("ts")):
                return message
        raise SlackError("message_not_found")

    def _by_id(self, arguments: Arguments) -> SlackChannel:
        channel = self._world.channels.get(str(arguments.get("channel", "")))
        if channel is None or not self._visible(channel):
            raise SlackError("channel_not_found")
        return channel

    def _require_scope(self, scope: str) -> None:
        scopes = self._scopes()
        if scope not in scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(scopes)))

    def _require_member(self, channel: SlackChannel) -> None:
        if self._world.bot_user_id not in channel.members:
            raise SlackError("not_in_channel")

    def _channel(self, channel: SlackChannel) -> Answer:
        return {
            "id": channel.id,
            "name": channel.name,
            "created": 1_700_000_000,
            "creator": self._world.bot_user_id,
            "is_channel": not channel.im and not channel.private,
            "is_group": channel.private,
            "is_im": channel.im,
            "is_private": channel.private or channel.im,
            "is_archived": channel.archived,
            "is_member": self._world.bot_user_id in channel.members,
            "num_members": len(channel.members),
            "topic": {"value": channel.topic, "creator": "", "last_set": 0},
            "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        }


def _content(arguments: Arguments) -> tuple[str, list[dict[str, Any]], dict[str, Any] | None]:
    text, blocks = str(arguments.get("text") or ""), _decoded(arguments.get("blocks")) or []
    metadata = _decoded(arguments.get("metadata"))
    if len(text) > MAX_TEXT:
        raise SlackError("msg_too_long")
    found = problems(blocks)
    if found:
        raise SlackError("invalid_blocks", errors=found, response_metadata={"messages": found})
    if not text and not blocks:
        raise SlackError("no_text")
    if metadata is not None and not (
        isinstance(metadata, dict) and {"event_type", "event_payload"} <= metadata.keys()
    ):
        raise SlackError("invalid_metadata_format")
    return text, blocks, metadata


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise SlackError("invalid_blocks_format") from error


def listed(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else str(value or "").split(",")


def true(value: Any) -> bool:
    return value is True or str(value).lower() in ("1", "true")


def _between(ts: float, oldest: float, latest: float, *, inclusive: bool) -> bool:
    return oldest <= ts <= latest if inclusive else oldest < ts < latest


def paged(name: str, items: Sequence[Answer | str], arguments: Arguments) -> Answer:
    """One page; without `limit` everything. The cursor is opaque to callers, a position to us."""
    cursor = str(arguments.get("cursor") or "")
    if cursor and not (cursor.startswith("pos:") and cursor[4:].isdigit()):
        raise SlackError("invalid_cursor")
    start = int(cursor[4:]) if cursor else 0
    limit = int(arguments.get("limit") or 0) or len(items)
    following = f"pos:{start + limit}" if start + limit < len(items) else ""
    return {name: items[start : start + limit], "response_metadata": {"next_cursor": following}}


def _member(member: SlackMember) -> Answer:
    profile = {"real_name": member.real_name, "display_name": member.name, "team": member.team}
    if member.email:
        profile["email"] = member.email
    answer = {
        "id": member.id,
        "team_id": member.team,
        "name": member.name,
        "deleted": member.deleted,
        "profile": profile,
        "is_bot": member.is_bot,
        "is_restricted": member.guest,
        "is_ultra_restricted": False,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    if member.deleted:
        return answer
    if member.team != TEAM_ID:
        return {**answer, "real_name": member.real_name, "is_stranger": False}
    rights = {"is_restricted": member.guest, "is_ultra_restricted": False}
    return {**answer, **rights, "real_name": member.real_name, "tz": member.tz}


def message_answer(message: SlackMessage, *, metadata: bool) -> Answer:
    answer: Answer = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": TEAM_ID,
    }
    if message.bot_id:
        answer["bot_id"] = message.bot_id
    if message.subtype:
        answer["subtype"] = message.subtype
    if message.blocks:
        answer["blocks"] = message.blocks
    if metadata and message.metadata:
        answer["metadata"] = message.metadata
    if message.thread_ts:
        answer["thread_ts"] = message.thread_ts
    if message.edited_ts:
        answer["edited"] = {"user": message.user, "ts": message.edited_ts}
    return answer
