"""`slack sync` on the real program: killed anywhere, it is simply run again."""

import json
import signal

import pytest

from bi_governance.notify.channel import EVENT_TYPE
from tests.crash.child import Blow
from tests.crash.estate import DUE
from tests.crash.product import Product

CHANNEL = "bi-deprecation"


@pytest.fixture
def fresh(product: Product) -> Product:
    """A workspace that has no such channel yet."""
    slack = product.company.slack
    for id_ in [c.id for c in slack.channels.values() if c.name == CHANNEL]:
        del slack.channels[id_]
    return product


def assert_set_up_once(product: Product) -> None:
    slack = product.company.slack
    (channel,) = (c for c in slack.channels.values() if c.name == CHANNEL)
    posted = [m for m in slack.messages() if (m.metadata or {}).get("event_type") == EVENT_TYPE]
    assert channel.pinned == [m.ts for m in posted]
    assert len(posted) == 1
    assert {slack.members[id_].name for id_ in channel.members} == {"bi-governance", "ada", "ben"}


@pytest.mark.parametrize(
    "blow",
    [
        Blow("before", "answer", "POST /api/conversations.create"),
        Blow("before", "answer", "POST /api/chat.postMessage"),
        Blow("before", "answer", "POST /api/conversations.invite"),
    ],
    ids=str,
)
def test_killed_while_setting_up_the_channel(fresh: Product, blow: Blow) -> None:
    assert fresh.run("slack", "sync", at=DUE, blow=blow).status == -signal.SIGKILL
    assert fresh.run("slack", "sync", at=DUE).status == 0
    assert_set_up_once(fresh)
    slack = fresh.company.slack
    before = len(slack.requests.writes())
    assert "Nothing to change." in fresh.run("slack", "sync", at=DUE).said
    assert len(slack.requests.writes()) == before


def test_what_would_be_done_is_what_is_done(fresh: Product) -> None:
    slack = fresh.company.slack
    before = len(slack.requests.writes())
    ahead = fresh.run("slack", "sync", "--dry-run", "--json", at=DUE)
    assert len(slack.requests.writes()) == before
    done = fresh.run("slack", "sync", "--json", at=DUE)
    assert (ahead.status, done.status) == (0, 0), (ahead.said, done.said)
    assert json.loads(ahead.said) == {**json.loads(done.said), "dry_run": True}
    told = json.loads(done.said)
    assert told["invited"] == ["ada@acme.example", "ben@acme.example"]
    assert {"who": "carol@acme.example", "why": "not in Slack under this address, or deactivated there"} in (
        told["not_invited"]
    )
    assert_set_up_once(fresh)


def test_what_is_said_to_a_person(fresh: Product) -> None:
    said = fresh.run("slack", "sync", "--dry-run", at=DUE).said
    assert "#bi-deprecation: would be created" in said
    assert "The announcement: would be posted and would be pinned" in said
    assert "2 would be invited, 0 were there, 1 cannot be invited." in said
    assert "  carol@acme.example: not in Slack" in said
