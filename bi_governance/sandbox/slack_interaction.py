"""What Slack adds when people can answer: forms, whispers, threads, and connections for Socket Mode."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bi_governance.sandbox.slack_blocks import problems
from bi_governance.sandbox.slack_methods import Answer, Arguments, SlackError
from bi_governance.sandbox.slack_world import SlackWorld

# docs.slack.dev: a trigger opens one form, within three seconds.
TRIGGER_LIFE = timedelta(seconds=3)
MAX_VIEW_BLOCKS, MAX_METADATA, MAX_TITLE, MAX_CALLBACK = 100, 3000, 24, 255


@dataclass(slots=True)
class SlackView:
    """A form somebody sees."""

    id: str
    user: str
    body: dict[str, Any]
    versions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Whisper:
    """Something one person was told in a channel."""

    channel: str
    user: str
    text: str


class SlackInteraction:
    """Triggers, forms, whispers and replies to commands of one workspace, and the methods that make them."""

    def __init__(self, world: SlackWorld, connect: Callable[[], str]) -> None:
        self._world, self._connect = world, connect
        self._numbers = itertools.count(1)
        self._triggers: dict[str, tuple[str, datetime]] = {}
        self.views: dict[str, SlackView] = {}
        self.whispers: list[Whisper] = []
        self.replies: list[dict[str, Any]] = []

    def table(self) -> Mapping[str, tuple[str | None, Callable[[Arguments], Answer]]]:
        """Scope and function of every method."""
        return {
            "apps.connections.open": (None, self.connections_open),
            "views.open": (None, self.views_open),
            "views.update": (None, self.views_update),
            "chat.postEphemeral": ("chat:write", self.post_ephemeral),
        }

    def trigger(self, user: str) -> str:
        """What comes with an act of somebody and lets the app show a form."""
        trigger = f"{next(self._numbers)}.sandbox.{user}"
        self._triggers[trigger] = (user, self._world.clock.now())
        return trigger

    def last_view(self, user: str) -> SlackView:
        """The form somebody saw last; LookupError when there was none."""
        return [view for view in self.views.values() if view.user == user][-1]

    def whispered(self, user: str) -> list[str]:
        """What somebody alone was told, oldest first."""
        return [whisper.text for whisper in self.whispers if whisper.user == user]

    def connections_open(self, _: Arguments) -> Answer:
        try:
            return {"url": self._connect()}
        except RuntimeError as error:
            raise SlackError("socket_mode_not_enabled") from error

    def views_open(self, arguments: Arguments) -> Answer:
        user, at = self._triggers.pop(str(arguments.get("trigger_id", "")), ("", None))
        if at is None:
            raise SlackError("invalid_trigger_id")
        if self._world.clock.now() - at > TRIGGER_LIFE:
            raise SlackError("expired_trigger_id")
        body = _checked_view(arguments)
        view = SlackView(f"V{next(self._numbers):08d}", user, body, [body])
        self.views[view.id] = view
        return {"view": {"id": view.id, **body}}

    def views_update(self, arguments: Arguments) -> Answer:
        view = self.views.get(str(arguments.get("view_id", "")))
        if view is None:
            raise SlackError("not_found")
        view.body = _checked_view(arguments)
        view.versions.append(view.body)
        return {"view": {"id": view.id, **view.body}}

    def post_ephemeral(self, arguments: Arguments) -> Answer:
        channel = self._world.channels.get(str(arguments.get("channel", "")))
        if channel is None or self._world.bot_user_id not in channel.members:
            raise SlackError("channel_not_found")
        found = problems(_list(arguments.get("blocks")))
        if found:
            raise SlackError("invalid_blocks", errors=found)
        user = str(arguments.get("user", ""))
        if user not in self._world.members or (channel.im and user not in channel.members):
            raise SlackError("user_not_in_channel")
        self.whispers.append(Whisper(channel.id, user, str(arguments.get("text", ""))))
        return {"message_ts": self._world.new_ts()}


def _list(value: object) -> list[Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, list) else []


def _checked_view(arguments: Arguments) -> dict[str, Any]:
    """The view, if Slack would take it; SlackError naming what is wrong."""
    given = arguments.get("view")
    view = json.loads(given) if isinstance(given, str) else given
    if not isinstance(view, dict) or view.get("type") != "modal":
        raise SlackError("invalid_arguments")
    blocks = view.get("blocks") or []
    found = [f"{len(blocks)} blocks"] if not 1 <= len(blocks) <= MAX_VIEW_BLOCKS else []
    for name in ("title", "submit", "close"):
        label = view.get(name)
        if label is None and name != "title":
            continue
        if not isinstance(label, dict) or not 1 <= len(label.get("text", "")) <= MAX_TITLE:
            found.append(f"{name} must be 1 to {MAX_TITLE} characters")
    if (
        len(view.get("private_metadata", "")) > MAX_METADATA
        or len(view.get("callback_id", "")) > MAX_CALLBACK
    ):
        found.append("private_metadata or callback_id is too long")
    inputs = [b for b in blocks if b.get("type") == "input"]
    if inputs and "submit" not in view:
        found.append("a view with inputs needs a submit")
    found += [p for b in inputs for p in _input(b)]
    found += problems([b for b in blocks if b.get("type") != "input"])
    if found:
        raise SlackError("invalid_arguments", response_metadata={"messages": found})
    return view


def _input(block: Mapping[str, Any]) -> list[str]:
    element, label = block.get("element") or {}, block.get("label") or {}
    found = [] if label.get("type") == "plain_text" and label.get("text") else ["an input needs a label"]
    if element.get("type") not in ("plain_text_input", "users_select"):
        found.append("unsupported element")
    if not 1 <= element.get("max_length", 1) <= 3000:
        found.append("max_length must be 1 to 3000")
    return found
