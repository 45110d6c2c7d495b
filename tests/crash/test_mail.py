"""Killed while e-mail is sent: nobody is left out, and what may have come twice is written down as such."""

from collections import Counter
from collections.abc import Iterator

import pytest

from bi_governance import events as ev
from bi_governance.sandbox.smtp import SmtpSandbox
from tests.crash.again import assert_nothing_left, die_and_run_again
from tests.crash.child import Blow
from tests.crash.estate import PIECES
from tests.crash.product import Product
from tests.crash.record import assert_rescued_once, events

# What is Carol's, who is not on Slack.
HERS = sorted(p.title for p in PIECES if p.owner == "carol" and p.fate == "warned")
DOUBT = "it may have arrived, which nobody can tell, so it does not count"
TO_CAROL = "warning mailto:carol@acme.example"


@pytest.fixture
def mail() -> Iterator[SmtpSandbox]:
    with SmtpSandbox() as mail:
        yield mail


@pytest.fixture
def mailing(product: Product, mail: SmtpSandbox) -> Product:
    """The product with a mail server for those who are not on Slack; viewers are told nothing."""
    server = {"host": "127.0.0.1", "port": mail.port, "sender": "bi@acme.example", "starttls": False}
    return product.configured(email=server, viewers={"at_most": 0})


@pytest.mark.parametrize(
    ("blow", "mails"),
    [
        (Blow("before", "notifier.deliver", TO_CAROL), 1),
        (Blow("before", "smtp", "MESSAGE"), 1),
        (Blow("after", "smtp", "MESSAGE"), 2),
        (Blow("after", "notifier.deliver", TO_CAROL), 2),
    ],
    ids=str,
)
def test_killed_while_a_mail_is_sent(mailing: Product, mail: SmtpSandbox, blow: Blow, mails: int) -> None:
    die_and_run_again(mailing, "warn", blow)
    assert_carol_was_told(mailing, mail, mails)
    assert_rescued_once(mailing)
    assert not mailing.company.writes()
    assert_nothing_left(mailing, "warn")
    assert len(mail.accepted) == mails


def assert_carol_was_told(product: Product, mail: SmtpSandbox, mails: int) -> None:
    """Of all that is hers in one message whose receipt the ledger has; any other is recorded as doubtful."""
    names = {key: title for title, key in product.company.keys.items()}
    receipts = {
        (names[e.key], e.ts) for e in events(product, ev.NoticeDelivered) if e.channel.startswith("email/")
    }
    last = mail.accepted[-1].mail
    assert receipts == {(title, last["Message-ID"]) for title in HERS}
    assert [recipient for accepted in mail.accepted for recipient in accepted.recipients] == [
        "carol@acme.example"
    ] * mails
    for accepted in mail.accepted:
        text = accepted.mail.get_body(("plain",)).get_content()
        assert [title for title in HERS if title not in text] == []
    failed = [e for e in events(product, ev.NoticeFailed) if DOUBT in e.reason]
    assert Counter(names[e.key] for e in failed) == dict.fromkeys(HERS, 1)
