"""The daily run from warning to deletion to restore, and what spares a visual on the way."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.errors import (
    ConfigurationError,
    LeaseHeld,
    LeaseLost,
    NotInBackup,
    SourceMissing,
    SourceUnreachable,
)
from bi_governance.explain import lost_on_restore, status
from bi_governance.keep import exempt, keep_until, known_key, unexempt
from bi_governance.model import Action, Mode, NoticeKind, RemovalRoute
from bi_governance.ports import Capabilities, TrialNotices
from bi_governance.restore import restore
from bi_governance.rules import Match, Policy, Rule
from bi_governance.run import daily_run, one_runner
from tests.flow.world import DAY, ThingReader, World


def go_live(world, source=None):
    world.ledger.append(
        [
            ev.ModeChanged(
                at=world.clock.now(), actor="admin", mode=Mode.LIVE, source=source, reason="trial done"
            )
        ]
    )


def run_days(world, days):
    """One run a day for so many days; the last report."""
    for _ in range(days):
        report = daily_run(world.services)
        world.clock.forward(1)
    return report


def test_a_warned_and_still_unused_visual_is_deleted_a_week_later_and_not_before(world):
    world.bi.add("1")
    go_live(world)
    assert daily_run(world.services).outcome == "done"
    assert world.post.told() == [("ada@acme.example", "warning", "1")]
    world.clock.forward(6.99)
    daily_run(world.services)
    assert world.bi.writes == []
    world.clock.forward(0.01)
    report = daily_run(world.services)
    assert world.bi.writes == ["remove 1"]
    assert report.deleted.removed == [world.key("1")]
    assert world.shelf.saved


def test_reminders_come_three_days_and_one_day_before_the_deadline(world):
    world.bi.add("1")
    go_live(world)
    run_days(world, 8)
    kinds = [kind for _, kind, _ in world.post.told()]
    assert kinds == ["warning", "reminder", "reminder", "deleted"]
    delivered = [e for e in world.ledger.events(key=world.key("1")) if isinstance(e, ev.NoticeDelivered)]
    assert [e.days_before for e in delivered] == [None, 3, 1, None]


def test_a_view_during_the_warning_week_rescues(world):
    world.bi.add("1")
    go_live(world)
    run_days(world, 3)
    world.bi.view("1")
    world.clock.forward(1)
    report = daily_run(world.services)
    assert report.rescued == [world.key("1")]
    run_days(world, 20)
    assert world.bi.writes == []
    assert world.post.told().count(("ada@acme.example", "warning", "1")) == 1


def test_what_becomes_seasonal_during_its_warning_is_rescued(world):
    """Its season begins 28 days before the day it was used on last year: here in the warning week."""
    world.bi.add("1")
    go_live(world)
    used = world.clock.now() - timedelta(days=365 - 31)
    world.store.history.setdefault("bi", {})["old"] = {"thing": "1", "who": "ada", "at": used}
    run_days(world, 3)
    assert world.post.told() == [("ada@acme.example", "warning", "1")]
    report = daily_run(world.services)
    assert report.rescued == [world.key("1")]
    run_days(world, 28 * 2)
    assert world.bi.writes == []


def test_our_own_crawler_does_not_rescue(world):
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    world.bi.view("1", who="robot")
    world.clock.forward(7)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


@pytest.mark.parametrize("change", [{"title": "New"}, {"owner": "eve"}, {"folder": "Elsewhere"}])
def test_what_changed_since_the_warning_is_not_what_the_owner_agreed_to_lose(world, change):
    thing = world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    for name, value in change.items():
        setattr(thing, name, value)
    world.clock.forward(7)
    report = daily_run(world.services)
    assert report.rescued == [world.key("1")]
    assert world.bi.writes == []


def test_kept_until_a_date_then_the_whole_cycle_starts_again(world):
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    keep_until(world.services, world.key("1"), world.clock.now() + 30 * DAY, actor="ada")
    run_days(world, 30)
    assert world.bi.writes == []
    run_days(world, 7)
    assert world.post.told().count(("ada@acme.example", "warning", "1")) == 2
    assert world.bi.writes == []
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


def test_exempt_until_revoked(world):
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    exempt(world.services, world.key("1"), actor="ada", reason="board meeting")
    run_days(world, 40)
    assert world.bi.writes == []
    unexempt(world.services, world.key("1"), actor="ada")
    run_days(world, 7)
    assert world.bi.writes == []
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


def test_restored_visuals_are_left_alone(world):
    world.bi.add("1")
    go_live(world)
    run_days(world, 8)
    assert not world.bi.things["1"].exists
    with one_runner(world.services) as lease:
        (back,) = restore(world.services, world.key("1"), actor="admin", lease=lease)
    assert back.outcome.lost == ("favourites are gone",)
    assert world.bi.things["1"].exists
    world.bi.writes.clear()
    run_days(world, 30)
    assert world.bi.writes == []
    assert world.post.told().count(("ada@acme.example", "warning", "1")) == 1


def test_what_was_inside_comes_back_first(world):
    world.bi.add("1", children=("2",))
    world.bi.add("2")
    go_live(world)
    run_days(world, 8)
    with one_runner(world.services) as lease:
        back = restore(world.services, world.key("1"), actor="admin", lease=lease)
    assert [r.key.native_id for r in back] == ["2", "1"]


def test_only_what_we_removed_can_be_restored(world):
    world.bi.add("1")
    with (
        one_runner(world.services) as lease,
        pytest.raises(ConfigurationError, match="not among the visuals"),
    ):
        restore(world.services, world.key("1"), actor="admin", lease=lease)


def test_somebody_brought_it_back_at_the_platform_counts_as_regret_and_immunity(world):
    world.bi.add("1")
    go_live(world)
    run_days(world, 8)
    world.bi.things["1"].exists = True
    daily_run(world.services)
    kinds = [e.kind for e in world.ledger.events(key=world.key("1"))]
    told = ["notice.intended", "notice.delivered"]
    assert kinds[-6:] == [*told, "visual.regretted", "restore.done", *told]
    assert [kind for _, kind, _ in world.post.told()][-2:] == ["deleted", "restored"]
    run_days(world, 29)
    assert world.bi.writes == ["remove 1"]


def test_running_twice_the_same_day_equals_running_once(world):
    for n in range(5):
        world.bi.add(str(n))
    go_live(world)
    for _ in range(9):
        daily_run(world.services)
        daily_run(world.services)
        world.clock.forward(1)
    assert sorted(world.bi.writes) == [f"remove {n}" for n in range(5)]
    assert len(world.post.told()) == len(set(world.post.told())) + 5  # two reminders each


def test_missed_runs_warn_late_and_move_the_deadline(world):
    world.bi.add("1", created_at=world.clock.now(), updated_at=world.clock.now())
    go_live(world)
    daily_run(world.services)
    world.clock.forward(75)
    daily_run(world.services)
    assert world.post.told() == [("ada@acme.example", "warning", "1")]
    world.clock.forward(6)
    daily_run(world.services)
    assert world.bi.writes == []
    world.clock.forward(1)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


class TestFidelity:
    def test_plan_and_message_say_what_no_restore_brings_back(self, world):
        world.bi.add("1")
        report = daily_run(world.services)
        assert lost_on_restore(world.services, report.plan) == {"bi": {"board": ["favourites are gone"]}}
        [(digest, _)] = world.post.accepted.values()
        assert [item.lost_on_restore for item in digest.items] == [("favourites are gone",)]

    def test_of_what_is_in_use_nothing_is_lost(self, world):
        world.bi.add("1")
        world.bi.view("1", at=world.clock.now() - timedelta(days=1))
        assert lost_on_restore(world.services, daily_run(world.services).plan) == {}


class TestDryRun:
    def test_plans_tells_the_channel_and_touches_nothing(self, world):
        world.bi.add("1")
        reports = [run_days(world, 1) for _ in range(12)]
        assert world.bi.writes == []
        assert world.arms.handed_out == []
        assert world.shelf.saved == {}
        assert world.post.told()[0] == ("#analytics", "warning", "1")
        assert sum(len(r.deleted.simulated) for r in reports) == 1

    def test_owners_are_told_when_configured(self, tmp_path):
        world = World(tmp_path, trial_notices=TrialNotices.OWNERS)
        world.bi.add("1")
        daily_run(world.services)
        digest, _ = next(iter(world.post.accepted.values()))
        assert (digest.recipient.address, digest.mode) == ("ada@acme.example", Mode.DRY_RUN)
        world.close()

    def test_nobody_is_told_when_switched_off_and_the_trial_goes_on(self, tmp_path):
        world = World(tmp_path, trial_notices=TrialNotices.NONE)
        world.bi.add("1")
        run_days(world, 8)
        assert world.post.told() == []
        assert any(isinstance(e, ev.RemovalSimulated) for e in world.ledger.events())
        world.close()

    def test_a_way_to_remove_that_is_gone_ends_the_episode_and_is_no_regret(self, world):
        world.bi.add("1")
        run_days(world, 9)
        reader = world.services.readers["bi"]
        reader.capabilities = Capabilities(None, {})
        run_days(world, 1)
        kinds = [e.kind for e in world.ledger.events(key=world.key("1"))]
        kinds = [kind for kind in kinds if not kind.startswith("notice.")]
        assert ("removal.simulated" in kinds, kinds[-1]) == (True, "visual.rescued")
        assert not any(isinstance(e, ev.Regretted) for e in world.ledger.events())

    def test_a_view_after_it_would_have_been_deleted_is_a_regret(self, world):
        world.bi.add("1")
        run_days(world, 9)
        world.bi.view("1")
        world.clock.forward(1)
        daily_run(world.services)
        regrets = [e for e in world.ledger.events() if isinstance(e, ev.Regretted)]
        assert [(e.key.native_id, e.how) for e in regrets] == [("1", "used")]

    def test_going_live_starts_every_episode_anew(self, world):
        world.bi.add("1")
        run_days(world, 30)
        go_live(world)
        run_days(world, 7)
        assert world.bi.writes == []
        daily_run(world.services)
        assert world.bi.writes == ["remove 1"]
        assert ("ada@acme.example", "warning", "1") in world.post.told()


class TestSourcesFailAlone:
    @pytest.fixture
    def two(self, tmp_path):
        company = World(tmp_path, "bi", "other")
        for truth in company.platforms.values():
            truth.add("1")
        go_live(company)
        yield company
        company.close()

    @pytest.mark.parametrize("call", ["own_accounts", "inventory", "history", "fingerprint"])
    def test_a_failing_source_is_left_alone_and_the_other_goes_on(self, two, call):
        daily_run(two.services)
        two.platforms["other"].failing[call] = SourceUnreachable("no answer", source="other")
        two.clock.forward(7)
        report = daily_run(two.services)
        assert two.platforms["bi"].writes == ["remove 1"]
        assert two.platforms["other"].writes == []
        assert report.outcome != "done"
        assert {v.source for v in report.plan.vetoes} == {"other"}

    def test_a_source_that_fails_from_the_start_warns_nobody(self, two):
        two.platforms["other"].failing["inventory"] = SourceMissing("gone", source="other")
        daily_run(two.services)
        assert len(two.post.told()) == 1

    def test_another_instance_behind_the_same_name_is_not_touched(self, two):
        daily_run(two.services)
        two.platforms["other"].instance = "instance-2"
        two.clock.forward(7)
        report = daily_run(two.services)
        assert two.platforms["other"].writes == []
        assert [v.guard for v in report.plan.vetoes] == ["same_instance"]


class TestNotices:
    def test_what_slack_refused_is_not_warned_and_not_deleted(self, world):
        world.bi.add("1")
        go_live(world)
        world.post.refuse = "ratelimited"
        report = daily_run(world.services)
        assert report.outcome == "failed"
        world.clock.forward(8)
        world.post.refuse = None
        daily_run(world.services)
        assert world.bi.writes == []
        world.clock.forward(7)
        daily_run(world.services)
        assert world.bi.writes == ["remove 1"]

    def test_nobody_left_to_tell_means_not_warned(self, world):
        world.bi.add("1")
        go_live(world)
        world.post.unreachable.add("ada")
        run_days(world, 20)
        assert world.bi.writes == []
        failed = [e for e in world.ledger.events() if isinstance(e, ev.NoticeFailed)]
        assert failed
        assert "nobody is left" in failed[0].reason

    def test_a_digest_is_split_without_losing_or_doubling_anything(self, world):
        for n in range(5):
            world.bi.add(str(n))
        go_live(world)
        daily_run(world.services)
        assert sorted(n for _, _, n in world.post.told()) == list("01234")
        assert len(world.post.accepted) == 3

    def test_a_message_that_arrived_although_never_recorded_is_found_and_not_repeated(self, world):
        world.bi.add("1")
        go_live(world)

        real = world.ledger.append

        def crash_after_delivery(events, lease=None):
            if any(isinstance(e, ev.NoticeDelivered) for e in events):
                raise KeyboardInterrupt
            return real(events, lease)

        world.ledger.append = crash_after_delivery
        with pytest.raises(KeyboardInterrupt):
            daily_run(world.services)
        world.ledger.append = real
        world.clock.forward(0.1)
        report = daily_run(world.services)
        assert len(world.post.accepted) == 1
        assert report.settled
        assert world.ledger.state().case(world.key("1")).warning is not None

    def test_while_nobody_can_tell_whether_it_arrived_it_is_not_sent_again(self, world):
        world.bi.add("1")
        go_live(world)
        facts_intent = ev.NoticeIntended(
            at=world.clock.now(),
            key=world.key("1"),
            episode=0,
            notice=NoticeKind.WARNING,
            mode=Mode.LIVE,
            message_id="m",
            recipient="ada@acme.example",
        )
        world.ledger.append([facts_intent])
        world.post.refuse = "slack is down"
        daily_run(world.services)
        world.post.refuse = None
        assert world.post.accepted == {}
        daily_run(world.services)
        assert len(world.post.accepted) == 1


def test_two_runners_cannot_work_at_once(world):
    with one_runner(world.services), pytest.raises(LeaseHeld):
        daily_run(world.services)


def test_keys_are_checked_and_the_nearest_is_named(world):
    known = [world.key("100"), world.key("2")]
    assert known_key("bi:board:100", known) == world.key("100")
    with pytest.raises(ConfigurationError, match="did you mean bi:board:100"):
        known_key("bi:board:10", known)


def test_keep_needs_a_future_date_and_exempt_a_reason(world):
    with pytest.raises(ConfigurationError, match="not in the future"):
        keep_until(world.services, world.key("1"), world.clock.now() - timedelta(days=1), actor="ada")
    with pytest.raises(ConfigurationError, match="reason"):
        exempt(world.services, world.key("1"), actor="ada", reason=" ")
    with pytest.raises(ConfigurationError, match="not exempt"):
        unexempt(world.services, world.key("1"), actor="ada")


def test_every_run_leaves_its_plan_and_summary_behind(world):
    world.bi.add("1")
    report = daily_run(world.services)
    (saved,) = world.ledger.plans()
    assert saved["digest"] == report.plan.digest
    assert saved["decisions"][0]["action"] == str(Action.WARN)
    assert world.post.announced[0].title.endswith("done")


def test_a_long_run_keeps_its_lease_alive(world):
    renewed = threading.Event()
    real = world.ledger.renew

    def renew(lease, now, seconds):
        kept = real(lease, now, seconds)
        renewed.set()
        return kept

    world.ledger.renew = renew
    services = replace(world.services, lease_seconds=1)
    with one_runner(services):
        world.clock.forward(0.5)
        for _ in range(2):  # the first may have read the clock before it moved
            renewed.clear()
            assert renewed.wait(30)
        with pytest.raises(LeaseHeld):
            world.ledger.acquire("somebody else", world.clock.now(), 1)


def test_a_lost_lease_ends_the_work_at_the_next_write(world):
    def overtaken():
        with one_runner(world.services) as lease:
            world.clock.forward(1)
            world.ledger.acquire("somebody else", world.clock.now(), 900)
            world.ledger.append([ev.RunStarted(at=world.clock.now(), run_id="r")], lease)

    with pytest.raises(LeaseLost):
        overtaken()
    assert not [e for e in world.ledger.events() if isinstance(e, ev.RunStarted)]


def test_a_warning_long_forgotten_does_not_justify_a_deletion(world):
    """The service was down for two months after the warning: the owner is warned anew first."""
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7 + 31)
    report = daily_run(world.services)
    assert world.bi.writes == []
    assert report.rescued == [world.key("1")]
    daily_run(world.services)
    assert world.post.told().count(("ada@acme.example", "warning", "1")) == 2
    world.clock.forward(7)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


def test_a_warning_of_the_last_weeks_still_does(world):
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7 + 30)
    daily_run(world.services)
    assert world.bi.writes == ["remove 1"]


class Trash(ThingReader):
    """A platform that keeps what was removed."""

    capabilities = Capabilities(None, {"board": RemovalRoute.TRASH})


def test_what_lies_in_the_trash_comes_back_without_its_backup(world):
    world.bi.add("1")
    world.services = replace(world.services, readers={"bi": Trash(world.bi)})
    go_live(world)
    run_days(world, 8)
    world.shelf.saved.clear()
    with one_runner(world.services) as lease:
        restore(world.services, world.key("1"), actor="admin", lease=lease)
    assert world.bi.things["1"].exists


def test_what_is_gone_for_good_needs_its_backup_and_says_so(world):
    world.bi.add("1")
    go_live(world)
    run_days(world, 8)
    world.shelf.saved.clear()
    with one_runner(world.services) as lease, pytest.raises(NotInBackup):
        restore(world.services, world.key("1"), actor="admin", lease=lease)
    assert world.bi.writes == ["remove 1"]


def test_a_restore_the_platform_refuses_is_recorded_and_can_be_tried_again(world):
    world.bi.add("1")
    go_live(world)
    run_days(world, 8)
    world.bi.failing["restore"] = SourceUnreachable("no answer", source="bi")
    with one_runner(world.services) as lease, pytest.raises(SourceUnreachable):
        restore(world.services, world.key("1"), actor="admin", lease=lease)
    del world.bi.failing["restore"]
    with one_runner(world.services) as lease:
        restore(world.services, world.key("1"), actor="admin", lease=lease)
    kinds = [e.kind for e in world.ledger.events(key=world.key("1"))]
    assert kinds[-5:] == [
        "restore.intended",
        "restore.failed",
        "restore.intended",
        "visual.regretted",
        "restore.done",
    ]


def test_status_names_rules_that_fit_nothing(world):
    world.bi.add("1", folder="Executive")
    protecting = [
        Rule(name=n, match=Match(folder=f), protect=True) for n, f in (("a", "Executive/**"), ("b", "Exec"))
    ]
    world.services = replace(world.services, policy=Policy(rules=tuple(protecting)))
    daily_run(world.services)
    assert status(world.services).idle_rules == ("b",)
