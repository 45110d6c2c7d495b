"""Purging: a backup goes only when nobody can count on it any more, and everything says so right then."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from bi_governance import events as ev
from bi_governance.errors import BackupUnreadable, NotInBackup, SourceBroken, StorageError
from bi_governance.model import Action, Mode, RemovalRoute
from bi_governance.ports import Capabilities
from bi_governance.restore import restore
from bi_governance.run import collect_stage, daily_run, one_runner, prepare_plan, purge_stage, transform
from bi_governance.run_report import RunReport
from bi_governance.window import ActionWindow
from tests.flow.test_daily_run import go_live
from tests.flow.world import DAY, ThingReader, ThingWriter, World

MONTH = timedelta(days=30)


def configured(world: World, days: int | None = 30, **changes) -> None:
    """Purging after so many days, as the settings would have it."""
    after = None if days is None else timedelta(days=days)
    policy = replace(world.services.policy, purge_after=after, **changes)
    world.services = replace(world.services, policy=policy, retention_days=days or 30)


def deleted(world: World, *names: str) -> None:
    for name in names:
        world.bi.add(name)
    world.bi.add("in use", schedules=1)  # an inventory that is empty is not believed
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7)
    assert len(daily_run(world.services).deleted.removed) == len(names)


@pytest.fixture
def gone(world) -> World:
    """One board deleted, its backup on the shelf, purging after 30 days."""
    configured(world)
    deleted(world, "1")
    return world


def kinds(world: World) -> list[str]:
    return [e.kind for e in world.ledger.events() if "purge" in e.kind]


def kept(world: World) -> None:
    """A run that purges nothing."""
    assert daily_run(world.services).purged.purged == []
    assert len(world.shelf.saved) == 1


def test_a_backup_goes_when_its_time_is_over_and_not_a_moment_before(gone) -> None:
    gone.clock.moment += MONTH - timedelta(seconds=1)
    kept(gone)
    gone.clock.moment += timedelta(seconds=1)
    report = daily_run(gone.services)
    assert report.purged.purged == [gone.key("1")]
    assert gone.shelf.saved == {}
    assert kinds(gone) == ["purge.intended", "visual.purged"]
    assert report.outcome == "done"
    case = gone.ledger.state().case(gone.key("1"))
    assert (case.removal, case.purged_at, case.purge_intended) == (None, gone.clock.now(), None)


def test_running_again_purges_nothing_more(gone) -> None:
    gone.clock.forward(30)
    daily_run(gone.services)
    assert daily_run(gone.services).purged.purged == []
    assert kinds(gone) == ["purge.intended", "visual.purged"]


def test_nothing_is_purged_unless_configured(world) -> None:
    deleted(world, "1")
    world.clock.forward(3000)
    kept(world)


def test_a_promise_holds_when_the_setting_is_lowered(gone) -> None:
    configured(gone, 1)
    gone.clock.forward(29)
    kept(gone)
    gone.clock.forward(1)
    assert daily_run(gone.services).purged.purged == [gone.key("1")]


def test_a_setting_that_was_raised_holds_as_well(gone) -> None:
    configured(gone, 90)
    gone.clock.forward(89)
    kept(gone)


def test_what_the_warning_promised_holds_too(world) -> None:
    """Warned while 60 days were promised, deleted after the setting had been lowered."""
    configured(world, 60)
    world.bi.add("1")
    world.bi.add("in use", schedules=1)
    go_live(world)
    daily_run(world.services)
    configured(world, 5)
    world.clock.forward(7)
    daily_run(world.services)
    (message,) = [d for d, _ in world.post.accepted.values() if d.kind == "deleted"]
    assert message.items[0].restorable_until == world.clock.now() + timedelta(days=60)
    world.clock.forward(59)
    kept(world)
    world.clock.forward(1)
    assert daily_run(world.services).purged.purged == [world.key("1")]


def test_nothing_is_purged_in_dry_run(gone) -> None:
    stop = ev.ModeChanged(at=gone.clock.now(), mode=Mode.DRY_RUN, reason="stop")
    gone.ledger.append([stop])
    gone.clock.forward(40)
    report = daily_run(gone.services)
    assert report.purged.simulated == [gone.key("1")]
    assert "would have purged 1" in " ".join(report.purged.lines())
    assert (len(gone.shelf.saved), kinds(gone)) == (1, [])


def test_a_vetoed_source_keeps_its_backups(gone) -> None:
    gone.clock.forward(40)
    gone.bi.failing["history"] = SourceBroken("half an answer", source="bi")
    kept(gone)


def test_the_window_holds_for_purging(gone) -> None:
    configured(gone, 30, window=ActionWindow(opens=time(9), closes=time(16)))
    gone.clock.forward(40)
    report = daily_run(gone.services)
    assert report.purged.purged == []
    decision = report.plan.decision(gone.key("1"))
    assert (decision.action, decision.reasons[0].code) == (Action.NONE, "window")
    gone.clock.moment += timedelta(hours=4)
    assert daily_run(gone.services).purged.purged == [gone.key("1")]


@pytest.mark.parametrize(
    "wish",
    [
        lambda w: ev.Exempted(at=w.clock.now(), key=w.key("1"), reason="may want it"),
        lambda w: ev.KeptUntil(at=w.clock.now(), key=w.key("1"), until=w.clock.now() + 90 * DAY),
        lambda w: ev.RestoreIntended(at=w.clock.now(), key=w.key("1"), route=RemovalRoute.HARD),
        lambda w: ev.DrillIntended(at=w.clock.now(), key=w.key("1"), mark="m", backup="bi:board:1/0"),
    ],
    ids=["exempt", "kept", "being restored", "being drilled"],
)
def test_what_somebody_may_want_back_is_kept(gone, wish) -> None:
    gone.ledger.append([wish(gone)])
    gone.clock.forward(40)
    gone.bi.failing["look"] = SourceBroken("cannot tell", source="bi")
    kept(gone)


def test_caps_hold_and_repeating_a_run_adds_nothing(world) -> None:
    configured(world)
    deleted(world, "1", "2", "3")
    world.services = replace(world.services, limits=replace(world.services.limits, purge_per_run=2))
    world.clock.forward(30)
    report = daily_run(world.services)
    assert len(report.purged.purged) == 2
    (waiting,) = [d for d in report.plan.decisions if d.reasons[0].code == "purge_cap"]
    assert waiting.action is Action.NONE
    assert daily_run(world.services).purged.purged == []
    world.clock.forward(1)
    assert len(daily_run(world.services).purged.purged) == 1


def test_zero_means_zero(gone) -> None:
    gone.services = replace(gone.services, limits=replace(gone.services.limits, purge_per_run=0))
    gone.clock.forward(400)
    kept(gone)


# At the last moment


def planned(world: World):
    """A plan that wants to purge, and everything to carry it out."""
    world.clock.forward(30)
    report = RunReport("late", world.clock.now())
    lease = world.ledger.acquire("test", world.clock.now(), 900)
    collect_stage(world.services, "late", lease)
    transform(world.services, "late", lease)
    plan = prepare_plan(world.services, report, lease)
    assert [d.key for d in plan.of(Action.PURGE)] == [world.key("1")]
    return report, lease


@pytest.mark.parametrize(
    ("guard", "happens"),
    [
        ("mode", lambda w: ev.ModeChanged(at=w.clock.now(), mode=Mode.DRY_RUN, reason="stop")),
        ("no_longer_due", lambda w: ev.Exempted(at=w.clock.now(), key=w.key("1"), reason="wanted")),
        (
            "no_longer_due",
            lambda w: ev.Restored(at=w.clock.now(), key=w.key("1"), immune_until=w.clock.now()),
        ),
        (
            "cap",
            lambda w: ev.PurgeIntended(at=w.clock.now(), key=w.key("2"), episode=0, backup="bi:board:2/0"),
        ),
    ],
    ids=["stopped", "exempted", "restored", "cap used up"],
)
def test_a_guard_says_no_at_the_last_moment(gone, guard, happens) -> None:
    report, lease = planned(gone)
    gone.services = replace(gone.services, limits=replace(gone.services.limits, purge_per_run=1))
    gone.ledger.append([happens(gone)])
    purge_stage(gone.services, report, lease)
    assert report.purged.purged == []
    assert len(gone.shelf.saved) == 1
    refused = [e for e in gone.ledger.events() if isinstance(e, ev.PurgeRefused)]
    assert [e.guard for e in refused] == [guard]


def test_nothing_is_purged_when_the_ledger_cannot_be_read(gone, monkeypatch) -> None:
    report, lease = planned(gone)

    def broken():
        raise StorageError("the ledger is gone")

    monkeypatch.setattr(gone.ledger, "state", broken)
    with pytest.raises(StorageError):
        purge_stage(gone.services, report, lease)
    assert len(gone.shelf.saved) == 1


def test_nothing_is_purged_that_could_not_be_recorded(gone, monkeypatch) -> None:
    report, lease = planned(gone)

    def full(events, lease=None):
        raise StorageError("the disk is full")

    monkeypatch.setattr(gone.ledger, "append", full)
    with pytest.raises(StorageError):
        purge_stage(gone.services, report, lease)
    assert len(gone.shelf.saved) == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_purge_killed_between_intent_and_outcome_is_settled(gone, is_gone) -> None:
    """Killed before or after the store was asked: the next run looks, and finishes."""
    gone.clock.forward(30)

    def die(path):
        if is_gone:
            del gone.shelf.saved[path]
        raise KeyboardInterrupt

    keep, gone.shelf.remove = gone.shelf.remove, die
    with pytest.raises(KeyboardInterrupt):
        daily_run(gone.services)
    assert kinds(gone) == ["purge.intended"]
    gone.shelf.remove = keep
    report = daily_run(gone.services)
    assert gone.shelf.saved == {}
    assert gone.ledger.state().case(gone.key("1")).purged_at == gone.clock.now()
    assert any("bi:board:1 settled" in line for line in report.settled)
    expected = [] if is_gone else ["purge.failed", "purge.intended"]
    assert kinds(gone) == ["purge.intended", *expected, "visual.purged"]


def test_a_store_that_refuses_leaves_the_intent_open_and_fails_the_run(gone) -> None:
    gone.clock.forward(30)

    def refuse(path):
        raise StorageError("the store is read-only")

    gone.shelf.remove = refuse
    report = daily_run(gone.services)
    assert report.outcome == "failed"
    assert report.purged.failed == ["bi:board:1: not confirmed: the store is read-only"]
    assert gone.ledger.state().case(gone.key("1")).purge_intended is not None


def test_a_backup_that_is_still_there_is_not_recorded_as_purged(gone) -> None:
    gone.clock.forward(30)
    gone.shelf.remove = lambda path: None
    assert daily_run(gone.services).purged.purged == []
    assert kinds(gone) == ["purge.intended", "purge.failed"]


def test_gone_already_is_done(gone) -> None:
    gone.clock.forward(30)
    gone.shelf.saved.clear()
    assert daily_run(gone.services).purged.purged == [gone.key("1")]


# Restoring what was purged


def restored(world: World):
    with one_runner(world.services) as lease:
        return restore(world.services, world.key("1"), actor="ada", lease=lease)


def test_restore_says_that_it_was_purged_and_when(gone) -> None:
    gone.clock.forward(30)
    daily_run(gone.services)
    with pytest.raises(NotInBackup) as refused:
        restored(gone)
    assert str(refused.value) == (
        "bi:board:1 was deleted on 2026-03-09 and its backup was purged on 2026-04-08, after the time for "
        "which a restore was promised: nothing can bring it back."
    )


class Trashing(ThingReader):
    """A platform with a trash of its own."""

    capabilities = Capabilities(None, {"board": RemovalRoute.TRASH})


@pytest.fixture
def trashed(world) -> World:
    configured(world)
    world.services = replace(world.services, readers={"bi": Trashing(world.bi)})
    deleted(world, "1")
    world.clock.forward(30)
    daily_run(world.services)
    assert world.shelf.saved == {}
    return world


def test_what_the_platforms_own_trash_still_has_comes_back_from_there(trashed) -> None:
    restored(trashed)
    case = trashed.ledger.state().case(trashed.key("1"))
    assert (case.gone, case.restored_at) == (None, trashed.clock.now())
    assert trashed.bi.writes[-1] == "restore 1"


class Emptied(ThingWriter):
    """A platform whose trash was emptied meanwhile: it would need the backup."""

    def restore(self, key, route, saved):
        raise BackupUnreadable(f"The backup of {key} has no thing.txt.")


def test_what_not_even_the_trash_has_is_said_to_be_lost(trashed) -> None:
    trashed.arms.restorer = lambda source: Emptied(trashed.bi)
    with pytest.raises(NotInBackup, match=r"its backup was purged on 2026-04-08, .* trash does not have it"):
        restored(trashed)
    (failed,) = [e for e in trashed.ledger.events() if isinstance(e, ev.RestoreFailed)]
    assert "trash does not have it any more" in failed.reason


def test_what_somebody_takes_out_of_the_trash_after_a_purge_is_regret_and_immune(trashed) -> None:
    trashed.clock.forward(1)
    trashed.bi.things["1"].exists = True
    daily_run(trashed.services)
    case = trashed.ledger.state().case(trashed.key("1"))
    assert case.immune_until is not None
    assert len(case.regrets) == 1
