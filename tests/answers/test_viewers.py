"""Those who merely used it: their word keeps it, and offers to look after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.notify.requests import Place
from bi_governance.ports import Reach
from tests.answers.office import ADA, BOB, EVE
from tests.flow.test_daily_run import go_live
from tests.flow.world import START


@pytest.fixture
def viewed(office):
    """Bob used Ada's board once, long ago, and is told that it goes."""
    office.world.services = replace(office.world.services, viewers_at_most=3)
    office.world.bi.add("1")
    office.world.bi.view("1", "bob", START - timedelta(days=75))
    go_live(office.world)
    return office


def buttons(message):
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]


def test_a_viewer_may_keep_and_nothing_that_is_the_owners(viewed):
    viewed.run()
    told = viewed.message(BOB)
    assert buttons(told) == ["still_need", "take_over", "why"]
    for button in ("delete", "hand_over", "keep_for_good"):
        forged = viewed.people.press(BOB, told, "still_need", "board:1")
        forged["actions"][0]["action_id"] = button
        forged["actions"][0]["action_ts"] = f"1.{button}"
        viewed.deliver(forged)
    assert viewed.refusals() == [(BOB, "unauthorised")] * 3
    viewed.press(BOB, "still_need", message=told)
    assert viewed.case().kept_until == START + timedelta(days=90)
    assert viewed.case().warning is None


def test_an_offer_to_look_after_it_stands_in_the_owners_message(viewed):
    viewed.run()
    to_ada, to_bob = viewed.message(ADA), viewed.message(BOB)
    viewed.press(BOB, "take_over", message=to_bob)
    assert viewed.case().kept_until == START + timedelta(days=90)
    assert viewed.case().handed_over is None
    line = "Kept until 2026-05-31; Bob needs it and offers to look after it"
    assert (viewed.said(to_ada), viewed.said(to_bob)) == ([line], [line])


def test_a_warning_that_went_by_e_mail_is_no_message_of_slack_to_change(viewed):
    viewed.run()
    conversation = viewed.answers._slack
    assert conversation.message(Place("email/mail.acme.example", "<1@acme.example>")) is None
    assert conversation.message(Place(viewed.message(BOB).channel, "1.000001")) is None


def test_where_the_owner_could_not_be_told_the_viewer_looks_after_it(viewed):
    reach = viewed.world.services.notifier.reach
    viewed.world.services.notifier.reach = lambda person, source: (
        Reach(None, "is not on Slack") if person.email == ADA else reach(person, source)
    )
    viewed.world.bi.view("1", "eve", START - timedelta(days=74))
    viewed.run()
    warning = viewed.case().warning
    assert (warning.recipient, warning.succession[:9]) == (viewed.members[EVE], "its owner")
    viewed.press(BOB, "take_over", message=viewed.message(BOB))
    handed = viewed.case().handed_over
    assert (handed.to_id, handed.to_email) == (viewed.members[BOB], BOB)
    assert viewed.said(viewed.message(BOB)) == ["Kept until 2026-05-31; Bob looks after it"]


def test_who_took_it_over_stands_in_and_may_not_have_it_deleted_at_once(viewed):
    viewed.world.ledger.append([took_over(viewed, actor=f"slack:{viewed.members[BOB]} {BOB}")])
    viewed.run()
    viewed.press(BOB, "delete", message=viewed.message(BOB))
    assert viewed.refusals() == [(BOB, "unauthorised")]
    assert viewed.case().agreed_at is None


def test_whom_the_owner_handed_it_over_to_may(viewed):
    viewed.world.ledger.append([took_over(viewed, actor=f"slack:{viewed.members[ADA]} {ADA}")])
    viewed.run()
    viewed.press(BOB, "delete", message=viewed.message(BOB))
    assert viewed.refusals() == []


def took_over(office, *, actor):
    board = office.world.bi.things["1"]
    return ev.HandedOver(
        at=office.world.clock.now(),
        actor=actor,
        key=office.world.key("1"),
        to_id=office.members[BOB],
        to_name="Bob",
        to_email=BOB,
        owner_id=board.owner,
    )


def test_only_a_viewer_who_was_told_may_take_it_over(viewed):
    viewed.run()
    told = viewed.message(BOB)
    for email in (EVE, ADA):
        forged = viewed.people.press(email, told, "take_over", "board:1")
        viewed.deliver(forged)
    assert viewed.refusals() == [(EVE, "unauthorised"), (ADA, "unauthorised")]
    assert viewed.case().kept_until is None
