"""What is refused: forged, replayed, stale and unauthorised clicks change nothing, are told so, recorded."""

from __future__ import annotations

import copy
import http.client
import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from bi_governance import events as ev
from bi_governance.errors import SourceUnreachable
from bi_governance.model import Mode
from bi_governance.ports import Reach, Recipient
from bi_governance.run import daily_run
from bi_governance.sandbox.slack_people import over_http, post, signature
from tests.answers.office import ADA, ANN, BOB, EVE, PATIENCE, SECRET, listening
from tests.flow.test_daily_run import go_live

WARNING_BUTTONS = ("keep_30", "keep_90", "keep_365", "keep_for_good", "hand_over", "delete", "why")


def nothing_happened(office, board="1"):
    case = office.case(board)
    quiet = (ev.KeptUntil, ev.HandedOver, ev.RemovalAgreed, ev.ExemptionRequested, ev.RemovalIntended)
    return case.is_open and case.agreed_at is None and office.events(*quiet, ev.Answered) == []


def renamed(payload, handle):
    """The same press, about something else."""
    forged = copy.deepcopy(dict(payload))
    forged["actions"][0]["block_id"] = handle
    return forged


def test_a_forged_click_is_refused(connected):
    """Signed by Slack, and yet about a visual its message never named."""
    connected.warned("1")
    connected.world.bi.add("2", owner="bob")
    connected.deliver(renamed(connected.people.press(ADA, connected.message(), "keep_90"), "0 bi:board:2"))
    assert connected.case("2").kept_until is None
    assert nothing_happened(connected)
    assert connected.refusals() == [(ADA, "forged")]
    assert "never was about bi:board:2" in connected.whispered(ADA)[0]


def test_a_replayed_click_is_refused(connected):
    connected.warned("1")
    pressed = connected.press(ADA, "keep_90")
    before = connected.case()
    connected.forward(0.1)
    connected.deliver(pressed)
    assert connected.case() == before
    assert len(connected.events(ev.KeptUntil)) == 1
    assert connected.refusals() == [(ADA, "replayed")]
    assert "already done: Kept until" in connected.whispered(ADA)[0]


def test_a_stale_click_is_refused(connected):
    """Somebody else was faster; the second click says how it ended, and the message shows it."""
    message = connected.warned("1")
    late = connected.people.press(ADA, message, "delete")
    connected.press(ANN, "keep_365")
    connected.deliver(late)
    assert connected.refusals() == [(ADA, "stale")]
    assert "settled before: Kept until" in connected.whispered(ADA)[0]
    assert len(connected.events(ev.KeptUntil)) == 1
    assert connected.slack.interaction.views == {}


def test_an_unauthorised_click_is_refused(connected):
    connected.warned("1")
    connected.press(EVE, "keep_90")
    assert nothing_happened(connected)
    assert connected.refusals() == [(EVE, "unauthorised")]
    told = [m.text for m in connected.slack.messages_for(EVE)]
    assert "Only its owner, whoever was told, or an admin" in told[0]


# --- who may


@pytest.mark.parametrize("button", WARNING_BUTTONS)
def test_a_stranger_may_press_nothing(office, button):
    office.warned("1")
    office.press(EVE, button)
    assert nothing_happened(office)
    assert office.refusals() == [(EVE, "unauthorised")]
    assert office.slack.interaction.views == {}


@pytest.mark.parametrize("button", sorted(set(WARNING_BUTTONS) - {"delete", "why"}))
def test_an_admin_may_answer_in_the_owners_place(office, button):
    office.warned("1")
    office.press(ANN, button)
    assert office.refusals() == []


def test_only_the_owner_may_have_it_deleted_before_its_date(office):
    office.warned("1")
    office.press(ANN, "delete")
    assert office.refusals() == [(ANN, "unauthorised")]
    assert office.slack.interaction.views == {}


def test_a_form_does_not_lend_its_opener_anything(office):
    """Whoever sends a form is asked anew: opened by the owner, sent by somebody else."""
    office.warned("1")
    office.press(ADA, "delete")
    sent = office.people.send_form(ADA)
    sent["user"] = {"id": office.members[EVE], "name": "eve"}
    office.deliver(sent)
    assert nothing_happened(office)
    assert office.refusals() == [(EVE, "unauthorised")]


def test_after_a_hand_over_the_new_owner_alone_may_delete_at_once(office):
    office.warned("1")
    office.press(ADA, "hand_over")
    office.fill(ADA, person=office.members[BOB])
    office.forward(1)
    office.run()
    office.forward(1)
    office.run()
    message = office.message(BOB)
    office.press(ADA, "delete", message=message)
    assert office.refusals() == [(ADA, "unauthorised")]
    office.press(BOB, "delete", message=message)
    office.fill(BOB)
    assert office.world.bi.writes == ["remove 1"]


def test_in_the_stand_in_channel_the_owner_is_known_by_e_mail(office):
    """A message for whoever reads a channel gives nobody there a right; the owner has it all the same."""
    office.world.bi.add("1", owner="gone")
    go_live(office.world)
    office.run()
    (message,) = office.slack.messages("#bi-deprecation")
    office.press(EVE, "keep_90", message=message)
    assert office.refusals() == [(EVE, "unauthorised")]
    office.slack.add_member("gone@acme.example", "Back Again")
    office.press("gone@acme.example", "keep_90", message=message)
    assert office.case().kept_until is not None


def test_a_stand_in_may_keep_but_not_agree_to_an_early_end(office):
    bob = Recipient(office.members[BOB], "Bob", "its owner left")
    office.world.services.notifier.reach = lambda _person, _source: Reach(bob)
    office.world.bi.add("1", owner="gone")
    go_live(office.world)
    office.run()
    message = office.message(BOB)
    office.press(BOB, "delete", message=message)
    assert office.refusals() == [(BOB, "unauthorised")]
    office.press(BOB, "keep_90", message=message)
    assert office.case().kept_until is not None


# --- stale


def test_after_a_change_of_mode_a_message_does_not_count(office):
    office.warned("1")
    office.switch(Mode.DRY_RUN)
    office.press(ADA, "delete")
    assert office.refusals() == [(ADA, "stale")]
    assert "switched to dry-run" in office.whispered(ADA)[0]


def test_what_was_used_since_is_settled(office):
    office.warned("1")
    late = office.people.press(ADA, office.message(), "keep_90", "board:1")
    office.world.bi.view("1")
    office.forward(1)
    office.run()
    office.deliver(late)
    assert office.refusals() == [(ADA, "stale")]
    assert "settled before: last viewed" in office.whispered(ADA)[0]


def test_what_is_gone_from_its_platform_is_told_so(office):
    office.warned("1")
    office.world.bi.things["1"].exists = False
    office.forward(1)
    office.run()
    office.press(ADA, "keep_90")
    assert office.refusals() == [(ADA, "stale")]
    assert "gone from its platform" in office.whispered(ADA)[0]


def test_what_was_deleted_is_told_so(office):
    office.warned("1")
    late = office.people.press(ADA, office.message(), "keep_90", "board:1")
    office.forward(7)
    office.run()
    assert office.world.bi.writes == ["remove 1"]
    office.deliver(late)
    assert office.refusals() == [(ADA, "stale")]
    assert "was deleted on 2026-03-09" in office.whispered(ADA)[0]


def test_a_restore_of_what_lives_is_refused(office):
    office.warned("1")
    office.forward(1)
    office.run()
    office.press(ADA, "delete")
    office.fill(ADA)
    restore = office.people.press(ADA, office.message(), "restore", "board:1")
    office.deliver(restore)
    again = copy.deepcopy(restore)
    again["actions"][0]["action_ts"] = "99.1"
    office.deliver(again)
    assert office.world.bi.writes == ["remove 1", "restore 1"]
    assert office.refusals() == [(ADA, "stale")]


def test_two_clicks_before_the_first_is_shown_are_both_shown(office):
    """Each message is written from the ledger, not from what its clicker saw."""
    message = office.warned("1", "2")
    clicks = [office.people.press(ADA, message, "keep_30", f"board:{n}") for n in "12"]
    for click in clicks:
        office.send(click)
    office.answers.drain(PATIENCE)
    assert len(office.said()) == 2


# --- while others work


def test_during_a_run_a_keep_counts_and_a_question_waits(office):
    office.warned("1")
    with office.turn:
        office.press(ADA, "why")
        office.press(ADA, "keep_30")
    assert "a run is under way" in office.form(ADA)
    assert office.case().kept_until is not None
    assert office.refusals() == [(ADA, "busy")]


def test_what_cannot_be_deleted_at_once_goes_with_the_next_run(office):
    """Right after the warning nothing is known yet about use since then."""
    office.warned("1")
    office.press(ADA, "delete")
    office.fill(ADA)
    assert office.world.bi.writes == []
    assert office.said() == ["Ada agreed to delete it without waiting; it goes with the next run"]
    assert "no access history newer than the warning" in office.whispered(ADA)[0]
    office.forward(1)
    office.run()
    assert office.world.bi.writes == ["remove 1"]


def test_who_agreed_may_still_change_their_mind(office):
    office.warned("1")
    office.press(ADA, "delete")
    office.fill(ADA)
    office.press(ADA, "keep_90")
    office.forward(1)
    assert office.said()[0].startswith("Kept until")
    office.run()
    assert office.world.bi.writes == []
    assert "kept until Sun 31 May 2026 by ada@acme.example" in office.message().text


def test_consent_does_not_outweigh_what_the_platform_knows(office):
    office.warned("1")
    office.press(ADA, "delete")
    office.fill(ADA)
    office.world.bi.view("1")
    office.forward(1)
    office.run()
    assert office.world.bi.writes == []
    assert not office.case().is_open


def test_a_platform_that_is_away_is_said_so(office):
    office.warned("1")
    office.forward(1)
    office.run()
    office.world.bi.failing["look"] = SourceUnreachable("no answer", source="bi")
    office.press(ADA, "delete")
    office.fill(ADA)
    assert office.world.bi.writes == []
    assert "not now" in office.whispered(ADA)[0]
    assert "no answer" in office.whispered(ADA)[0]


def test_a_restore_that_fails_is_told_and_can_be_tried_again(office):
    office.warned("1")
    office.forward(7)
    report = daily_run(office.world.services)
    assert report.deleted.removed
    office.world.bi.failing["restore"] = SourceUnreachable("no answer", source="bi")
    message = office.message()
    restore = office.people.press(ADA, message, "why", "board:1")
    restore["actions"][0]["action_id"] = "restore"
    office.deliver(restore)
    assert office.refusals() == [(ADA, "failed")]
    office.world.bi.failing.clear()
    office.deliver(restore)
    assert office.world.bi.writes[-1] == "restore 1"


def test_a_restore_of_what_was_purged_is_tried_and_says_what_became_of_it(office):
    """The button outlives the backup; whoever presses it is told that it is gone, not that it lives."""
    office.warned("1")
    office.forward(7)
    assert daily_run(office.world.services).deleted.removed
    message = office.message()
    purged = ev.Purged(at=office.world.clock.now(), key=office.world.key("1"))
    office.world.services.ledger.append([purged])
    restore = office.people.press(ADA, message, "why", "board:1")
    restore["actions"][0]["action_id"] = "restore"
    office.deliver(restore)
    assert office.refusals() == [(ADA, "failed")]
    assert "its backup was purged on" in office.whispered(ADA)[0]


# --- requests that are nobody's


@pytest.fixture
def listening_office(office):
    office.warned("1")
    with listening(office, "http"):
        yield office


def signed_body(office):
    payload = office.people.press(ADA, office.message(), "keep_90", "board:1")
    return payload, f"payload={json.dumps(payload)}".encode()


def strangers(office):
    office.answers.drain(PATIENCE)
    return [(e.code, e.reason) for e in office.events(ev.RequestRefused)]


def test_a_request_signed_with_another_secret_is_refused(listening_office):
    office = listening_office
    payload, _ = signed_body(office)
    assert over_http(office.slack, payload, office.url, "another secret") == 401
    assert over_http(office.slack, payload, office.url, "another secret") == 401
    assert strangers(office) == [("forged", "a request whose signature is wrong or older than five minutes")]
    assert nothing_happened(office)


def test_a_request_changed_on_its_way_is_refused(listening_office):
    office = listening_office
    payload, body = signed_body(office)
    assert over_http(office.slack, payload, office.url, SECRET, body=body) == 401
    assert nothing_happened(office)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_is_good_for_five_minutes(listening_office, minutes):
    office = listening_office
    _, body = signed_body(office)
    at = office.slack.clock.now() + timedelta(minutes=minutes)
    stamp = str(int(at.timestamp()))
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature(SECRET, stamp, body),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert post(office.url, body, headers) == 401
    assert nothing_happened(office)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": "1" * 400, "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": "1772431200"},
    ],
)
def test_a_request_without_a_signature_is_refused(listening_office, headers):
    assert post(listening_office.url, b"payload={}", headers) == 401
    assert [code for code, _ in strangers(listening_office)] == ["forged"]


@pytest.mark.parametrize(
    ("body", "status"), [(b"\xff\xfe", 401), (b"payload={", 400), (b"payload=[]", 200), (b"x" * 600_000, 413)]
)
def test_what_makes_no_sense_is_refused_whoever_signed_it(listening_office, body, status):
    office = listening_office
    stamp = str(int(office.slack.clock.now().timestamp()))
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(SECRET, stamp, body)}
    assert post(office.url, body, headers) == status
    office.answers.drain(PATIENCE)
    assert nothing_happened(office)


def test_a_press_that_names_nothing_is_recorded(office):
    office.warned("1")
    pressed = office.people.press(ADA, office.message(), "keep_90", "board:1")
    office.deliver(renamed(pressed, "rubbish"))
    pressed["container"] = {"message_ts": ""}
    office.deliver(pressed)
    assert [e.code for e in office.events(ev.RequestRefused)] == ["unreadable", "unreadable"]
    assert nothing_happened(office)


def test_a_get_request_is_nothing(listening_office):
    """Previews and prefetchers follow links: there is none to follow."""
    parts = urlsplit(listening_office.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request("GET", f"{parts.path}?payload=%7B%7D")
    assert connection.getresponse().status == 405
    connection.close()
