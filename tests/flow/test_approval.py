"""Approval per plan: what an admin approved goes, nothing else, and not if anything about it changed."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from bi_governance import drift
from bi_governance import events as ev
from bi_governance.approve import Waiting, approve, waiting
from bi_governance.errors import ConfigurationError
from bi_governance.explain import current_plan, explain
from bi_governance.guards import Limits
from bi_governance.keep import exempt
from bi_governance.model import Action
from bi_governance.run import daily_run, delete_stage, gather, one_runner, prepare_plan
from bi_governance.run_report import RunReport, summary
from tests.flow.test_daily_run import go_live
from tests.flow.world import World

LIMITS = Limits(approval=True, ramp_first=None, trial_days=0, delete_percent=100.0)


@pytest.fixture
def due(tmp_path):
    """Three boards that are due and wait."""
    world = World(tmp_path, limits=LIMITS)
    for number in "123":
        world.bi.add(number)
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7)
    daily_run(world.services)
    assert world.bi.writes == []
    yield world
    world.close()


def numbers(listed):
    return sorted(key.native_id for key in listed)


def test_what_is_due_waits_and_every_run_says_so(due):
    assert numbers(waiting(due.services).items) == ["1", "2", "3"]
    due.clock.forward(1)
    said = "\n".join(summary(daily_run(due.services))[1])
    assert "3 visual(s) are due and wait for an admin's approval" in said
    assert due.bi.writes == []
    assert "An admin's approval" in explain(due.services, "bi:board:1").otherwise[0]


def test_what_was_approved_goes_with_the_next_run_and_the_record_says_by_whom(due):
    listed = waiting(due.services).first(2)
    assert numbers(approve(due.services, listed, "ann").approved) == ["1", "2"]
    daily_run(due.services)
    assert due.bi.writes == ["remove 1", "remove 2"]
    recorded = [e for e in due.ledger.events() if isinstance(e, ev.RemovalApproved)]
    assert [(e.actor, e.list_digest, e.episode) for e in recorded] == [("ann", listed.digest, 0)] * 2
    assert numbers(waiting(due.services).items) == ["3"]


def test_the_list_says_whose_it_is_and_when_where_the_team_lives(due):
    """The warning of 23:30 in UTC is of the next day in Amsterdam."""
    late = {**waiting(due.services).items[due.key("1")], "noticed_at": "2026-03-02T23:30:00+00:00"}
    (line,) = Waiting({due.key("1"): late}, {}).lines(ZoneInfo("Europe/Amsterdam"))
    assert line.startswith("Board 1 (bi:board:1): last used ")
    assert line.endswith(" was warned on 2026-03-03")


def test_approving_twice_records_once(due):
    listed = waiting(due.services)
    approve(due.services, listed, "ann")
    again = approve(due.services, listed, "bob")
    assert again.approved == ()
    assert len([e for e in due.ledger.events() if isinstance(e, ev.RemovalApproved)]) == 3


def test_what_changed_since_the_list_was_read_is_not_approved(due):
    listed = waiting(due.services)
    exempt(due.services, due.key("2"), actor="ann", reason="the board looks at it")
    done = approve(due.services, listed, "ann")
    assert numbers(done.approved) == ["1", "3"]
    assert "exempt" in done.dropped[0].reason


def test_what_comes_to_it_after_the_list_was_read_is_not_approved(due):
    listed = Waiting(
        {due.key(n): waiting(due.services).items[due.key(n)] for n in "12"}, waiting(due.services).modes
    )
    approve(due.services, listed, "ann")
    daily_run(due.services)
    assert due.bi.writes == ["remove 1", "remove 2"]


def test_whoever_uses_it_after_the_approval_keeps_it(due):
    approve(due.services, waiting(due.services), "ann")
    due.bi.view("1", due.clock.now())
    due.clock.forward(1)
    daily_run(due.services)
    assert due.bi.writes == ["remove 2", "remove 3"]


def test_a_new_warning_needs_a_new_approval(due):
    approve(due.services, waiting(due.services).first(1), "ann")
    due.ledger.append([ev.KeptUntil(at=due.clock.now(), key=due.key("1"), until=due.clock.now())])
    daily_run(due.services)
    due.clock.forward(7)
    daily_run(due.services)
    assert due.bi.writes == []
    assert numbers(waiting(due.services).items) == ["1", "2", "3"]


def test_the_removal_step_asks_again_whether_it_was_approved(due):
    """A plan made while nobody asked for approvals deletes nothing once somebody does."""
    free = replace(due.services, limits=replace(LIMITS, approval=False))
    report = RunReport("later", due.clock.now())
    with one_runner(free) as lease:
        plan = prepare_plan(free, report, lease)
        assert len(plan.of(Action.DELETE)) == 3
        delete_stage(due.services, report, lease)
    assert due.bi.writes == []
    assert [r.partition(": ")[2] for r in report.deleted.refused] == [
        "no admin has approved it in this episode"
    ] * 3


def test_where_nobody_asks_for_approvals_there_is_nothing_to_approve(due):
    free = replace(due.services, limits=replace(LIMITS, approval=False))
    with pytest.raises(ConfigurationError, match=r"set limits\.approval: true"):
        approve(free, Waiting({}, {}), "ann")


def test_a_plan_file_lists_what_waits_and_can_be_approved(due):
    state = due.ledger.state()
    estate = gather(due.services, state)
    text = json.dumps(drift.write(current_plan(due.services, state, estate), estate.facts, state, {}))
    written = drift.read(text, "plan.json")
    assert (numbers(written.due), numbers(written.waiting)) == ([], ["1", "2", "3"])
    due.bi.things["3"].title = "Another"
    daily_run(due.services)
    done = approve(due.services, Waiting(written.waiting, written.modes), "ann")
    assert numbers(done.approved) == ["1", "2"]
    assert "its title was" in done.dropped[0].reason
