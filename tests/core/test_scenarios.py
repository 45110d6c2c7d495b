"""Stories told with the machine's own steps: what it must be able to do, and what it once found."""

from __future__ import annotations

from typing import Any

import pytest

from bi_governance.guards import Limits
from bi_governance.model import Mode, NoticeKind
from bi_governance.standing import RegretBudget
from tests.core.machine import FINE, POLICIES, World
from tests.core.oracle import VIP
from tests.core.shell import Luck
from tests.core.world import DAY

OPEN = Limits(ramp_first=None, trial_days=0)
ALL_OLD, ALL_FRESH = [200] * 6, [2] * 6


def world(idle: list[int] | None = None, *, live: bool = True, limits: Limits = OPEN, **given: Any) -> World:
    """A world with one run behind it, in which only what is old is due."""
    machine = World()
    plain: dict[str, Any] = {
        "idle": [2, 2, 200, 2, 2, 2] if idle is None else idle,
        "owners": ["alice"] * 6,
        "policy": POLICIES[0],
        "history": 40,
        "unrecoverable": False,
    }
    machine.begin(**{**plain, **given}, live=live, limits=limits)
    machine.change(3, "certify")
    return machine


def finish(machine: World) -> None:
    machine.the_ledger_tells_what_was_done()
    machine.teardown()


def gone(machine: World) -> list[str]:
    return [key.native_id for key in machine.shell.gone]


def told(machine: World, number: int) -> list[NoticeKind]:
    messages = [m for sent in machine.shell.slack.values() for m in sent]
    return [m.kind for m in messages if m.key == machine.keys[number] and m.mode is Mode.LIVE]


def test_an_idle_visual_is_warned_reminded_and_deleted() -> None:
    machine = world()
    machine.live_through(3)
    assert (gone(machine), told(machine, 2)) == ([], [NoticeKind.WARNING, *[NoticeKind.REMINDER] * 2])
    machine.live_through(1)
    assert gone(machine) == ["2"]
    finish(machine)


def warnings(machine: World, number: int) -> int:
    return told(machine, number).count(NoticeKind.WARNING)


def test_a_row_of_the_exemptions_file_protects_and_then_the_whole_cycle_begins() -> None:
    machine = world()
    machine.live_through(2)
    machine.click(2, "list for long")
    machine.live_through(12)
    assert ("2" in gone(machine), warnings(machine, 2)) == (False, 1)
    machine.live_through(3)
    assert ("2" in gone(machine), warnings(machine, 2)) == (False, 2)
    machine.live_through(2)
    assert "2" in gone(machine)
    finish(machine)


def test_a_row_that_no_run_saw_makes_the_warning_void_all_the_same() -> None:
    machine = world()
    machine.live_through(2)
    machine.click(2, "list a day")
    machine.shell.sleep(2 * DAY)
    machine.live_through(3)
    assert ("2" in gone(machine), warnings(machine, 2)) == (False, 2)
    machine.live_through(2)
    assert "2" in gone(machine)
    finish(machine)


def test_a_season_spares_until_it_is_over() -> None:
    """Used eight days after this day of last year: in season from the day on which it would have gone."""
    machine = world(seasons=[None, None, 8])
    machine.live_through(12)
    assert "2" not in gone(machine)
    machine.live_through(5)
    assert "2" in gone(machine)
    finish(machine)


def test_the_trial_only_writes_down_what_it_would_have_done() -> None:
    machine = world(live=False)
    machine.live_through(6)
    assert gone(machine) == []
    assert machine.kinds("removal.simulated") == 1
    finish(machine)


def test_going_live_does_not_act_on_the_notices_of_the_trial() -> None:
    machine = world(live=False)
    machine.live_through(6)
    machine.switch(Mode.LIVE, None)
    machine.live_through(3)
    assert "2" not in gone(machine)
    machine.live_through(1)
    assert "2" in gone(machine)
    finish(machine)


def test_a_container_goes_first_and_what_it_held_after_it() -> None:
    machine = world([200, 200, 2, 2, 2, 2])
    machine.live_through(4)
    assert gone(machine) == ["1"]
    machine.live_through(1)
    assert gone(machine) == ["1", "0"]
    finish(machine)


@pytest.mark.parametrize("dies_after", range(6))
def test_dying_anywhere_in_a_removal_loses_no_record_of_it(dies_after: int) -> None:
    machine = world()
    machine.live_through(3)
    machine.sleep(24)
    machine.shell.run(FINE, Luck(dies_after=dies_after))
    machine.the_ledger_tells_what_was_done()
    machine.live_through(1)
    assert gone(machine) == ["2"]
    assert machine.kinds("removal.done") == 1
    finish(machine)


@pytest.mark.parametrize("dies_after", range(3))
def test_dying_anywhere_in_a_warning_warns_once(dies_after: int) -> None:
    machine = world()
    machine.sleep(24)
    machine.shell.run(FINE, Luck(dies_after=dies_after))
    machine.run_again()
    assert told(machine, 2) == [NoticeKind.WARNING]
    finish(machine)


def test_what_slack_did_not_accept_was_no_warning() -> None:
    machine = world()
    for _ in range(6):
        machine.sleep(24)
        machine.shell.run(FINE, Luck(slack_down=True))
    assert (gone(machine), told(machine, 2)) == ([], [])
    finish(machine)


@pytest.mark.parametrize("meanwhile", ["exempt", "keep", "stop", "use", "rename"])
def test_what_happens_between_plan_and_removal_stops_it(meanwhile: str) -> None:
    machine = world()
    machine.live_through(3)
    machine.bad_day(
        FINE, meanwhile, 2, dies_after=None, slack_down=False, platform_down=False, backup_fails=False
    )
    assert gone(machine) == []
    assert machine.kinds("removal.refused") == 1
    finish(machine)


@pytest.mark.parametrize("trouble", ["platform_down", "backup_fails"])
def test_without_a_live_look_and_a_backup_nothing_is_removed(trouble: str) -> None:
    machine = world()
    machine.live_through(3)
    machine.sleep(24)
    machine.shell.run(FINE, Luck(**{trouble: True}))
    assert gone(machine) == []
    machine.live_through(1)
    assert gone(machine) == ["2"]
    finish(machine)


@pytest.mark.parametrize("weather", ["failed", "partial", "silent", "empty"])
def test_as_long_as_a_feed_is_broken_nothing_is_removed_there(weather: str) -> None:
    machine = world(ALL_OLD)
    for _ in range(30):
        machine.sleep(24)
        machine.shell.run({**FINE, "looker": weather}, Luck())
    assert {key.source for key in machine.shell.gone} == {"superset"}
    finish(machine)


def test_a_source_that_fell_silent_makes_nothing_look_idle() -> None:
    machine = world(ALL_FRESH)
    for _ in range(60):
        machine.sleep(24)
        for number in range(6):
            machine.use(number, human=True, hours_ago=1)
        machine.shell.run(dict.fromkeys(FINE, "silent"), Luck())
    assert (gone(machine), machine.kinds("notice.delivered")) == ([], 0)
    finish(machine)


def test_an_inventory_without_owners_does_not_expose_those_a_rule_protects() -> None:
    machine = world(ALL_OLD, owners=[VIP] * 6)
    for _ in range(12):
        machine.sleep(24)
        machine.shell.run(dict.fromkeys(FINE, "nameless"), Luck())
    assert gone(machine) == []
    finish(machine)


def test_a_restored_visual_is_left_alone_and_then_warned_afresh() -> None:
    machine = world()
    machine.live_through(4)
    machine.restore(None)
    machine.live_through(9)
    assert gone(machine).count("2") == 1
    machine.live_through(3)
    assert gone(machine).count("2") == 2
    finish(machine)


def test_a_use_while_the_scheduler_slept_for_months_is_seen() -> None:
    machine = world()
    machine.live_through(2)
    machine.use(2, human=True, hours_ago=0)
    machine.shell.sleep(60 * DAY)
    machine.live_through(1)
    assert (gone(machine), machine.kinds("visual.rescued")) == ([], 1)
    finish(machine)


# --- found by the machine


def test_repeating_a_run_of_the_trial_simulates_no_second_batch() -> None:
    machine = world(ALL_OLD, live=False, limits=Limits(ramp_first=1, trial_days=0))
    machine.live_through(4)
    before = machine.kinds("removal.simulated")
    assert before > 0
    machine.run_again()
    finish(machine)


def test_a_rescue_on_the_day_of_its_simulated_deletion_frees_no_place_for_another() -> None:
    machine = world(ALL_OLD, live=False, limits=Limits(ramp_first=1, trial_days=0))
    machine.live_through(4)
    before = machine.kinds("removal.simulated")
    for number, key in enumerate(machine.keys):
        if machine.shell.state.case(key).simulated_at is not None:
            machine.change(number, "rename")
    machine.run_again()
    assert (machine.kinds("removal.simulated"), machine.kinds("visual.rescued")) == (before, before)
    finish(machine)


def test_a_visual_deleted_just_now_is_not_warned_about_from_old_marts() -> None:
    machine = world()
    machine.live_through(4)
    before = told(machine, 2)
    machine.shell.decide_and_act()
    assert told(machine, 2) == before
    finish(machine)


# --- falling back by itself, and owners


def modes(machine: World) -> tuple[Mode, Mode]:
    state = machine.shell.state
    return state.mode_of("looker"), state.mode_of("superset")


def limited(**given: Any) -> Limits:
    return Limits(ramp_first=None, trial_days=0, delete_percent=100.0, **given)


def test_what_is_regretted_beyond_the_budget_ends_live_and_the_trial_before_it() -> None:
    machine = world([200, 200, 200, 2, 2, 2], live=False, limits=limited(regret=RegretBudget(0, 0, 30)))
    machine.shell.limits = Limits(**{**_plain(machine.shell.limits), "trial_days": 3})
    machine.live_through(4)
    machine.switch(Mode.LIVE, None)
    machine.live_through(4)
    missed = machine.shell.gone[-1].source
    before = [key for key in machine.shell.gone if key.source == missed]
    machine.restore(None)
    machine.live_through(1)
    assert machine.shell.state.mode_of(missed) is Mode.DRY_RUN
    machine.switch(Mode.LIVE, missed)
    machine.live_through(1)
    assert [key for key in machine.shell.gone if key.source == missed] == before, "that takes a new trial"
    assert machine.shell.plan is not None
    assert (missed, "trial_completed") in {(v.source, v.guard) for v in machine.shell.plan.vetoes}
    finish(machine)


def _plain(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in Limits.__dataclass_fields__}


def test_what_is_asked_for_while_a_batch_is_removed_stops_the_batch() -> None:
    machine = world([200] * 6, limits=limited(regret=RegretBudget(0, 0, 30)))
    machine.live_through(4)
    before = list(gone(machine))
    assert (before[0], "0" in before) == ("1", False)
    missed = machine.keys.index(machine.shell.gone[0])
    machine.sleep(24)
    machine.shell.run(FINE, Luck(meanwhile=lambda: machine.click(missed, "exempt")))
    assert gone(machine) == before, "what the first one held would have been next"
    assert modes(machine) == (Mode.DRY_RUN, Mode.LIVE)
    finish(machine)


def test_live_that_nobody_renews_ends() -> None:
    machine = world([2] * 6, limits=limited(live_renew_days=5))
    machine.live_through(4)
    assert modes(machine) == (Mode.LIVE, Mode.LIVE)
    machine.switch(Mode.LIVE, "looker")
    machine.live_through(1)
    assert modes(machine) == (Mode.LIVE, Mode.DRY_RUN)
    machine.live_through(4)
    assert modes(machine) == (Mode.DRY_RUN, Mode.DRY_RUN)
    finish(machine)


def test_a_trial_that_is_too_old_lets_nothing_go() -> None:
    machine = world(live=False, limits=limited(trial_valid_days=6))
    machine.shell.limits = Limits(**{**_plain(machine.shell.limits), "trial_days": 3})
    machine.live_through(4)
    machine.sleep(24 * 7)
    machine.switch(Mode.LIVE, None)
    machine.live_through(6)
    assert gone(machine) == []
    finish(machine)


@pytest.mark.parametrize(("cap", "first"), [(0, []), (1, ["1", "4"]), (2, ["1", "2", "4", "5"])])
def test_nobody_loses_more_in_a_run_than_an_owner_may(cap: int, first: list[str]) -> None:
    machine = world([200] * 6, limits=limited(delete_per_owner=cap))
    machine.live_through(4)
    assert gone(machine) == first
    finish(machine)
