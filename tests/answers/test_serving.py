"""What `serve` listens on: exactly what is configured, and only then there are buttons."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime

import pytest

from bi_governance import events as ev
from bi_governance.answering import answering
from bi_governance.app import App
from bi_governance.errors import ConfigurationError, DeliveryError
from bi_governance.ledger import SqlLedger
from bi_governance.model import Mode, NoticeKind, VisualKey
from bi_governance.notify.web import PATH
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_people import SlackPeople, over_socket, post
from bi_governance.sandbox.slack_world import SlackMessage
from bi_governance.settings import Settings
from tests.answers.office import SECRET, clock

KEEP = {"type": "button", "action_id": "keep_90", "text": {"type": "plain_text", "text": "Keep"}}


@pytest.fixture
def slack():
    slack = SlackSandbox(clock())
    with slack.serve():
        yield slack


@pytest.fixture
def settings(slack, tmp_path):
    def made(**more):
        section = {"bot_token": slack.token, "base_url": f"{slack.serve().url}/api/", **more}
        where = {"ledger": {"url": f"sqlite:///{tmp_path}/ledger.db"}, "outbox": str(tmp_path)}
        return Settings.model_validate({**where, "slack": section})

    return made


def free_port():

    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_nothing_listens_where_nothing_is_set_up(settings):
    with answering(settings(), threading.Lock()) as over:
        assert over == ()


def test_socket_mode_and_http_listen_where_they_are_set_up(settings, slack):
    address = f"127.0.0.1:{free_port()}"
    given = settings(app_token=slack.app_token, listen=address, signing_secret=SECRET)
    with slack.socket, answering(given, threading.Lock()) as over:
        assert over == ("Socket Mode", f"http://{address}{PATH}")
        slack.socket.send("interactive", {"type": "view_closed"})
        assert post(f"http://{address}{PATH}", b"payload={}", {}) == 401
    ledger = SqlLedger(given.ledger.url)
    assert [e.kind for e in ledger.events()] == ["request.refused"]
    ledger.close()


def test_a_wrong_app_token_is_said_at_once(settings, slack):
    with slack.socket, pytest.raises(DeliveryError, match=r"invalid_auth - check slack\.app_token"):
        with answering(settings(app_token="xapp-wrong"), threading.Lock()):
            pass


def test_socket_mode_that_is_off_is_said_at_once(settings, slack):
    with pytest.raises(DeliveryError, match="socket_mode_not_enabled"):
        with answering(settings(app_token=slack.app_token), threading.Lock()):
            pass


def test_an_address_that_is_taken_is_said_at_once(settings):

    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = settings(listen=f"127.0.0.1:{taken.getsockname()[1]}", signing_secret=SECRET)
        with pytest.raises(ConfigurationError, match=r"slack\.listen: .* cannot be opened"):
            with answering(given, threading.Lock()):
                pass


@pytest.mark.parametrize(
    ("more", "is_listening", "has_buttons"),
    [
        ({"app_token": "xapp-1"}, True, True),
        ({"listen": "127.0.0.1:1", "signing_secret": SECRET}, True, True),
        ({"app_token": "xapp-1"}, False, False),
        ({}, True, False),
    ],
)
def test_buttons_are_there_exactly_when_something_listens(settings, more, is_listening, has_buttons):
    with App(settings(**more), is_listening=is_listening) as opened:
        assert opened.notifier._has_buttons is has_buttons


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"listen": "127.0.0.1:8080"}, "belong together"),
        ({"signing_secret": SECRET}, "belong together"),
        ({"listen": "everywhere", "signing_secret": SECRET}, "pattern"),
    ],
)
def test_half_a_set_up_is_a_mistake(settings, more, said):
    with pytest.raises(ValueError, match=said):
        settings(**more)


def test_admins_are_compared_whatever_their_case(settings):
    given = settings(admins=[" Ann@Acme.Example", "U0ANN"]).slack
    assert given.admin_ids == {"ann@acme.example", "U0ANN"}


def test_secrets_do_not_show_in_what_is_logged(settings, slack, caplog, capsys):
    caplog.set_level("DEBUG")
    given = settings(
        app_token=slack.app_token, listen=f"127.0.0.1:{free_port()}", signing_secret="the-signing-secret"
    )
    with slack.socket, answering(given, threading.Lock()):
        slack.socket.send("interactive", {"type": "view_closed"})
        post(f"http://{given.slack.listen}{PATH}", b"payload={}", {})
    said = caplog.text + "".join(capsys.readouterr())
    for secret in (slack.token, slack.app_token, "the-signing-secret", "ticket="):
        assert secret not in said


def test_a_press_reaches_the_product_as_it_is_wired(settings, slack):
    """Without any source configured: the ledger alone knows what the message was about."""
    given = settings(app_token=slack.app_token)
    ada = slack.add_member("ada@acme.example", "Ada")
    now, key = datetime.now(UTC), VisualKey("bi", "board", "1")
    base = {"recipient": ada, "message_id": "m", "notice": NoticeKind.WARNING, "mode": Mode.DRY_RUN}
    conversation = slack.direct_channel(ada).id
    row = {"type": "actions", "block_id": f"0 {key}", "elements": [KEEP]}
    message = SlackMessage(conversation, slack.new_ts(), slack.bot_user_id, "warned", [row])
    slack.posted.append(message)
    told = ev.NoticeDelivered(at=now, key=key, episode=0, channel=conversation, ts=message.ts, **base)
    ledger = SqlLedger(given.ledger.url)
    ledger.prepare()
    ledger.append([told])
    with slack.socket, answering(given, threading.Lock()):
        over_socket(slack, SlackPeople(slack).press("ada@acme.example", message, "keep_90"))
    case = ledger.state().case(key)
    ledger.close()
    assert (case.kept_until - now).days == 90
    assert "Kept until" in str(message.blocks)
