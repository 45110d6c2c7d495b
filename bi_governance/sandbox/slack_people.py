"""People who answer: presses, filled-in forms and commands, as Slack would send them to the app.

Payloads are those of docs.slack.dev (block_actions, view_submission, slash commands), signatures those of
"Verifying requests from Slack" (v0).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_world import TEAM_ID, SlackMessage

Payload = dict[str, Any]
APP_ID = "A0SANDBOX"


class SlackPeople:
    """What members of one workspace do with what the app shows them."""

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack = slack
        self._presses = itertools.count(1)

    def member(self, email: str) -> str:
        """The id of somebody."""
        return next(m.id for m in self._slack.members.values() if m.email == email)

    def press(self, email: str, message: SlackMessage, button: str, item: str = "") -> Payload:
        """Press a button of a message, of the item whose row mentions `item`.

        LookupError when the message has no such button: nobody can press what is not there.
        """
        block, element = self._button(message, button, item)
        user = self.member(email)
        stamp = f"{message.ts.partition('.')[0]}.{next(self._presses):06d}"
        action = {**element, "block_id": block["block_id"], "action_ts": stamp}
        return {
            "type": "block_actions",
            "user": self._user(user),
            "api_app_id": APP_ID,
            "token": "deprecated",
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": False,
            },
            "trigger_id": self._slack.interaction.trigger(user),
            "team": {"id": TEAM_ID, "domain": "acme"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": message.channel, "name": "directmessage"},
            "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
            "state": {"values": {}},
            "response_url": self._slack.response_url(),
            "actions": [action],
        }

    def _button(self, message: SlackMessage, button: str, item: str) -> tuple[Payload, Payload]:
        for block in message.blocks:
            if block["type"] != "actions" or item not in block.get("block_id", ""):
                continue
            for element in block["elements"]:
                if element["action_id"] == button:
                    return block, element
        raise LookupError(f"there is no button {button} about '{item}'")

    def send_form(self, email: str, **fields: str) -> Payload:
        """Send the form somebody saw last, filled in: the values of its inputs by action id."""
        user = self.member(email)
        view = self._slack.interaction.last_view(user)
        values: dict[str, dict[str, Payload]] = {}
        for block in view.body["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                name, kind = element["action_id"], element["type"]
                slot = "selected_user" if kind == "users_select" else "value"
                values[block["block_id"]] = {name: {"type": kind, slot: fields[name]}}
        body = {"id": view.id, "hash": f"{view.id}.hash", **view.body, "state": {"values": values}}
        return {
            "type": "view_submission",
            "team": {"id": TEAM_ID, "domain": "acme"},
            "user": self._user(user),
            "api_app_id": APP_ID,
            "token": "deprecated",
            "trigger_id": self._slack.interaction.trigger(user),
            "view": body,
            "response_urls": [],
            "is_enterprise_install": False,
        }

    def command(self, email: str, text: str) -> Payload:
        """Type `/bi <text>`."""
        user = self.member(email)
        return {
            "token": "deprecated",
            "team_id": TEAM_ID,
            "team_domain": "acme",
            "channel_id": self._slack.direct_channel(user).id,
            "channel_name": "directmessage",
            "user_id": user,
            "user_name": self._slack.members[user].name,
            "command": "/bi",
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self._slack.response_url(),
            "trigger_id": self._slack.interaction.trigger(user),
        }

    def _user(self, user: str) -> Payload:
        name = self._slack.members[user].name
        return {"id": user, "username": name, "name": name, "team_id": TEAM_ID}


def over_socket(slack: SlackSandbox, payload: Mapping[str, Any]) -> None:
    """Send it over Socket Mode; TimeoutError when it is not acknowledged."""
    kind = "slash_commands" if "command" in payload else "interactive"
    slack.socket.send(kind, payload)


def over_http(
    slack: SlackSandbox, payload: Mapping[str, Any], url: str, secret: str, *, body: bytes | None = None
) -> int:
    """Send it to an address, signed at this moment; the status of the answer.

    `body` is sent in the place of what was signed, as somebody in between would.
    """
    fields = payload if "command" in payload else {"payload": json.dumps(payload)}
    signed = urlencode(fields).encode()
    stamp = str(int(slack.clock.now().timestamp()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(secret, stamp, signed),
    }
    return post(url, signed if body is None else body, headers)


def signature(secret: str, stamp: str, body: bytes) -> str:
    """Slack's signature (version 0) of a body at a moment."""
    signed = b":".join((b"v0", stamp.encode(), body))
    return f"v0={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """One POST request; the status of its answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("POST", parts.path, body, dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
