"""The loopback Slack is as strict as Slack where people answer: tickets, triggers, forms, signatures."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_people import SlackPeople, signature

FORM = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Hello"},
    "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "World"}}],
}


@pytest.fixture
def slack(clock):
    slack = SlackSandbox(clock)
    slack.add_member("ada@acme.example", "Ada")
    with slack.serve():
        yield slack


@pytest.fixture
def client(slack):
    return WebClient(slack.token, base_url=f"{slack.serve().url}/api/")


def refused(call, **arguments):
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return caught.value.response["error"]


def shake_hands(url):
    parts = urlsplit(url)
    peer = socket.create_connection((parts.hostname, parts.port), 5)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {parts.path}?{parts.query} HTTP/1.1",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {key}",
        "",
        "",
    )
    peer.sendall("\r\n".join(lines).encode())
    return peer, peer.recv(1024).split(b"\r\n")[0]


def test_a_ticket_opens_one_connection(slack):
    with slack.socket:
        url = slack.socket.issue()
        first, status = shake_hands(url)
        assert status == b"HTTP/1.1 101 Switching Protocols"
        second, status = shake_hands(url)
        assert status == b"HTTP/1.1 403 Forbidden"
        first.close()
        second.close()


def test_a_client_that_does_not_mask_is_cut_off(slack):
    """Its connection ends, one way or another; one that stayed open would time out here."""
    with slack.socket:
        peer, _ = shake_hands(slack.socket.issue())
        with peer, contextlib.suppress(ConnectionResetError):
            peer.settimeout(5)
            peer.sendall(b"\x81\x02{}")
            while peer.recv(1024):
                continue


def test_an_envelope_without_a_receipt_is_noticed(slack):
    with slack.socket:
        peer, _ = shake_hands(slack.socket.issue())
        with pytest.raises(TimeoutError, match="was not acknowledged"):
            slack.socket.send("interactive", {}, seconds=0.2)
        peer.close()


def test_nobody_connected_is_noticed(slack):
    with slack.socket, pytest.raises(TimeoutError, match="no client"):
        slack.socket.send("interactive", {}, seconds=0.05)


def test_connections_need_the_app_token(slack, client):
    with slack.socket:
        assert refused(client.apps_connections_open, app_token=slack.token) == "invalid_auth"
        assert client.apps_connections_open(app_token=slack.app_token)["url"].startswith("ws://127.0.0.1:")
    assert refused(client.auth_test, token=slack.app_token) == "invalid_auth"


def test_a_trigger_opens_one_form_within_three_seconds(slack, client, clock):
    ada = SlackPeople(slack).member("ada@acme.example")
    trigger = slack.interaction.trigger(ada)
    assert client.views_open(trigger_id=trigger, view=FORM)["view"]["id"]
    assert refused(client.views_open, trigger_id=trigger, view=FORM) == "invalid_trigger_id"
    late = slack.interaction.trigger(ada)
    clock.advance(timedelta(seconds=4))
    assert refused(client.views_open, trigger_id=late, view=FORM) == "expired_trigger_id"


@pytest.mark.parametrize(
    "change",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"blocks": []},
        {"private_metadata": "x" * 3001},
        {"blocks": [{"type": "input", "label": {"type": "plain_text", "text": "x"}, "element": {}}]},
        {"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3001}}]},
    ],
)
def test_forms_slack_would_not_show_are_refused(slack, client, change):
    trigger = slack.interaction.trigger(SlackPeople(slack).member("ada@acme.example"))
    assert refused(client.views_open, trigger_id=trigger, view={**FORM, **change}) == "invalid_arguments"


def test_a_whisper_reaches_members_of_the_conversation_only(slack, client):
    people = SlackPeople(slack)
    slack.add_member("eve@acme.example", "Eve")
    ada, eve = people.member("ada@acme.example"), people.member("eve@acme.example")
    channel = slack.direct_channel(ada).id
    client.chat_postEphemeral(channel=channel, user=ada, text="for you")
    assert slack.interaction.whispered(ada) == ["for you"]
    assert refused(client.chat_postEphemeral, channel=channel, user=eve, text="x") == "user_not_in_channel"


def test_what_is_not_there_cannot_be_pressed(slack, client):
    channel = slack.add_channel("general")
    client.chat_postMessage(channel=channel, text="hello")
    with pytest.raises(LookupError):
        SlackPeople(slack).press("ada@acme.example", slack.messages()[-1], "keep_90")


def test_signatures_are_those_slacks_own_client_accepts(clock):
    class Now:
        def now(self):
            return clock.now().timestamp()

    stamp = str(int(clock.now().timestamp()))
    assert SignatureVerifier("secret", Now()).is_valid(
        b"payload=1", stamp, signature("secret", stamp, b"payload=1")
    )
