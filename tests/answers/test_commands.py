"""The slash command `/bi`, for owners and admins."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.guards import Limits
from bi_governance.model import Mode
from tests.answers.office import ADA, ANN, BOB, EVE


def codes(office):
    return [(e.actor.split()[-1], e.what, e.code) for e in office.events(ev.RequestRefused)]


def test_status_is_for_owners_and_admins(office):
    office.warned("1")
    for email in (ADA, ANN):
        said = office.command(email, "status")
        assert "bi (fake): live, 1 visuals, 1 none" in said
        assert "1 on the list, 0 can be restored" in said
    assert "for admins and for owners" in office.command(EVE, "status")
    assert codes(office) == [(EVE, "/bi status", "unauthorised")]


def test_mine_shows_what_is_ones_own_and_on_the_list(office):
    office.world.bi.add("2", owner="bob")
    office.warned("1")
    assert "bi:board:1" in office.command(ADA, "mine")
    assert "bi:board:2" not in office.command(ADA, "mine")
    assert office.command(EVE, "mine") == "0 visuals are yours; none of them is on the list."


def test_mine_shows_what_was_handed_over(office):
    office.warned("1")
    office.press(ADA, "hand_over")
    office.fill(ADA, person=office.members[BOB])
    assert "bi:board:1): about to be put on the list" in office.command(BOB, "mine")


def test_why_takes_a_key(office):
    office.warned("1")
    assert "Verdict: none" in office.command(ADA, "why bi:board:1")
    assert "Only its owner" in office.command(EVE, "why bi:board:1")
    assert office.refusals() == [(EVE, "unauthorised")]


@pytest.mark.parametrize(
    "link", ["https://bi.example/1", "<https://bi.example/1?tab=2#x>", "https://bi.example/1/"]
)
def test_why_takes_a_link(office, link):
    office.warned("1")
    facts = office.world.store.facts
    office.world.store.facts = lambda: [replace(f, url="https://bi.example/1") for f in facts()]
    assert "Verdict: none" in office.command(ADA, f"why {link}")
    assert "No single visual" in office.command(ADA, "why https://bi.example/2")


def test_keep_counts_without_a_warning_too(office):
    office.warned("1")
    office.world.bi.add("2")
    office.forward(1)
    office.run()
    assert "Kept until 2026-06-01 by Ada" in office.command(ADA, "keep bi:board:2")
    assert "Kept until 2026-03-13 by Ann" in office.command(ANN, "keep bi:board:1 10")
    assert [e.actor.split()[-1] for e in office.events(ev.KeptUntil)] == [ADA, ANN]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep", "Name a visual"),
        ("keep bi:board:9", "No visual bi:board:9 is known"),
        ("keep board 30", "is not a visual key"),
        ("keep bi:board:1 soon", "Write /bi keep KEY DAYS"),
        ("keep bi:board:1 0", "Keep it for 1 to 3650 days"),
        ("keep bi:board:1 99999999", "Keep it for 1 to 3650 days"),
        ("why", "Name a visual"),
        ("", "/bi mine - what is yours"),
        ("dance", "/bi mine - what is yours"),
    ],
)
def test_what_cannot_be_done_is_said(office, text, said):
    office.warned("1")
    assert said in office.command(ADA, text)
    assert office.events(ev.KeptUntil) == []


def test_a_command_sent_twice_counts_once(office):
    office.warned("1")
    typed = office.people.command(ADA, "keep bi:board:1 30")
    office.deliver(typed)
    office.deliver(typed)
    assert len(office.events(ev.KeptUntil)) == 1
    assert office.refusals() == [(ADA, "replayed")]


def test_an_answer_goes_to_slack_and_nowhere_else(office):
    """A command is answered at the address it brings: one outside Slack is never called."""
    office.warned("1")
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        address = f"http://localhost:{elsewhere.getsockname()[1]}/steal"
        office.deliver({**office.people.command(ADA, "mine"), "response_url": address})
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert office.slack.interaction.replies == []


# --- mode


def mode(office):
    return office.world.ledger.state().mode_of("bi")


def test_an_admin_stops_everything_with_a_reason(office):
    office.warned("1")
    office.command(ANN, "mode dry-run")
    assert "From now on nothing is deleted" in office.form(ANN)
    office.fill(ANN, reason="something is wrong")
    assert mode(office) is Mode.DRY_RUN
    switched = office.events(ev.ModeChanged)[-1]
    assert ANN in switched.actor
    assert switched.reason == "something is wrong"
    assert "all sources: dry-run from now on." in office.message(ANN).text


def test_going_live_shows_tonights_list_and_has_it_confirmed(office):
    office.warned("1", live=False)
    office.world.bi.add("2")
    office.forward(1)
    office.run()
    office.command(ANN, "mode live")
    form = office.form(ANN)
    assert "A run now would:" in form
    assert "The next run would warn 1 owner(s) of 2 visual(s)." in form
    office.fill(ANN, reason="the trial went well", confirmation="yes")
    assert mode(office) is Mode.DRY_RUN
    assert "'all sources' was not typed" in office.message(ANN).text
    sent = office.fill(ANN, reason="the trial went well", confirmation="all sources")
    assert mode(office) is Mode.LIVE
    office.deliver(sent)
    assert len(office.events(ev.ModeChanged)) == 1
    assert [code for _, _, code in codes(office)] == ["unconfirmed", "replayed"]


def test_going_live_needs_a_finished_trial(office):
    office.world.services = replace(office.world.services, limits=Limits(trial_days=21))
    office.warned("1", live=False)
    office.command(ANN, "mode live")
    assert "the dry-run trial is not finished for bi (0 of 21 days)" in office.form(ANN)
    assert codes(office) == [(ANN, "/bi mode live", "refused")]
    assert mode(office) is Mode.DRY_RUN


def test_the_trial_is_asked_for_again_when_the_form_comes_back(office):
    office.warned("1", live=False)
    office.command(ANN, "mode live")
    office.world.services = replace(office.world.services, limits=Limits(trial_days=21))
    office.fill(ANN, reason="go", confirmation="all sources")
    assert mode(office) is Mode.DRY_RUN
    assert "trial is not finished" in office.message(ANN).text


def test_the_mode_is_for_admins(office):
    office.warned("1", live=False)
    assert "Only those listed in slack.admins" in office.command(ADA, "mode live")
    office.command(ANN, "mode live")
    sent = office.people.send_form(ANN, reason="r", confirmation="all sources")
    sent["user"] = {"id": office.members[ADA], "name": "ada"}
    office.deliver(sent)
    assert mode(office) is Mode.DRY_RUN
    assert codes(office) == [(ADA, "/bi mode", "unauthorised"), (ADA, "/bi mode live", "unauthorised")]
    assert "Write /bi mode" in office.command(ANN, "mode sideways")


def test_a_reason_is_needed(office):
    office.warned("1")
    office.command(ANN, "mode dry-run")
    office.fill(ANN, reason="   ")
    assert mode(office) is Mode.LIVE


def test_a_second_admin_confirms_where_that_is_configured(office):
    office.admins = frozenset({ANN, BOB})
    limits = replace(office.world.services.limits, second_admin=True)
    office.world.services = replace(office.world.services, limits=limits)
    office.warned("1", live=False)
    for said in ("Another admin has to confirm", "another admin has to confirm it"):
        office.command(ANN, "mode live")
        office.fill(ANN, reason="the trial went well", confirmation="all sources")
        assert said in office.message(ANN).text
        assert mode(office) is Mode.DRY_RUN
    assert len(office.events(ev.LiveRequested)) == 1
    office.command(BOB, "mode live")
    office.fill(BOB, reason="agreed", confirmation="all sources")
    assert mode(office) is Mode.LIVE
    assert "asked for by slack:" in office.events(ev.ModeChanged)[-1].reason


# --- approve


def waits(office, *boards):
    """Boards of Ada's that are due and wait for an admin."""
    limits = replace(office.world.services.limits, approval=True)
    office.world.services = replace(office.world.services, limits=limits)
    office.warned(*boards)
    office.forward(7)
    office.run()
    assert office.world.bi.writes == []


def test_an_admin_approves_what_the_form_lists_and_the_next_run_deletes_it(office):
    waits(office, "1", "2")
    office.command(ANN, "approve")
    shown = office.form(ANN)
    assert "bi:board:1" in shown
    assert f"{ADA} was warned on" in shown or "Ada was warned on" in shown
    office.fill(ANN, confirmation="approve 2")
    assert office.message(ANN).text == "Approved 2 deletion(s); the next run that may carries them out."
    office.run()
    assert office.world.bi.writes == ["remove 1", "remove 2"]
    assert {e.actor.split()[1] for e in office.events(ev.RemovalApproved)} == {ANN}


def test_a_form_that_slack_sends_again_approves_once_and_says_so(office):
    waits(office, "1")
    office.command(ANN, "approve")
    sent = office.fill(ANN, confirmation="approve 1")
    office.deliver(sent)
    assert office.message(ANN).text == "This was already done."
    assert len(office.events(ev.RemovalApproved)) == 1
    assert codes(office) == [(ANN, "/bi approve", "replayed")]


def test_only_what_was_shown_is_approved(office):
    """The list changed between reading and sending: nothing of it counts."""
    waits(office, "1", "2")
    office.command(ANN, "approve")
    office.command(ADA, "keep bi:board:2 30")
    office.fill(ANN, confirmation="approve 2")
    assert "is not what you were shown any more" in office.message(ANN).text
    assert office.events(ev.RemovalApproved) == []
    assert codes(office) == [(ANN, "/bi approve", "stale")]


def test_approving_is_for_admins_and_has_to_be_typed(office):
    waits(office, "1")
    assert "Only those listed in slack.admins may approve" in office.command(ADA, "approve")
    office.command(ANN, "approve")
    sent = office.people.send_form(ANN, confirmation="approve 1")
    sent["user"] = {"id": office.members[ADA], "name": "ada"}
    office.deliver(sent)
    office.fill(ANN, confirmation="yes")
    assert office.events(ev.RemovalApproved) == []
    assert codes(office) == [
        (ADA, "/bi approve", "unauthorised"),
        (ADA, "/bi approve", "unauthorised"),
        (ANN, "/bi approve", "unconfirmed"),
    ]


def test_there_may_be_nothing_to_approve(office):
    assert "deletions need no approval here" in office.command(ANN, "approve")
    waits(office, "1")
    office.command(ADA, "keep bi:board:1 30")
    office.command(ANN, "approve")
    assert office.form(ANN) == "Nothing waits for an approval."
