"""Those who used something most are told once that it goes; whether and when it goes stays as it was."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.errors import DeliveryError
from bi_governance.keep import keep_until
from bi_governance.model import Mode, NoticeKind, Person
from bi_governance.people import People
from bi_governance.run import daily_run
from bi_governance.run_report import summary
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import DAY, START, World


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """A live company with one board that Bob used often, Eve twice, Zoe and Max once, and its owner most."""
    company = World(tmp_path, viewers_at_most=3)
    company.bi.add("1")
    use(company, "1", ada=9, bob=4, eve=2, zoe=1, max=1)
    go_live(company)
    yield company
    company.close()


def use(world: World, native_id: str, **times: int) -> None:
    for who, count in times.items():
        for n in range(count):
            world.bi.view(native_id, who, START - 75 * DAY - n * timedelta(hours=1))


def told(world: World) -> list[tuple[str, str]]:
    """Which viewers got a message about which board."""
    return [(who, thing) for who, kind, thing in world.post.told() if kind == "viewer"]


def messages(world: World) -> list:
    return [d for d, _ in world.post.accepted.values() if d.kind is NoticeKind.VIEWER]


def test_the_few_who_used_it_most_are_told_beside_the_owner_and_the_owner_is_no_viewer(world):
    report = daily_run(world.services)
    assert told(world) == [(f"{who}@acme.example", "1") for who in ("bob", "eve", "max")]
    assert ("ada@acme.example", "warning", "1") in world.post.told()
    (to_bob, *_) = messages(world)
    (item,) = to_bob.items
    assert (item.viewed.views, item.viewed.last_viewed_at) == (4, START - 75 * DAY)
    assert item.deadline == START + 7 * DAY
    assert "Told viewers about 3 visual(s) in 3 message(s)." in summary(report)[1]
    assert (report.warned.delivered, report.outcome) == (1, "done")


def test_each_is_told_once_an_episode_and_again_in_the_next(world):
    run_days(world, 6)
    assert len(told(world)) == 3
    key = world.key("1")
    keep_until(world.services, key, world.clock.now() + 5 * DAY, actor="ada")
    run_days(world, 6)
    assert len(told(world)) == 6


def test_one_message_holds_all_that_goes_of_what_somebody_used(world):
    world.bi.add("2")
    use(world, "2", bob=1)
    daily_run(world.services)
    to_bob = [d for d in messages(world) if d.recipient.address == "bob@acme.example"]
    assert [[i.facts.key.native_id for i in d.items] for d in to_bob] == [["1", "2"]]


@pytest.mark.parametrize("refusal", ["not now", None])
def test_viewers_are_no_reason_for_an_earlier_or_a_later_deletion(world, refusal):
    """Told or not, the owner's notice alone counts: the visual goes on the day it said."""
    real = world.post.deliver

    def deliver(digest):
        if digest.kind is NoticeKind.VIEWER and refusal:
            world.post.refuse = refusal
        try:
            return real(digest)
        finally:
            world.post.refuse = None

    world.post.deliver = deliver
    report = daily_run(world.services)
    assert report.outcome == "done"
    assert bool(report.viewers.sent.failed) is bool(refusal)
    world.clock.forward(6.99)
    daily_run(world.services)
    assert world.bi.writes == []
    world.clock.forward(0.01)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


def test_a_viewer_s_notice_alone_warns_nobody(world):
    """The owner cannot be told, so there is no warning, and no viewer hears of one."""
    world.post.unreachable = {"ada"}
    world.post.team = lambda why: world.post.trial_recipient()
    world.post.refuse = "not now"
    run_days(world, 20)
    assert world.bi.writes == []
    state = world.ledger.state()
    assert not state.case(world.key("1")).is_open
    intended = [e.notice for e in world.ledger.events() if isinstance(e, ev.NoticeIntended)]
    assert set(intended) == {NoticeKind.WARNING}


def test_a_forged_viewer_notice_opens_no_episode(world):
    at, key = world.clock.now(), world.key("1")
    notice = ev.NoticeDelivered(
        at=at, key=key, episode=0, notice=NoticeKind.VIEWER, mode=Mode.LIVE, message_id="m",
        recipient="bob", channel="c", ts="1", days_before=1,
    )  # fmt: skip
    world.ledger.append([notice])
    case = world.ledger.state().case(key)
    assert (case.is_open, case.warning, case.reminded(1), case.viewers_told) == (False, None, False, ("bob",))


def test_who_failed_to_be_told_is_told_in_the_next_run(world):
    real, refused = world.post.deliver, []

    def deliver(digest):
        if digest.recipient.address == "bob@acme.example" and not refused:
            refused.append(digest)
            world.post.refuse = "not now"
        try:
            return real(digest)
        finally:
            world.post.refuse = None

    world.post.deliver = deliver
    run_days(world, 2)
    assert sorted(told(world)) == [(f"{who}@acme.example", "1") for who in ("bob", "eve", "max")]


@pytest.mark.parametrize("kind", [ev.NoticeIntended, ev.NoticeDelivered])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_crash_at_any_record_of_a_viewer_s_notice_neither_loses_nor_doubles_it(world, kind, nth):
    real, seen = world.ledger.append, []

    def crash(events, lease=None):
        if any(isinstance(e, kind) and e.notice is NoticeKind.VIEWER for e in events):
            seen.append(kind)
            if len(seen) == nth:
                raise KeyboardInterrupt
        return real(events, lease)

    world.ledger.append = crash
    with pytest.raises(KeyboardInterrupt):
        daily_run(world.services)
    world.ledger.append = real
    world.clock.forward(0.1)
    daily_run(world.services)
    assert sorted(told(world)) == [(f"{who}@acme.example", "1") for who in ("bob", "eve", "max")]
    assert world.ledger.state().case(world.key("1")).viewers_told
    assert not world.ledger.state().unsettled_notices


def test_while_nobody_can_tell_whether_a_viewer_was_told_the_owner_is_reminded_all_the_same(world):
    real = world.ledger.append

    def crash(events, lease=None):
        if any(isinstance(e, ev.NoticeDelivered) and e.notice is NoticeKind.VIEWER for e in events):
            raise KeyboardInterrupt
        return real(events, lease)

    world.ledger.append = crash
    with pytest.raises(KeyboardInterrupt):
        daily_run(world.services)
    world.ledger.append = real
    world.post.find = nobody_can_tell
    run_days(world, 6)
    assert ("ada@acme.example", "reminder", "1") in world.post.told()
    assert told(world).count(("bob@acme.example", "1")) == 1


def nobody_can_tell(*_):
    raise DeliveryError("no answer")


def test_in_a_trial_the_analytics_team_learns_how_many_and_nobody_else_anything(tmp_path):
    world = World(tmp_path, viewers_at_most=3)
    world.bi.add("1")
    world.bi.add("2")
    use(world, "1", ada=1, bob=1, eve=1)
    use(world, "2", bob=1)
    report = daily_run(world.services)
    assert told(world) == []
    assert "Live would also tell 2 viewer(s) of 2 visual(s)." in world.post.announced[-1].lines
    assert not any("would also tell" in line for line in summary(daily_run(world.services))[1])
    assert report.viewers.sent.messages == 0
    world.close()


def test_none_at_most_tells_none(world):
    world.services = replace(world.services, viewers_at_most=0)
    run_days(world, 3)
    assert told(world) == []


def test_robots_service_accounts_whoever_left_and_whoever_stands_in_are_not_told(world):
    """Bob stands in for the owner and Eve is a service account: Max and Zoe, who used it least, remain."""
    world.bi.view("1", "robot", START - 75 * DAY)
    world.post.unreachable = {"ada"}
    people = People(service_accounts=("eve@*",))
    world.services = replace(world.services, people=people)
    daily_run(world.services)
    assert ("bob@acme.example", "warning", "1") in world.post.told()
    assert [who for who, _ in told(world)] == ["max@acme.example", "zoe@acme.example"]


def test_an_owner_under_another_address_is_no_viewer(world):
    world.services = replace(
        world.services, people=People(aliases={"bob@acme.example": "ada@acme.example"}), viewers_at_most=1
    )
    world.store.people = {"ada": Person("other", "Ada", "ADA@acme.example", active=True)}
    daily_run(world.services)
    assert told(world) == [("eve@acme.example", "1")]


def test_a_vetoed_source_tells_no_viewers(world):
    world.services = replace(world.services, viewers_at_most=0)
    daily_run(world.services)
    world.services = replace(world.services, viewers_at_most=3)
    world.bi.instance = "another"
    world.clock.forward(1)
    assert daily_run(world.services).outcome == "vetoed"
    assert told(world) == []
