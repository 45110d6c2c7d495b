"""Telling people on Slack, with the official client against a workspace on loopback."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.errors import DeliveryError, NotEditable, OutcomeOpen, RecipientUnknown
from bi_governance.model import Mode, NoticeKind, Person
from bi_governance.notify import SlackNotifier
from bi_governance.notify.buttons import OF_A_WARNING
from bi_governance.notify.scopes import TO_SYNC, TO_TELL
from bi_governance.notify.slack import CLOCK_SKEW, MEMORY, UNCHANGEABLE
from bi_governance.notify.slack_api import HINTS, MOST_UNANSWERED, REST_SECONDS, SlackRefused, SlackSilent
from bi_governance.people import LEFT
from bi_governance.ports import Announcement, Digest, Recipient, Thread
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.slack import SlackSandbox
from tests.notify.block_rules import problems, texts
from tests.notify.samples import NASTY_TITLES, ZONE, digest, item, nasty_items

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
ADA = Person("7", "Ada", "Ada@Acme.Example ", active=True)
POST = "chat.postMessage"


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def slack(clock: SimulatedClock) -> Iterator[SlackSandbox]:
    """A workspace with Ada, somebody who left, a bot, and our two channels."""
    slack = SlackSandbox(clock)
    slack.add_member("ada@acme.example", "Ada Lovelace")
    slack.add_member("gone@acme.example", "Somebody Gone", active=False)
    slack.add_member("robot@acme.example", "Robot", bot=True)
    slack.add_channel("bi-deprecation")
    slack.add_channel("analytics")
    with slack.serve():
        yield slack


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def notifier(slack: SlackSandbox, clock: SimulatedClock, waits: list[float]) -> SlackNotifier:
    return connect(slack, clock, sleep=waits.append)


def connect(slack: SlackSandbox, clock: SimulatedClock, **changes) -> SlackNotifier:
    settings = {
        "token": slack.token,
        "channel": "#bi-deprecation",
        "admin_channel": "#analytics",
        "zone": ZONE,
        "clock": clock,
        "base_url": f"{slack.serve().url}/api/",
        **changes,
    }
    return SlackNotifier(**settings)


def warning(recipient: Recipient, *items, message_id: str = "m1") -> Digest:
    return digest(
        NoticeKind.WARNING, Mode.LIVE, *(items or (item(),)), recipient=recipient, message_id=message_id
    )


# Recipients


def test_the_owner_is_found_by_e_mail_however_it_is_written(notifier, slack) -> None:
    (ada,) = (m.id for m in slack.members.values() if m.email == "ada@acme.example")
    assert notifier.recipient(ADA) == Recipient(ada, "Ada Lovelace")


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        (None, "it has no known owner"),
        (Person("7", "Ada"), "its owner has no known e-mail address"),
        (Person("7", "Ada", ""), "its owner has no known e-mail address"),
        (Person("7", "Ada", "ada@acme.example", active=False), f"its owner {LEFT}"),
        (Person("7", "Nobody", "nobody@acme.example"), "its owner is not on Slack"),
        (Person("7", "Gone", "gone@acme.example"), "its owner is not on Slack"),
        (Person("7", "Robot", "robot@acme.example"), "its owner is a bot on Slack"),
    ],
)
def test_who_cannot_be_reached_is_stood_in_for_and_why(notifier, owner, why) -> None:
    assert notifier.recipient(owner) == Recipient("#bi-deprecation", "#bi-deprecation", why)


def test_a_deactivated_account_slack_still_shows_is_not_written_to(notifier, slack) -> None:
    user = {"id": "U1", "deleted": True, "real_name": "Gone"}
    slack.faults.add(Fault("lookupByEmail", "status", status=200, body={"ok": True, "user": user}))
    assert notifier.recipient(ADA).succession == "its owner has a deactivated Slack account"


def test_slack_is_asked_once_about_each_address(notifier, slack) -> None:
    stranger = Person("8", "", "late@acme.example")
    for _ in range(3):
        notifier.recipient(ADA)
        notifier.recipient(Person("7", "", "ADA@acme.example"))
        assert notifier.recipient(stranger).succession
    slack.serve().stop()  # the log is complete only now
    assert len(slack.requests.matching("lookupByEmail")) == 2
    assert notifier.recipient(ADA).name == "Ada Lovelace"


def test_what_slack_said_about_an_address_is_forgotten_in_time(notifier, slack, clock) -> None:
    stranger = Person("8", "", "late@acme.example")
    assert notifier.recipient(stranger).succession
    slack.add_member("late@acme.example", "Late Joiner")
    assert notifier.recipient(stranger).succession
    clock.advance(MEMORY + timedelta(seconds=1))
    assert notifier.recipient(stranger).name == "Late Joiner"


def test_a_failed_lookup_is_an_error_not_an_unknown_owner(notifier, slack) -> None:
    slack.scopes = slack.scopes - {"users:read.email"}
    with pytest.raises(DeliveryError, match=r"missing_scope - add the scope users:read\.email"):
        notifier.recipient(ADA)
    slack.faults.add(Fault("lookupByEmail", "drop", times=None))
    with pytest.raises(DeliveryError, match="gave no answer"):
        notifier.recipient(ADA)


def test_without_any_channel_nobody_is_left(slack, clock) -> None:
    notifier = connect(slack, clock, channel="", admin_channel="")
    for ask in (lambda: notifier.recipient(None), notifier.trial_recipient, lambda: notifier.announce(RUN)):
        with pytest.raises(RecipientUnknown):
            ask()
    assert notifier.recipient(ADA).name == "Ada Lovelace"


def test_trial_notices_go_to_the_admins_or_else_to_the_channel(notifier, slack, clock) -> None:
    assert notifier.trial_recipient() == Recipient("#analytics", "#analytics")
    assert connect(slack, clock, admin_channel="").trial_recipient().address == "#bi-deprecation"


# Delivering

RUN = Announcement("a1", "Daily run", ("looker_prod: 2 warned",))


def test_an_owner_gets_a_direct_message_and_we_its_receipt(notifier, slack, clock) -> None:
    delivery = notifier.deliver(warning(notifier.recipient(ADA)))
    message = slack.message_for("ada@acme.example")
    assert (delivery.channel, delivery.ts, delivery.at) == (message.channel, message.ts, clock.now())
    assert message.metadata == {
        "event_type": "bi_governance_notice_sent",
        "event_payload": {"message_id": "m1"},
    }
    assert "Weekly sales" in message.text
    assert problems(message.blocks) == []
    assert message.options.get("unfurl_links") is False


def test_owners_and_stand_ins_are_spoken_to_differently(notifier, slack) -> None:
    notifier.deliver(warning(notifier.recipient(ADA)))
    notifier.deliver(warning(notifier.recipient(None), message_id="m2"))
    to_owner = "\n".join(texts(slack.message_for("ada@acme.example").blocks))
    to_channel = "\n".join(texts(slack.messages("#bi-deprecation")[0].blocks))
    assert "One of your dashboards" in to_owner
    assert "Owner: " not in to_owner
    assert "it has no known owner" in to_channel
    assert "Owner: Ada Lovelace" in to_channel


def test_buttons_are_there_only_when_somebody_listens(notifier, slack, clock) -> None:
    notifier.deliver(warning(notifier.recipient(ADA)))
    assert '"button"' not in str(slack.messages()[-1].blocks).replace("'", '"')
    connect(slack, clock, has_buttons=True).deliver(warning(notifier.recipient(ADA)))
    row = next(b for b in slack.messages()[-1].blocks if b["type"] == "actions")
    assert row["block_id"] == "0 looker_prod:dashboard:42"
    assert [button["action_id"] for button in row["elements"]] == [*OF_A_WARNING]


def test_titles_arrive_as_they_are(notifier, slack) -> None:
    notifier.deliver(warning(notifier.recipient(ADA), *nasty_items()))
    arrived = list(texts(slack.messages()[-1].blocks))
    assert [t for t in NASTY_TITLES[:4] if t not in arrived] == []
    assert "<!channel>" not in slack.messages()[-1].text


def test_too_many_items_are_refused_before_slack_is_asked(notifier, slack) -> None:
    with pytest.raises(DeliveryError, match="longer than Slack accepts"):
        notifier.deliver(warning(notifier.recipient(None), *(item(str(n)) for n in range(60))))
    assert slack.messages() == []


def test_the_analytics_team_is_told_in_its_channel(notifier, slack) -> None:
    delivery = notifier.announce(RUN)
    (message,) = slack.messages("#analytics")
    assert (delivery.channel, delivery.ts) == (message.channel, message.ts)
    assert "looker_prod: 2 warned\n" in texts(message.blocks)


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": True, "channel": "C1"}, {"ok": True, "ts": "1.0"}])
def test_without_channel_and_time_stamp_nothing_was_delivered(notifier, slack, answer) -> None:
    slack.faults.add(Fault(POST, "status", status=200, body=answer))
    with pytest.raises(DeliveryError, match="did not confirm"):
        notifier.deliver(warning(notifier.recipient(None)))


@pytest.mark.parametrize("code", [*HINTS, "a_new_error"])
def test_every_refusal_names_slacks_reason(notifier, slack, code) -> None:
    slack.faults.add(Fault(POST, "status", status=200, body={"ok": False, "error": code}))
    with pytest.raises(SlackRefused, match=rf"Slack refused chat\.postMessage: {code}") as caught:
        notifier.deliver(warning(notifier.recipient(None)))
    assert caught.value.code == code
    assert HINTS.get(code, "") in str(caught.value)


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"token": "xoxb-wrong"}, r"invalid_auth - check slack\.bot_token"),
        ({"channel": "#nowhere"}, "channel_not_found - check the channel's name and invite the bot"),
        ({"channel": "#strangers"}, "not_in_channel - .*invite the bot"),
        ({"channel": "#old"}, "is_archived - "),
    ],
)
def test_what_is_set_up_wrongly_is_said_with_a_hint(slack, clock, change, advice) -> None:
    slack.add_channel("strangers", joined=False)
    slack.add_channel("old", archived=True)
    notifier = connect(slack, clock, **change)
    with pytest.raises(DeliveryError, match=advice):
        notifier.deliver(warning(notifier.recipient(None)))


def test_a_person_who_left_since_is_an_error_with_a_hint(notifier, slack) -> None:
    ada = notifier.recipient(ADA)
    slack.deactivate("ada@acme.example")
    with pytest.raises(DeliveryError, match="user_disabled - the person cannot be written to"):
        notifier.deliver(warning(ada))


# Editing


def test_an_edit_replaces_what_stands_there_and_leaves_it_findable(notifier, slack, clock) -> None:
    recipient = notifier.recipient(ADA)
    sent = notifier.deliver(warning(recipient))
    after = notifier.compose(warning(recipient, item("9", "Orders")))
    for _ in range(2):
        notifier.edit(sent.channel, sent.ts, after)
    (message,) = slack.messages_for("ada@acme.example")
    assert "Orders" in message.text
    assert "Weekly sales" not in str(message.blocks)
    assert problems(message.blocks) == []
    assert connect(slack, clock).find("m1", recipient, START).ts == sent.ts


def test_an_edit_that_slack_refuses_says_why(notifier, slack) -> None:
    sent = notifier.deliver(warning(notifier.recipient(ADA)))
    slack.posted.clear()
    with pytest.raises(SlackRefused, match=r"chat\.update: message_not_found"):
        notifier.edit(sent.channel, sent.ts, notifier.compose(warning(notifier.recipient(ADA))))


# Threads


def reply_to(sent, recipient: Recipient, kind: NoticeKind, message_id: str, mode: Mode = Mode.LIVE) -> Digest:
    thread = Thread(sent.channel, sent.ts)
    return digest(kind, mode, item(), recipient=replace(recipient, thread=thread), message_id=message_id)


@pytest.mark.parametrize("owner", [ADA, None])
def test_a_reply_is_posted_below_its_warning_and_found_there(notifier, slack, clock, owner) -> None:
    recipient = notifier.recipient(owner)
    sent = notifier.deliver(warning(recipient))
    quiet = reply_to(sent, recipient, NoticeKind.RESCUED, "m2")
    loud = reply_to(sent, recipient, NoticeKind.LAST_CALL, "m3")
    answers = [notifier.deliver(each) for each in (quiet, loud)]
    _, *replies = slack.messages()
    assert [m.thread_ts for m in replies] == [sent.ts, sent.ts]
    assert [m.options["reply_broadcast"] for m in replies] == [False, True]
    fresh = connect(slack, clock)
    found = [fresh.find(each.message_id, each.recipient, START) for each in (quiet, loud)]
    assert [f.ts for f in found] == [a.ts for a in answers]
    assert fresh.find("m4", quiet.recipient, START) is None


@pytest.mark.parametrize("kind", list(NoticeKind))
def test_a_trial_is_never_loud_in_a_channel(notifier, slack, kind) -> None:
    channel = notifier.trial_recipient()
    sent = notifier.deliver(warning(channel))
    notifier.deliver(reply_to(sent, channel, kind, "m2", Mode.DRY_RUN))
    assert slack.messages()[-1].options["reply_broadcast"] is False


def test_a_reply_whose_warning_somebody_deleted_stands_by_itself(notifier, slack, clock) -> None:
    recipient = notifier.recipient(ADA)
    sent = notifier.deliver(warning(recipient))
    slack.posted.clear()
    reply = reply_to(sent, recipient, NoticeKind.REMINDER, "m2")
    answer = notifier.deliver(reply)
    (message,) = slack.messages_for("ada@acme.example")
    assert (message.thread_ts, message.ts) == (None, answer.ts)
    assert connect(slack, clock).find("m2", reply.recipient, START).ts == answer.ts


def test_a_reply_in_a_conversation_slack_no_longer_knows_goes_to_its_reader_all_the_same(
    notifier, slack, clock
) -> None:
    """As after the company moved to another workspace: ids of conversations are not those of before."""
    recipient = notifier.recipient(ADA)
    sent = notifier.deliver(warning(recipient))
    lost = replace(sent, channel="D0ELSEWHERE")
    reply = reply_to(lost, recipient, NoticeKind.REMINDER, "m2")
    answer = notifier.deliver(reply)
    assert slack.messages_for("ada@acme.example")[-1].ts == answer.ts
    assert connect(slack, clock).find("m2", reply.recipient, START).ts == answer.ts


def test_any_other_refusal_of_a_reply_is_said(notifier, slack) -> None:
    recipient = notifier.recipient(ADA)
    sent = notifier.deliver(warning(recipient))
    slack.faults.add(Fault(POST, "status", status=200, body={"ok": False, "error": "restricted_action"}))
    with pytest.raises(SlackRefused, match="restricted_action"):
        notifier.deliver(reply_to(sent, recipient, NoticeKind.REMINDER, "m2"))


def test_a_reply_whose_answer_was_lost_is_looked_for_in_its_thread(notifier, slack) -> None:
    recipient = notifier.recipient(ADA)
    sent = notifier.deliver(warning(recipient))
    reply = reply_to(sent, recipient, NoticeKind.RESCUED, "m2")
    first = notifier.deliver(reply)
    slack.faults.add(Fault(POST, "drop"))
    assert notifier.deliver(reply).ts == first.ts
    assert len(slack.messages()) == 2


@pytest.mark.parametrize("code", sorted(UNCHANGEABLE))
def test_what_slack_never_lets_us_edit_is_told_apart(notifier, slack, code) -> None:
    recipient = notifier.recipient(ADA)
    sent = notifier.deliver(warning(recipient))
    slack.faults.add(Fault("chat.update", "status", status=200, body={"ok": False, "error": code}))
    with pytest.raises(NotEditable, match=code):
        notifier.restate(warning(recipient), Thread(sent.channel, sent.ts))
    slack.faults.add(Fault("chat.update", "status", status=200, body={"ok": False, "error": "fatal_error"}))
    with pytest.raises(SlackRefused, match="fatal_error"):
        notifier.restate(warning(recipient), Thread(sent.channel, sent.ts))


# The reader's time


def test_a_date_is_told_in_the_zone_its_reader_set_in_slack(notifier, slack) -> None:
    (ada,) = (m for m in slack.members.values() if m.email == "ada@acme.example")
    ada.tz = "Asia/Tokyo"
    notifier.deliver(warning(notifier.recipient(ADA)))
    message = slack.messages()[-1]
    (date,) = [e for b in message.blocks if b["type"] == "rich_text" for s in b["elements"]
               for e in s["elements"] if e["type"] == "date"]  # fmt: skip
    assert date["timestamp"] == int(item().deadline.timestamp())
    assert date["fallback"] == "Mon 9 Mar 2026, 17:00 JST"
    assert "not before Mon 9 Mar 2026, 17:00 JST" in message.text


@pytest.mark.parametrize("tz", ["", "Mars/Olympus", "../etc"])
def test_without_a_zone_we_know_it_is_the_teams(notifier, slack, tz) -> None:
    (ada,) = (m for m in slack.members.values() if m.email == "ada@acme.example")
    ada.tz = tz
    notifier.deliver(warning(notifier.recipient(ADA)))
    assert "09:00 CET" in slack.messages()[-1].text


# Rate limits and silence


def test_a_rate_limit_is_waited_out_as_slack_asks(notifier, slack, waits) -> None:
    slack.faults.add(Fault(POST, "status", status=429, retry_after=7, times=2))
    notifier.deliver(warning(notifier.recipient(None)))
    assert waits == [7.0, 7.0]
    assert len(slack.messages()) == 1


def test_patience_has_an_end(notifier, slack, waits) -> None:
    slack.faults.add(Fault(POST, "status", status=429, retry_after=3, times=None))
    with pytest.raises(DeliveryError, match="ratelimited - Slack asks for more patience"):
        notifier.deliver(warning(notifier.recipient(None)))
    assert waits == [3.0] * 4


def test_a_wait_longer_than_a_run_can_afford_is_not_begun(notifier, slack, waits) -> None:
    slack.faults.add(Fault(POST, "status", status=429, retry_after=3600))
    with pytest.raises(DeliveryError, match="ratelimited"):
        notifier.deliver(warning(notifier.recipient(None)))
    assert waits == []


def test_a_rate_limit_without_a_time_is_waited_out_for_a_second(notifier, slack, waits) -> None:
    slack.faults.add(Fault("lookupByEmail", "status", status=429))
    assert notifier.recipient(ADA).name == "Ada Lovelace"
    assert waits == [1.0]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(POST, "drop"),
        Fault(POST, "html"),
        Fault(POST, "status", status=500),
        Fault(POST, "status", status=502),
        Fault(POST, "status", status=503, body={"ok": False, "error": "service_unavailable"}),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_a_post_whose_answer_was_lost_is_looked_for_before_anything_is_said(notifier, slack, fault) -> None:
    first = notifier.deliver(warning(notifier.recipient(ADA)))
    slack.faults.add(fault)
    again = notifier.deliver(warning(notifier.recipient(ADA)))  # was accepted: it is there
    assert (again.channel, again.ts) == (first.channel, first.ts)
    slack.faults.add(fault)
    with pytest.raises(SlackSilent, match=r"chat\.postMessage"):  # was not: nobody was told
        notifier.deliver(warning(notifier.recipient(ADA), message_id="m2"))
    assert len(slack.messages()) == 1


def test_silence_that_cannot_be_cleared_up_stays_silence(notifier, slack) -> None:
    slack.faults.add(Fault("chat.postMessage|conversations.history", "drop", times=None))
    with pytest.raises(OutcomeOpen, match=r"chat\.postMessage.* may have arrived; the next run asks"):
        notifier.deliver(warning(notifier.recipient(ADA)))


def test_a_server_that_is_not_there(waits) -> None:
    notifier = SlackNotifier(
        token="xoxb-secret",
        channel="#c",
        admin_channel="",
        zone=ZONE,
        clock=SimulatedClock(START),
        base_url="http://127.0.0.1:9/api/",
        sleep=waits.append,
    )
    with pytest.raises(SlackSilent, match=r"users\.lookupByEmail.*refused") as caught:
        notifier.recipient(ADA)
    assert "xoxb-secret" not in str(caught.value)
    assert waits == [1, 2]


def test_reading_is_tried_again_until_an_answer_comes(notifier, slack, waits) -> None:
    slack.faults.add(Fault("lookupByEmail", "status", status=500), Fault("lookupByEmail", "drop"))
    assert notifier.recipient(ADA).name == "Ada Lovelace"
    assert waits == [1, 2]


# Finding


@pytest.mark.parametrize("owner", [ADA, None])
def test_a_message_is_found_by_its_id_alone(notifier, slack, clock, owner) -> None:
    recipient = notifier.recipient(owner)
    sent = notifier.deliver(warning(recipient))
    notifier.deliver(warning(recipient, message_id="m2"))
    clock.advance(timedelta(days=2))
    fresh = connect(slack, clock)
    found = fresh.find("m1", Recipient(recipient.address, recipient.address), START)
    assert (found.channel, found.ts) == (sent.channel, sent.ts)
    assert found.at == clock.now()
    assert fresh.find("m3", recipient, START) is None


def test_a_message_is_found_among_hundreds(notifier, slack) -> None:
    recipient = notifier.recipient(None)
    sent = notifier.deliver(warning(recipient))
    (channel,) = (c.id for c in slack.channels.values() if c.name == "bi-deprecation")
    for number in range(450):
        slack.post_as("ada@acme.example", channel, f"chat {number}")
    assert notifier.find("m1", recipient, START).ts == sent.ts
    slack.serve().stop()  # the log is complete only now
    assert len(slack.requests.matching("conversations.history")) == 3


def test_what_others_write_is_not_taken_for_ours(notifier, slack) -> None:
    recipient = notifier.recipient(None)
    message = slack.post_as(
        "ada@acme.example", slack.messages()[0].channel if slack.messages() else "C00000001", "m1"
    )
    message.metadata = {"event_type": "something_else", "event_payload": {"message_id": "m1"}}
    assert notifier.find("m1", recipient, START) is None


def test_a_message_from_long_before_is_not_this_one(notifier, clock) -> None:
    recipient = notifier.recipient(None)
    notifier.deliver(warning(recipient))
    clock.advance(timedelta(days=1))
    assert notifier.find("m1", recipient, START + CLOCK_SKEW + timedelta(seconds=1)) is None
    assert notifier.find("m1", recipient, START + CLOCK_SKEW - timedelta(seconds=1)) is not None


def test_when_slack_cannot_be_asked_nothing_is_claimed(notifier, slack) -> None:
    recipient = notifier.recipient(None)
    notifier.deliver(warning(recipient))
    slack.faults.add(Fault("conversations.history", "status", status=500, times=3))
    with pytest.raises(DeliveryError):
        notifier.find("m1", recipient, START)
    slack.scopes = slack.scopes - {"channels:history"}
    with pytest.raises(DeliveryError, match="missing_scope - add the scope channels:history"):
        notifier.find("m1", recipient, START)


def test_a_channel_the_bot_cannot_see_is_named(slack, clock) -> None:
    with pytest.raises(DeliveryError, match="no channel #nowhere"):
        connect(slack, clock).find("m1", Recipient("#nowhere", ""), START)


def test_a_private_channel_is_found_where_the_bot_may_list_those(slack, clock) -> None:
    slack.add_channel("secret", private=True)
    with pytest.raises(DeliveryError, match="no channel #secret"):
        connect(slack, clock).find("m1", Recipient("#secret", ""), START)
    slack.scopes |= {"groups:read", "groups:history"}
    assert connect(slack, clock).find("m1", Recipient("#secret", ""), START) is None


def test_channels_may_be_given_by_id(slack, clock) -> None:
    (channel,) = (c.id for c in slack.channels.values() if c.name == "bi-deprecation")
    notifier = connect(slack, clock, channel=channel)
    sent = notifier.deliver(warning(notifier.recipient(None)))
    assert sent.channel == channel
    assert notifier.find("m1", notifier.recipient(None), START).ts == sent.ts
    assert "Ask the analytics team" in str(slack.messages()[0].blocks)


# What the bot may


@pytest.mark.parametrize("scope", sorted(TO_TELL))
def test_a_scope_nothing_works_without_is_named_by_the_check(notifier, slack, scope) -> None:
    slack.scopes -= {scope}
    with pytest.raises(DeliveryError, match=rf"lacks the scope\(s\) {scope}; .*https://api\.slack\.com/apps"):
        notifier.check()


@pytest.mark.parametrize("scope", sorted(TO_SYNC))
def test_a_scope_only_sync_needs_is_named_and_stops_nothing(notifier, slack, scope) -> None:
    assert notifier.check() == "as bi-governance in Acme"
    slack.scopes -= {scope}
    assert notifier.check().endswith(f"; for `slack sync` it lacks the scope(s) {scope}")


# Silence


def test_a_slack_that_is_silent_is_left_alone_for_a_while(slack, clock, waits) -> None:
    notifier = connect(slack, clock, sleep=waits.append, tick=lambda: clock.now().timestamp())
    slack.faults.add(Fault("lookupByEmail", "drop", times=MOST_UNANSWERED))
    for name in ("a", "b", "c"):
        with pytest.raises(SlackSilent):
            notifier.recipient(Person(name, "", f"{name}@acme.example"))
    assert len(slack.requests) == MOST_UNANSWERED
    with pytest.raises(SlackSilent, match=r"no answer 6 times in a row; users\.lookupByEmail was not tried"):
        notifier.recipient(ADA)
    clock.advance(timedelta(seconds=REST_SECONDS))
    assert notifier.recipient(ADA).name == "Ada Lovelace"


# Secrets


def test_the_token_is_never_logged_nor_part_of_an_error(notifier, slack, clock, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("slack_sdk").setLevel(logging.DEBUG)
    notifier.deliver(warning(notifier.recipient(ADA)))
    slack.faults.add(Fault(POST, "drop"), Fault(POST, "status", status=200, body={"ok": False, "error": "x"}))
    for message_id in ("m2", "m3"):
        with pytest.raises(DeliveryError) as caught:
            notifier.deliver(warning(notifier.recipient(ADA), message_id=message_id))
        assert slack.token not in str(caught.value)
    assert slack.token not in caplog.text
    assert slack.token not in repr(notifier)
