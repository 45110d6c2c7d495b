"""What was deleted and wanted back: too much of it, and the source goes back to dry-run by itself."""

from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.errors import DeliveryError, RefusedForSafety
from bi_governance.guards import Limits
from bi_governance.keep import exempt
from bi_governance.model import Mode
from bi_governance.restore import restore
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import summary
from bi_governance.standing import RegretBudget
from bi_governance.switch import may_go_live
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.test_removal_step import during_backup, refusals
from tests.flow.world import DAY, World

LIMITS = Limits(trial_days=0, ramp_first=None, delete_percent=100.0, regret=RegretBudget(2, 5, 30))


def company(tmp_path, *sources, **limits):
    """Six boards a source, warned and deleted a week later; then one more that is due tomorrow."""
    world = World(tmp_path, *sources, limits=replace(LIMITS, **limits))
    for truth in world.platforms.values():
        for number in "123456":
            truth.add(number)
    go_live(world)
    run_days(world, 1)
    for truth in world.platforms.values():
        truth.add("late")
    run_days(world, 7)
    for truth in world.platforms.values():
        assert sorted(truth.writes) == [f"remove {n}" for n in "123456"]
        truth.writes.clear()
    return world


@pytest.fixture
def cleaned(tmp_path):
    world = company(tmp_path)
    yield world
    world.close()


def bring_back(world, *numbers, source="bi"):
    for number in numbers:
        with one_runner(world.services) as lease:
            restore(world.services, world.key(number, source), actor="admin", lease=lease)
    for truth in world.platforms.values():
        truth.writes.clear()


def falls(world):
    return [(e.source, e.cause, e.actor) for e in world.ledger.events() if getattr(e, "cause", "")]


def told(world):
    return [a for a in world.post.announced if "fell back" in a.title]


def test_too_much_regret_takes_the_source_back_to_dry_run_before_anything_else_is_deleted(cleaned):
    bring_back(cleaned, "1", "2", "3")
    report = daily_run(cleaned.services)
    assert cleaned.bi.writes == []
    assert falls(cleaned) == [("bi", "regret", "bi-governance")]
    assert cleaned.ledger.state().mode_of("bi") is Mode.DRY_RUN
    [why] = report.fell_back
    assert "3 of 6 visuals deleted at bi in the last 30 days were wanted back (50%)" in why
    assert f"Back to dry-run: {why}" in summary(report)[1]


def test_within_the_budget_the_next_one_is_deleted(cleaned):
    bring_back(cleaned, "1", "2")
    daily_run(cleaned.services)
    assert cleaned.bi.writes == ["remove late"]
    assert falls(cleaned) == []


def test_the_admins_are_told_at_once_and_once(cleaned):
    bring_back(cleaned, "1", "2", "3")
    run_days(cleaned, 3)
    [said] = told(cleaned)
    text = " ".join(said.lines)
    assert "wanted back" in text
    assert "bi-governance mode live --source bi" in text
    assert "a whole new one" in text


def test_they_are_told_once_where_a_channel_cannot_say_what_it_has(cleaned, monkeypatch):
    monkeypatch.setattr(cleaned.post, "find", lambda *_: None)
    bring_back(cleaned, "1", "2", "3")
    run_days(cleaned, 3)
    assert len(told(cleaned)) == 1


def test_they_are_told_where_the_channel_may_not_be_read(cleaned, monkeypatch):
    def refuse(*_):
        raise DeliveryError("missing_scope")

    monkeypatch.setattr(cleaned.post, "find", refuse)
    bring_back(cleaned, "1", "2", "3")
    run_days(cleaned, 2)
    assert len(told(cleaned)) == 1


def test_what_could_not_be_told_is_told_by_the_next_run(cleaned, monkeypatch):
    bring_back(cleaned, "1", "2", "3")
    real = cleaned.post.announce

    def refuse(announcement):
        raise DeliveryError("channel_not_found")

    monkeypatch.setattr(cleaned.post, "announce", refuse)
    report = daily_run(cleaned.services)
    assert report.outcome == "failed"
    assert "fell back to dry-run by itself: channel_not_found" in report.problems[0]
    assert cleaned.ledger.state().mode_of("bi") is Mode.DRY_RUN
    monkeypatch.setattr(cleaned.post, "announce", real)
    run_days(cleaned, 2)
    assert len(told(cleaned)) == 1


def test_a_message_that_arrived_unrecorded_is_not_sent_again(cleaned, monkeypatch):
    bring_back(cleaned, "1", "2", "3")
    real = cleaned.ledger.append

    def die(events, lease=None):
        if any(isinstance(e, ev.AdminsTold) for e in events):
            raise KeyboardInterrupt
        return real(events, lease)

    monkeypatch.setattr(cleaned.ledger, "append", die)
    with pytest.raises(KeyboardInterrupt):
        daily_run(cleaned.services)
    monkeypatch.setattr(cleaned.ledger, "append", real)
    cleaned.clock.forward(1)
    daily_run(cleaned.services)
    assert len(told(cleaned)) == 1


def test_the_removal_step_asks_again(cleaned):
    """Wanted back in the minutes between plan and removal."""

    def miss():
        for number in "123":
            exempt(cleaned.services, cleaned.key(number), actor="ada", reason="I need that!")

    during_backup(cleaned, miss)
    report = daily_run(cleaned.services)
    assert cleaned.bi.writes == []
    assert refusals(cleaned) == ["fell_back"]
    assert falls(cleaned) == [("bi", "regret", "bi-governance")]
    assert len(report.fell_back) == 1
    assert len(told(cleaned)) == 1


def test_what_is_opened_after_it_was_deleted_is_regret(cleaned):
    cleaned.clock.forward(1)
    cleaned.services = replace(cleaned.services, limits=replace(LIMITS, delete_per_run=0))
    for number in "123":
        cleaned.bi.view(number)
    cleaned.clock.forward(1)
    daily_run(cleaned.services)
    opened = [e.key.native_id for e in cleaned.ledger.events() if isinstance(e, ev.Regretted)]
    assert sorted(opened) == ["1", "2", "3"]
    assert falls(cleaned) == [("bi", "regret", "bi-governance")]
    run_days(cleaned, 2)
    assert len([e for e in cleaned.ledger.events() if isinstance(e, ev.Regretted)]) == 3


def test_what_we_or_robots_open_is_no_regret(cleaned):
    cleaned.clock.forward(1)
    for number in "123":
        cleaned.bi.view(number, who="robot")
    cleaned.clock.forward(1)
    daily_run(cleaned.services)
    assert falls(cleaned) == []


def test_what_was_viewed_before_it_was_deleted_is_no_regret(tmp_path):
    world = company(tmp_path)
    for number in "123":
        world.bi.view(number, at=world.clock.now() - 60 * DAY)
    daily_run(world.services)
    assert falls(world) == []
    world.close()


def test_other_sources_stay_live(tmp_path):
    world = company(tmp_path, "bi", "other")
    bring_back(world, "1", "2", "3", source="other")
    daily_run(world.services)
    assert (world.platforms["bi"].writes, world.platforms["other"].writes) == (["remove late"], [])
    assert falls(world) == [("other", "regret", "bi-governance")]
    world.close()


def test_after_falling_back_the_old_trial_does_not_count(tmp_path):
    world = World(tmp_path, limits=replace(LIMITS, trial_days=3, regret=RegretBudget(0, 0, 30)))
    world.bi.add("1")
    run_days(world, 4)
    go_live(world)
    run_days(world, 8)
    bring_back(world, "1")
    run_days(world, 1)
    assert falls(world) == [("bi", "regret", "bi-governance")]
    with pytest.raises(RefusedForSafety, match=r"bi \(0 of 3 days\)"):
        may_go_live(world.services)
    run_days(world, 4)
    may_go_live(world.services)
    go_live(world, "bi")
    run_days(world, 2)
    assert len(falls(world)) == 1, "what was regretted then is accounted for"
    world.close()


def test_without_a_budget_nothing_falls_back(tmp_path):
    world = company(tmp_path, regret=None)
    bring_back(world, "1", "2", "3", "4", "5", "6")
    daily_run(world.services)
    assert world.bi.writes == ["remove late"]
    world.close()


class TestRenewal:
    """`trial.renew_days`: live is confirmed now and then, or ends."""

    @pytest.fixture
    def live(self, tmp_path):
        world = World(tmp_path, limits=replace(LIMITS, live_renew_days=30))
        go_live(world)
        yield world
        world.close()

    def announced(self, world):
        return [a.title for a in world.post.announced if "dry-run" in a.title]

    def test_a_source_that_nobody_renews_falls_back_in_time_and_the_admins_knew(self, live):
        live.bi.add("1")
        run_days(live, 23)
        assert self.announced(live) == []
        live.bi.add("2")
        run_days(live, 7)
        assert self.announced(live) == ["bi falls back to dry-run on 2026-04-01 unless somebody renews it"]
        live.bi.writes.clear()
        run_days(live, 1)
        assert live.bi.writes == []
        assert falls(live) == [("bi", "not_renewed", "bi-governance")]
        assert self.announced(live)[1:] == ["bi fell back to dry-run by itself"]

    def test_renewing_gives_the_whole_time_again(self, live):
        run_days(live, 25)
        go_live(live)
        run_days(live, 22)
        assert falls(live) == []
        assert len(self.announced(live)) == 1
        run_days(live, 9)
        assert len(falls(live)) == 1

    def test_time_may_run_out_between_plan_and_removal(self, live):
        live.clock.forward(22)
        live.bi.add("1")
        run_days(live, 1)
        live.clock.forward(6.9)
        during_backup(live, lambda: live.clock.forward(0.2))
        daily_run(live.services)
        assert live.bi.writes == []
        assert refusals(live) == ["fell_back"]
