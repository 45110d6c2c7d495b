"""Keeping for good, which an admin confirms; and handing over to people who can be told."""

from __future__ import annotations

import pytest

from bi_governance import events as ev
from tests.answers.office import ADA, ANN, BOB, EVE


def asked(office, reason="needed for the audit in spring"):
    office.warned("1")
    office.press(ADA, "keep_for_good")
    office.fill(ADA, reason=reason)
    return next(iter(office.slack.messages("#analytics")[-1:]), None)


def test_it_is_kept_at_once_and_for_good_when_an_admin_agrees(office):
    request = asked(office)
    assert "Ada asks to keep bi:board:1 until revoked: needed for the audit in spring" in str(request.blocks)
    case = office.case()
    assert (case.kept_until - office.world.clock.now()).days == 30
    assert case.exempt_reason is None
    assert "an admin decides" in office.said()[0]
    office.press(ANN, "confirm", message=request)
    assert office.case().exempt_reason.startswith("needed for the audit in spring (asked for by slack:")
    assert office.said() == office.said(request)
    assert office.said()[0] == "Kept until revoked, confirmed by Ann: needed for the audit in spring"
    (exempted,) = office.events(ev.Exempted)
    assert ANN in exempted.actor


def test_an_admin_may_decline_and_it_stays_kept_for_the_time_being(office):
    request = asked(office)
    office.press(ANN, "decline", message=request)
    case = office.case()
    assert (case.exempt_reason, case.exemption_requested) == (None, None)
    assert office.said() == [f"Declined by Ann; it stays kept until {case.kept_until:%Y-%m-%d}"]


def test_only_admins_decide(office):
    request = asked(office)
    for email in (ADA, EVE):
        office.press(email, "confirm", message=request)
    assert office.refusals() == [(ADA, "unauthorised"), (EVE, "unauthorised")]
    assert office.events(ev.Exempted) == []


def test_a_request_is_decided_once(office):
    request = asked(office)
    late = office.people.press(ANN, request, "decline", "board:1")
    confirmed = office.press(ANN, "confirm", message=request)
    office.deliver(confirmed)
    office.deliver(late)
    assert office.refusals() == [(ANN, "replayed"), (ANN, "stale")]
    assert office.case().exempt_reason is not None


def test_a_reason_is_more_than_space(office):
    asked(office, reason="  \n ")
    assert office.case().is_open
    assert office.refusals() == [(ADA, "invalid")]
    assert "needs a reason" in office.whispered(ADA)[0]


def test_what_somebody_writes_is_shown_as_written(office):
    request = asked(office, reason="<!channel> *now* & _here_")
    assert "<!channel> *now* & _here_" in str(request.blocks)
    assert "<!channel>" not in request.text
    assert all(b["text"]["type"] == "plain_text" for b in request.blocks if b["type"] == "section")


def test_without_admins_the_command_line_is_named(office):
    office.admins = frozenset()
    request = asked(office)
    assert "bi-governance exempt bi:board:1 --reason" in str(request.blocks)
    assert [b for b in request.blocks if b["type"] == "actions"] == []
    assert office.case().exemption_requested is not None


@pytest.mark.parametrize("who", ["robot", "gone", "self", "no e-mail"])
def test_nobody_is_handed_something_who_cannot_be_told(office, who):
    members = {
        "robot": office.slack.add_member("robot@acme.example", "Robot", bot=True),
        "gone": office.slack.add_member("gone@acme.example", "Gone", active=False),
        "no e-mail": office.slack.add_member(None, "Nameless"),
        "self": office.members[ADA],
    }
    office.warned("1")
    office.press(ADA, "hand_over")
    office.fill(ADA, person=members[who])
    assert office.refusals() == [(ADA, "invalid")]
    assert office.case().is_open
    assert "nothing was changed" in office.whispered(ADA)[0]


def test_a_new_owner_at_the_platform_ends_a_hand_over(office):
    office.warned("1")
    office.press(ADA, "hand_over")
    office.fill(ADA, person=office.members[BOB])
    office.world.bi.things["1"].owner = "eve"
    office.forward(1)
    office.run()
    assert office.case().warning.recipient == office.members[EVE]
    assert office.slack.message_for(BOB) is None


def test_somebody_who_left_after_a_hand_over_is_stood_in_for(office):
    office.warned("1")
    office.press(ADA, "hand_over")
    office.fill(ADA, person=office.members[BOB])
    office.slack.deactivate(BOB)
    office.forward(1)
    office.run()
    warning = office.case().warning
    assert warning.recipient == "#bi-deprecation"
    assert warning.succession.startswith("its owner is not on Slack; ")
