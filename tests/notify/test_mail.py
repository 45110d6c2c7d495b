"""E-mail over real SMTP on loopback: what counts as told, what does not, and what nobody can know."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance.errors import DeliveryError, NotEditable, OutcomeUnknown
from bi_governance.model import Mode, NoticeKind, Person
from bi_governance.notify.compose import Reading, compose_digest
from bi_governance.notify.mail import MAY_BOUNCE, MailChannel, WithMail, to_mail
from bi_governance.notify.message import Message
from bi_governance.notify.outbox import OutboxNotifier
from bi_governance.notify.pages import render_html
from bi_governance.notify.slack import SlackNotifier
from bi_governance.notify.smtp import MailRefused, MailSilent, SmtpServer
from bi_governance.notify.text import render_text
from bi_governance.ports import Announcement, Delivery, Recipient, Thread
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Fault
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.smtp import SmtpSandbox
from tests.notify.samples import NASTY_TITLES, ZONE, digest, item, nasty_items

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
SENDER = "bi@acme.example"
ADA = Person("7", "Ada Lovelace", "Ada@Acme.example ", active=True)
TO_ADA = Recipient("mailto:ada@acme.example", "Ada Lovelace")


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def post() -> Iterator[SmtpSandbox]:
    with SmtpSandbox() as post:
        yield post


def channel(post: SmtpSandbox, clock: SimulatedClock, **changes) -> MailChannel:
    server = SmtpServer(**{"host": "127.0.0.1", "port": post.port, "starttls": False, **changes})
    return MailChannel(server, SENDER, zone=ZONE, clock=clock)


def warning(*items, message_id: str = "m1", recipient: Recipient = TO_ADA):
    return digest(
        NoticeKind.WARNING, Mode.LIVE, *(items or (item(),)), recipient=recipient, message_id=message_id
    )


def as_composed(sample) -> Message:
    return compose_digest(sample, Reading(ZONE, "the analytics team", is_owner=True))


# The message


def test_an_accepted_message_is_a_delivery_with_its_message_id(post, clock) -> None:
    delivery = channel(post, clock).deliver(warning())
    assert delivery == Delivery("email/ada@acme.example", "<m1@acme.example>", START)
    (accepted,) = post.accepted
    assert (accepted.sender, accepted.recipients) == (SENDER, ("ada@acme.example",))
    mail = accepted.mail
    assert mail["Message-ID"] == "<m1@acme.example>"
    assert (mail["From"], mail["To"]) == (SENDER, "Ada Lovelace <ada@acme.example>")
    assert mail["Subject"] == "One of your dashboards will be deleted unless somebody keeps it"
    assert parsedate_to_datetime(mail["Date"]) == START
    assert mail["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_it_says_the_same_as_plain_text_and_as_html(post, clock, kind) -> None:
    sample = digest(kind, Mode.LIVE, *nasty_items(), recipient=TO_ADA)
    channel(post, clock).deliver(sample)
    mail = post.accepted[0].mail
    assert mail.get_content_type() == "multipart/alternative"
    plain, page = mail.iter_parts()
    message = as_composed(sample)
    to = Recipient("ada@acme.example", "Ada Lovelace")
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().splitlines() == render_text(message).splitlines()
    assert page.get_content().splitlines() == render_html(message, to).splitlines()
    for title in NASTY_TITLES[:4]:
        assert title in plain.get_content()


@settings(deadline=None, max_examples=100)
@given(
    title=st.text(st.characters(exclude_categories=()), max_size=300) | st.sampled_from(NASTY_TITLES),
    name=st.text(st.characters(exclude_categories=()), max_size=120) | st.just("Bcc: x@y.example\r\n\r\nhi"),
)
def test_no_title_or_name_changes_what_a_mail_is_made_of(title, name) -> None:
    sample = warning(item(title=title))
    owner = Person("7", name, "ada@acme.example")
    recipient = channel_without_server().recipient(owner)
    assert recipient is not None
    bare = Recipient("ada@acme.example", recipient.name)
    made = to_mail(as_composed(sample), bare, SENDER, START)
    read = message_from_bytes(made.as_bytes(), policy=default)
    assert read.keys() == [
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
        "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert [a.addr_spec for a in read["To"].addresses] == ["ada@acme.example"]
    plain, _ = read.iter_parts()
    assert plain.get_content().splitlines() == render_text(as_composed(sample)).splitlines()


def channel_without_server() -> MailChannel:
    return MailChannel(SmtpServer("127.0.0.1"), SENDER, zone=ZONE, clock=SimulatedClock(START))


@pytest.mark.parametrize(
    "email",
    [
        None, "", "ada", "ada@", "@acme.example", "a b@acme.example", "ada@acme.example, eve@evil.example",
        "ada@acme.example\r\nBcc: eve@evil.example", "<ada@acme.example>", '"a b"@acme.example',
        "ada@acme.example>", "ädä@acme.example", "ada@ácme.example", "a..b@acme.example", "ada@acme..example",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_gets_no_mail(email) -> None:
    assert channel_without_server().recipient(Person("7", "Ada", email)) is None


def test_who_is_deactivated_gets_no_mail() -> None:
    assert channel_without_server().recipient(Person("7", "A", "a@acme.example", active=False)) is None


# What does not count


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("RCPT <ada@", "status", status=550, body="5.1.1 no such user"), "ada@acme.example: 550"),
        (Fault("RCPT", "status", status=450, body="4.2.1 greylisted"), "450 4.2.1 greylisted; the next run"),
        (Fault("MAIL", "status", status=553), "refused the sender bi@acme.example: 553"),
        (Fault("DATA", "status", status=452, body="4.3.1 full"), "452 4.3.1 full; the next run"),
        (Fault("MESSAGE", "status", status=554, body="5.7.1 spam"), "the message to ada@acme.example: 554"),
        (Fault("MESSAGE", "status", status=451), "451 as asked for; the next run"),
        (Fault("CONNECT", "status", status=554), "refused the connection or the message: 554"),
    ],
)  # fmt: skip
def test_what_the_server_refused_does_not_count(post, clock, fault, said) -> None:
    post.faults.add(fault)
    with pytest.raises(MailRefused) as refusal:
        channel(post, clock).deliver(warning())
    assert said in str(refusal.value)
    assert post.accepted == []


@pytest.mark.parametrize("moment", ["CONNECT", "EHLO", "MAIL", "RCPT"])
def test_a_server_that_hangs_up_early_has_nothing(post, clock, moment) -> None:
    post.faults.add(Fault(moment, "drop", times=None))
    with pytest.raises(MailSilent, match="No answer from the mail server") as silence:
        channel(post, clock).deliver(warning())
    assert "may have arrived" not in str(silence.value)
    assert post.accepted == []


@pytest.mark.parametrize(("moment", "accepted"), [("MESSAGE", 0), ("ANSWER", 1)])
def test_a_server_that_hangs_up_on_the_whole_text_may_have_it(post, clock, moment, accepted) -> None:
    """Nobody can tell the two apart, so neither counts, and the reason says so."""
    post.faults.add(Fault(moment, "drop"))
    with pytest.raises(MailSilent, match="may have arrived, but does not count"):
        channel(post, clock).deliver(warning())
    assert len(post.accepted) == accepted


@pytest.mark.parametrize("fault", [Fault("QUIT", "drop"), Fault("QUIT", "status", status=421)])
def test_what_was_accepted_stays_so_however_the_goodbye_goes(post, clock, fault) -> None:
    post.faults.add(fault)
    assert channel(post, clock).deliver(warning()).ts == "<m1@acme.example>"


def test_nobody_listens(clock) -> None:
    with SmtpSandbox() as gone:
        mail = channel(gone, clock)
    for attempt in (mail.check, lambda: mail.deliver(warning())):
        with pytest.raises(MailSilent, match="No answer from the mail server 127"):
            attempt()


def test_a_receipt_that_was_lost_cannot_be_found(post, clock) -> None:
    mail = channel(post, clock)
    mail.deliver(warning())
    with pytest.raises(OutcomeUnknown, match=r"sent to ada@acme\.example; it may have arrived"):
        mail.find("m1", TO_ADA, START)


# Logging in


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A key and a certificate for localhost, made by the openssl program."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


LOGIN = {"host": "localhost", "username": "bi", "password": "s3cret", "starttls": True}


def test_the_password_travels_encrypted_only(certificate, clock, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with SmtpSandbox(certificate=certificate, accounts={"bi": "s3cret"}) as post:
        mail = channel(post, clock, **LOGIN)
        assert mail.check() == f"as {SENDER} through localhost:{post.port}"
        mail.deliver(warning())
        assert len(post.accepted) == 1
        commands = [command.partition(" ")[0] for command in post.commands]
        assert commands.index("STARTTLS") < commands.index("AUTH")


def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_said(certificate, clock) -> None:
    with SmtpSandbox(certificate=certificate, accounts={"bi": "s3cret"}) as post:
        with pytest.raises(MailSilent, match="No trusted encryption with the mail server localhost"):
            channel(post, clock, **LOGIN).deliver(warning())
        assert [c.partition(" ")[0] for c in post.commands] == ["EHLO", "STARTTLS"]


def test_a_server_without_encryption_gets_nothing(post, clock) -> None:
    with pytest.raises(MailRefused, match=r"lacks what email\.starttls"):
        channel(post, clock, starttls=True).deliver(warning())
    assert [c.partition(" ")[0] for c in post.commands] == ["EHLO", "QUIT"]


@pytest.mark.parametrize("password", ["wrong", "wröng", ""])
def test_a_wrong_password_is_named_and_not_shown(clock, password) -> None:
    with SmtpSandbox(accounts={"bi": "s3cret"}) as post:
        with pytest.raises(MailRefused) as refusal:
            channel(post, clock, username="bi", password=password).check()
        assert "wr" not in str(refusal.value)
        assert "wrong" not in repr(SmtpServer("h", password="wrong"))
        assert post.accepted == []


def test_checking_sends_nothing(post, clock) -> None:
    assert channel(post, clock).check() == f"as {SENDER} through 127.0.0.1:{post.port}"
    assert post.accepted == []
    post.faults.add(Fault("MAIL", "status", status=553, body="not your domain"))
    with pytest.raises(DeliveryError, match="refused the sender"):
        channel(post, clock).check()


# What follows


def test_what_follows_a_warning_answers_it(post, clock) -> None:
    mail = channel(post, clock)
    sent = mail.deliver(warning())
    thread = Thread(sent.channel, sent.ts)
    mail.deliver(warning(message_id="m2", recipient=replace(TO_ADA, thread=thread)))
    first, reply = (accepted.mail for accepted in post.accepted)
    assert (first["In-Reply-To"], first["References"]) == (None, None)
    assert (reply["In-Reply-To"], reply["References"]) == ("<m1@acme.example>", "<m1@acme.example>")


def test_nobody_can_change_a_letter(post, clock, both) -> None:
    for each in (channel(post, clock), both):
        with pytest.raises(NotEditable, match="cannot be changed"):
            each.restate(warning(), Thread("email/ada@acme.example", "<m1@acme.example>"))
    assert post.accepted == []


# Beside Slack, beside the outbox


@pytest.fixture
def slack(clock) -> Iterator[SlackSandbox]:
    slack = SlackSandbox(clock)
    slack.add_member("known@acme.example", "Known Person")
    slack.add_member("gone@acme.example", "Somebody Gone", active=False)
    slack.add_member("robot@acme.example", "Robot", bot=True)
    slack.add_channel("bi-deprecation")
    slack.add_channel("analytics")
    with slack.serve():
        yield slack


@pytest.fixture
def both(post, slack, clock) -> WithMail:
    first = SlackNotifier(
        token=slack.token,
        channel="#bi-deprecation",
        admin_channel="#analytics",
        zone=ZONE,
        clock=clock,
        base_url=f"{slack.serve().url}/api/",
    )
    return WithMail(first, channel(post, clock), first.is_unknown)


@pytest.mark.parametrize(
    ("owner", "address", "succession"),
    [
        (ADA, "mailto:ada@acme.example", MAY_BOUNCE),
        # Slack answers about a deactivated member as about one it never had.
        (Person("1", "Gone", "gone@acme.example"), "mailto:gone@acme.example", MAY_BOUNCE),
        (Person("2", "Robot", "robot@acme.example"), "#bi-deprecation", "a bot on Slack"),
        (Person("3", "Left", "left@acme.example", active=False), "#bi-deprecation", "its owner has left"),
        (Person("4", "Nameless"), "#bi-deprecation", "no known e-mail address"),
        (Person("5", "Odd", "a b@acme.example"), "#bi-deprecation", "not on Slack"),
        (None, "#bi-deprecation", "no known owner"),
    ],
)
def test_mail_is_for_those_slack_does_not_know(both, owner, address, succession) -> None:
    recipient = both.recipient(owner)
    assert recipient.address == address
    assert succession in recipient.succession
    assert bool(succession) == bool(recipient.succession)


def test_whoever_is_told_by_mail_reads_that_there_is_more_time(both) -> None:
    message = both.compose(warning(recipient=both.recipient(ADA)))
    assert f"You have more time than usual, because {MAY_BOUNCE}." in message.paragraphs


def test_who_is_on_slack_is_told_there(both, slack, post) -> None:
    recipient = both.recipient(Person("6", "Known", "KNOWN@acme.example"))
    both.deliver(warning(recipient=recipient))
    assert (len(slack.messages()), post.accepted) == (1, [])
    assert both.find("m1", recipient, START) is not None


def test_who_is_not_is_told_by_mail_and_the_team_on_slack(both, slack, post) -> None:
    both.deliver(warning(recipient=both.recipient(ADA)))
    assert (len(slack.messages()), len(post.accepted)) == (0, 1)
    both.announce(Announcement("a1", "Run", ("one",)))
    assert (len(slack.messages()), len(post.accepted)) == (1, 1)
    assert both.trial_recipient().address == "#analytics"
    assert both.items_per_message == SlackNotifier.items_per_message


def test_a_message_is_brought_up_to_date_where_it_was_sent(both, slack) -> None:
    recipient = both.recipient(Person("6", "Known", "known@acme.example"))
    sent = both.deliver(warning(recipient=recipient))
    both.restate(warning(item(title="Orders"), recipient=recipient), Thread(sent.channel, sent.ts))
    assert "Orders" in slack.messages()[0].text


def test_checking_asks_both(both, post) -> None:
    assert "e-mail as bi@acme.example" in both.check()
    post.faults.add(Fault("MAIL", "status", status=550))
    with pytest.raises(MailRefused):
        both.check()


def test_without_slack_whoever_has_no_address_gets_a_file(post, clock, tmp_path) -> None:
    outbox = OutboxNotifier(tmp_path, clock=clock, zone=ZONE)
    both = WithMail(outbox, channel(post, clock), lambda *_: True)
    assert both.recipient(ADA) == replace(TO_ADA, succession=MAY_BOUNCE)
    assert both.recipient(Person("8", "Bob")).address == "Bob"


def test_mail_that_is_not_set_up_any_more_is_not_looked_for_forever(slack, clock, tmp_path) -> None:
    first = SlackNotifier(
        token=slack.token, channel="#bi-deprecation", admin_channel="", zone=ZONE, clock=clock,
        base_url=f"{slack.serve().url}/api/",
    )  # fmt: skip
    for notifier in (first, OutboxNotifier(tmp_path, clock=clock, zone=ZONE)):
        with pytest.raises(OutcomeUnknown, match="may have arrived"):
            notifier.find("m1", Recipient(TO_ADA.address, TO_ADA.address), START)
