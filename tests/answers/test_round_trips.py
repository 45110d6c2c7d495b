"""Every answer there and back, over a real Socket Mode connection and over signed HTTP."""

from __future__ import annotations

from bi_governance import events as ev
from bi_governance.model import Mode
from bi_governance.sandbox.slack_interaction import TRIGGER_LIFE
from tests.answers.office import ADA, BOB, listening


def buttons(message):
    return [e["action_id"] for b in message.blocks if b["type"] == "actions" for e in b["elements"]]


def test_keep_there_and_back(connected):
    connected.warned("1", "2")
    offered = len(buttons(connected.message()))
    connected.press(ADA, "keep_90")
    case = connected.case()
    assert (case.kept_until - connected.world.clock.now()).days == 90
    assert not case.is_open
    assert connected.said() == [f"Kept until {case.kept_until:%Y-%m-%d} by Ada"]
    assert connected.case("2").is_open
    assert len(buttons(connected.message())) == offered // 2
    assert connected.whispered(ADA) == []


def test_delete_now_and_restore_there_and_back(connected):
    """Whoever agrees the next day does not wait for the rest of the week; what is gone can be had back."""
    connected.warned("1")
    connected.forward(1)
    connected.run()
    connected.press(ADA, "delete")
    assert "backed up first" in connected.form(ADA)
    assert connected.world.bi.writes == []
    connected.fill(ADA)
    assert connected.world.bi.writes == ["remove 1"]
    assert connected.said() == ["Deleted by Ada"]
    assert buttons(connected.message()) == ["restore"]
    agreed, removed = connected.events(ev.RemovalAgreed, ev.Removed)
    assert ADA in agreed.actor
    assert removed.backup in connected.world.shelf.saved
    connected.press(ADA, "restore")
    assert connected.world.bi.writes == ["remove 1", "restore 1"]
    assert connected.said() == ["Restored by Ada; could not come back: favourites are gone"]
    assert buttons(connected.message()) == []
    assert connected.case().immune_until > connected.world.clock.now()


def test_hand_over_there_and_back(connected):
    connected.warned("1")
    connected.press(ADA, "hand_over")
    connected.fill(ADA, person=connected.members[BOB])
    assert connected.said()[0].startswith("Handed over to Bob by Ada")
    connected.forward(1)
    connected.run()
    message = connected.message(BOB)
    assert "because Ada handed it over to you" in str(message.blocks)
    warning = connected.case().warning
    assert warning.recipient == connected.members[BOB]
    grace = connected.world.services.policy
    assert (warning.deadline - warning.at).days == grace.warning_days + grace.succession_grace_days
    connected.press(BOB, "keep_30", message=message)
    assert connected.said(message)[0].endswith("by Bob")


def test_why_there_and_back(connected):
    connected.warned("1")
    connected.press(ADA, "why")
    view = connected.slack.interaction.last_view(connected.members[ADA])
    assert "Looking it up" in str(view.versions[0])
    said = connected.form(ADA)
    assert "Verdict: none" in said
    assert "Because: warned; deletion not before 2026-03-09" in said
    assert "Owner: ada@acme.example" in said
    assert connected.case().is_open
    assert len(buttons(connected.message())) == 7


def test_a_command_there_and_back(connected):
    connected.warned("1")
    assert "Board 1 (bi:board:1): deleted not before 2026-03-09" in connected.command(ADA, "mine")
    assert "Kept until" in connected.command(ADA, "keep bi:board:1 30")
    assert not connected.case().is_open


def test_a_connection_slack_wants_back_is_opened_anew(office):
    office.warned("1")
    with listening(office, "socket"):
        office.slack.socket.refresh()
        office.press(ADA, "keep_30")
    assert office.case().kept_until is not None


def test_a_form_has_to_be_opened_within_three_seconds(office):
    """What is looked up before a form opens must not take long; the sandbox is as strict as Slack."""
    office.warned("1")
    payload = office.people.press(ADA, office.message(), "delete", "board:1")
    office.slack.clock.advance(2 * TRIGGER_LIFE)
    office.deliver(payload)
    assert office.slack.interaction.views == {}
    assert office.world.bi.writes == []


def test_in_a_trial_delete_now_says_that_nothing_is_deleted(office):
    office.warned("1", live=False)
    office.press(ADA, "delete")
    assert "This is a trial: nothing is deleted" in office.form(ADA)
    office.fill(ADA)
    assert "this is a trial, so nothing is deleted" in office.said()[0]
    assert buttons(office.message()) == ["keep_90"]
    assert office.events(ev.RemovalAgreed, ev.RemovalIntended) == []
    assert [e.outcome for e in office.events(ev.Answered)] == ["trial"]
    assert office.world.bi.writes == []
    assert office.world.ledger.state().mode_of("bi") is Mode.DRY_RUN
