"""What Slack sends when somebody acts: presses, submitted forms and commands, read into plain values.

The shapes are those of docs.slack.dev (interactivity: block_actions and view_submission payloads, slash
commands); both transports carry the same. What has another shape raises ConfigurationError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bi_governance.answer import Answer
from bi_governance.errors import ConfigurationError
from bi_governance.model import VisualKey
from bi_governance.notify.buttons import ACTIONS, read_handle

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """The message an answer belongs to."""

    channel: str = ""
    ts: str = ""

    def insisted(self) -> Place:
        """The same; ConfigurationError where it is no message: only commands come from nowhere."""
        if not (self.channel and self.ts):
            raise ConfigurationError("an answer that belongs to no message")
        return self


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button: who (member id), what is asked for about which item; `trigger` opens a form."""

    user: str
    user_name: str
    answer: Answer
    days: int
    episode: int
    key: VisualKey
    place: Place
    id: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that was sent: which one, what it holds by field, and what we had put into it."""

    user: str
    user_name: str
    form: str
    id: str
    fields: Mapping[str, str]
    kept: Mapping[str, str]

    @property
    def place(self) -> Place:
        return Place(self.kept.get("channel", ""), self.kept.get("ts", ""))


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command: who, its words, and where to answer."""

    user: str
    user_name: str
    words: tuple[str, ...]
    trigger: str
    reply_to: str


def read_request(payload: Payload) -> Press | Submission | Command | None:
    """The request in a payload; None for kinds that ask for nothing (a closed form, a shortcut)."""
    try:
        if "command" in payload:
            return _command(payload)
        match payload.get("type"):
            case "block_actions":
                return _press(payload)
            case "view_submission":
                return _submission(payload)
            case _:
                return None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ConfigurationError(f"a request of an unknown shape: {type(error).__name__} {error}") from error


def _press(payload: Payload) -> Press | None:
    action = payload["actions"][0]
    if action["action_id"] not in ACTIONS:
        return None  # a choice made inside a form, or a link
    answer, days = ACTIONS[action["action_id"]]
    episode, key = read_handle(str(action["block_id"]))
    user, place = (
        payload["user"],
        Place(payload["channel"]["id"], payload["container"]["message_ts"]).insisted(),
    )
    press = (place.channel, place.ts, action["action_ts"], user["id"], action["action_id"], str(key))
    return Press(
        user=str(user["id"]),
        user_name=str(user.get("name") or user.get("username") or ""),
        answer=answer,
        days=days,
        episode=episode,
        key=key,
        place=place,
        id="/".join(press),
        trigger=str(payload.get("trigger_id", "")),
    )


def _submission(payload: Payload) -> Submission:
    view, user = payload["view"], payload["user"]
    fields = {
        name: str(value.get("value") or value.get("selected_user") or "")
        for block in view.get("state", {}).get("values", {}).values()
        for name, value in block.items()
    }
    kept = json.loads(view.get("private_metadata") or "{}")
    return Submission(
        user=str(user["id"]),
        user_name=str(user.get("name") or user.get("username") or ""),
        form=str(view["callback_id"]),
        id=f"view/{view['id']}",
        fields=fields,
        kept={str(name): str(value) for name, value in kept.items()},
    )


def _command(payload: Payload) -> Command:
    return Command(
        user=str(payload["user_id"]),
        user_name=str(payload.get("user_name", "")),
        words=tuple(str(payload.get("text") or "").split()),
        trigger=str(payload["trigger_id"]),
        reply_to=str(payload.get("response_url", "")),
    )
