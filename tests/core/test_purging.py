"""When a backup may go, said by the core alone: by promise, wish, window, veto and cap."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from bi_governance import events as ev
from bi_governance.cases import Case, Removal
from bi_governance.guards import Evidence, Limits
from bi_governance.lifecycle import State, fold
from bi_governance.model import Action, Mode, RemovalRoute, VisualKey
from bi_governance.plan import make_plan
from bi_governance.purging import decide_purge, promised_until, purge_allowance, purges
from bi_governance.rules import Policy
from bi_governance.usage import Usage
from bi_governance.window import ActionWindow
from tests.core.estate import KEY, NOW, ago, days, healthy, key, removed

PURGING = Policy(purge_after=days(30))


def gone(which: VisualKey = KEY, at: float = 40, *more: ev.Event) -> State:
    return fold([removed(which, ago(at), episode=0), *more])


def decided(*more: ev.Event, at: float = 40, policy: Policy = PURGING):
    return decide_purge(gone(KEY, at, *more).case(KEY), policy, NOW)


def test_what_is_past_its_promise_goes_and_says_why() -> None:
    decision = decided()
    assert (decision.key, decision.action, decision.episode) == (KEY, Action.PURGE, 1)
    (reason,) = decision.reasons
    assert reason.code == "expired"
    assert reason.text == "deleted on 2026-04-22; the promise to restore it ended 2026-05-22"
    nothing = Usage(None, "", None, timedelta(0), None, timedelta(0), None)
    assert (decision.usage, decision.deadline) == (nothing, None)


def test_the_last_moment_of_a_promise_is_kept() -> None:
    assert decided(at=30).action is Action.PURGE
    assert decided(at=30 - 1e-6) is None


@pytest.mark.parametrize(
    "more",
    [
        ev.Exempted(at=ago(1), key=KEY, reason="r"),
        ev.KeptUntil(at=ago(1), key=KEY, until=NOW + days(1)),
        ev.RestoreIntended(at=ago(1), key=KEY, route=RemovalRoute.HARD),
        ev.DrillIntended(at=ago(1), key=KEY, mark="m", backup="b.zip"),
        ev.Restored(at=ago(1), key=KEY, immune_until=NOW),
        ev.Purged(at=ago(1), key=KEY),
    ],
    ids=lambda event: event.kind,
)
def test_what_somebody_may_still_need_stays(more: ev.Event) -> None:
    assert decided(more) is None


@pytest.mark.parametrize(
    "more",
    [
        ev.KeptUntil(at=ago(9), key=KEY, until=NOW),
        ev.RestoreFailed(at=ago(1), key=KEY, reason="r"),
        ev.Unexempted(at=ago(1), key=KEY),
        ev.Drilled(at=ago(1), key=KEY, mark="m"),
        ev.DrillCleaned(at=ago(1), key=KEY, mark="m"),
        ev.PurgeFailed(at=ago(1), key=KEY, episode=0, reason="r"),
    ],
    ids=lambda event: event.kind,
)
def test_what_is_over_keeps_nothing(more: ev.Event) -> None:
    assert decided(more).action is Action.PURGE


def test_nothing_goes_where_purging_is_not_configured_or_there_is_no_backup() -> None:
    assert decided(policy=Policy()) is None
    without = ev.Removed(at=ago(40), key=KEY, episode=0, route=RemovalRoute.HARD, backup="")
    assert decide_purge(fold([without]).case(KEY), PURGING, NOW) is None
    assert decide_purge(Case(KEY), PURGING, NOW) is None


def test_a_closed_window_postpones() -> None:
    closed = replace(PURGING, window=ActionWindow(opens=time(9)))
    decision = decided(policy=closed)
    assert decision.action is Action.NONE
    assert [r.code for r in decision.reasons] == ["window", "expired"]
    assert decision.reasons[1] == decided().reasons[0]
    assert replace(decision, action=Action.PURGE, reasons=decided().reasons) == decided()
    assert decision.reasons[0].text == (
        "its backup is due to go, but the deletion window is closed at this hour"
    )


@pytest.mark.parametrize(("promised", "retention", "until"), [(60, 30, 60), (10, 30, 30), (None, 30, 30)])
def test_the_longer_of_promise_and_setting_counts(promised, retention, until) -> None:
    told = None if promised is None else ago(40) + days(promised)
    removal = Removal(ago(40), RemovalRoute.HARD, "b.zip", 0, told)
    assert promised_until(removal, days(retention)) == ago(40) + days(until)


def test_the_promise_is_folded_from_the_record() -> None:
    told = ev.Removed(
        at=ago(40), key=KEY, episode=0, route=RemovalRoute.HARD, backup="b.zip", restorable_until=ago(-5)
    )
    assert fold([told]).case(KEY).removal.restorable_until == ago(-5)


def test_only_what_is_due_is_listed() -> None:
    state = fold([removed(key("1"), ago(40)), removed(key("2"), ago(3)), removed(key("3"), ago(50))])
    assert [d.key.native_id for d in purges(state, PURGING, NOW)] == ["1", "3"]


# In the plan


def plan(state: State, evidence: Evidence):
    return make_plan([], state, evidence, PURGING, Limits(), now=NOW, run_id="r")


def test_a_source_nobody_vouches_for_keeps_its_backups() -> None:
    (decision,) = plan(gone(), Evidence({})).decisions
    assert (decision.action, decision.reasons[0].code) == (Action.UNKNOWN, "not_configured")


# The cap


def test_purges_of_the_last_twenty_hours_and_unsettled_ones_count() -> None:
    events = [
        ev.Purged(at=NOW - timedelta(hours=19), key=key("1")),
        ev.Purged(at=NOW - timedelta(hours=20), key=key("2")),
        ev.PurgeIntended(at=NOW, key=key("3"), episode=0, backup="b"),
        ev.Purged(at=NOW, key=key("4", "superset")),
    ]
    cases = list(fold(events).cases.values())
    assert purge_allowance("looker_prod", cases, 5, NOW) == 3
    assert purge_allowance("superset", cases, 5, NOW) == 4
    assert purge_allowance("looker_prod", cases, 1, NOW) == 0
    assert purge_allowance("looker_prod", [], 0, NOW) == 0


def test_a_plan_leaves_to_a_later_run_what_this_one_has_purged_enough_for() -> None:
    state = fold([removed(KEY, ago(40)), ev.Purged(at=NOW - timedelta(hours=1), key=key("1"))])
    evidence, limits = Evidence({"looker_prod": healthy()}), Limits(trial_days=0, purge_per_run=1)
    (decision,) = make_plan([], state, evidence, PURGING, limits, now=NOW, run_id="r").decisions
    assert (decision.action, decision.reasons[0].code) == (Action.NONE, "purge_cap")


# What is left afterwards


def test_a_purged_visual_is_still_gone_because_of_us() -> None:
    case = gone(KEY, 40, ev.Purged(at=ago(1), key=KEY)).case(KEY)
    assert (case.removal, case.gone, case.purged_at) == (None, case.purged, ago(1))
    assert case.gone.at == ago(40)


def test_what_comes_back_is_not_gone_any_more_and_can_go_again() -> None:
    back = ev.Restored(at=ago(1), key=KEY, immune_until=NOW)
    state = gone(KEY, 40, ev.Purged(at=ago(5), key=KEY), back)
    assert state.case(KEY).gone is None
    fold([removed(KEY, NOW, episode=9)], state)
    case = state.case(KEY)
    assert (case.purged, case.gone.at) == (None, NOW)


def test_a_drill_is_remembered_until_nothing_of_it_is_left() -> None:
    intended = ev.DrillIntended(at=ago(3), key=KEY, mark="m", backup="b")
    failed = ev.DrillFailed(at=ago(2), key=KEY, mark="m", reason="r")
    state = gone(KEY, 40, intended)
    assert state.case(KEY).drill_intended == intended
    fold([failed], state)
    assert (state.case(KEY).drill_intended, state.case(KEY).drilled_at) == (intended, ago(2))
    fold([ev.DrillCleaned(at=ago(1), key=KEY, mark="m")], state)
    assert state.case(KEY).drill_intended is None
    done = fold([intended, ev.Drilled(at=ago(1), key=KEY, mark="m")]).case(KEY)
    assert (done.drill_intended, done.drilled_at) == (None, ago(1))


def test_modes_change_nothing_about_what_is_due() -> None:
    live = ev.ModeChanged(at=ago(1), mode=Mode.LIVE, reason="r")
    assert decided(live).action is Action.PURGE
