"""The next in line, told because nobody reacted: what they can say on Slack."""

from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.model import NoticeKind
from tests.answers.office import ADA, BOB


@pytest.fixture
def escalated(office):
    """Ada's manager, Bob, is told of her board two days before it goes."""
    people = replace(office.world.services.people, managers={ADA: BOB})
    office.world.services = replace(office.world.services, people=people)
    office.warned("1")
    office.forward(5)
    office.run()
    return office


def test_the_message_says_why_and_has_buttons(escalated):
    message = escalated.message(BOB)
    assert message.text.startswith("Nobody has answered: 1 board will be deleted")
    (told,) = [e for e in escalated.events(ev.NoticeDelivered) if e.notice is NoticeKind.ESCALATION]
    assert (told.role, told.succession) == ("manager", "")


def test_the_next_in_line_keeps_it_with_one_press(escalated):
    escalated.press(BOB, "keep_90", message=escalated.message(BOB))
    assert escalated.case().kept_until is not None
    assert any("Kept until" in line for line in escalated.said(escalated.message(BOB)))
    escalated.forward(5)
    escalated.run()
    assert escalated.world.bi.writes == []


def test_the_next_in_line_can_keep_and_cannot_let_go(escalated):
    """Consent to an early end stays the owner's: a made-up press of the button they do not have."""
    message = escalated.message(BOB)
    payload = escalated.people.press(BOB, message, "keep_30", "board:1")
    payload["actions"][0]["action_id"] = "hand_over"
    escalated.deliver(payload)
    assert escalated.refusals() == [(BOB, "unauthorised")]
    assert escalated.case().is_open
