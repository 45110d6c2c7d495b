"""The daily run with e-mail: only what the server accepted starts the grace; doubts are told again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

import pytest

from bi_governance import events as ev
from bi_governance.notify.mail import MailChannel, WithMail
from bi_governance.notify.outbox import OutboxNotifier
from bi_governance.notify.smtp import SmtpServer
from bi_governance.run import daily_run
from bi_governance.run_report import summary
from bi_governance.sandbox.faults import Fault
from bi_governance.sandbox.smtp import SmtpSandbox
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import World

# A week's warning, and two more since an e-mail may bounce without our knowing.
GRACE = 7 + 14


@pytest.fixture
def mail() -> Iterator[SmtpSandbox]:
    with SmtpSandbox() as mail:
        yield mail


@pytest.fixture
def world(tmp_path, mail) -> Iterator[World]:
    """A live company whose owner has a board nobody uses, and is told by e-mail."""
    company = World(tmp_path)
    server = SmtpServer("127.0.0.1", mail.port, starttls=False)
    channel = MailChannel(server, "bi@acme.example", zone=UTC, clock=company.clock)
    outbox = OutboxNotifier(tmp_path / "outbox", clock=company.clock, zone=UTC)
    both = WithMail(outbox, channel, lambda *_: True)
    company.services = replace(company.services, notifier=both)
    company.bi.add("1")
    go_live(company)
    yield company
    company.close()


def recorded(world, kind):
    return [e for e in world.ledger.events() if isinstance(e, kind)]


def test_an_accepted_mail_starts_the_grace_and_is_recorded_with_its_message_id(world, mail):
    report = daily_run(world.services)
    assert report.outcome == "done"
    (notice,) = recorded(world, ev.NoticeDelivered)
    (accepted,) = mail.accepted
    assert (notice.channel, notice.ts) == ("email/ada@acme.example", accepted.mail["Message-ID"])
    assert notice.at == world.clock.now()
    world.clock.forward(GRACE - 0.01)
    daily_run(world.services)
    assert world.bi.writes == []
    world.clock.forward(0.01)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


def test_a_refused_recipient_is_not_notified_and_never_deleted(world, mail):
    mail.faults.add(Fault("RCPT", "status", status=550, body="5.1.1 no such user", times=None))
    report = run_days(world, 20)
    assert report.outcome == "failed"
    assert any("5.1.1 no such user" in line for line in summary(report)[1])
    assert world.bi.writes == []
    assert recorded(world, ev.NoticeDelivered) == []
    assert len(recorded(world, ev.NoticeFailed)) == 20


def test_a_recipient_refused_for_now_is_told_later_and_has_the_whole_grace(world, mail):
    mail.faults.add(Fault("RCPT", "status", status=450, times=3))
    run_days(world, 4)
    (notice,) = recorded(world, ev.NoticeDelivered)
    run_days(world, GRACE - 1)
    assert world.bi.writes == []
    run_days(world, 1)
    assert world.bi.writes == ["remove 1"]
    (removed,) = recorded(world, ev.Removed)
    assert (removed.at - notice.at).days == GRACE


@pytest.mark.parametrize(("moment", "mails"), [("MESSAGE", 1), ("ANSWER", 2)])
def test_a_server_that_hangs_up_after_the_text_has_not_accepted_it(world, mail, moment, mails):
    mail.faults.add(Fault(moment, "drop"))
    report = daily_run(world.services)
    assert any("may have arrived, but does not count" in line for line in summary(report)[1])
    assert recorded(world, ev.NoticeDelivered) == []
    world.clock.forward(1)
    daily_run(world.services)
    assert len(mail.accepted) == mails
    (notice,) = recorded(world, ev.NoticeDelivered)
    assert notice.at == world.clock.now()
    world.clock.forward(GRACE - 0.01)
    daily_run(world.services)
    assert world.bi.writes == []


def crash_before(world, kind):
    """A run that dies when it is about to record the first event of this kind."""
    real = world.ledger.append

    def crash(events, lease=None):
        if any(isinstance(e, kind) for e in events):
            raise KeyboardInterrupt
        return real(events, lease)

    world.ledger.append = crash
    with pytest.raises(KeyboardInterrupt):
        daily_run(world.services)
    world.ledger.append = real
    world.clock.forward(0.1)


def test_a_crash_before_the_mail_loses_nothing(world, mail):
    crash_before(world, ev.NoticeIntended)
    assert mail.accepted == []
    daily_run(world.services)
    assert len(mail.accepted) == len(recorded(world, ev.NoticeDelivered)) == 1


def test_a_crash_between_acceptance_and_record_is_told_and_the_mail_sent_again(world, mail):
    crash_before(world, ev.NoticeDelivered)
    assert len(mail.accepted) == 1
    report = daily_run(world.services)
    assert any("may have arrived; they do not count" in line for line in summary(report)[1])
    (failed,) = recorded(world, ev.NoticeFailed)
    assert "it may have arrived, which nobody can tell, so it does not count" in failed.reason
    first, second = (accepted.mail["Message-ID"] for accepted in mail.accepted)
    (notice,) = recorded(world, ev.NoticeDelivered)
    assert (notice.ts, notice.at) == (second, world.clock.now())
    assert first != second
    assert not world.ledger.state().unsettled_notices
    world.clock.forward(GRACE - 0.01)
    daily_run(world.services)
    assert world.bi.writes == []
    world.clock.forward(0.01)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]
