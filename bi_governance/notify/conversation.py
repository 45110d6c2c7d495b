"""Talking back on Slack: who somebody is, the forms they see, and the messages that change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from bi_governance.answer import Clicker
from bi_governance.errors import DeliveryError
from bi_governance.model import Person
from bi_governance.notify.blocks import Block
from bi_governance.notify.forms import View, text
from bi_governance.notify.message import shown
from bi_governance.notify.requests import Place
from bi_governance.notify.slack import NO_THREAD
from bi_governance.notify.slack_api import SlackApi, SlackRefused

log = structlog.get_logger(__name__)
WHISPER_LIMIT = 1500


class Conversation:
    """The calls with which an answer is answered; DeliveryError when Slack does not take one.

    Needs the scopes chat:write, im:write, users:read, users:read.email, and to read a message before it is
    changed im:history, channels:history (groups:history for private channels).
    """

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    def clicker(self, member: str, name: str) -> Clicker:
        """Who acted, with the e-mail address Slack vouches for; without it where Slack cannot be asked."""
        try:
            user = self._api.read("users.info", user=member)["user"]
        except DeliveryError as error:
            log.warning("clicker.unknown", member=member, error=str(error))
            return Clicker(member, shown(name, 100))
        return Clicker(member, shown(_name(user) or name, 100), _email(user))

    def person(self, member: str) -> Person | None:
        """Somebody chosen from the workspace; None for who cannot be told anything: bots, deactivated."""
        try:
            user = self._api.read("users.info", user=member)["user"]
        except SlackRefused:
            return None
        if user.get("deleted") or user.get("is_bot"):
            return None
        return Person(member, shown(_name(user), 100), _email(user))

    def open_form(self, trigger: str, view: Mapping[str, Any]) -> str:
        """Show a form to whoever acted at most three seconds ago; its id."""
        return str(self._api.call("views.open", trigger_id=trigger, view=view)["view"]["id"])

    def fill_form(self, view_id: str, view: View) -> None:
        """Replace what an open form says."""
        self._api.call("views.update", view_id=view_id, view=view)

    def message(self, place: Place) -> dict[str, Any] | None:
        """A message as it stands now, also one in a thread; None when Slack does not have it (any more)."""
        try:
            found = self._api.read(
                "conversations.replies",
                channel=place.channel,
                ts=place.ts,
                limit=1,
                include_all_metadata=True,
            )
        except SlackRefused as error:
            if error.code not in NO_THREAD:
                raise
            return None  # deleted, or told by e-mail
        return next((m for m in found.get("messages", ()) if m.get("ts") == place.ts), None)

    def rewrite(self, place: Place, message: Mapping[str, Any], blocks: Sequence[Block]) -> None:
        """Change the blocks of a message and nothing else about it."""
        more = {"metadata": message["metadata"]} if message.get("metadata") else {}
        said = str(message.get("text", ""))
        self._api.call("chat.update", channel=place.channel, ts=place.ts, text=said, blocks=blocks, **more)

    def whisper(self, channel: str, member: str, said: str) -> None:
        """Tell one person something in a channel; in their own messages where that is not possible."""
        said = shown(said, WHISPER_LIMIT)
        plain = {"text": escaped(said), "blocks": [text(said)]}
        try:
            if channel:
                self._api.call("chat.postEphemeral", channel=channel, user=member, **plain)
                return
        except SlackRefused as error:
            log.info("whisper.refused", channel=channel, code=error.code)
        opened = self._api.call("conversations.open", users=member)
        self._api.call("chat.postMessage", channel=opened["channel"]["id"], **plain)

    def post(self, channel: str, said: str, blocks: Sequence[Block]) -> None:
        """Say something in a channel."""
        self._api.call(
            "chat.postMessage", channel=channel, text=escaped(shown(said, WHISPER_LIMIT)), blocks=blocks
        )

    def reply(self, address: str, lines: Sequence[Block]) -> None:
        """Answer a command, seen by its author only."""
        self._api.respond(address, blocks=lines)


def escaped(said: str) -> str:
    """Text in which Slack reads no markup of its own."""
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _name(user: Mapping[str, Any]) -> str:
    return str(user.get("real_name") or user.get("name") or "")


def _email(user: Mapping[str, Any]) -> str:
    return str((user.get("profile") or {}).get("email") or "").strip().lower()
