"""Killed while warning: every owner gets one message about each visual, and it is recorded."""

import pytest

from bi_governance.sandbox.server import Fault
from tests.crash.again import LATER, MUCH_LATER, assert_nothing_left, die_and_run_again
from tests.crash.child import Blow
from tests.crash.estate import CHANNEL, DUE
from tests.crash.product import Product
from tests.crash.record import assert_rescued_once, assert_told_once

POST = "POST /api/chat.postMessage"
BLOWS = [
    *(
        Blow(when, effect, about)
        for when in ("before", "after")
        for effect, about in (
            ("ledger.append", "notice.intended"),
            ("notifier.deliver", "warning U"),
            ("notifier.deliver", f"warning {CHANNEL}"),
            ("notifier.deliver", "reminder"),
            ("notifier.deliver", "escalation"),
            ("ledger.append", "notice.delivered"),
        )
    ),
    Blow("after", "notifier.deliver", "rescued"),
    Blow("before", "ledger.append", "notice.edited"),
    Blow("before", "answer", POST),
    Blow("before", "answer", POST, nth=3),
    Blow("before", "answer", "POST /api/conversations.open"),
    Blow("before", "ledger.append", "notice.delivered", nth=3),
    Blow("after", "ledger.append", "notice.delivered", nth=3),
]


@pytest.mark.parametrize("blow", BLOWS, ids=str)
def test_killed_while_warning(product: Product, blow: Blow) -> None:
    die_and_run_again(product, "warn", blow)
    assert_told_once(product)
    assert_rescued_once(product)
    assert not product.company.writes()
    assert_nothing_left(product, "warn")


def test_the_answer_to_a_reply_that_slack_refused_is_lost(product: Product) -> None:
    """Slack no longer has the warning it answers: it did not arrive, and the next run tells it by itself."""
    ended = product.run("warn", at=DUE, blow=Blow("lost", "answer", POST, 1))
    said = " ".join(ended.said.replace("│", " ").split())
    assert (ended.status, "Could not be told: 1 reader(s)" in said) == (1, True), ended.said
    again = product.run("warn", at=DUE)
    assert again.status == 0, again.said
    assert_told_once(product)
    assert_nothing_left(product, "warn")


@pytest.mark.parametrize("nth", [2, 3])
def test_the_answer_to_a_message_is_lost(product: Product, nth: int) -> None:
    ended = product.run("warn", at=DUE, blow=Blow("lost", "answer", POST, nth))
    assert ended.status == 0, ended.said
    assert_told_once(product)
    assert_nothing_left(product, "warn")


def test_while_nobody_can_tell_nobody_is_told_again(product: Product) -> None:
    """Slack cannot say whether the dead run's message arrived: its readers get no other until it can."""
    assert product.run("warn", at=DUE, blow=Blow("after", "notifier.deliver", "warning U")).status < 0
    slack = product.company.slack
    slack.faults.add(Fault("conversations.history", "status", times=None))
    ended = product.run("warn", at=LATER)
    said = " ".join(ended.said.replace("│", " ").split())  # however narrow the box
    assert (ended.status, "an earlier message may have arrived" in said) == (1, True), ended.said

    slack.faults.clear()
    assert product.run("warn", at=MUCH_LATER).status == 0
    assert_told_once(product)
