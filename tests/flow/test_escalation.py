"""Where nobody reacts, the next in line is told once before the last day; what happens stays as it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

import pytest

from bi_governance import events as ev
from bi_governance.keep import keep_until
from bi_governance.model import NoticeKind
from bi_governance.ports import Recipient
from bi_governance.preview import preview
from bi_governance.run import daily_run
from bi_governance.run_report import summary
from bi_governance.window import ActionWindow
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import DAY, World


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """A live company with one board nobody uses."""
    company = World(tmp_path)
    company.bi.add("1")
    go_live(company)
    company.post.team = lambda why: Recipient("#team", "#team", why)
    yield company
    company.close()


def told(world: World) -> list[tuple[str, str]]:
    return [(who, thing) for who, kind, thing in world.post.told() if kind == "escalation"]


def messages(world: World) -> list:
    return [d for d, _ in world.post.accepted.values() if d.kind is NoticeKind.ESCALATION]


def test_the_channel_is_told_two_days_before_if_nobody_is_nearer(world):
    run_days(world, 5)
    assert told(world) == []
    report = daily_run(world.services)
    assert [thing for _, thing in told(world)] == ["1"]
    assert "Nobody reacted: told the next in line about 1 visual(s)." in summary(report)[1]
    assert report.outcome == "done"


def test_each_episode_is_escalated_once(world):
    run_days(world, 7)
    assert len(told(world)) == 1
    keep_until(world.services, world.key("1"), world.clock.now() + DAY, actor="ada")
    run_days(world, 9)
    assert len(told(world)) == 2


def test_the_owners_manager_comes_before_the_channel(world):
    managed = replace(world.services.people, managers={"ada@acme.example": "eve@acme.example"})
    world.services = replace(world.services, people=managed)
    run_days(world, 6)
    assert told(world) == [("eve@acme.example", "1")]
    (item,) = messages(world)[0].items
    assert item.deadline == world.ledger.state().case(world.key("1")).warning.deadline


def test_it_reads_like_the_preview_and_says_what_no_restore_brings_back(world):
    run_days(world, 5)
    beforehand = preview(world.services, "bi:board:1", NoticeKind.ESCALATION).digest
    daily_run(world.services)
    (sent,) = messages(world)
    assert sent.recipient == beforehand.recipient
    for digest in (sent, beforehand):
        (item,) = digest.items
        warning = world.ledger.state().case(world.key("1")).warning
        assert (item.deadline, item.lost_on_restore) == (warning.deadline, ("favourites are gone",))


def test_one_message_holds_all_that_one_reader_is_told(world):
    world.bi.add("2")
    run_days(world, 6)
    assert [[i.facts.key.native_id for i in d.items] for d in messages(world)] == [["1", "2"]]


def test_it_waits_for_working_hours_and_the_summary_says_so(world):
    run_days(world, 5)
    night = ActionWindow(opens=time(22), closes=time(23))
    world.services = replace(world.services, notice_window=night)
    said = summary(daily_run(world.services))[1]
    assert told(world) == []
    assert "Waiting for working hours (schedule.notice_window): news about 1 visual(s)." in said


def test_whoever_reacted_is_not_complained_about(world):
    run_days(world, 4)
    keep_until(world.services, world.key("1"), world.clock.now() + 30 * DAY, actor="ada")
    run_days(world, 4)
    assert told(world) == []


@pytest.mark.parametrize("days", [None, 1])
def test_when_it_is_told_can_be_set(world, days):
    policy = replace(world.services.policy, escalation_days=days)
    world.services = replace(world.services, policy=policy)
    run_days(world, 6)
    assert told(world) == []
    daily_run(world.services)
    assert len(told(world)) == (0 if days is None else 1)


def test_nobody_is_told_on_the_day_of_the_warning(world):
    """A warning of two days is not unanswered the moment it is given."""
    policy = replace(world.services.policy, warning_days=2, escalation_days=2)
    world.services = replace(world.services, policy=policy)
    daily_run(world.services)
    assert told(world) == []
    world.clock.forward(1)
    daily_run(world.services)
    assert len(told(world)) == 1


@pytest.mark.parametrize("refused", [True, False])
def test_nothing_goes_sooner_or_later_for_it(world, refused):
    if refused:
        accept = world.post.deliver

        def deliver(digest):
            world.post.refuse = "not now" if digest.kind is NoticeKind.ESCALATION else None
            try:
                return accept(digest)
            finally:
                world.post.refuse = None

        world.post.deliver = deliver
    run_days(world, 7)
    assert world.bi.writes == []
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


def test_where_nobody_is_left_nobody_is_told_and_that_fails_nothing(tmp_path):
    world = World(tmp_path)
    world.bi.add("1")
    go_live(world)
    run_days(world, 6)
    assert daily_run(world.services).outcome == "done"
    assert told(world) == []
    world.close()


def test_a_trial_escalates_nothing(tmp_path):
    world = World(tmp_path)
    world.bi.add("1")
    run_days(world, 8)
    assert told(world) == []
    world.close()


def test_what_may_have_arrived_is_not_told_twice(world):
    run_days(world, 5)
    key, at = world.key("1"), world.clock.now()
    intent = ev.NoticeIntended(
        at=at, key=key, episode=0, notice=NoticeKind.ESCALATION, mode=world.ledger.state().mode_of("bi"),
        message_id="m", recipient="x", title="", owner_id="", folder="", deadline=None, days_before=None,
        succession="",
    )  # fmt: skip
    world.ledger.append([intent])
    world.post.find = lambda *_: None
    daily_run(world.services)
    assert len(told(world)) == 1


def test_it_can_be_looked_at_beforehand(world):
    daily_run(world.services)
    shown = preview(world.services, "bi:board:1", NoticeKind.ESCALATION)
    assert shown.digest.kind is NoticeKind.ESCALATION
    assert shown.digest.recipient.role == "team"
